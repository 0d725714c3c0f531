//! What the statistics say is what happened, whoever asks and whenever.

use std::sync::Arc;
use std::time::Duration;

use raft_log::{MetricValue, PlainVote, RaftLogWriter, Stats, Storage};
use raft_log_testkit::{Call, MemoryStorage, Operation, WatchedStorage};

use crate::support::*;

const EIO: i32 = 5;

#[test]
fn what_was_written_is_counted() {
    let storage = MemoryStorage::new();
    // As a disk: each sync is timed.
    storage.set_sync_delay(Duration::from_micros(50));
    let log = lived(&storage, &small());
    let stats = log.stats();
    // `lived`: 25 entries, 5 of them truncated, 21 and 3 more; a purge up to 12 of what begins at 0.
    let records = &stats.records;
    assert_eq!((records.append, records.save_vote, records.commit), (49, 2, 1));
    assert_eq!((records.truncate_after, records.purge_upto, records.save_user_data), (1, 1, 1));
    assert_eq!((stats.truncated_entries, stats.purged_entries), (5, 13));
    assert_eq!((stats.first_index, stats.last_index, stats.durable_index), (Some(13), Some(43), Some(43)));
    assert_eq!((stats.committed_index, stats.purged_index, stats.last_term), (Some(30), Some(12), Some(2)));
    assert_eq!(stats.cache_entries, 31);

    let wal = &stats.wal;
    assert_eq!(wal.syncs, 3, "one for each of its calls of `sync`");
    assert_eq!(wal.sync_seconds.count(), 3);
    assert_eq!((wal.group_entries.count(), wal.group_entries.sum), (3, 49.0));
    assert_eq!(wal.group_bytes.sum, wal.written_bytes as f64);
    assert!(wal.written_bytes > stats.appended_bytes && stats.appended_bytes > 49 * 32, "{stats:?}");
    assert_eq!((wal.pending_bytes, wal.is_poisoned, wal.sync_errors), (0, false, 0));
    assert_eq!(wal.chunks_fresh, wal.rotation_seconds.count());
    let files: Vec<String> = storage.names().into_iter().filter(|name| name.ends_with(".wal")).collect();
    assert_eq!(wal.chunks, files.len() as u64);
    let sizes = files.iter().map(|name| storage.file_bytes(name).unwrap().len() as u64);
    assert_eq!(wal.disk_bytes, sizes.sum::<u64>());
}

#[test]
fn where_a_sync_takes_no_time_one_group_in_64_is_timed_and_all_are_counted() {
    let mut log = open(&MemoryStorage::new(), &small()).unwrap();
    for index in 0..640 {
        log.append(entries(1, index..index + 1)).unwrap();
        log.sync().unwrap();
    }
    let wal = log.stats().wal;
    assert_eq!((wal.syncs, wal.group_entries.count(), wal.group_entries.sum), (640, 640, 640.0));
    // A sync may take longer where the machine has other work, and then the next is timed as well.
    let timed = wal.sync_seconds.count();
    assert!((10..640).contains(&timed), "{timed}");
    assert_eq!((wal.write_seconds.count(), wal.durable_latency_seconds.count()), (timed, timed));
}

#[test]
fn an_operation_that_does_nothing_or_is_refused_is_not_counted() {
    let storage = MemoryStorage::new();
    let mut log = lived(&storage, &small());
    let before = log.stats();
    log.save_vote(PlainVote::new(2, 8)).unwrap();
    log.truncate(Some(id(2, 43))).unwrap();
    log.purge(id(1, 12)).unwrap();
    log.append(entries(1, 44..45)).unwrap_err();
    log.truncate(Some(id(2, 29))).unwrap_err();
    log.sync().unwrap();
    let after = log.stats();
    assert_eq!((after.records, after.wal.syncs), (before.records, before.wal.syncs));
    assert_eq!((after.truncated_entries, after.purged_entries), (5, 13));
}

#[test]
fn a_purge_beyond_the_last_entry_and_a_truncation_of_all_count_what_was_there() {
    let mut log = open(&MemoryStorage::new(), &small()).unwrap();
    log.append(entries(1, 5..25)).unwrap();
    log.truncate(None).unwrap();
    assert_eq!(log.stats().truncated_entries, 20);
    log.append(entries(2, 5..15)).unwrap();
    log.purge(id(3, 1000)).unwrap();
    let stats = log.stats();
    assert_eq!((stats.truncated_entries, stats.purged_entries), (20, 10));
    assert_eq!((stats.first_index, stats.last_index), (None, Some(1000)));
}

#[test]
fn the_durable_index_and_the_pending_bytes_follow_the_sync() {
    let mut log = open(&MemoryStorage::new(), &small()).unwrap();
    assert_eq!(log.stats().durable_index, None);
    log.append(entries(1, 0..7)).unwrap();
    log.sync().unwrap();
    log.append(entries(1, 7..33)).unwrap();
    let stats = log.stats();
    assert_eq!((stats.durable_index, stats.last_index), (Some(6), Some(32)));
    assert!(stats.wal.pending_bytes >= stats.appended_bytes / 2, "{stats:?}");
    log.sync().unwrap();
    assert_eq!((log.stats().durable_index, log.stats().wal.pending_bytes), (Some(32), 0));
}

#[test]
fn reads_are_counted_by_where_they_come_from() {
    let storage = MemoryStorage::new();
    drop(lived(&storage, &small()));
    let mut log = open(&storage, &small()).unwrap();
    log.append(entries(2, 44..50)).unwrap();
    let (reader, other) = (log.reader(), log.reader());
    reader.read(13..50).unwrap();
    other.entry(47).unwrap();
    let stats = log.stats();
    assert_eq!((stats.wal.disk_read_entries, stats.cache_read_entries), (31, 7));
    assert_eq!(stats, reader.stats(), "there is one count, whoever is asked");
    assert_eq!(stats.wal.disk_read_seconds.count(), 5, "one for the neighbours in each chunk");
    assert!(stats.recovery_seconds > 0.0);
    assert_eq!(stats.recovery_left_behind_bytes, 0);
}

#[test]
fn a_torn_tail_and_damage_are_counted() {
    let storage = MemoryStorage::new();
    let mut log = lived(&storage, &small());
    log.append(entries(2, 44..45)).unwrap();
    log.sync().unwrap();
    let image = killed(&storage);
    std::mem::forget(log);
    let newest = image.names().into_iter().rfind(|name| name.ends_with(".wal")).unwrap();
    let bytes = image.file_bytes(&newest).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 64;
    let file = image.open_writable(&newest).unwrap();
    file.write_at(&[1], end as u64).unwrap();
    // One byte of a payload; an older chunk has the entry of this index that was truncated.
    let place = |name: &String| {
        let bytes = image.file_bytes(name).unwrap();
        let at = bytes.windows(13).rposition(|window| window == b"payload of 22")?;
        Some((name.clone(), at as u64))
    };
    let (name, at) = image.names().iter().rev().find_map(place).unwrap();
    image.open_writable(&name).unwrap().write_at(b"P", at).unwrap();

    let log = open(&image, &small()).unwrap();
    assert!(log.stats().recovery_left_behind_bytes > 64);
    assert_eq!(log.stats().wal.checksum_failures, 0);
    log.reader().entry(22).unwrap_err();
    log.reader().entry(23).unwrap();
    assert_eq!(log.stats().wal.checksum_failures, 1);
}

#[test]
fn a_failed_sync_and_a_failed_write_are_counted_and_the_log_is_poisoned() {
    for (fails_sync, counts) in [(true, (1, 0)), (false, (0, 1))] {
        let memory = MemoryStorage::new();
        let mut log = open(&memory, &small()).unwrap();
        log.append(entries(1, 0..3)).unwrap();
        log.sync().unwrap();
        log.append(entries(1, 3..4)).unwrap();
        memory.fail_next(if fails_sync { Operation::Sync } else { Operation::Write }, EIO, 1);
        log.sync().unwrap_err();
        log.sync().unwrap_err();
        let stats = log.stats();
        assert_eq!((stats.wal.sync_errors, stats.wal.write_errors), counts, "once, whatever comes after");
        assert!(stats.wal.is_poisoned);
        assert_eq!((stats.wal.syncs, stats.durable_index), (1, Some(2)));
    }
}

#[test]
fn what_a_full_disk_refuses_is_counted() {
    let memory = MemoryStorage::new();
    let mut log = open(&memory, &small()).unwrap();
    log.append(entries(1, 0..3)).unwrap();
    log.sync().unwrap();
    memory.set_capacity(Some(memory.used_bytes()));
    let large = bytes::Bytes::from(vec![7; 1 << 20]);
    log.append([(id(1, 3), large)]).unwrap_err();
    let stats = log.stats();
    assert_eq!((stats.wal.no_space, stats.records.append, stats.wal.is_poisoned), (1, 3, false));
}

#[test]
fn a_slow_sync_is_counted() {
    let memory = MemoryStorage::new();
    let config = raft_log::Config { slow_sync_millis: 20, ..small() };
    let mut log = open(&memory, &config).unwrap();
    memory.set_sync_delay(Duration::from_millis(1));
    log.append(entries(1, 0..1)).unwrap();
    log.sync().unwrap();
    let before = log.stats().wal.slow_syncs;
    memory.set_sync_delay(Duration::from_millis(21));
    log.append(entries(1, 1..2)).unwrap();
    log.sync().unwrap();
    let wal = log.stats().wal;
    assert_eq!(wal.slow_syncs, before + 1);
    assert!(wal.sync_seconds.sum >= 0.021, "{wal:?}");
}

#[test]
fn statistics_wait_for_no_sync() {
    let watched = WatchedStorage::new(MemoryStorage::new());
    let mut log = Log::open_on(small(), Arc::new(watched.clone()) as Arc<dyn Storage>).unwrap();
    log.append(entries(1, 0..1)).unwrap();
    log.sync().unwrap();
    log.append(entries(1, 1..2)).unwrap();
    let reader = log.reader();
    let (seen, asked) = std::sync::mpsc::channel();
    watched.watch(move |call| {
        if matches!(call, Call::Sync(name) if name.ends_with(".wal")) {
            // While the sync is under way, and all its locks are held.
            let reader = reader.clone();
            let stats = std::thread::spawn(move || reader.stats()).join().unwrap();
            let _ = seen.send((stats.durable_index, stats.wal.pending_bytes > 0));
        }
    });
    log.sync().unwrap();
    assert_eq!(asked.try_recv().unwrap(), (Some(0), true));
}

#[test]
fn every_metric_has_a_name_by_the_conventions_and_is_written_once() {
    let stats = Stats::default();
    let metrics = stats.metrics();
    let mut names: Vec<&str> = metrics.iter().map(|metric| metric.name).collect();
    for metric in &metrics {
        let name = metric.name;
        assert!(name.starts_with("raftlog_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        let is_counter = matches!(metric.value, MetricValue::Counter(_) | MetricValue::Counters { .. });
        assert_eq!(is_counter, name.ends_with("_total"), "{name}");
        assert!(metric.help.ends_with('.') && !metric.help.contains('\n'), "{name}: {}", metric.help);
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), metrics.len());
    assert!(names.len() >= 35);
}

#[test]
fn several_logs_are_one_text_in_which_each_metric_is_described_once() {
    let storage = MemoryStorage::new();
    let log = lived(&storage, &small());
    let (stats, empty) = (log.stats(), Stats::default());
    let text = Stats::all_to_prometheus([("a \"b\"", &stats), ("c", &empty)]);
    for metric in stats.metrics() {
        assert_eq!(text.matches(&format!("# TYPE {} ", metric.name)).count(), 1, "{}", metric.name);
    }
    assert!(text.contains("raftlog_syncs_total{log=\"a \\\"b\\\"\"} 3\n"));
    assert!(text.contains("raftlog_syncs_total{log=\"c\"} 0\n"));
    assert!(text.contains("raftlog_records_total{log=\"c\",kind=\"append\"} 0\n"));
    assert_eq!(Stats::all_to_prometheus([]), "");
    assert_eq!(stats.to_prometheus("x"), Stats::all_to_prometheus([("x", &stats)]));
}

#[cfg(feature = "serde")]
#[test]
fn statistics_can_be_stored_and_read() {
    let storage = MemoryStorage::new();
    let stats = lived(&storage, &small()).stats();
    let text = serde_json::to_string(&stats).unwrap();
    assert_eq!(serde_json::from_str::<Stats>(&text).unwrap(), stats);
}

/// Collects what a publisher gives to the crate `metrics`.
#[cfg(feature = "metrics")]
mod publisher {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use metrics::{
        Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
        SharedString, Unit,
    };
    use raft_log::{MetricsPublisher, RaftLogWriter};
    use raft_log_testkit::MemoryStorage;

    use crate::support::*;

    type Values = Arc<Mutex<BTreeMap<String, Vec<f64>>>>;

    #[derive(Clone, Default)]
    struct Collector(Values);

    /// One series: its name with its labels.
    struct Series(String, Values);

    impl Series {
        fn of(key: &Key, collector: &Collector) -> Arc<Self> {
            let labels: Vec<String> =
                key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            Arc::new(Self(format!("{} {}", key.name(), labels.join(" ")), collector.0.clone()))
        }

        fn put(&self, value: f64) {
            self.1.lock().unwrap().entry(self.0.clone()).or_default().push(value);
        }
    }

    impl CounterFn for Series {
        fn increment(&self, _: u64) {
            panic!("a log's counters are absolute");
        }

        fn absolute(&self, value: u64) {
            self.put(value as f64);
        }
    }

    impl GaugeFn for Series {
        fn increment(&self, _: f64) {
            panic!("a log's gauges are set");
        }

        fn decrement(&self, _: f64) {
            panic!("a log's gauges are set");
        }

        fn set(&self, value: f64) {
            self.put(value);
        }
    }

    impl HistogramFn for Series {
        fn record(&self, value: f64) {
            self.put(value);
        }
    }

    impl Recorder for Collector {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(Series::of(key, self))
        }

        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(Series::of(key, self))
        }

        fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::from_arc(Series::of(key, self))
        }
    }

    #[test]
    fn the_crate_metrics_gets_the_same_and_each_observation_once() {
        let collector = Collector::default();
        let storage = MemoryStorage::new();
        storage.set_sync_delay(std::time::Duration::from_micros(50));
        let mut log = lived(&storage, &small());
        let mut publisher = MetricsPublisher::new("a");
        metrics::with_local_recorder(&collector, || {
            publisher.publish(&log.stats());
            publisher.publish(&log.stats());
            log.append(entries(2, 44..60)).unwrap();
            log.sync().unwrap();
            publisher.publish(&log.stats());
        });
        let values = collector.0.lock().unwrap();
        assert_eq!(values["raftlog_syncs_total log=a"], [3.0, 3.0, 4.0]);
        assert_eq!(values["raftlog_records_total log=a kind=append"], [49.0, 49.0, 65.0]);
        assert_eq!(values["raftlog_last_index log=a"], [43.0, 43.0, 59.0]);
        // Groups of 25, 21 and 3 entries, and then of 16, by the bounds of their buckets.
        assert_eq!(values["raftlog_group_entries log=a"], [4.0, 64.0, 64.0, 16.0]);
        assert_eq!(values["raftlog_sync_seconds log=a"].len(), 4);
        let stats = log.stats();
        for metric in stats.metrics() {
            let is_there = values.keys().any(|key| key.starts_with(&format!("{} ", metric.name)));
            let may_be_absent = ["raftlog_last_scrub_age_seconds", "raftlog_disk_read_seconds"];
            assert!(is_there || may_be_absent.contains(&metric.name), "{}", metric.name);
        }
    }
}
