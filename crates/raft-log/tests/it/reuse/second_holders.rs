//! Whoever else holds the file of a purged chunk, a reader or a second name: it is not changed under them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use raft_log::{ChunkId, Config, RaftLogWriter};
use raft_log_testkit::{Call, MemoryStorage, WatchedStorage};

use super::life::*;
use crate::support::*;

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
