//! What the writer, the flush thread and the readers of one log share, and the flush itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use raft_log_chunk::{Chunk, ChunkId, SealedChunk, Spares, Storage};
use raft_log_codec::SeededBug;

use super::company::Company;
use super::delivery::Delivery;
use super::disk::{Disk, DiskError};
use super::queue::Queue;
use super::window::Windows;
use crate::stats::{FlushTimer, Gathering, WalCounters, stage_span};
use crate::sync::{AtomicBool, AtomicU64, Condvar, Counter, Mutex, OnceLock, Ordering, RwLock, sleep};
use crate::{Config, FlushCallback, FlushError, PoisonError, Position};

pub(super) struct Shared {
    pub(super) config: Config,
    /// So many bytes are not left waiting: they are flushed without being asked for.
    pub(super) flush_bytes: u64,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) disk: Mutex<Disk>,
    pub(super) queue: Mutex<Queue>,
    pub(super) spares: Mutex<Spares>,
    /// The flush thread waits here for something to do.
    pub(super) wake: Condvar,
    /// The writer waits here for room in the queue.
    pub(super) room: Condvar,
    pub(super) delivery: Delivery,
    pub(super) windows: Arc<Windows>,
    /// The chunks that can be read.
    pub(super) chunks: RwLock<BTreeMap<ChunkId, ReadableChunk>>,
    durable: AtomicU64,
    pub(super) counters: WalCounters,
    /// How many operations wait for the next flush, and for a callback.
    waiting: Counter,
    has_leisure_work: AtomicBool,
    poison: OnceLock<PoisonError>,
}

/// A chunk that readers may need.
#[derive(Clone)]
pub(super) enum ReadableChunk {
    /// Made by this process: where its entries lie is in memory.
    Own(Chunk),
    /// Found at opening: its own table tells, from the entry with this index on.
    Found(Arc<SealedChunk>, u64),
}

impl ReadableChunk {
    pub(super) fn chunk(&self) -> &Chunk {
        match self {
            Self::Own(chunk) => chunk,
            Self::Found(sealed, _) => sealed.chunk(),
        }
    }
}

impl Shared {
    pub(super) fn new(
        config: Config,
        storage: Arc<dyn Storage>,
        disk: Disk,
        spares: Spares,
        chunks: BTreeMap<ChunkId, ReadableChunk>,
        durable: Position,
    ) -> Self {
        Self {
            flush_bytes: FLUSH_BYTES.min(config.max_unsynced_bytes / 2),
            counters: WalCounters::new(config.slow_sync_millis),
            config,
            storage,
            disk: Mutex::new(disk),
            queue: Mutex::default(),
            spares: Mutex::new(spares),
            wake: Condvar::new(),
            room: Condvar::new(),
            delivery: Delivery::default(),
            windows: Arc::default(),
            chunks: RwLock::new(chunks),
            durable: AtomicU64::new(durable.offset()),
            waiting: Counter::default(),
            has_leisure_work: AtomicBool::new(false),
            poison: OnceLock::new(),
        }
    }

    pub(super) fn durable(&self) -> Position {
        Position::new(self.durable.load(Ordering::Acquire))
    }

    pub(super) fn poison(&self) -> Option<&PoisonError> {
        self.poison.get()
    }

    /// Records the first failure; later ones change nothing.
    pub(super) fn set_poison(&self, (action, error): DiskError) -> PoisonError {
        let poison = self.poison.get_or_init(|| {
            tracing::error!(action, %error, "the log is poisoned");
            self.counters.failed(action);
            PoisonError { action, source: Arc::new(error) }
        });
        self.room.notify_all();
        poison.clone()
    }

    /// Writes and syncs everything that was accepted before, on this thread. When it returns `Ok`, it is durable; the
    /// callbacks are due, and [`Shared::after_flush`] calls them. `false` where nothing was left to sync.
    pub(super) fn flush(&self) -> Result<bool, FlushError> {
        let mut disk = self.disk.lock();
        let mut queue = self.queue.lock();
        let (gathered, bytes) = (std::mem::take(&mut queue.gathering), queue.bytes);
        let (items, callbacks) = queue.take();
        let told = operations_of(&callbacks, &gathered);
        self.waiting.store(0, Ordering::Relaxed);
        drop(queue);
        let _span = stage_span!("flush", group_bytes = bytes);
        let mut timer = FlushTimer::begin(&self.counters, &gathered, bytes);
        let outcome = match self.poison() {
            Some(poison) => Err(FlushError::Poisoned(poison.clone())),
            None => match disk.flush(&*self.storage, items, &mut timer) {
                Ok((durable, buffer)) => {
                    let is_further = durable.is_some_and(|durable| durable > self.durable());
                    if let Some(durable) = durable {
                        self.durable.store(durable.offset(), Ordering::Release);
                    }
                    self.queue.lock().spare_buffer = buffer;
                    Ok(is_further)
                }
                Err(error) => Err(FlushError::Poisoned(self.set_poison(error))),
            },
        };
        let mut queue = self.queue.lock();
        queue.in_flight_bytes = 0;
        self.counters.set_pending(queue.bytes);
        drop(queue);
        self.room.notify_all();
        if outcome.is_ok() || !SeededBug::CallbackDroppedOnError.is_on() {
            self.delivery.put(callbacks, told, outcome.clone().map(drop));
        }
        self.has_leisure_work.store(disk.has_leisure_work() && outcome.is_ok(), Ordering::Release);
        outcome
    }

    /// Has the flush thread flush.
    pub(super) fn wake_thread(&self, queue: &mut Queue) {
        queue.is_flush_wanted = true;
        if queue.is_thread_waiting {
            self.wake.notify_one();
        }
    }

    /// Whether [`Shared::after_flush`] has something to do.
    pub(super) fn has_work_after_flush(&self) -> bool {
        self.has_leisure_work.load(Ordering::Acquire) || self.delivery.is_due()
    }

    /// Tells callbacks, and then does what nobody waits for. Gives how many operations they waited for.
    pub(super) fn after_flush(&self) -> u64 {
        let told = self.delivery.run();
        if self.has_leisure_work.swap(false, Ordering::AcqRel) {
            self.tidy();
        }
        told
    }

    /// How many operations wait for the next flush.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Puts a callback into the queue, and says how many operations wait, so that nobody takes the lock to know.
    pub(super) fn put_callback(&self, queue: &mut Queue, done: FlushCallback) {
        queue.callbacks.push(done);
        self.waiting.store(operations_of(&queue.callbacks, &queue.gathering), Ordering::Relaxed);
    }

    /// Tells the callbacks in the queue that their flush will not be.
    pub(super) fn fail_callbacks(&self, error: &FlushError) {
        {
            // Under the lock that orders flushes, so that those before are told before.
            let _disk = self.disk.lock();
            let callbacks = std::mem::take(&mut self.queue.lock().callbacks);
            self.waiting.store(0, Ordering::Relaxed);
            self.delivery.put(callbacks, 0, Err(error.clone()));
        }
        self.delivery.run();
    }

    /// The life of the flush thread: flushes while somebody waits for it, until the log is closed. What gathers while
    /// one flush is under way is the next group.
    pub(super) fn run_thread(&self) {
        let delay = Duration::from_micros(self.config.flush_delay_micros);
        let mut company = Company::default();
        loop {
            {
                let mut queue = self.queue.lock();
                while !queue.is_flush_wanted {
                    if queue.is_closing {
                        return;
                    }
                    queue.is_thread_waiting = true;
                    let is_idle = self.wake.wait_for(&mut queue, IDLE).timed_out();
                    queue.is_thread_waiting = false;
                    if is_idle {
                        drop(queue);
                        self.sync_durable_when_idle();
                        queue = self.queue.lock();
                    }
                }
            }
            if !delay.is_zero() {
                sleep(delay);
            }
            // The outcome reaches whoever waits through the callbacks, and everybody else through the poison. A flush that
            // finds everything synced is no measure of the disk.
            let begin = Instant::now();
            if let Ok(true) = self.flush() {
                company.flush_took(begin.elapsed());
            }
            // Before they are told: the first of them are back before the last one is.
            let waiting = self.waiting();
            let told = self.after_flush();
            company.wait(self, waiting, told);
        }
    }

    /// `DURABLE` is written after each sync, but not synced: on a quiet log it is, once.
    fn sync_durable_when_idle(&self) {
        let mut disk = self.disk.lock();
        if self.poison().is_none()
            && let Err(error) = disk.sync_durable()
        {
            self.set_poison(error);
        }
    }
}

/// How many operations of an application wait for the flush of a group: entries, or callbacks where those are more. An
/// engine may submit the entries of many clients with one callback.
fn operations_of(callbacks: &[FlushCallback], group: &Gathering) -> u64 {
    if callbacks.is_empty() { 0 } else { group.entries().max(callbacks.len() as u64) }
}

/// What gathers is flushed at this size without being asked for: the disk is at work while the writer goes on, and the
/// buffers stay in the processor's caches. A sync of so much takes several times as long as one of nothing.
const FLUSH_BYTES: u64 = 1 << 20;

/// A log is idle when nothing was asked of its flush thread for so long.
const IDLE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use raft_log_codec::{PlainTypes, TermIndex};
    use raft_log_testkit::MemoryStorage;

    use super::*;
    use crate::{RaftLog, RaftLogWriter};

    #[test]
    fn a_flush_tells_whether_anything_was_left_to_sync() {
        let mut log =
            RaftLog::<PlainTypes>::open_on(Config::new("memory"), Arc::new(MemoryStorage::new())).unwrap();
        let shared = log.wal().shared.clone();
        assert_eq!(shared.flush().ok(), Some(false), "the log is new");
        for index in 1..4 {
            log.append([(TermIndex::new(1, index), bytes::Bytes::new())]).unwrap();
            assert_eq!(shared.flush().ok(), Some(true), "{index}");
            assert_eq!(shared.flush().ok(), Some(false), "{index}");
        }
    }
}
