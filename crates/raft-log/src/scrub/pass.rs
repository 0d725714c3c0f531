//! One scrub: every chunk that has a durable successor is read from its first frame to where that one begins.
//!
//! It tells what is damaged and judges nothing: whether the log would open with it is the business of opening.

use std::sync::Arc;
use std::time::Duration;

use raft_log_chunk::{Chunk, ChunkHeader, ChunkId, FrameScan, HEADER_SIZE, Scanned, read_full_at};
use raft_log_codec::{LogId, RecordKind};

use super::pace::{Clock, Pace, PacedFile};
use super::{ScrubEvent, ScrubOptions};
use crate::RaftLogWalReader;

/// How much is read at once: little, so that the disk is not taken from others for long.
const WINDOW_BYTES: usize = 256 << 10;

/// Reads all sealed chunks once. `false` if it was stopped before the end.
pub(super) fn scrub_once(
    wal: &RaftLogWalReader,
    options: &ScrubOptions,
    clock: &Arc<dyn Clock>,
    tell: &mut dyn FnMut(ScrubEvent),
) -> bool {
    let pace = Arc::new(Pace::new(clock.clone(), options.bytes_per_second));
    // Their places, and not their files: a file that is held open would keep its space when it is purged.
    let ids: Vec<ChunkId> = wal.durable_chunks().0.iter().map(Chunk::id).collect();
    let (mut chunks, mut read, mut faults) = (0, 0, 0);
    for (id, next) in ids.iter().copied().zip(ids.iter().skip(1)) {
        // It may have been purged since.
        let Some(chunk) = wal.chunk(id) else { continue };
        if options.drop_cache {
            // A hint: without it what is in memory is checked.
            let _ = chunk.file().drop_cache();
        }
        let mut found = Vec::new();
        let outcome = scrub_chunk(&chunk, next.offset() - id.offset(), &pace, &mut found);
        if options.drop_cache {
            let _ = chunk.file().drop_cache();
        }
        drop(chunk);
        wal.counters().scrubbed(pace.read() - read);
        read = pace.read();
        if !clock.wait(Duration::ZERO) {
            return false;
        }
        if let Err(error) = outcome {
            found.push(ScrubEvent::Unreadable { chunk: id, error: error.to_string() });
        }
        // Nobody needs what was purged meanwhile, nor knows what its file holds by now.
        if wal.chunk(id).is_none() {
            continue;
        }
        chunks += 1;
        for event in found {
            faults += 1;
            log_and_count(wal, &event);
            tell(event);
        }
    }
    wal.counters().scrub_done();
    tell(ScrubEvent::Done { chunks, bytes: read, faults });
    true
}

fn scrub_chunk(
    chunk: &Chunk,
    end: u64,
    pace: &Arc<Pace>,
    found: &mut Vec<ScrubEvent>,
) -> std::io::Result<()> {
    let file = Arc::new(PacedFile { file: chunk.file().clone(), pace: pace.clone() });
    let mut header = [0; HEADER_SIZE];
    let size = read_full_at(&*file, &mut header, 0)?;
    let damaged =
        |offset, index, found: String| ScrubEvent::Damaged { chunk: chunk.id(), offset, index, found };
    match ChunkHeader::decode(header.get(..size).unwrap_or_default()) {
        Ok(header) if header == *chunk.header() => {}
        Ok(_) => found.push(damaged(0, None, "another chunk's header stands here".to_owned())),
        Err(fault) => found.push(damaged(0, None, fault.to_string())),
    }
    let mut scan = FrameScan::new(file, chunk.seed(), Some(end), WINDOW_BYTES)?;
    loop {
        match scan.next_frame()? {
            Scanned::End { offset, .. } if offset == end => return Ok(()),
            // Without this head nobody knows where the next frame begins.
            Scanned::End { offset, fault } => {
                found.push(damaged(offset, None, fault.to_string()));
                return Ok(());
            }
            Scanned::Frame(frame) => {
                if let Some(fault) = &frame.fault {
                    let is_entry = frame.head.kind() == Some(RecordKind::Append);
                    let index = frame.id.as_ref().map(LogId::index).filter(|_| is_entry);
                    found.push(damaged(frame.offset, index, fault.to_string()));
                }
            }
        }
    }
}

fn log_and_count(wal: &RaftLogWalReader, event: &ScrubEvent) {
    match event {
        ScrubEvent::Damaged { chunk, offset, index, found } => {
            wal.counters().checksum_failed();
            tracing::error!(%chunk, offset, index, found, "a scrub found damage");
        }
        ScrubEvent::Unreadable { chunk, error } => {
            tracing::error!(%chunk, error, "a scrub cannot read a chunk");
        }
        ScrubEvent::Done { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use raft_log_chunk::Storage;
    use raft_log_codec::TermIndex;
    use raft_log_testkit::MemoryStorage;

    use super::*;
    use crate::sync::Mutex;
    use crate::{Config, PlainTypes, RaftLog, RaftLogWriter};

    /// A clock on which time passes by waiting alone, and that looks at each wait how much was read.
    struct FakeClock {
        memory: MemoryStorage,
        begin: Instant,
        bytes_per_second: u64,
        state: Mutex<FakeState>,
    }

    #[derive(Default)]
    struct FakeState {
        elapsed: Duration,
        waits: u64,
        read_before: u64,
        most_at_once: u64,
        stop_after: Option<u64>,
    }

    impl Clock for FakeClock {
        fn now(&self) -> Instant {
            self.begin + self.state.lock().elapsed
        }

        fn wait(&self, duration: Duration) -> bool {
            let mut state = self.state.lock();
            let read = self.memory.bytes_read();
            state.most_at_once = state.most_at_once.max(read - state.read_before);
            state.read_before = read;
            state.elapsed += duration;
            state.waits += 1;
            if !duration.is_zero() {
                let allowed = state.elapsed.as_secs_f64() * self.bytes_per_second as f64;
                assert!(read as f64 <= allowed + 1.0, "{read} bytes after {:?}", state.elapsed);
            }
            state.stop_after.is_none_or(|waits| state.waits < waits)
        }
    }

    /// A log of about 2 MiB in sealed chunks.
    fn sample(memory: &MemoryStorage) -> RaftLog<PlainTypes> {
        let mut config = Config::new("unused");
        config.chunk.max_size = 700_000;
        let mut log = RaftLog::open_on(config, Arc::new(memory.clone()) as Arc<dyn Storage>).unwrap();
        let payload = bytes::Bytes::from(vec![7; 1000]);
        log.append((0..2500).map(|index| (TermIndex::new(1, index), payload.clone()))).unwrap();
        log.sync().unwrap();
        log
    }

    fn run(
        memory: &MemoryStorage,
        bytes_per_second: u64,
        stop_after: Option<u64>,
    ) -> (FakeState, Vec<ScrubEvent>, bool) {
        let log = sample(memory);
        memory.reset_counters();
        let clock = Arc::new(FakeClock {
            memory: memory.clone(),
            begin: Instant::now(),
            bytes_per_second,
            state: Mutex::new(FakeState { stop_after, ..FakeState::default() }),
        });
        let options = ScrubOptions { bytes_per_second, ..ScrubOptions::default() };
        let mut events = Vec::new();
        let as_clock: Arc<dyn Clock> = clock.clone();
        let is_done =
            scrub_once(log.reader().wal_reader(), &options, &as_clock, &mut |event| events.push(event));
        let state = std::mem::take(&mut *clock.state.lock());
        (state, events, is_done)
    }

    #[test]
    fn a_scrub_reads_no_faster_than_it_may_and_not_much_slower() {
        for bytes_per_second in [1000, 123_456, 50 << 20] {
            let memory = MemoryStorage::new();
            let (state, events, is_done) = run(&memory, bytes_per_second, None);
            let [ScrubEvent::Done { chunks: 3, bytes, faults: 0 }] = events[..] else { panic!("{events:?}") };
            assert!(is_done);
            assert_eq!(bytes, memory.bytes_read(), "every byte that is read is counted");
            assert!(bytes > 2_000_000, "all sealed chunks are read");
            assert!(state.most_at_once <= WINDOW_BYTES as u64 + 64, "{}", state.most_at_once);
            let wanted = (bytes - state.most_at_once) as f64 / bytes_per_second as f64;
            let took = state.elapsed.as_secs_f64();
            assert!(
                (wanted..=wanted * 1.2 + 300.0 / (bytes_per_second as f64 / 1000.0)).contains(&took),
                "{took} s and not {wanted} s"
            );
        }
    }

    #[test]
    fn a_scrub_that_is_stopped_ends_before_its_next_read() {
        let (whole, _, _) = run(&MemoryStorage::new(), 1 << 20, None);
        for stop_after in 1..whole.waits {
            let memory = MemoryStorage::new();
            let (state, events, is_done) = run(&memory, 1 << 20, Some(stop_after));
            assert!(!is_done && events.is_empty(), "{events:?}");
            assert!(state.waits <= stop_after + 1, "{} waits and not {stop_after}", state.waits);
            assert_eq!(memory.bytes_read(), state.read_before, "nothing is read after it");
        }
    }
}
