//! Statistics of a log: always counted, and cheap enough never to be switched off.
//!
//! - `histogram`: distributions
//! - `counters`: what is counted while the log works
//! - `metric`: the list of all metrics, with names and help: every form of output is made from it
//! - `prometheus`: the text form
//! - `facade`: the same through the crate `metrics`, with the feature of that name
//!
//! Here is what a reader of the statistics sees. What always holds: nothing of it waits for the disk's sync, and
//! counters never fall while a log is open.

mod counters;
#[cfg(feature = "metrics")]
mod facade;
mod histogram;
mod metric;
mod prometheus;

pub(crate) use self::counters::{FlushTimer, Gathering, RecordCounts, WalCounters};
#[cfg(feature = "metrics")]
pub use self::facade::MetricsPublisher;
pub use self::histogram::Histogram;
pub use self::metric::{Metric, MetricValue};

/// A span of `tracing` around what follows in the block, for those who ask for it. Where nobody does, it costs a load and
/// a comparison, and not a span that is made and dropped; it is in a box because nothing is done faster with a null.
macro_rules! stage_span {
    ($($span:tt)*) => {
        (tracing::level_filters::LevelFilter::current() >= tracing::level_filters::LevelFilter::DEBUG)
            .then(|| Box::new(tracing::debug_span!($($span)*).entered()))
    };
}
pub(crate) use stage_span;

/// What a log has done since it was opened, and how it stands: [`RaftLog::stats`](crate::RaftLog::stats),
/// [`RaftLogReader::stats`](crate::RaftLogReader::stats).
///
/// Counters and histograms begin with 0 at each open. [`Stats::to_prometheus`] gives all of it as text, and
/// [`Stats::metrics`] as a list of names and values.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Stats {
    /// What the files have seen.
    pub wal: WalStats,
    /// Records that were accepted, by kind.
    pub records: RecordStats,
    /// The bytes of the frames of appended entries.
    pub appended_bytes: u64,
    /// Entries dropped from the log's end by truncations.
    pub truncated_entries: u64,
    /// Entries dropped from the log's beginning by purges.
    pub purged_entries: u64,
    /// Entries that were read from the cache.
    pub cache_read_entries: u64,
    /// Entries in the cache.
    pub cache_entries: u64,
    /// Bytes in the cache, 64 for each entry counted in.
    pub cache_bytes: u64,
    /// The index of the first live entry.
    pub first_index: Option<u64>,
    /// The index of the last entry, or of the purged mark if that is all there is.
    pub last_index: Option<u64>,
    /// The term of the same.
    pub last_term: Option<u64>,
    /// The index of the last entry that is durable, if any is alive.
    pub durable_index: Option<u64>,
    /// The committed mark.
    pub committed_index: Option<u64>,
    /// The purged mark.
    pub purged_index: Option<u64>,
    /// How long opening took, in seconds.
    pub recovery_seconds: f64,
    /// How many bytes lie behind the end of the log in its newest chunk because a write was cut short; 0 if none was.
    pub recovery_left_behind_bytes: u64,
}

/// How many records were accepted.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct RecordStats {
    /// Votes.
    pub save_vote: u64,
    /// Entries.
    pub append: u64,
    /// Committed marks.
    pub commit: u64,
    /// Truncations.
    pub truncate_after: u64,
    /// Purged marks.
    pub purge_upto: u64,
    /// User data.
    pub save_user_data: u64,
}

/// The part of the statistics that a [`Wal`](crate::Wal) knows. One that does not count gives the default, all zero.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct WalStats {
    /// How long the syncs of groups took. A sync that failed is not among them. Where syncs take less than 5 µs, as they
    /// do in memory and on no disk, one group in 64 is timed, for all of the histograms of a flush.
    pub sync_seconds: Histogram,
    /// How long it took to give a group to the system.
    pub write_seconds: Histogram,
    /// How long the first operation of a group waited until the group was taken to be written.
    pub queue_wait_seconds: Histogram,
    /// How long the first operation of a group, the one that waits longest, took from being accepted to being durable.
    pub durable_latency_seconds: Histogram,
    /// How long it took to make a chunk, with the syncs that belong to it.
    pub rotation_seconds: Histogram,
    /// How long one reading of neighbouring entries from the disk took. Of the readings of a single entry one in 16 is
    /// timed.
    pub disk_read_seconds: Histogram,
    /// How many entries one flush wrote.
    pub group_entries: Histogram,
    /// How many bytes one flush wrote.
    pub group_bytes: Histogram,
    /// Bytes written into chunks: groups, headers and states; without footers and laid space.
    pub written_bytes: u64,
    /// Syncs of groups that succeeded.
    pub syncs: u64,
    /// Those of them that took as long as [`Config::slow_sync_millis`](crate::Config::slow_sync_millis) or longer.
    pub slow_syncs: u64,
    /// Syncs that failed: after the first, the log is poisoned.
    pub sync_errors: u64,
    /// Writes that failed: after the first, the log is poisoned.
    pub write_errors: u64,
    /// Operations that were refused because the disk is full.
    pub no_space: u64,
    /// Entries that were read from the disk.
    pub disk_read_entries: u64,
    /// Damage met by reads and scrubs. The same place counts each time that it is met.
    pub checksum_failures: u64,
    /// Chunks that were made in new space.
    pub chunks_fresh: u64,
    /// Chunks that were made of a purged chunk's file.
    pub chunks_reused: u64,
    /// Scrubs that came to their end.
    pub scrubs: u64,
    /// Bytes that scrubs read.
    pub scrubbed_bytes: u64,
    /// How long ago the last scrub ended, in seconds; `None` before the first.
    pub last_scrub_age_seconds: Option<f64>,
    /// Bytes that wait for a sync.
    pub pending_bytes: u64,
    /// Chunks that can be read.
    pub chunks: u64,
    /// The sizes of their files; without spares.
    pub disk_bytes: u64,
    /// A write or a sync has failed, and nothing is acknowledged any more.
    pub is_poisoned: bool,
}
