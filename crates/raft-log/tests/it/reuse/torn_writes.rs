//! Kills and losses of power at any call, and writes that were torn in reused space.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use raft_log::{RaftLogWriter, TornTail};
use raft_log_chunk::Space;
use raft_log_testkit::{Call, MemoryStorage, WatchedStorage};

use super::life::*;
use super::promises::*;
use crate::support::*;

/// Writes only some of the sectors: what a loss of power may leave of a write that was not synced.
fn write_sectors(file: &mut Vec<u8>, offset: u64, bytes: &[u8], is_written: impl Fn(usize) -> bool) {
    const SECTOR: usize = 512;
    let start = offset as usize;
    if file.len() < start + bytes.len() {
        file.resize(start + bytes.len(), 0);
    }
    for (position, byte) in bytes.iter().enumerate() {
        if is_written((start + position) / SECTOR - start / SECTOR) {
            file[start + position] = *byte;
        }
    }
}

#[test]
fn a_kill_or_a_loss_of_power_at_any_call_loses_nothing_and_brings_nothing_back() {
    type Tear = fn(usize) -> bool;
    let tears: [Tear; 5] = [
        |sector| sector < 1,
        |sector| sector < 5,
        |sector| sector != 0,
        |sector| sector % 2 == 0,
        |sector| sector % 2 == 1,
    ];
    let storage = MemoryStorage::new();
    let watched = WatchedStorage::new(storage.clone());
    let promises: Arc<Mutex<Promises>> = Arc::default();
    let mut log = open_watched(&watched);
    let (moments, torn) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counts = (moments.clone(), torn.clone());
    let (seen, promised) = (storage.clone(), promises.clone());
    watched.watch(move |call| {
        let promises = promised.lock().unwrap().clone();
        if matches!(call, Call::Read(_)) {
            return;
        }
        counts.0.fetch_add(1, Ordering::Relaxed);
        promises.check(seen.snapshot(), &"killed");
        if let Call::Write(name, offset, bytes) = call
            && name.starts_with("r-")
        {
            for (number, tear) in tears.iter().enumerate() {
                let mut files = seen.snapshot();
                write_sectors(files.get_mut(*name).unwrap(), *offset, bytes, tear);
                promises.check(files, &format!("torn {number}: {name} at {offset}, {} bytes", bytes.len()));
                counts.1.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    while log.wal().chunks_reused() < 4 {
        fill_chunk_with_promises(&mut log, &promises, true).unwrap();
    }
    log.close().unwrap();
    let (moments, torn) = (moments.load(Ordering::Relaxed), torn.load(Ordering::Relaxed));
    println!("{moments} moments, {torn} torn writes");
    assert!(moments > 500 && torn > 500);
}

/// The file, the place and the bytes of a write.
type Write = (String, u64, Vec<u8>);

/// What a torn write leaves is in the report, what a former chunk left is not, and neither refuses an opening.
#[test]
fn a_torn_write_in_reused_space_is_told_by_its_own_frames() {
    let storage = MemoryStorage::new();
    let watched = WatchedStorage::new(storage.clone());
    let mut log = open_watched(&watched);
    while log.wal().chunks_reused() < 2 {
        fill_chunks(&mut log, 1);
    }
    // Somewhere in the middle of a chunk.
    let end = log.state().end_index();
    log.append((end..end + 5).map(entry)).unwrap();
    log.sync().unwrap();
    let held = expected(&log);
    let end = log.state().end_index();
    let write: Arc<Mutex<Option<Write>>> = Arc::default();
    let noted = write.clone();
    watched.watch(move |call| {
        if let Call::Write(name, offset, bytes) = call
            && name.starts_with("r-")
        {
            noted.lock().unwrap().get_or_insert_with(|| ((*name).to_owned(), *offset, bytes.to_vec()));
        }
    });
    let before = storage.snapshot();
    log.append([entry(end), entry(end + 1)]).unwrap();
    log.sync().unwrap();
    drop(log);
    let (name, offset, bytes) = write.lock().unwrap().take().unwrap();
    let newest = header_of(&before[&name]);
    assert_eq!(newest.space, Space::Reused);
    let report = |is_written: fn(usize) -> bool| {
        let mut files = before.clone();
        write_sectors(files.get_mut(&name).unwrap(), offset, &bytes, is_written);
        let log = open(&MemoryStorage::from_snapshot(files), &strict()).unwrap();
        assert_eq!(contents(&log), held);
        assert_eq!(log.report().end.map(|(chunk, _)| chunk), Some(newest.chunk_id));
        (log.report().end.unwrap().1, log.report().torn_tail)
    };
    let file_size = before[&name].len() as u64;
    let torn =
        |offset, first_nonzero| Some(TornTail { chunk: newest.chunk_id, offset, first_nonzero, file_size });
    assert_eq!(report(|_| false), (offset, None), "only what the former chunk left");
    // The group's head is whole, and the first entry's; its body is not.
    let first = offset + 24;
    assert_eq!(report(|sector| sector == 0), (first, torn(first, first)));
    // The head of the second entry is whole, and nothing before it.
    let second = first + (bytes.len() as u64 - 24) / 2;
    assert_eq!(report(|sector| sector > 3), (offset, torn(offset, second)));
}
