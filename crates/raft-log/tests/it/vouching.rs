//! What vouches for acknowledged bytes after a loss of power: the groups behind them, and `DURABLE`.

use std::sync::Arc;
use std::time::Duration;

use raft_log::{ChunkId, MissingKind, OpenError, RaftLogWriter, RecoveryError, Storage};
use raft_log_testkit::{MemoryStorage, SimulatedDisk};

use crate::support::*;

/// The second group is begun while the first is being synced, and written afterwards.
#[test]
fn a_group_vouches_for_all_that_was_synced_when_it_was_written() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    log.append(entries(1, 0..1)).unwrap();
    log.sync().unwrap();
    let durable_file = storage.file_bytes("DURABLE").unwrap();
    let start = usize::try_from(log.wal().end().offset).unwrap();
    log.append(entries(1, 1..2)).unwrap();
    let end = usize::try_from(log.wal().end().offset).unwrap();
    storage.set_sync_delay(Duration::from_millis(100));
    let syncs = storage.syncs();
    let first = log.ticket();
    while storage.syncs() == syncs {
        std::thread::yield_now();
    }
    log.append(entries(1, 2..3)).unwrap();
    first.wait().unwrap();
    log.sync().unwrap();

    // A loss of power that took what was written to `DURABLE`, and then damage to the first of both groups.
    let chunk = ChunkId::new(0).file_name();
    for at in start..end {
        let files = MemoryStorage::from_snapshot(storage.snapshot());
        files.put_file("DURABLE", durable_file.clone());
        files.edit_file(&chunk, |bytes| bytes[at] ^= 1);
        let error = open(&files, &small()).unwrap_err();
        let is_corrupt = matches!(error, OpenError::Recovery(RecoveryError::Corrupt { offset, .. }) if offset <= at as u64);
        assert!(is_corrupt, "byte {at}: {error}");
    }
}

#[test]
fn a_chunk_that_was_just_made_is_missed_also_after_a_loss_of_power() {
    let disk = SimulatedDisk::new(1);
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let mut log = Log::open_on(small(), storage).unwrap();
    log.append(entries(1, 0..25)).unwrap();
    log.sync().unwrap();
    let mut files = disk.if_power_goes(|loss| loss.synced_only().files());
    let newest = files.keys().rfind(|name| name.starts_with("r-")).cloned().unwrap();
    assert_eq!(files.keys().filter(|name| name.starts_with("r-")).count(), 3);
    files.remove(&newest);
    let error = open(&MemoryStorage::from_snapshot(files), &small()).unwrap_err();
    let OpenError::Recovery(RecoveryError::MissingData(MissingKind::NewestChunk { chunk, .. })) = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(chunk.file_name(), newest);
}

/// The power cut a group short: the frame that begins it is lost, the entries behind that are whole. The next process
/// writes one entry of the same size as the first of these, so that in the same file the second would follow it.
#[test]
fn what_another_process_left_behind_the_end_does_not_come_back() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    log.append(entries(1, 0..3)).unwrap();
    log.sync().unwrap();
    let durable_file = storage.file_bytes("DURABLE").unwrap();
    let end = log.wal().end();
    log.append(entries(1, 3..5)).unwrap();
    log.sync().unwrap();
    let files = MemoryStorage::from_snapshot(storage.snapshot());
    files.put_file("DURABLE", durable_file);
    let group = usize::try_from(end.offset).unwrap();
    files.edit_file(&end.chunk.file_name(), |bytes| bytes[group..group + 24].fill(0));

    let mut log = open(&files, &small()).unwrap();
    assert_eq!(contents(&log), entries(1, 0..3));
    assert!(log.report().torn_tail.is_some());
    log.append(entries(2, 3..4)).unwrap();
    log.sync().unwrap();
    let log = open(&killed(&files), &small()).unwrap();
    assert_eq!(contents(&log), [entries(1, 0..3), entries(2, 3..4)].concat());
}
