//! A full disk: appending is refused and leaves no trace, and everything that a node needs to go on, goes on.

use std::sync::Arc;

use bytes::Bytes;
use raft_log::{Config, OpenError, OpenWarning, PlainVote, RaftLogWriter, Storage, WriteError};
use raft_log_testkit::{MemoryStorage, Operation};

use crate::support::*;

const BLOCK: u64 = 4096;

/// Small chunks, and the reserve as it is by default.
fn config() -> Config {
    let mut config = Config::new("unused");
    config.chunk.max_size = 64 << 10;
    config.chunk.space_step = 4096;
    assert_eq!(config.chunk.spares, 2);
    config
}

fn large(index: u64) -> Vec<(raft_log::TermIndex, Bytes)> {
    vec![(id(1, index), Bytes::from(vec![index as u8; 3000]))]
}

/// Appends and syncs until the disk is full; gives the index that was refused.
fn fill(log: &mut Log) -> u64 {
    let mut next = log.state().end_index();
    loop {
        match log.append(large(next)) {
            Ok(()) => log.sync().unwrap(),
            Err(WriteError::NoSpace(source)) => {
                assert!(is_no_space(&source), "{source}");
                return next;
            }
            Err(error) => panic!("{error:?}"),
        }
        next += 1;
        assert!(next < 10_000, "the disk is never full");
    }
}

fn is_no_space(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::StorageFull
}

/// A log on a disk of this size, filled.
fn filled(capacity: u64) -> (MemoryStorage, Log, u64) {
    let storage = MemoryStorage::new();
    storage.set_capacity(Some(capacity));
    let mut log = open(&storage, &config()).unwrap();
    log.save_vote(PlainVote::new(1, 1)).unwrap();
    let end = fill(&mut log);
    (storage, log, end)
}

fn vote(log: &mut Log) -> Result<(), WriteError<raft_log::PlainTypes>> {
    let term = log.state().vote.map_or(0, |vote| vote.term);
    log.save_vote(PlainVote::new(term + 1, 1))
}

#[test]
fn an_append_without_space_leaves_no_trace() {
    let (storage, mut log, end) = filled(1 << 20);
    let (state, held) = (log.state(), contents(&log));
    assert_eq!(held.len() as u64, end);
    storage.reset_counters();
    for batch in [large(end), (end..end + 100).flat_map(large).collect(), entries(1, end..end + 2000)] {
        let error = log.append(batch).unwrap_err();
        assert!(matches!(error, WriteError::NoSpace(_)), "{error:?}");
        assert!(error.to_string().contains("no space is left"), "{error}");
        assert_eq!(log.state(), state);
        assert_eq!(contents(&log), held);
    }
    let error = log.save_user_data(Some(Bytes::from(vec![7; 9000]))).unwrap_err();
    assert!(matches!(error, WriteError::NoSpace(_)), "{error:?}");
    log.sync().unwrap();
    let killed = killed(&storage);
    for log in [log, open(&killed, &config()).unwrap()] {
        assert_eq!(log.state(), state);
        assert_eq!(contents(&log), held);
    }
}

#[test]
fn votes_and_marks_go_on_without_space() {
    let (storage, mut log, end) = filled(1 << 20);
    for index in 0..end / 2 {
        vote(&mut log).unwrap();
        log.commit(id(1, index)).unwrap();
        log.sync().unwrap();
    }
    log.truncate(Some(id(1, end - 3))).unwrap();
    log.purge(id(1, 3)).unwrap();
    log.sync().unwrap();
    let (state, held) = (log.state(), contents(&log));
    assert_eq!(state.end_index(), end - 2);
    assert_eq!(held.len() as u64, end - 2 - 4);
    let killed = killed(&storage);
    killed.set_capacity(Some(killed.used_bytes()));
    drop(log);
    storage.set_capacity(Some(storage.used_bytes()));
    for storage in [storage, killed] {
        let log = open(&storage, &config()).unwrap();
        assert_eq!(log.state(), state);
        assert_eq!(contents(&log), held);
    }
}

/// Without spares, what is left in the chunk itself must do.
#[test]
fn entries_leave_the_reserve_of_their_chunk_alone() {
    let storage = MemoryStorage::new();
    storage.set_capacity(Some(1 << 20));
    let mut alone = config();
    alone.chunk.max_size = 64 << 20;
    alone.chunk.spares = 0;
    let mut log = open(&storage, &alone).unwrap();
    let end = fill(&mut log);
    for index in 0..end {
        vote(&mut log).unwrap_or_else(|error| panic!("vote {index}: {error:?}"));
        log.commit(id(1, index)).unwrap();
        log.sync().unwrap();
    }
    assert!(end > 200, "{end}");
    let state = log.state();
    assert_eq!(open(&killed(&storage), &alone).unwrap().state(), state);
}

#[test]
fn sixteen_restarts_and_more_each_write_a_vote() {
    for is_killed in [false, true] {
        let (mut storage, log, end) = filled(1 << 20);
        drop(log);
        for restart in 0..24 {
            // As full as can be: what the log gives back, somebody else takes while it is not open.
            storage.set_capacity(Some(storage.used_bytes()));
            let mut log = open(&storage, &config()).unwrap();
            vote(&mut log).unwrap_or_else(|error| panic!("restart {restart}, killed {is_killed}: {error:?}"));
            log.sync().unwrap();
            assert_eq!(log.state().vote.unwrap().term, restart + 2);
            assert_eq!(log.reader().indexes(), 0..end);
            let refused = log.append((end..end + 100).flat_map(large)).unwrap_err();
            assert!(matches!(refused, WriteError::NoSpace(_)), "{refused:?}");
            if is_killed {
                let capacity = storage.used_bytes();
                storage = killed(&storage);
                storage.set_capacity(Some(capacity));
            }
            drop(log);
        }
    }
}

#[test]
fn appending_goes_on_after_a_purge() {
    let (storage, mut log, end) = filled(1 << 20);
    log.purge(id(1, end / 2)).unwrap();
    log.sync().unwrap();
    let filled_again = fill(&mut log);
    assert!(filled_again >= end + end / 4, "{end} entries, then {filled_again}");
    let held = contents(&log);
    assert_eq!(held.len() as u64, filled_again - end / 2 - 1);
    drop(log);
    assert_eq!(contents(&open(&storage, &config()).unwrap()), held);
}

#[test]
fn appending_goes_on_when_the_disk_grows() {
    let (storage, mut log, end) = filled(1 << 20);
    storage.set_capacity(Some(2 << 20));
    let filled_again = fill(&mut log);
    assert!(filled_again > end + 100, "{end} entries, then {filled_again}");
    assert_eq!(contents(&log).len() as u64, filled_again);
}

/// Files that were made for a batch over several chunks are space: they must not stay when the last of them does not
/// fit.
#[test]
fn a_refused_batch_gives_its_space_back() {
    let (storage, mut log, end) = filled(1 << 20);
    storage.set_capacity(Some(storage.used_bytes() + (512 << 10)));
    let used = storage.used_bytes();
    let refused = log.append((end..end + 400).flat_map(large)).unwrap_err();
    assert!(matches!(refused, WriteError::NoSpace(_)), "{refused:?}");
    let laid = storage.used_bytes() - used;
    // The active chunk may keep what was laid in it.
    assert!(laid <= 256 << 10, "{laid} bytes stay behind");
    let filled_again = fill(&mut log);
    assert!(filled_again > end + 50, "{end} entries, then {filled_again}");
}

/// After a purge has made room, the reserve is whole again, without a new chunk being made first.
#[test]
fn room_that_a_purge_makes_completes_the_reserve() {
    let (storage, log, end) = filled(1 << 20);
    drop(log);
    storage.set_capacity(Some(storage.used_bytes()));
    for _ in 0..20 {
        let mut log = open(&storage, &config()).unwrap();
        vote(&mut log).unwrap();
        log.sync().unwrap();
    }
    let mut log = open(&storage, &config()).unwrap();
    log.purge(id(1, end - 10)).unwrap();
    log.sync().unwrap();
    drop(log);
    let spares: Vec<u64> = storage
        .snapshot()
        .iter()
        .filter(|(name, _)| name.ends_with(".tmp"))
        .map(|(_, bytes)| bytes.len() as u64)
        .collect();
    assert_eq!(spares.len(), 2, "{spares:?}");
    assert!(spares.iter().sum::<u64>() >= 200 << 10, "{spares:?}");
}

#[test]
fn a_log_opens_on_a_full_disk_though_its_owner_cannot_be_named() {
    let (storage, log, end) = filled(1 << 20);
    drop(log);
    storage.set_capacity(Some(storage.used_bytes()));
    storage.fail_next(Operation::NameOwner, std::io::ErrorKind::StorageFull, 1);
    let log = open(&storage, &config()).unwrap();
    assert_eq!(log.reader().indexes(), 0..end);
    assert!(log.report().warnings.iter().any(|warning| matches!(warning, OpenWarning::OwnerNotNamed)));
}

/// `DURABLE` is gone and there is no room for another: the log opens, says so, and reads.
#[test]
fn a_log_opens_on_a_full_disk_though_durable_cannot_be_made() {
    let (storage, log, end) = filled(1 << 20);
    drop(log);
    storage.remove_file("DURABLE");
    storage.set_capacity(Some(storage.used_bytes()));
    let mut log = open(&storage, &config()).unwrap();
    assert_eq!(
        log.report().warnings,
        [OpenWarning::DurableMissing, OpenWarning::DurableNotWritten],
        "{:?}",
        log.report()
    );
    assert_eq!(contents(&log).len() as u64, end);
    // With room it is made before the next chunk.
    storage.set_capacity(None);
    vote(&mut log).unwrap();
    log.sync().unwrap();
    assert!(storage.file_bytes("DURABLE").is_some());
}

/// At every size of a disk: what is acknowledged survives, what is refused leaves no trace, and with room all goes on.
#[test]
fn a_disk_may_be_full_at_any_moment() {
    let (mut refused_opens, mut fresh_votes_refused, mut filled) = (0, 0, 0);
    for blocks in 0..200 {
        let storage = MemoryStorage::new();
        storage.set_capacity(Some(blocks * BLOCK));
        let mut log = match open(&storage, &config()) {
            Ok(log) => log,
            Err(OpenError::Io { source, .. }) => {
                assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
                refused_opens += 1;
                continue;
            }
            Err(error) => panic!("{blocks} blocks: {error:?}"),
        };
        if let Err(error) = log.save_vote(PlainVote::new(1, 1)) {
            assert!(matches!(error, WriteError::NoSpace(_)), "{blocks} blocks: {error:?}");
            assert_eq!(log.state().vote, None);
            fresh_votes_refused += 1;
        }
        let end = fill(&mut log);
        filled += u64::from(end > 0);
        let (state, held) = (log.state(), contents(&log));
        drop(log);

        let mut log = open(&storage, &config()).unwrap();
        assert_eq!((log.state(), contents(&log)), (state, held), "{blocks} blocks");
        if end > 0 {
            // There is a chunk, so something was laid for this.
            log.purge(id(1, end - 1)).unwrap_or_else(|error| panic!("{blocks} blocks: {error:?}"));
            log.sync().unwrap();
            assert_eq!(log.state().purged, Some(id(1, end - 1)));
        }
        drop(log);
        let mut log = open(&storage, &config()).unwrap();
        assert_eq!(log.state().purged.map(|id| id.index), end.checked_sub(1));
        storage.set_capacity(Some((blocks + 1000) * BLOCK));
        log.append((end..end + 100).flat_map(large)).unwrap();
        log.sync().unwrap();
        vote(&mut log).unwrap();
        drop(log);
        let log = open(&storage, &config()).unwrap();
        assert_eq!(log.reader().indexes(), end..end + 100, "{blocks} blocks");
        assert_eq!(contents(&log), (end..end + 100).flat_map(large).collect::<Vec<_>>());
    }
    println!("{refused_opens} opens and {fresh_votes_refused} first votes refused, {filled} disks filled");
    assert!(refused_opens > 0 && fresh_votes_refused > 0 && filled > 50);
}

#[test]
fn readers_of_a_full_disk_are_not_disturbed() {
    let (storage, log, end) = filled(1 << 20);
    drop(log);
    storage.set_capacity(Some(0));
    let log = Log::open_on(config(), Arc::new(storage.clone()) as Arc<dyn Storage>).unwrap();
    assert_eq!(contents(&log).len() as u64, end);
    assert_eq!(log.report().scanned_chunks, 0, "{:?}", log.report());
}
