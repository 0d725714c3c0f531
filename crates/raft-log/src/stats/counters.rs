//! What is counted while the log works: what a flush and a read tell, without a lock, and what the writer tells, under
//! the lock that it holds anyway.
//!
//! No clock is read for an entry, and none for an operation that joins a group: once when a group begins to gather, and
//! three times for a flush; nearly never where a sync takes no time, as in memory.

use std::time::{Duration, Instant};

use raft_log_chunk::Space;

use super::WalStats;
use super::histogram::{Bytes, Entries, HistogramCounter, Seconds};
use crate::sync::{Counter, Ordering};

/// What the chunk files of a log have seen. All of it is written without a lock and may be read at any time.
#[derive(Debug)]
pub(crate) struct WalCounters {
    slow_sync_nanos: u64,
    sync: HistogramCounter<Seconds>,
    write: HistogramCounter<Seconds>,
    queue_wait: HistogramCounter<Seconds>,
    durable_latency: HistogramCounter<Seconds>,
    rotation: HistogramCounter<Seconds>,
    disk_read: HistogramCounter<Seconds>,
    group_entries: HistogramCounter<Entries>,
    group_bytes: HistogramCounter<Bytes>,
    syncs: Counter,
    slow_syncs: Counter,
    sync_errors: Counter,
    write_errors: Counter,
    no_space: Counter,
    disk_read_entries: Counter,
    checksum_failures: Counter,
    chunks_fresh: Counter,
    chunks_reused: Counter,
    /// What waits for a sync: as the queue last had it, so that nobody takes the queue's lock to know.
    pending_bytes: Counter,
    /// 1 if the sync that was timed last took next to no time.
    is_sync_fast: Counter,
    scrubs: Counter,
    scrubbed_bytes: Counter,
    /// The nanoseconds from `since` to the end of the last scrub; 0 before the first.
    last_scrub: Counter,
    since: Instant,
}

/// Where a sync takes less than this, the clock would be a good part of what it measures: then one group in
/// [`GROUPS_PER_TIMED`] is timed. No disk that keeps its promise is so fast, but memory is.
const FAST_SYNC_NANOS: u64 = 5_000;
const GROUPS_PER_TIMED: u64 = 64;

/// Of the readings of a single entry one in so many is timed.
const SINGLE_READS_PER_TIMED: u64 = 16;

impl WalCounters {
    /// All zero. A sync that takes so many milliseconds is a slow one.
    pub(crate) fn new(slow_sync_millis: u64) -> Self {
        Self {
            slow_sync_nanos: slow_sync_millis.saturating_mul(1_000_000),
            sync: HistogramCounter::default(),
            write: HistogramCounter::default(),
            queue_wait: HistogramCounter::default(),
            durable_latency: HistogramCounter::default(),
            rotation: HistogramCounter::default(),
            disk_read: HistogramCounter::default(),
            group_entries: HistogramCounter::default(),
            group_bytes: HistogramCounter::default(),
            syncs: Counter::default(),
            slow_syncs: Counter::default(),
            sync_errors: Counter::default(),
            write_errors: Counter::default(),
            no_space: Counter::default(),
            disk_read_entries: Counter::default(),
            checksum_failures: Counter::default(),
            chunks_fresh: Counter::default(),
            chunks_reused: Counter::default(),
            pending_bytes: Counter::default(),
            is_sync_fast: Counter::default(),
            scrubs: Counter::default(),
            scrubbed_bytes: Counter::default(),
            last_scrub: Counter::default(),
            since: Instant::now(),
        }
    }

    /// Whether the group that is begun now is timed.
    fn is_group_timed(&self) -> bool {
        self.is_sync_fast.load(Ordering::Relaxed) == 0
            || self.syncs.load(Ordering::Relaxed).is_multiple_of(GROUPS_PER_TIMED)
    }

    /// The bytes that wait for a sync.
    pub(crate) fn pending(&self) -> u64 {
        self.pending_bytes.load(Ordering::Relaxed)
    }

    /// So much waits for a sync.
    pub(crate) fn set_pending(&self, bytes: u64) {
        self.pending_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Whether the next reading of a single entry is timed: the clock would be a good part of what it measures.
    pub(crate) fn is_single_read_timed(&self) -> bool {
        self.disk_read_entries.load(Ordering::Relaxed).is_multiple_of(SINGLE_READS_PER_TIMED)
    }

    /// Entries were read from the disk, since `begin` if that is timed.
    pub(crate) fn disk_read(&self, begin: Option<Instant>, entries: usize) {
        if let Some(begin) = begin {
            self.disk_read.record(nanos(begin.elapsed()));
        }
        count(&self.disk_read_entries, entries as u64);
    }

    /// What was read does not match its checksum, or is not what must stand there.
    pub(crate) fn checksum_failed(&self) {
        count(&self.checksum_failures, 1);
    }

    pub(crate) fn scrubbed(&self, bytes: u64) {
        count(&self.scrubbed_bytes, bytes);
    }

    pub(crate) fn scrub_done(&self) {
        count(&self.scrubs, 1);
        self.last_scrub.store(nanos(self.since.elapsed()).max(1), Ordering::Relaxed);
    }

    /// A write or a sync failed: what poisons a log.
    pub(crate) fn failed(&self, action: &str) {
        count(if action.starts_with("sync") { &self.sync_errors } else { &self.write_errors }, 1);
    }

    /// An operation was refused because the disk is full.
    pub(crate) fn refused_for_space(&self) {
        count(&self.no_space, 1);
    }

    /// All but what is asked of the files and of the lock.
    pub(crate) fn read(&self) -> WalStats {
        let value = |counter: &Counter| counter.load(Ordering::Relaxed);
        let last_scrub = Some(value(&self.last_scrub)).filter(|at| *at > 0).map(Duration::from_nanos);
        WalStats {
            sync_seconds: self.sync.read(),
            write_seconds: self.write.read(),
            queue_wait_seconds: self.queue_wait.read(),
            durable_latency_seconds: self.durable_latency.read(),
            rotation_seconds: self.rotation.read(),
            disk_read_seconds: self.disk_read.read(),
            group_entries: self.group_entries.read(),
            group_bytes: self.group_bytes.read(),
            written_bytes: self.group_bytes.sum(),
            syncs: value(&self.syncs),
            slow_syncs: value(&self.slow_syncs),
            sync_errors: value(&self.sync_errors),
            write_errors: value(&self.write_errors),
            no_space: value(&self.no_space),
            disk_read_entries: value(&self.disk_read_entries),
            checksum_failures: value(&self.checksum_failures),
            chunks_fresh: value(&self.chunks_fresh),
            chunks_reused: value(&self.chunks_reused),
            pending_bytes: value(&self.pending_bytes),
            scrubs: value(&self.scrubs),
            scrubbed_bytes: value(&self.scrubbed_bytes),
            last_scrub_age_seconds: last_scrub
                .map(|at| (self.since.elapsed().saturating_sub(at)).as_secs_f64()),
            ..WalStats::default()
        }
    }
}

fn count(counter: &Counter, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

fn nanos(duration: Duration) -> u64 {
    // Five centuries are enough, and a number of 128 bits is not.
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(duration.subsec_nanos()))
}

/// What the group is that gathers.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    is_begun: bool,
    entries: u64,
    /// When its first operation was accepted, if it is timed.
    since: Option<Instant>,
}

impl Gathering {
    /// An operation with so many entries joins it.
    pub(crate) fn add(&mut self, entries: usize, counters: &WalCounters) {
        if !self.is_begun {
            self.is_begun = true;
            self.since = counters.is_group_timed().then(Instant::now);
        }
        self.entries += entries as u64;
    }

    /// How many entries there are in it.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }
}

/// One flush, from taking a group to its sync.
#[derive(Debug)]
pub(crate) struct FlushTimer<'a> {
    counters: &'a WalCounters,
    is_group: bool,
    entries: u64,
    bytes: u64,
    times: Option<FlushTimes>,
}

/// When the stages of a flush were reached.
#[derive(Debug)]
struct FlushTimes {
    /// The first operation of the group was accepted.
    since: Instant,
    /// The group was taken.
    taken: Instant,
    /// All was written.
    written: Instant,
    /// What of that was making chunks.
    rotation: Duration,
}

impl FlushTimes {
    #[cold]
    fn begin(since: Instant) -> Self {
        let taken = Instant::now();
        Self { since, taken, written: taken, rotation: Duration::ZERO }
    }

    #[cold]
    fn all_written(&mut self) {
        self.written = Instant::now();
    }

    #[cold]
    fn synced(&self, counters: &WalCounters, group_bytes: u64) {
        let Self { since, taken, written, rotation } = *self;
        let now = Instant::now();
        let took = nanos(now.duration_since(written));
        counters.sync.record(took);
        if took >= counters.slow_sync_nanos {
            count(&counters.slow_syncs, 1);
            let sync_seconds = Duration::from_nanos(took).as_secs_f64();
            tracing::warn!(sync_seconds, group_bytes, "a sync was slow");
        }
        counters.write.record(nanos(written.duration_since(taken).saturating_sub(rotation)));
        counters.queue_wait.record(nanos(taken.duration_since(since)));
        counters.durable_latency.record(nanos(now.duration_since(since)));
        counters.is_sync_fast.store(u64::from(took < FAST_SYNC_NANOS), Ordering::Relaxed);
    }
}

impl<'a> FlushTimer<'a> {
    /// A flush takes what gathered, `bytes` of it. Nothing is counted, and no clock read, where that is nothing.
    pub(crate) fn begin(counters: &'a WalCounters, group: &Gathering, bytes: u64) -> Self {
        let times = group.since.map(FlushTimes::begin);
        Self { counters, is_group: group.is_begun, entries: group.entries, bytes, times }
    }

    /// A chunk was made.
    pub(crate) fn rotated(&mut self, begin: Instant, space: Space) {
        let took = begin.elapsed();
        if let Some(times) = &mut self.times {
            times.rotation += took;
        }
        self.counters.rotation.record(nanos(took));
        match space {
            Space::Fresh => count(&self.counters.chunks_fresh, 1),
            Space::Reused => count(&self.counters.chunks_reused, 1),
        }
    }

    /// All is written; what follows is the sync.
    pub(crate) fn all_written(&mut self) {
        if self.is_group {
            self.counters.group_bytes.record(self.bytes);
            self.counters.group_entries.record(self.entries);
            if let Some(times) = &mut self.times {
                times.all_written();
            }
        }
    }

    /// The chunk was synced: counts, and tells if it was slow.
    pub(crate) fn synced(&self) {
        if self.is_group {
            count(&self.counters.syncs, 1);
            if let Some(times) = &self.times {
                times.synced(self.counters, self.bytes);
            }
        }
    }
}

/// What the writer has done, counted under the lock under which it becomes visible.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecordCounts {
    pub(crate) save_vote: u64,
    pub(crate) append: u64,
    pub(crate) append_bytes: u64,
    pub(crate) commit: u64,
    pub(crate) truncate_after: u64,
    pub(crate) purge_upto: u64,
    pub(crate) save_user_data: u64,
    pub(crate) truncated_entries: u64,
    pub(crate) purged_entries: u64,
}
