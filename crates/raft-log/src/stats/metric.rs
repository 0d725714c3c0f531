//! The list of all metrics: every name stands here, once, with what it means.
//!
//! Names follow the conventions of Prometheus: seconds and bytes, `_total` for what only grows.

use super::{Histogram, Stats};

/// One metric of a log, with its value or values.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Metric<'a> {
    /// Its name, as `raftlog_syncs_total`.
    pub name: &'static str,
    /// What it means, in one line.
    pub help: &'static str,
    /// What it is.
    pub value: MetricValue<'a>,
}

/// The value of a [`Metric`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum MetricValue<'a> {
    /// It only grows, from 0 at each open.
    Counter(u64),
    /// Several of them, told apart by a label.
    Counters {
        /// The label's name.
        label: &'static str,
        /// Its values, and how far each has grown.
        values: Vec<(&'static str, u64)>,
    },
    /// It rises and falls; `None` while there is nothing it could tell.
    Gauge(Option<f64>),
    /// A distribution.
    Histogram(&'a Histogram),
}

impl Stats {
    /// All metrics, with their names.
    pub fn metrics(&self) -> Vec<Metric<'_>> {
        use MetricValue::{Counter, Counters, Gauge, Histogram};

        let metric = |name, help, value| Metric { name, help, value };
        let number = |value: u64| Gauge(Some(value as f64));
        let index = |index: Option<u64>| Gauge(index.map(|index| index as f64));
        let records = vec![
            ("save_vote", self.records.save_vote),
            ("append", self.records.append),
            ("commit", self.records.commit),
            ("truncate_after", self.records.truncate_after),
            ("purge_upto", self.records.purge_upto),
            ("save_user_data", self.records.save_user_data),
        ];
        let reads = vec![("cache", self.cache_read_entries), ("disk", self.wal.disk_read_entries)];
        let chunks = vec![("fresh", self.wal.chunks_fresh), ("reused", self.wal.chunks_reused)];
        vec![
            metric(
                "raftlog_sync_seconds",
                "How long syncing a group took.",
                Histogram(&self.wal.sync_seconds),
            ),
            metric(
                "raftlog_write_seconds",
                "How long writing a group took.",
                Histogram(&self.wal.write_seconds),
            ),
            metric(
                "raftlog_queue_wait_seconds",
                "How long the first operation of a group waited to be written.",
                Histogram(&self.wal.queue_wait_seconds),
            ),
            metric(
                "raftlog_durable_latency_seconds",
                "From the acceptance of a group's first operation to its durability.",
                Histogram(&self.wal.durable_latency_seconds),
            ),
            metric(
                "raftlog_rotation_seconds",
                "How long making a chunk took.",
                Histogram(&self.wal.rotation_seconds),
            ),
            metric(
                "raftlog_disk_read_seconds",
                "How long reading neighbouring entries from the disk took.",
                Histogram(&self.wal.disk_read_seconds),
            ),
            metric(
                "raftlog_group_entries",
                "Entries that one flush wrote.",
                Histogram(&self.wal.group_entries),
            ),
            metric("raftlog_group_bytes", "Bytes that one flush wrote.", Histogram(&self.wal.group_bytes)),
            metric("raftlog_appended_entries_total", "Appended entries.", Counter(self.records.append)),
            metric(
                "raftlog_appended_bytes_total",
                "Bytes of the frames of appended entries.",
                Counter(self.appended_bytes),
            ),
            metric(
                "raftlog_written_bytes_total",
                "Bytes written into chunks.",
                Counter(self.wal.written_bytes),
            ),
            metric(
                "raftlog_records_total",
                "Accepted records, by kind.",
                Counters { label: "kind", values: records },
            ),
            metric("raftlog_syncs_total", "Syncs of groups that succeeded.", Counter(self.wal.syncs)),
            metric(
                "raftlog_slow_syncs_total",
                "Syncs that took as long as the configured threshold or longer.",
                Counter(self.wal.slow_syncs),
            ),
            metric("raftlog_sync_errors_total", "Syncs that failed.", Counter(self.wal.sync_errors)),
            metric("raftlog_write_errors_total", "Writes that failed.", Counter(self.wal.write_errors)),
            metric(
                "raftlog_no_space_total",
                "Operations refused because the disk is full.",
                Counter(self.wal.no_space),
            ),
            metric(
                "raftlog_read_entries_total",
                "Entries read, by where they came from.",
                Counters { label: "source", values: reads },
            ),
            metric(
                "raftlog_truncated_entries_total",
                "Entries dropped from the end.",
                Counter(self.truncated_entries),
            ),
            metric(
                "raftlog_purged_entries_total",
                "Entries dropped from the beginning.",
                Counter(self.purged_entries),
            ),
            metric(
                "raftlog_checksum_failures_total",
                "Damage met by reads and scrubs.",
                Counter(self.wal.checksum_failures),
            ),
            metric(
                "raftlog_chunks_made_total",
                "Chunks made, by the space they were made in.",
                Counters { label: "space", values: chunks },
            ),
            metric("raftlog_scrubs_total", "Scrubs that came to their end.", Counter(self.wal.scrubs)),
            metric(
                "raftlog_scrubbed_bytes_total",
                "Bytes that scrubs read.",
                Counter(self.wal.scrubbed_bytes),
            ),
            metric(
                "raftlog_last_scrub_age_seconds",
                "Since the last scrub ended.",
                Gauge(self.wal.last_scrub_age_seconds),
            ),
            metric("raftlog_disk_bytes", "Sizes of the chunks' files.", number(self.wal.disk_bytes)),
            metric("raftlog_chunks", "Chunks.", number(self.wal.chunks)),
            metric("raftlog_cache_entries", "Entries in the cache.", number(self.cache_entries)),
            metric("raftlog_cache_bytes", "Bytes in the cache.", number(self.cache_bytes)),
            metric("raftlog_pending_bytes", "Bytes that wait for a sync.", number(self.wal.pending_bytes)),
            metric("raftlog_first_index", "Index of the first entry.", index(self.first_index)),
            metric("raftlog_last_index", "Index of the last entry.", index(self.last_index)),
            metric("raftlog_last_term", "Term of the last entry.", index(self.last_term)),
            metric(
                "raftlog_durable_index",
                "Index of the last entry that is durable.",
                index(self.durable_index),
            ),
            metric("raftlog_committed_index", "The committed mark.", index(self.committed_index)),
            metric("raftlog_purged_index", "The purged mark.", index(self.purged_index)),
            metric(
                "raftlog_poisoned",
                "1 after a write or a sync has failed.",
                number(u64::from(self.wal.is_poisoned)),
            ),
            metric("raftlog_recovery_seconds", "How long opening took.", Gauge(Some(self.recovery_seconds))),
            metric(
                "raftlog_recovery_left_behind_bytes",
                "Bytes behind the end at opening that a write left which was cut short.",
                number(self.recovery_left_behind_bytes),
            ),
        ]
    }
}
