//! Purged chunks are reused: the log goes on in their files, and nothing that was in them ever comes back, is lost by
//! it, or is changed under a reader or a backup.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use raft_log::{ChunkId, Config, Entry, PlainTypes, PlainVote, RaftLogWriter, Storage, TornTail, WriteError};
use raft_log_chunk::{ChunkHeader, RESERVE_BYTES, SPARE_BYTES, Space, is_temporary_file_name};
use raft_log_codec::Frame;
use raft_log_testkit::{Call, MemoryStorage, Operation, WatchedStorage};

use crate::support::*;

/// What a chunk takes: a purge and so many entries.
const ENTRIES_PER_CHUNK: u64 = 35;

/// Every chunk has the same records at the same places, so that frames of an earlier one lie exactly where those of a
/// later one come.
fn config() -> Config {
    let mut config = Config::new("unused");
    config.chunk.max_records = ENTRIES_PER_CHUNK + 1;
    config.chunk.max_size = 256 << 10;
    config.chunk.space_step = 4096;
    config.chunk.spares = 1;
    config.log_cache_max_items = 0;
    config
}

/// The same with an error for whatever an unfinished write left.
fn strict() -> Config {
    Config { truncate_incomplete_record: false, ..config() }
}

fn text(index: u64) -> Bytes {
    Bytes::from(format!("{index:08}").repeat(500))
}

fn entry(index: u64) -> Entry<PlainTypes> {
    (id(1, index), text(index))
}

fn open_watched(storage: &WatchedStorage) -> Log {
    Log::open_on(config(), Arc::new(storage.clone()) as Arc<dyn Storage>).unwrap()
}

/// Fills one chunk: a purge of all but the newest two chunks, then entries, each synced.
fn fill_chunk(log: &mut Log, mut each: impl FnMut(&mut Log)) {
    let end = log.state().end_index();
    // In the first chunks there is nothing to purge yet, and a vote takes its place.
    match end.checked_sub(2 * ENTRIES_PER_CHUNK) {
        Some(first) if first > 0 => log.purge(id(1, first - 1)).unwrap(),
        _ => log.save_vote(PlainVote::new(end + 1, 1)).unwrap(),
    }
    for index in end..end + ENTRIES_PER_CHUNK {
        log.append([entry(index)]).unwrap();
        log.sync().unwrap();
        each(log);
    }
}

fn fill_chunks(log: &mut Log, count: u64) {
    (0..count).for_each(|_| fill_chunk(log, |_| {}));
}

fn expected(log: &Log) -> Vec<Entry<PlainTypes>> {
    log.reader().indexes().map(entry).collect()
}

fn chunk_names(storage: &MemoryStorage) -> Vec<String> {
    storage.names().into_iter().filter(|name| name.starts_with("r-")).collect()
}

/// The sizes of all temporary files.
fn temporary_sizes(storage: &MemoryStorage) -> Vec<u64> {
    let files = storage.snapshot();
    let temporary = files.iter().filter(|(name, _)| is_temporary_file_name(name));
    temporary.map(|(_, bytes)| bytes.len() as u64).collect()
}

fn header_of(bytes: &[u8]) -> ChunkHeader {
    ChunkHeader::decode(bytes).unwrap()
}

#[test]
fn a_log_that_purges_goes_on_in_the_files_of_its_purged_chunks() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &config()).unwrap();
    fill_chunks(&mut log, 6);
    let before = log.wal().chunks_reused();
    let (creates, used) = (storage.calls(Operation::Create), storage.used_bytes());
    storage.reset_counters();
    fill_chunks(&mut log, 20);
    assert_eq!(log.wal().chunks_reused() - before, 20, "all of them");
    assert_eq!(storage.calls(Operation::Create), 0, "after {creates} files no more are made");
    let content = 20 * ENTRIES_PER_CHUNK * text(0).len() as u64;
    // Beyond its content: the reserve behind the last entry of each chunk, a mark for each sync, and footers.
    let content = content + 20 * RESERVE_BYTES;
    assert!(storage.bytes_written() < content + content / 20, "{} for {content}", storage.bytes_written());
    assert!(storage.used_bytes() <= used + (256 << 10), "{} after {used}", storage.used_bytes());

    let (state, held) = (log.state(), expected(&log));
    assert_eq!(held.len() as u64, 3 * ENTRIES_PER_CHUNK);
    assert_eq!(contents(&log), held);
    let newest = storage.file_bytes(chunk_names(&storage).last().unwrap()).unwrap();
    assert_eq!(header_of(&newest).space, Space::Reused);
    for config in [config(), strict()] {
        let killed = open(&killed(&storage), &config).unwrap();
        assert_eq!(
            (killed.state(), contents(&killed), killed.report().torn_tail),
            (state.clone(), held.clone(), None)
        );
    }
    log.close().unwrap();
    drop(log);
    assert_eq!(
        temporary_sizes(&storage),
        [SPARE_BYTES],
        "a closed log keeps nothing for itself but the reserve"
    );
    let mut log = open(&storage, &strict()).unwrap();
    assert_eq!((log.state(), contents(&log), log.report().torn_tail), (state, held, None));
    assert_eq!(log.report().scanned_chunks, 0);
    fill_chunks(&mut log, 6);
    assert!(log.wal().chunks_reused() > 0, "so does the next process, with what it made itself");
    assert_eq!(contents(&log), expected(&log));
}

#[test]
fn chunks_that_another_process_made_are_not_reused() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &config()).unwrap();
    fill_chunks(&mut log, 2);
    drop(log);
    let mut log = open(&storage, &config()).unwrap();
    log.purge(id(1, ENTRIES_PER_CHUNK)).unwrap();
    log.sync().unwrap();
    assert_eq!(chunk_names(&storage).len(), 2, "the first is gone");
    assert_eq!(temporary_sizes(&storage), [SPARE_BYTES]);
}

/// A chunk that is cut off in the middle is the size it was purged with, and no larger file is kept for it.
#[test]
fn small_chunks_are_removed() {
    let storage = MemoryStorage::new();
    let mut config = config();
    config.chunk.max_records = 10;
    let mut log = open(&storage, &config).unwrap();
    fill_chunks(&mut log, 6);
    assert_eq!((log.wal().chunks_reused(), temporary_sizes(&storage)), (0, vec![SPARE_BYTES]));
}

#[test]
fn frames_of_the_former_chunk_never_come_back_though_they_lie_where_the_next_ones_would() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &config()).unwrap();
    let mut headers: BTreeMap<ChunkId, ChunkHeader> = BTreeMap::new();
    let mut stale_at_end = 0;
    for _ in 0..16 {
        fill_chunk(&mut log, |log| {
            let newest = storage.file_bytes(chunk_names(&storage).last().unwrap()).unwrap();
            let header = header_of(&newest);
            headers.insert(header.chunk_id, header);
            if header.space == Space::Fresh {
                return;
            }
            for config in [config(), strict()] {
                let killed = open(&killed(&storage), &config).unwrap();
                assert_eq!(contents(&killed), expected(log));
                assert_eq!((killed.state(), killed.report().torn_tail), (log.state(), None));
                let (chunk, end) = killed.report().end.unwrap();
                assert_eq!(chunk, header.chunk_id);
                // A group, or what else stands there, of an earlier life of the file.
                let bytes = Bytes::from(newest.clone()).slice(end as usize..);
                let is_frame =
                    |seed| Frame::parse(&bytes, seed, end).is_ok_and(|frame| frame.fault.is_none());
                assert!(!is_frame(header.seed()));
                stale_at_end += u64::from(headers.values().any(|former| is_frame(former.seed())));
            }
        });
    }
    assert!(log.wal().chunks_reused() >= 12);
    let ends = 2 * ENTRIES_PER_CHUNK * log.wal().chunks_reused();
    assert!(stale_at_end > ends / 2, "only {stale_at_end} of {ends} ends had a former frame behind them");
}

/// What a log has promised, and what it may show at most.
#[derive(Debug, Default, Clone)]
struct Promises {
    durable_end: u64,
    accepted_end: u64,
    /// The first index after the last purge that was made durable, and after the last that was accepted.
    durable_first: u64,
    accepted_first: u64,
}

impl Promises {
    fn check(&self, files: BTreeMap<String, Vec<u8>>, context: &dyn std::fmt::Debug) {
        let log = match open(&MemoryStorage::from_snapshot(files), &config()) {
            Ok(log) => log,
            Err(error) => panic!("{error}: {self:?}, {context:?}"),
        };
        let indexes = log.reader().indexes();
        if self.durable_end == 0 && indexes.is_empty() {
            return;
        }
        assert!(
            (self.durable_end..=self.accepted_end).contains(&indexes.end),
            "{indexes:?}: {self:?}, {context:?}"
        );
        assert!(
            (self.durable_first..=self.accepted_first).contains(&indexes.start),
            "{indexes:?}: {self:?}, {context:?}"
        );
        assert_eq!(contents(&log), expected(&log), "{self:?}, {context:?}");
    }
}

/// Fills a chunk two entries at a time, and keeps account of what is promised.
fn fill_chunk_with_promises(
    log: &mut Log,
    promises: &Mutex<Promises>,
    purges: bool,
) -> Result<(), WriteError<PlainTypes>> {
    let end = log.state().end_index();
    let first = end.saturating_sub(2 * ENTRIES_PER_CHUNK);
    if purges && first > 0 {
        promises.lock().unwrap().accepted_first = first;
        log.purge(id(1, first - 1))?;
    }
    for index in (end..end + ENTRIES_PER_CHUNK + 1).step_by(2) {
        promises.lock().unwrap().accepted_end = index + 2;
        log.append([entry(index), entry(index + 1)])?;
        if let Err(error) = log.sync() {
            assert!(matches!(error, raft_log::FlushError::Poisoned(_)));
            return Ok(());
        }
        let mut promises = promises.lock().unwrap();
        promises.durable_end = promises.accepted_end;
        promises.durable_first = promises.accepted_first;
    }
    Ok(())
}

/// Writes only some of the sectors: what a loss of power may leave of a write that was not synced.
fn write_sectors(file: &mut Vec<u8>, offset: u64, bytes: &[u8], is_written: impl Fn(usize) -> bool) {
    const SECTOR: usize = 512;
    let start = offset as usize;
    if file.len() < start + bytes.len() {
        file.resize(start + bytes.len(), 0);
    }
    for (position, byte) in bytes.iter().enumerate() {
        if is_written((start + position) / SECTOR - start / SECTOR) {
            file[start + position] = *byte;
        }
    }
}

#[test]
fn a_kill_or_a_loss_of_power_at_any_call_loses_nothing_and_brings_nothing_back() {
    type Tear = fn(usize) -> bool;
    let tears: [Tear; 5] = [
        |sector| sector < 1,
        |sector| sector < 5,
        |sector| sector != 0,
        |sector| sector % 2 == 0,
        |sector| sector % 2 == 1,
    ];
    let storage = MemoryStorage::new();
    let watched = WatchedStorage::new(storage.clone());
    let promises: Arc<Mutex<Promises>> = Arc::default();
    let mut log = open_watched(&watched);
    let (moments, torn) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counts = (moments.clone(), torn.clone());
    let (seen, promised) = (storage.clone(), promises.clone());
    watched.watch(move |call| {
        let promises = promised.lock().unwrap().clone();
        if matches!(call, Call::Read(_)) {
            return;
        }
        counts.0.fetch_add(1, Ordering::Relaxed);
        promises.check(seen.snapshot(), &"killed");
        if let Call::Write(name, offset, bytes) = call
            && name.starts_with("r-")
        {
            for (number, tear) in tears.iter().enumerate() {
                let mut files = seen.snapshot();
                write_sectors(files.get_mut(*name).unwrap(), *offset, bytes, tear);
                promises.check(files, &format!("torn {number}: {name} at {offset}, {} bytes", bytes.len()));
                counts.1.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    while log.wal().chunks_reused() < 4 {
        fill_chunk_with_promises(&mut log, &promises, true).unwrap();
    }
    log.close().unwrap();
    let (moments, torn) = (moments.load(Ordering::Relaxed), torn.load(Ordering::Relaxed));
    println!("{moments} moments, {torn} torn writes");
    assert!(moments > 500 && torn > 500);
}

/// The file, the place and the bytes of a write.
type Write = (String, u64, Vec<u8>);

/// What a torn write leaves is in the report, what a former chunk left is not, and neither refuses an opening.
#[test]
fn a_torn_write_in_reused_space_is_told_by_its_own_frames() {
    let storage = MemoryStorage::new();
    let watched = WatchedStorage::new(storage.clone());
    let mut log = open_watched(&watched);
    while log.wal().chunks_reused() < 2 {
        fill_chunks(&mut log, 1);
    }
    // Somewhere in the middle of a chunk.
    let end = log.state().end_index();
    log.append((end..end + 5).map(entry)).unwrap();
    log.sync().unwrap();
    let held = expected(&log);
    let end = log.state().end_index();
    let write: Arc<Mutex<Option<Write>>> = Arc::default();
    let noted = write.clone();
    watched.watch(move |call| {
        if let Call::Write(name, offset, bytes) = call
            && name.starts_with("r-")
        {
            noted.lock().unwrap().get_or_insert_with(|| ((*name).to_owned(), *offset, bytes.to_vec()));
        }
    });
    let before = storage.snapshot();
    log.append([entry(end), entry(end + 1)]).unwrap();
    log.sync().unwrap();
    drop(log);
    let (name, offset, bytes) = write.lock().unwrap().take().unwrap();
    let newest = header_of(&before[&name]);
    assert_eq!(newest.space, Space::Reused);
    let report = |is_written: fn(usize) -> bool| {
        let mut files = before.clone();
        write_sectors(files.get_mut(&name).unwrap(), offset, &bytes, is_written);
        let log = open(&MemoryStorage::from_snapshot(files), &strict()).unwrap();
        assert_eq!(contents(&log), held);
        assert_eq!(log.report().end.map(|(chunk, _)| chunk), Some(newest.chunk_id));
        (log.report().end.unwrap().1, log.report().torn_tail)
    };
    let file_size = before[&name].len() as u64;
    let torn =
        |offset, first_nonzero| Some(TornTail { chunk: newest.chunk_id, offset, first_nonzero, file_size });
    assert_eq!(report(|_| false), (offset, None), "only what the former chunk left");
    // The group's head is whole, and the first entry's; its body is not.
    let first = offset + 24;
    assert_eq!(report(|sector| sector == 0), (first, torn(first, first)));
    // The head of the second entry is whole, and nothing before it.
    let second = first + (bytes.len() as u64 - 24) / 2;
    assert_eq!(report(|sector| sector > 3), (offset, torn(offset, second)));
}

#[test]
fn a_reader_that_holds_a_purged_chunk_reads_its_bytes_to_the_end() {
    let storage = MemoryStorage::new();
    let watched = WatchedStorage::new(storage.clone());
    let mut log = open_watched(&watched);
    fill_chunks(&mut log, 2);
    let first = ChunkId::new(0).file_name();
    // It has got hold of the chunk, and its read is held up.
    let (is_reading, may_read) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (reading, may) = (is_reading.clone(), may_read.clone());
    let held = first.clone();
    watched.watch(move |call| {
        if matches!(call, Call::Read(name) if *name == held) {
            reading.store(true, Ordering::Release);
            let begin = Instant::now();
            while !may.load(Ordering::Acquire) {
                assert!(begin.elapsed() < Duration::from_secs(60), "nobody lets the reader go on");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let reader = log.reader();
    let read = std::thread::spawn(move || reader.read(0..ENTRIES_PER_CHUNK).unwrap());
    while !is_reading.load(Ordering::Acquire) {
        std::thread::sleep(Duration::from_millis(1));
    }
    fill_chunks(&mut log, 6);
    assert!(storage.file_bytes(&first).is_none(), "purged");
    assert!(log.wal().chunks_reused() >= 2, "others are reused");
    assert!(log.reader().read(0..1).is_err(), "who comes now is told");
    may_read.store(true, Ordering::Release);
    assert_eq!(read.join().unwrap(), (0..ENTRIES_PER_CHUNK).map(entry).collect::<Vec<_>>());
    assert_eq!(contents(&log), expected(&log));
}

#[test]
fn a_hard_link_taken_before_the_purge_keeps_its_bytes() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &config()).unwrap();
    let mut backups = BTreeMap::new();
    for round in 0..10 {
        fill_chunk(&mut log, |_| {});
        // Every other chunk.
        if round % 2 == 0 {
            let name = chunk_names(&storage).pop().unwrap();
            let backup = format!("backup of {name}");
            storage.hard_link(&name, &backup);
            fill_chunk(&mut log, |_| {});
            // All of it, now that the chunk is full.
            backups.insert(backup.clone(), storage.file_bytes(&backup).unwrap());
        }
    }
    assert!(log.wal().chunks_reused() >= 3, "{}", log.wal().chunks_reused());
    assert_eq!(backups.len(), 5);
    for (name, bytes) in &backups {
        assert_eq!(storage.file_bytes(name).as_ref(), Some(bytes), "{name}");
    }
    assert_eq!(contents(&log), expected(&log));
}

#[test]
fn on_a_full_disk_what_waits_to_be_reused_is_given_up_before_anything_is_refused() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &config()).unwrap();
    fill_chunks(&mut log, 4);
    let end = log.state().end_index();
    log.purge(id(1, end - 2)).unwrap();
    log.sync().unwrap();
    let kept: u64 = temporary_sizes(&storage).iter().filter(|size| **size > SPARE_BYTES).sum();
    assert!(kept > 2 * SPARE_BYTES, "two files wait: {:?}", temporary_sizes(&storage));
    storage.set_capacity(Some(storage.used_bytes()));

    // In the active chunk alone, which can take all that is kept and still needs its reserve.
    let mut accepted = 0;
    loop {
        let next = log.state().end_index();
        match log.append([entry(next)]) {
            Ok(()) => log.sync().unwrap(),
            Err(WriteError::NoSpace(_)) => break,
            Err(error) => panic!("{error:?}"),
        }
        accepted += text(0).len() as u64;
    }
    assert_eq!(temporary_sizes(&storage), [SPARE_BYTES], "the reserve, and nothing else");
    assert!(accepted + RESERVE_BYTES + (32 << 10) > kept, "{accepted} of {kept}");
    assert_eq!(contents(&log), expected(&log));
    // What the reserve is for.
    for term in 0..100 {
        log.save_vote(PlainVote::new(10_000 + term, 1)).unwrap();
        log.sync().unwrap();
    }
    let next = log.state().end_index();
    log.purge(id(1, next - 1)).unwrap();
    log.sync().unwrap();
    fill_chunks(&mut log, 1);
    let (state, held) = (log.state(), expected(&log));
    let killed = open(&killed(&storage), &config()).unwrap();
    assert_eq!((killed.state(), contents(&killed)), (state, held));
}

#[test]
fn a_call_that_fails_at_any_place_loses_nothing() {
    let operations = [
        Operation::Rename,
        Operation::SyncDirectory,
        Operation::Links,
        Operation::Random,
        Operation::Size,
        Operation::Remove,
        Operation::Truncate,
        Operation::Create,
        Operation::Sync,
        Operation::Write,
    ];
    for operation in operations {
        let (mut poisoned, mut unharmed, mut refused) = (0, 0, 0);
        // Writes and syncs are many, and alike.
        let step = if matches!(operation, Operation::Write | Operation::Sync) { 7 } else { 1 };
        for pass in (0..).step_by(step) {
            let storage = MemoryStorage::new();
            let promises = Mutex::default();
            let mut log = open(&storage, &config()).unwrap();
            storage.reset_counters();
            storage.fail_after(pass, operation, 5, 1);
            for round in 1..13 {
                // Several at once: more than are kept, so that others are removed.
                match fill_chunk_with_promises(&mut log, &promises, round % 4 == 0) {
                    Ok(()) => {}
                    Err(WriteError::Poisoned(_)) => break,
                    // Not accepted, and accepted the next time.
                    Err(WriteError::Io(_)) => {
                        refused += 1;
                        let (state, mut promises) = (log.state(), promises.lock().unwrap());
                        promises.accepted_end = state.end_index();
                        promises.accepted_first = state.first_index();
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
            let calls = storage.calls(operation);
            storage.clear_failures();
            let promises = promises.into_inner().unwrap();
            promises.check(storage.snapshot(), &(operation, pass));
            if log.sync().is_ok() {
                unharmed += 1;
                assert_eq!(contents(&log), expected(&log));
                assert!(
                    log.wal().chunks_reused() >= 2,
                    "{operation:?} {pass}: {}",
                    log.wal().chunks_reused()
                );
                let names = storage.names();
                assert!(names.len() < 16, "files stay behind: {names:?}");
            } else {
                poisoned += 1;
            }
            drop(log);
            let mut log = open(&storage, &config()).unwrap();
            let first = log.reader().indexes();
            log.append([entry(first.end)]).unwrap();
            log.sync().unwrap();
            drop(log);
            promises_with_one_more(&promises).check(storage.snapshot(), &(operation, pass));
            if pass >= calls {
                break;
            }
        }
        println!("{operation:?}: {poisoned} poisoned, {refused} refused, {unharmed} unharmed");
        assert!(unharmed > 1, "{operation:?}");
    }
}

fn promises_with_one_more(promises: &Promises) -> Promises {
    Promises { accepted_end: promises.accepted_end + 1, ..promises.clone() }
}

#[test]
fn a_purged_file_is_renamed_made_durable_looked_at_and_only_then_written() {
    let storage = MemoryStorage::new();
    let watched = WatchedStorage::new(storage.clone());
    let mut log = open_watched(&watched);
    let calls: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let noted = calls.clone();
    watched.watch(move |call| {
        let call = match call {
            Call::Create(name) => ("create", (*name).to_owned()),
            Call::Rename(from, to) => ("rename", format!("{from} to {to}")),
            Call::Remove(name) => ("remove", (*name).to_owned()),
            Call::SyncDirectory => ("sync directory", String::new()),
            Call::Links(name) => ("links", (*name).to_owned()),
            Call::Write(name, 0, _) => ("write at 0", (*name).to_owned()),
            Call::Write(name, ..) => ("write", (*name).to_owned()),
            Call::Truncate(name) => ("truncate", (*name).to_owned()),
            Call::Sync(name) => ("sync", (*name).to_owned()),
            Call::Read(_) => return,
        };
        noted.lock().unwrap().push((call.0.to_owned(), call.1));
    });
    let mut reused = 0;
    for _ in 0..10 {
        let (newest, purges) = (chunk_names(&storage).pop(), log.state().end_index() > 2 * ENTRIES_PER_CHUNK);
        fill_chunk(&mut log, |_| {});
        let calls = std::mem::take(&mut *calls.lock().unwrap());
        let mut from_chunks =
            calls.iter().enumerate().filter(|(_, (what, names))| what == "rename" && names.starts_with("r-"));
        let Some((at, (_, names))) = from_chunks.next() else { continue };
        assert!(purges && from_chunks.next().is_none(), "one chunk is purged with each that is filled");
        let (purged, temporary) = names.split_once(" to ").unwrap();
        assert!(is_temporary_file_name(temporary), "{names}");
        // The purge went into the new chunk or the one before, and that was synced; and DURABLE names a newer one.
        let synced =
            calls[..at].iter().rposition(|(what, name)| what == "sync" && name.starts_with("r-")).unwrap();
        assert!(calls[synced].1.as_str() > purged);
        assert!(newest.as_deref() > Some(purged));
        let behind: Vec<_> = calls[at + 1..]
            .iter()
            .filter(|(what, name)| what == "sync directory" || name.contains(temporary))
            .collect();
        assert_eq!(behind[0].0, "sync directory", "{behind:?}");
        assert_eq!((behind[1].0.as_str(), behind[1].1.as_str()), ("links", temporary), "{behind:?}");
        reused += 1;
        // It waits, and is written to for the next chunk, header first.
        if let Some((what, _)) = behind.get(2) {
            assert_eq!(what, "write at 0", "{behind:?}");
        }
    }
    assert!(reused >= 6, "{reused}");
    assert!(log.wal().chunks_reused() >= 6);
}

/// Callbacks, and so a thread that tidies up beside the writer.
#[test]
fn chunks_are_reused_beside_a_writer_that_does_not_wait() {
    let storage = MemoryStorage::new();
    let mut config = config();
    config.max_unsynced_bytes = 256 << 10;
    let mut log = open(&storage, &config).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let (reader, over) = (log.reader(), is_over.clone());
    let reading = std::thread::spawn(move || {
        let mut reads = 0;
        while !over.load(Ordering::Relaxed) {
            let indexes = reader.indexes();
            // What is purged meanwhile is told; what is read is right.
            if let Ok(read) = reader.read(indexes.clone()) {
                let expected: Vec<_> = indexes.map(entry).collect();
                assert_eq!(read, expected);
                reads += 1;
            }
        }
        reads
    });
    for round in 0..60 {
        let end = log.state().end_index();
        for index in end..end + ENTRIES_PER_CHUNK {
            log.append([entry(index)]).unwrap();
            log.flush(|outcome| outcome.unwrap());
        }
        if round > 1 {
            log.purge(id(1, end - ENTRIES_PER_CHUNK)).unwrap();
        }
        if round % 8 == 0 {
            log.sync().unwrap();
        }
    }
    log.sync().unwrap();
    is_over.store(true, Ordering::Relaxed);
    let reads = reading.join().unwrap();
    println!("{} chunks reused beside {reads} reads", log.wal().chunks_reused());
    assert!(log.wal().chunks_reused() > 0);
    let held = expected(&log);
    assert_eq!(contents(&log), held);
    drop(log);
    assert_eq!(contents(&open(&storage, &config).unwrap()), held);
}

#[test]
fn real_files_are_reused_and_a_hard_link_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let chunks = || {
        let names = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut chunks: Vec<_> =
            names.filter(|path| path.extension().is_some_and(|it| it == "wal")).collect();
        chunks.sort_unstable();
        chunks
    };
    let config = Config { directory: directory.path().to_owned(), ..config() };
    let mut log = Log::open(config.clone()).unwrap();
    let backup = directory.path().join("backup");
    let mut linked = None;
    for round in 0..12 {
        let end = log.state().end_index();
        if round > 1 {
            log.purge(id(1, end - ENTRIES_PER_CHUNK)).unwrap();
        }
        log.append((end..end + ENTRIES_PER_CHUNK).map(entry)).unwrap();
        log.sync().unwrap();
        if round == 4 {
            let second_newest = chunks().into_iter().rev().nth(1).unwrap();
            std::fs::hard_link(&second_newest, &backup).unwrap();
            linked = Some(std::fs::read(&backup).unwrap());
        }
    }
    assert!(log.wal().chunks_reused() >= 5, "{}", log.wal().chunks_reused());
    assert_eq!(Some(std::fs::read(&backup).unwrap()), linked);
    let held = expected(&log);
    assert_eq!(contents(&log), held);
    drop(log);
    assert_eq!(contents(&Log::open(config).unwrap()), held);
}

/// The system tells an error of a directory once: the sync of a new chunk's name beside it could be told nothing.
#[test]
fn a_directory_sync_that_fails_when_a_file_is_kept_poisons_the_log() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &config()).unwrap();
    fill_chunks(&mut log, 3);
    let (next, syncs) = (log.state().end_index(), storage.calls(Operation::SyncDirectory));
    // The first is that of the chunk that the purge begins.
    storage.fail_after(1, Operation::SyncDirectory, 5, 1);
    log.purge(id(1, next - 1)).unwrap();
    log.sync().unwrap();
    assert_eq!(storage.calls(Operation::SyncDirectory), syncs + 2, "a file was to be kept");
    assert!(matches!(log.append(entries(1, next..next + 1)), Err(WriteError::Poisoned(_))));
}
