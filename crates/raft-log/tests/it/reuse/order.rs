//! In which order a purged file becomes a chunk, and beside what.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use raft_log::RaftLogWriter;
use raft_log_chunk::is_temporary_file_name;
use raft_log_testkit::{Call, MemoryStorage, WatchedStorage};

use super::life::*;
use crate::support::*;

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
