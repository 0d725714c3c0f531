//! What a reader is promised: it sees at once what was written, says exactly what is missing, lives longer than the
//! log, and waits for no sync.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use raft_log::{Config, RaftLogReader, RaftLogWriter, ReadError};
use raft_log_codec::PlainTypes;
use raft_log_testkit::{Call, MemoryStorage, WatchedStorage};

use crate::support::*;

fn without_cache() -> Config {
    Config { log_cache_max_items: 0, log_cache_capacity: 0, read_buffer_size: 4096, ..small() }
}

#[test]
fn an_old_reader_sees_what_is_appended_later_before_it_is_durable() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    let reader = log.reader();
    assert!(reader.read(..).unwrap().is_empty());
    for index in 0..35 {
        log.append(entries(1, index..index + 1)).unwrap();
        assert_eq!(reader.entry(index).unwrap(), entries(1, index..index + 1).remove(0));
        assert_eq!(reader.state().last, Some(id(1, index)));
        if index % 10 == 9 {
            log.sync().unwrap();
        }
    }
    assert_eq!(reader.read(..).unwrap(), entries(1, 0..35));
    log.truncate(Some(id(1, 19))).unwrap();
    assert_eq!(reader.read(..).unwrap(), entries(1, 0..20));
    assert!(matches!(reader.entry(20), Err(ReadError::IndexNotFound { index: 20, first: 0, end: 20 })));
}

#[test]
fn a_range_is_exact_or_says_what_is_missing() {
    for config in [small(), without_cache()] {
        let storage = MemoryStorage::new();
        let mut log = open(&storage, &config).unwrap();
        log.append(entries(1, 5..40)).unwrap();
        log.sync().unwrap();
        let reader = log.reader();
        assert!(matches!(reader.read(4..7), Err(ReadError::IndexNotFound { index: 4, first: 5, end: 40 })));
        log.purge(id(1, 17)).unwrap();
        log.sync().unwrap();
        assert!(matches!(reader.read(17..20), Err(ReadError::Purged { index: 17, first: 18 })));
        assert!(matches!(reader.read(0..), Err(ReadError::Purged { index: 0, first: 18 })));
        assert!(matches!(reader.log_id(16), Err(ReadError::Purged { index: 16, first: 18 })));
        assert_eq!(reader.log_id(17).unwrap(), id(1, 17), "the purged mark is known");
        assert_eq!(reader.read(18..).unwrap(), entries(1, 18..40));
        assert_eq!(reader.read(18..=18).unwrap(), entries(1, 18..19));
        assert_eq!(reader.read(38..100).unwrap(), entries(1, 38..40));
        for empty in [20..20, 40..50, 41..50, 17..17, u64::MAX..u64::MAX] {
            assert_eq!(reader.read(empty.clone()).unwrap(), [], "{empty:?}");
        }
        #[expect(clippy::reversed_empty_ranges, reason = "an inverted range is what is tested")]
        let inverted = 30..20;
        assert_eq!(reader.read(inverted).unwrap(), []);
        assert_eq!(
            reader.read((std::ops::Bound::Excluded(38), std::ops::Bound::Unbounded)).unwrap(),
            entries(1, 39..40)
        );
        for index in [40, u64::MAX] {
            assert!(matches!(reader.entry(index), Err(ReadError::IndexNotFound { .. })), "{index}");
        }
    }
}

#[test]
fn a_cached_read_gives_what_a_read_gives_or_nothing() {
    let storage = MemoryStorage::new();
    let config = Config { log_cache_max_items: 10, ..small() };
    let mut log = open(&storage, &config).unwrap();
    let reader = log.reader();
    assert_eq!(reader.read_cached(0, 9, u64::MAX), Some(Vec::new()), "an empty log has nothing on the disk");
    log.append(entries(1, 0..40)).unwrap();
    log.sync().unwrap();
    log.truncate(Some(id(1, 37))).unwrap();
    let cached = (0..38).find(|index| reader.read_cached(*index, 38, u64::MAX).is_some()).unwrap();
    assert!((28..38).contains(&cached), "about ten entries are cached: from {cached} on");
    for start in 0..45 {
        for (end, bytes_max) in [(38, u64::MAX), (start + 2, u64::MAX), (u64::MAX, 1), (45, 100)] {
            let read = reader.read_limited(start, end, bytes_max).unwrap();
            let given = reader.read_cached(start, end, bytes_max);
            assert_eq!(given, (start >= cached).then_some(read), "{start}..{end}, {bytes_max} bytes");
        }
    }
    log.purge(id(1, 34)).unwrap();
    assert_eq!(reader.read_cached(34, 38, u64::MAX), None, "that it is purged, a read says");
    assert_eq!(reader.read_cached(35, 38, u64::MAX), Some(entries(1, 35..38)));
}

/// How often a file is read while `read` runs.
fn reads_of<R>(storage: &WatchedStorage, read: impl FnOnce() -> R) -> (u64, R) {
    let reads = Arc::new(AtomicU64::new(0));
    let counted = reads.clone();
    storage.watch(move |call| {
        counted.fetch_add(u64::from(matches!(call, Call::Read(_))), Ordering::Relaxed);
    });
    let result = read();
    (reads.load(Ordering::Relaxed), result)
}

#[test]
fn neighbours_are_read_at_once_as_far_as_they_are_asked_for_and_the_buffer_goes() {
    let config = Config { read_buffer_size: 8 << 10, chunk: Config::new("").chunk, ..without_cache() };
    // Its frames take 400 bytes: 20 go into the buffer.
    let all: Vec<_> = (0..200).map(|index| (id(1, index), Bytes::from(vec![index as u8; 368]))).collect();
    let storage = WatchedStorage::new(MemoryStorage::new());
    let open = || -> Log { Log::open_on(config.clone(), Arc::new(storage.clone())).unwrap() };
    let check = |log: &Log, life: &str| {
        // The table of a chunk that was found is read once.
        assert_eq!(log.entry(0).unwrap(), all[0], "{life}");
        for (start, bytes_max, reads, end) in [
            (0, 1, 1, 1),
            (7, 400, 1, 8),
            (7, 401, 1, 9),
            (0, 20 * 400, 1, 20),
            (0, 20 * 400 + 1, 2, 21),
            (150, 19 * 400 + 1, 1, 170),
            // The last one alone, as it is not known where it ends.
            (190, u64::MAX, 2, 200),
            (0, u64::MAX, 11, 200),
        ] {
            let read = || log.reader().read_limited(start, 1000, bytes_max).unwrap();
            let (count, found) = reads_of(&storage, read);
            assert_eq!(found, all[start as usize..end], "{life}: {start}, {bytes_max}");
            assert_eq!(count, reads, "{life}: {start}, {bytes_max}");
        }
    };
    let mut log = open();
    log.append(all.clone()).unwrap();
    log.sync().unwrap();
    check(&log, "the life that wrote it");
    log.close().unwrap();
    drop(log);
    check(&open(), "the next one");
}

#[test]
fn a_log_at_the_largest_index_is_read() {
    for config in [small(), without_cache()] {
        let storage = MemoryStorage::new();
        let mut log = open(&storage, &config).unwrap();
        let last = entries(1, u64::MAX - 2..u64::MAX);
        log.append(last.clone()).unwrap();
        log.sync().unwrap();
        assert_eq!(log.read(u64::MAX - 2..).unwrap(), last);
        assert_eq!(log.read(u64::MAX - 2..=u64::MAX).unwrap(), last);
        assert_eq!(log.reader().entry(u64::MAX - 1).unwrap(), last[1]);
        assert!(matches!(log.append(entries(1, u64::MAX..u64::MAX)), Ok(())), "no entries");
        drop(log);
        assert_eq!(contents(&open(&storage, &config).unwrap()), last);
    }
}

#[test]
fn readers_outlive_the_log() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &without_cache()).unwrap();
    log.append(entries(1, 0..30)).unwrap();
    log.sync().unwrap();
    drop(log);
    let mut log = open(&storage, &without_cache()).unwrap();
    log.append(entries(1, 30..45)).unwrap();
    let reader = log.reader();
    drop(log);
    let other = reader.clone();
    assert_eq!(thread::spawn(move || other.read(..).unwrap()).join().unwrap(), entries(1, 0..45));
    assert_eq!(reader.indexes(), 0..45);

    // The next owner goes on; the old reader still sees what the old log was, as far as the files are there.
    let mut log = open(&storage, &without_cache()).unwrap();
    log.truncate(Some(id(1, 39))).unwrap();
    log.append(entries(2, 40..60)).unwrap();
    log.sync().unwrap();
    assert_eq!(reader.read(..).unwrap(), entries(1, 0..45));
    log.commit(id(2, 59)).unwrap();
    log.purge(id(2, 55)).unwrap();
    log.sync().unwrap();
    assert_eq!(
        reader.read(..).unwrap(),
        entries(1, 0..45),
        "its files are open, though their names are gone"
    );
}

#[test]
fn readers_of_a_poisoned_log_go_on() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &without_cache()).unwrap();
    log.append(entries(1, 0..15)).unwrap();
    log.sync().unwrap();
    log.append(entries(1, 15..18)).unwrap();
    storage.fail_next(raft_log_testkit::Operation::Sync, 5, u64::MAX);
    assert!(log.sync().is_err());
    let reader = log.reader();
    assert_eq!(reader.read(..).unwrap(), entries(1, 0..18));
    drop(log);
    assert_eq!(reader.read(..).unwrap(), entries(1, 0..18));
}

/// The longest of many reads, of all kinds, until `is_over`.
fn slowest_read(reader: &RaftLogReader<PlainTypes>, is_over: &AtomicBool) -> (Duration, u64) {
    let mut slowest = Duration::ZERO;
    let mut reads = 0;
    while !is_over.load(Ordering::Relaxed) {
        let begin = Instant::now();
        let range = reader.indexes();
        match reader.read(range.end.saturating_sub(5)..) {
            Ok(_) | Err(ReadError::Purged { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
        match reader.read_limited(range.start, range.end, 200) {
            Ok(_) | Err(ReadError::Purged { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
        let _ = reader.state();
        let _ = reader.term_runs(..);
        slowest = slowest.max(begin.elapsed());
        reads += 1;
        thread::sleep(Duration::from_micros(300));
    }
    (slowest, reads)
}

/// Writes from an index on, and waits for at least one sync.
/// Has `change` made, on another thread and to its end, while the first read of a file is under way.
fn read_while(change: impl FnOnce(&mut Log) + Send, read: impl FnOnce(&RaftLogReader<PlainTypes>)) {
    let storage = WatchedStorage::new(MemoryStorage::new());
    let mut config = without_cache();
    config.chunk.max_records = 1000;
    let mut log = Log::open_on(config, Arc::new(storage.clone())).unwrap();
    for index in 0..40 {
        log.append(entries(1, index..index + 1)).unwrap();
        // Entries lie far apart, so that a limited read finds in several pieces what it may give.
        log.save_user_data(Some(vec![0; 300].into())).unwrap();
    }
    log.sync().unwrap();
    let reader = log.reader();
    let (begin, begun) = mpsc::channel();
    let (end, ended) = mpsc::channel();
    let (is_armed, ended) = (AtomicBool::new(true), Mutex::new(ended));
    storage.watch(move |call| {
        if matches!(call, Call::Read(_)) && is_armed.swap(false, Ordering::Relaxed) {
            begin.send(()).unwrap();
            ended.lock().unwrap().recv().unwrap();
        }
    });
    thread::scope(|scope| {
        scope.spawn(move || {
            begun.recv().unwrap();
            change(&mut log);
            end.send(()).unwrap();
            log
        });
        read(&reader);
    });
}

#[test]
fn what_a_limited_read_gives_is_of_one_moment() {
    let bytes_of_ten = 10 * 70;
    read_while(
        |_| {},
        |reader| {
            let read = reader.read_limited(5, 40, bytes_of_ten).unwrap();
            assert!(read.len() >= 8, "found in several pieces: {}", read.len());
            assert_eq!(read, entries(1, 5..5 + read.len() as u64));
        },
    );
    // Other entries take the place of some that were found, and of some that were not yet.
    read_while(
        |log| {
            log.truncate(Some(id(1, 5))).unwrap();
            log.append(entries(2, 6..40)).unwrap();
        },
        |reader| {
            let read = reader.read_limited(5, 40, bytes_of_ten).unwrap();
            assert!(read.len() >= 8, "{}", read.len());
            let after: Vec<_> = [entries(1, 5..6), entries(2, 6..40)].concat();
            assert_eq!(read, after[..read.len()]);
        },
    );
    // Entries that were read already are gone, and none came.
    read_while(
        |log| log.truncate(Some(id(1, 2))).unwrap(),
        |reader| assert_eq!(reader.read_limited(5, 40, bytes_of_ten).unwrap(), []),
    );
}

type Write = fn(&mut Log, u64);

#[test]
fn no_read_waits_for_a_sync() {
    let writes: [(&str, Write); 4] = [
        ("sync", |log, index| {
            log.append(entries(1, index..index + 3)).unwrap();
            log.sync().unwrap();
        }),
        ("ticket", |log, index| {
            log.append(entries(1, index..index + 3)).unwrap();
            log.ticket().wait().unwrap();
        }),
        ("rotation", |log, index| {
            log.append(entries(1, index..index + 3)).unwrap();
            log.flush(|_| {});
            log.append(entries(1, index + 3..index + 30)).unwrap();
            log.sync().unwrap();
        }),
        ("a full queue and a purge", |log, index| {
            let large = Bytes::from(vec![1; 40 << 10]);
            log.append((index..index + 2).map(|index| (id(1, index), large.clone()))).unwrap();
            log.append((index + 2..index + 4).map(|index| (id(1, index), large.clone()))).unwrap();
            log.purge(id(1, index)).unwrap();
        }),
    ];
    for (name, write) in writes {
        // A machine that is busy with other things may stop a reader for a while, but hardly three times.
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let storage = MemoryStorage::new();
            let config = Config { max_unsynced_bytes: 64 << 10, ..without_cache() };
            let mut log = open(&storage, &config).unwrap();
            log.append(entries(1, 0..20)).unwrap();
            log.sync().unwrap();
            storage.set_sync_delay(Duration::from_millis(200));
            let is_over = Arc::new(AtomicBool::new(false));
            let (reader, over) = (log.reader(), is_over.clone());
            let reading = thread::spawn(move || slowest_read(&reader, &over));
            let begin = Instant::now();
            for _ in 0..2 {
                let next = log.state().end_index();
                write(&mut log, next);
            }
            assert!(begin.elapsed() >= Duration::from_millis(200), "{name}: a sync was waited for");
            is_over.store(true, Ordering::Relaxed);
            let (slowest, reads) = reading.join().unwrap();
            assert!(reads > 50, "{name}: {reads} reads");
            storage.set_sync_delay(Duration::ZERO);
            best = best.min(slowest);
            println!("{name}: {reads} reads, the slowest {slowest:?}");
            if best < Duration::from_millis(20) {
                break;
            }
        }
        assert!(best < Duration::from_millis(20), "{name}: a read took {best:?}");
    }
}
