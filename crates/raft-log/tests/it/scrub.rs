//! A scrub finds what is damaged, tells it, and ends with its handle.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use raft_log::{ChunkId, RaftLogWriter, Scrub, ScrubEvent, ScrubOptions, Storage};
use raft_log_testkit::{Call, MemoryStorage, Operation, WatchedStorage};

use crate::support::*;

fn scrubbed(log: &Log, options: ScrubOptions) -> (Scrub, Receiver<ScrubEvent>) {
    let (tell, told) = mpsc::channel();
    let scrub = log.scrub(options, move |event| drop(tell.send(event))).unwrap();
    (scrub, told)
}

fn fast() -> ScrubOptions {
    ScrubOptions { bytes_per_second: 1 << 30, ..ScrubOptions::default() }
}

/// All events of one scrub.
fn until_done(told: &Receiver<ScrubEvent>) -> Vec<ScrubEvent> {
    let mut events = Vec::new();
    loop {
        events.push(told.recv_timeout(Duration::from_secs(60)).unwrap());
        if let Some(ScrubEvent::Done { .. }) = events.last() {
            return events;
        }
    }
}

/// The sealed chunks by name, oldest first.
fn chunks(memory: &MemoryStorage) -> Vec<String> {
    let mut names = memory.names();
    names.retain(|name| name.ends_with(".wal"));
    names.sort();
    names
}

#[test]
fn a_whole_log_has_nothing_to_tell() {
    let memory = MemoryStorage::new();
    let log = lived(&memory, &small());
    assert_eq!(log.stats().wal.last_scrub_age_seconds, None);
    let (_scrub, told) = scrubbed(&log, fast());
    let events = until_done(&told);
    let [ScrubEvent::Done { chunks: sealed, bytes, faults: 0 }] = events[..] else { panic!("{events:?}") };
    assert_eq!(sealed, chunks(&memory).len() as u64 - 1);
    let wal = log.stats().wal;
    assert_eq!((wal.scrubs, wal.scrubbed_bytes, wal.checksum_failures), (1, bytes, 0));
    assert!(wal.last_scrub_age_seconds.unwrap() < 60.0);
}

#[test]
fn every_kind_of_damage_is_found_and_the_rest_is_checked_all_the_same() {
    let memory = MemoryStorage::new();
    let log = lived(&memory, &small());
    let names = chunks(&memory);
    assert!(names.len() >= 4);
    let find = |name: &str, what: &[u8]| {
        let bytes = memory.file_bytes(name).unwrap();
        bytes.windows(what.len()).position(|window| window == what)
    };
    // A payload, a header, and the head of a frame, each in a chunk of its own.
    let body = names.iter().find(|name| find(name, b"payload of 22 ").is_some()).unwrap();
    let at = find(body, b"payload of 22 ").unwrap();
    let others: Vec<&String> = names[..names.len() - 1].iter().filter(|name| *name != body).collect();
    memory.edit_file(body, |bytes| bytes[at] ^= 1);
    memory.edit_file(others[0], |bytes| bytes[20] ^= 1);
    let head = find(others[1], b"payload of ").unwrap() - 8;
    memory.edit_file(others[1], |bytes| bytes[head] ^= 1);

    let (_scrub, told) = scrubbed(&log, fast());
    let mut events = until_done(&told);
    let Some(ScrubEvent::Done { faults: 3, .. }) = events.pop() else { panic!("{events:?}") };
    let id = |name: &str| ChunkId::from_file_name(name).unwrap().unwrap();
    let mut found: Vec<(ChunkId, bool, Option<u64>)> = events
        .into_iter()
        .map(|event| match event {
            ScrubEvent::Damaged { chunk, offset, index, found } => {
                assert!(!found.is_empty());
                (chunk, offset == 0, index)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    found.sort();
    let mut wanted =
        vec![(id(body), false, Some(22)), (id(others[0]), true, None), (id(others[1]), false, None)];
    wanted.sort();
    assert_eq!(found, wanted);
    assert_eq!(log.stats().wal.checksum_failures, 3);
}

#[test]
fn a_chunk_that_cannot_be_read_is_told_and_the_next_is_read() {
    let memory = MemoryStorage::new();
    let log = lived(&memory, &small());
    memory.fail_next(Operation::Read, 5, 1);
    let (_scrub, told) = scrubbed(&log, fast());
    let events = until_done(&told);
    let [ScrubEvent::Unreadable { chunk, .. }, ScrubEvent::Done { faults: 1, chunks: sealed, .. }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(chunk.file_name(), chunks(&memory)[0]);
    assert!(*sealed >= 3);
    assert_eq!(log.stats().wal.checksum_failures, 0, "what cannot be read is not damaged");
}

#[test]
fn dropping_the_handle_ends_a_scrub_that_would_take_for_ever() {
    let log = lived(&MemoryStorage::new(), &small());
    let (scrub, told) = scrubbed(&log, ScrubOptions { bytes_per_second: 1, ..ScrubOptions::default() });
    std::thread::sleep(Duration::from_millis(20));
    let begin = Instant::now();
    drop(scrub);
    assert!(begin.elapsed() < Duration::from_secs(30), "it waits for no byte");
    assert_eq!(told.recv(), Err(mpsc::RecvError), "nobody is left to tell anything");
    assert_eq!(log.stats().wal.scrubs, 0);
}

#[test]
fn a_scrub_begins_again_after_its_pause() {
    let log = lived(&MemoryStorage::new(), &small());
    let (_scrub, told) = scrubbed(&log, ScrubOptions { pause_seconds: 0, ..fast() });
    for _ in 0..3 {
        assert_eq!(until_done(&told).len(), 1);
    }
    assert!(log.stats().wal.scrubs >= 3);
}

#[test]
fn what_is_purged_under_a_scrub_is_not_told_as_damage() {
    let watched = WatchedStorage::new(MemoryStorage::new());
    let mut log = Log::open_on(small(), Arc::new(watched.clone()) as Arc<dyn Storage>).unwrap();
    log.append(entries(1, 0..45)).unwrap();
    log.sync().unwrap();
    let (began, wait_for_it) = mpsc::channel();
    let (go_on, held_up) = mpsc::channel::<()>();
    let held_up = std::sync::Mutex::new(held_up);
    watched.watch(move |call| {
        if matches!(call, Call::Read(_)) && std::thread::current().name() == Some("raft-log-scrub") {
            let _ = began.send(());
            let _ = held_up.lock().unwrap().recv();
        }
    });
    let (_scrub, told) = scrubbed(&log, fast());
    wait_for_it.recv().unwrap();
    log.purge(id(1, 44)).unwrap();
    log.sync().unwrap();
    drop(go_on);
    let events = until_done(&told);
    assert!(matches!(events[..], [ScrubEvent::Done { faults: 0, .. }]), "{events:?}");
}
