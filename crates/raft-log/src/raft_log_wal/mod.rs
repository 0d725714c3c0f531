//! The [`Wal`] in chunk files: what the writer does, and the thread that flushes for it.
//!
//! - `accept`: operations become part of the log
//! - `queue`: what was accepted and waits to be written
//! - `disk`: writing it, in order
//! - `shared`: what writer, thread and readers share; the flush
//! - `leisure`: what nobody waits for: sealing, removing or reusing purged chunks, the reserve
//! - `delivery`: telling callbacks
//! - `company`: waiting for those who were told to come back
//! - `read`: reading entries
//! - `window`: the memory they are read into
//! - `tail`: the writer's knowledge of the chunk that is appended to

mod accept;
mod company;
mod delivery;
mod disk;
mod leisure;
mod queue;
mod read;
mod shared;
mod tail;
mod window;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use raft_log_chunk::{
    ActiveChunk, Chunk, DurableFacts, DurableFile, Recovered, Spares, Storage, encode_footer, mark_at,
};
use raft_log_codec::{Encode, LogId, RaftLogState, Record, SeededBug, Types};

use self::accept::{Acceptor, DurableState, FooterParts, Found, Room};
use self::disk::{Disk, Written};
use self::queue::Queue;
pub use self::read::RaftLogWalReader;
use self::shared::{ReadableChunk, Shared};
use self::tail::Tail;
use crate::sync::{JoinHandle, Latch, current, spawn};
use crate::{AcceptError, Config, FlushCallback, FlushError, Place, Position, Wal};

/// Records in the chunk files of one directory.
pub struct RaftLogWal<T: Types> {
    shared: Arc<Shared>,
    acceptor: Acceptor<T>,
    /// Callbacks that were called, for their memory. Never locked: a log can be shared, and callbacks cannot.
    spent: Latch<Vec<FlushCallback>>,
    thread: Option<JoinHandle<()>>,
    is_closed: bool,
}

/// [`SeededBug::AppendAfterReopen`].
fn append_to_newest(
    storage: &dyn Storage,
    found: &[Found],
    tail: &mut Tail,
    disk: &mut Disk,
) -> io::Result<()> {
    let Some(Found { chunk: newest, .. }) = found.last() else { return Ok(()) };
    let file = storage.open_writable(&newest.chunk().id().file_name())?;
    let laid_end = file.size()?;
    let chunk = Chunk::new(file, *newest.chunk().header());
    tail.builder = newest.scan(1 << 20)?;
    disk.append_to(Written::found(chunk.clone(), newest.end()));
    tail.active = Some(ActiveChunk::new(chunk, laid_end));
    Ok(())
}

#[cfg(raft_log_shuttle)]
impl<T: Types> RaftLogWal<T> {
    /// Ends the waits of flush threads that have an end and are under way; gives their number. Where a test schedules
    /// the threads, time does not pass but by this.
    #[doc(hidden)]
    pub fn let_time_pass() -> usize {
        crate::sync::let_time_pass()
    }
}

impl<T: Types> RaftLogWal<T> {
    /// Goes on behind what was found in a directory. `durable_file` is `DURABLE`, if it could be written.
    pub(crate) fn new(
        config: &Config,
        storage: Arc<dyn Storage>,
        recovered: Recovered,
        durable_file: Option<DurableFile>,
    ) -> io::Result<Self> {
        let log_id = match recovered.log_id {
            Some(log_id) => log_id,
            None => (u128::from(storage.random()?) << 64) | u128::from(storage.random()?),
        };
        let newest = recovered.chunks.last();
        let mark = match (newest, recovered.durable) {
            (Some(newest), _) => Some(mark_at(newest.chunk.chunk().header(), newest.chunk.end())),
            (None, DurableFacts::Mark(mark)) => Some(mark),
            (None, _) => None,
        };
        let durable_state =
            if durable_file.is_some() { DurableState::InUse } else { DurableState::Wanted(mark) };

        let mut readable = BTreeMap::new();
        let mut beginnings = VecDeque::new();
        let mut chunks_found = Vec::new();
        let mut tail = Tail::default();
        for found in recovered.chunks {
            let header = *found.chunk.chunk().header();
            tail.header = Some(header);
            tail.end = found.chunk.end();
            beginnings.push_back((header.chunk_id, found.last_before));
            let first = found.summary.first_index().unwrap_or(0);
            let chunk = Arc::new(found.chunk);
            readable.insert(header.chunk_id, ReadableChunk::Found(chunk.clone(), first));
            let footer =
                found.is_scanned.then_some(FooterParts { summary: found.summary, state: found.state_at_end });
            chunks_found.push(Found { chunk, footer });
        }
        let durable = Position::new(tail.header.map_or(0, |header| header.chunk_id.offset() + tail.end));
        let spares = Spares::new(storage.clone(), config.chunk.spares, recovered.temporary_files);
        let mut disk = Disk::new(durable_file);
        if SeededBug::AppendAfterReopen.is_on() {
            append_to_newest(&*storage, &chunks_found, &mut tail, &mut disk)?;
        }
        Ok(Self {
            shared: Arc::new(Shared::new(config.clone(), storage, disk, spares, readable, durable)),
            acceptor: Acceptor {
                log_id,
                tail,
                beginnings,
                found: chunks_found,
                leftovers: recovered.leftovers,
                durable_file: durable_state,
                chunks_reused: 0,
                rest: Vec::new(),
                types: PhantomData,
            },
            spent: Latch::default(),
            thread: None,
            is_closed: false,
        })
    }

    /// The chunk at the end of the log, and where its frames end: where the next group goes unless that chunk is full
    /// or another process made it.
    pub fn end(&self) -> Place {
        let tail = &self.acceptor.tail;
        let chunk = tail.header.map(|header| header.chunk_id).unwrap_or_default();
        Place { chunk, offset: tail.end, size: 0 }
    }

    /// How many of the chunks that were begun since opening were made of files of purged ones. A log that purges as fast
    /// as it grows comes to make all of them so, and its syncs overwrite blocks that are there.
    pub fn chunks_reused(&self) -> u64 {
        self.acceptor.chunks_reused
    }

    /// Wakes the flush thread, and starts it the first time. `false` if it cannot be started.
    fn want_flush(&mut self, queue: &mut Queue) -> bool {
        if self.thread.is_none() {
            let shared = self.shared.clone();
            match spawn("raft-log-flush", move || shared.run_thread()) {
                Ok(thread) => self.thread = Some(thread),
                Err(error) => {
                    tracing::warn!(%error, "no flush thread: flushing on the writer's thread");
                    return false;
                }
            }
        }
        self.shared.wake_thread(queue);
        true
    }

    /// Waits until there is room for more unsynced bytes.
    fn wait_for_room(&mut self) {
        // Without a lock: what waits only becomes less while this writer adds nothing.
        if self.shared.counters.pending() < self.shared.config.max_unsynced_bytes {
            return;
        }
        let shared = self.shared.clone();
        let mut queue = shared.queue.lock();
        while queue.bytes + queue.in_flight_bytes >= shared.config.max_unsynced_bytes
            && shared.poison().is_none()
        {
            if self.want_flush(&mut queue) {
                shared.room.wait(&mut queue);
            } else {
                drop(queue);
                // The failure is met again by whoever asks the log next.
                let _ = shared.flush();
                shared.after_flush();
                queue = shared.queue.lock();
            }
        }
    }

    /// After a flush on the writer's thread: callbacks and leisure work are left to the thread where there is one, so
    /// that the application's code never runs inside a `sync`.
    fn hand_over(&mut self) {
        if !self.shared.has_work_after_flush() {
            return;
        }
        if self.thread.is_some() {
            let shared = self.shared.clone();
            self.want_flush(&mut shared.queue.lock());
        } else {
            self.shared.after_flush();
        }
    }

    fn stop_thread(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.queue.lock().is_closing = true;
        self.shared.wake.notify_one();
        // A callback that drops the log runs on the thread itself, which then ends by itself.
        if thread.thread().id() != current().id() && thread.join().is_err() {
            tracing::error!("the flush thread panicked");
        }
    }
}

impl<T: Types> Wal<T> for RaftLogWal<T> {
    type Reader = RaftLogWalReader;

    fn check_usable(&self) -> Result<(), FlushError> {
        if self.is_closed {
            return Err(FlushError::Closed);
        }
        self.shared.poison().map_or(Ok(()), |poison| Err(poison.clone().into()))
    }

    fn accept(
        &mut self,
        before: &RaftLogState<T>,
        records: &[Record<T>],
        places: &mut Vec<Place>,
    ) -> Result<(), AcceptError> {
        self.wait_for_room();
        self.check_usable()?;
        let Self { shared, acceptor, .. } = self;
        let accepted = match acceptor.accept(shared, before, records, places, false) {
            // A spare file may hold what the active chunk has no room for.
            Err(AcceptError::NoSpace(_))
                if Room::of(records) == Room::Reserve && acceptor.tail.active.is_some() =>
            {
                acceptor.accept(shared, before, records, places, true)
            }
            accepted => accepted,
        };
        match accepted {
            Ok(true) => {
                let shared = self.shared.clone();
                self.want_flush(&mut shared.queue.lock());
            }
            Err(AcceptError::NoSpace(_)) => shared.counters.refused_for_space(),
            _ => {}
        }
        accepted.map(drop)
    }

    fn sync(&mut self) -> Result<(), FlushError> {
        self.check_usable()?;
        let outcome = self.shared.flush();
        self.hand_over();
        outcome.map(drop)
    }

    fn flush(&mut self, done: FlushCallback) {
        if self.thread.is_some() && !self.is_closed {
            let mut queue = self.shared.queue.lock();
            self.shared.put_callback(&mut queue, done);
            return self.shared.wake_thread(&mut queue);
        }
        let shared = self.shared.clone();
        if self.is_closed {
            shared.put_callback(&mut shared.queue.lock(), done);
            return shared.fail_callbacks(&FlushError::Closed);
        }
        let mut queue = shared.queue.lock();
        shared.put_callback(&mut queue, done);
        if !self.want_flush(&mut queue) {
            drop(queue);
            // The callback is told what comes of it.
            let _ = shared.flush();
            shared.after_flush();
        }
    }

    fn spent_callback(&mut self) -> Option<FlushCallback> {
        let spent = self.spent.get_mut();
        if spent.is_empty() {
            *spent = self.shared.delivery.take_spent();
        }
        spent.pop()
    }

    fn durable(&self) -> Position {
        self.shared.durable()
    }

    fn reader(&self) -> Self::Reader {
        RaftLogWalReader { shared: self.shared.clone() }
    }

    fn close(&mut self, state: &RaftLogState<T>) -> Result<(), FlushError> {
        if self.is_closed {
            return Ok(());
        }
        self.is_closed = true;
        let outcome = self.shared.flush();
        self.stop_thread();
        self.shared.after_flush();
        outcome?;
        let mut disk = self.shared.disk.lock();
        let poison = |error| FlushError::Poisoned(self.shared.set_poison(error));
        let mut encoded_state = Vec::new();
        let tail = &mut self.acceptor.tail;
        match tail.active.take() {
            Some(active) if state.encode(&mut encoded_state).is_ok() => {
                let (summary, offsets) = std::mem::take(&mut tail.builder).finish();
                let seed = active.chunk().seed();
                let footer = encode_footer(seed, tail.end, &summary, &offsets, &encoded_state);
                disk.close(&footer).map_err(poison)?;
            }
            _ => disk.sync_durable().map_err(poison)?,
        }
        drop(disk);
        // The next process could not know that they have no holes, and would cut them.
        while self.shared.spares.lock().give_up_one() {}
        let last_index = state.last.as_ref().map(LogId::index);
        tracing::info!(directory = %self.shared.storage.path().display(), last_index, "closed a log");
        Ok(())
    }
}
