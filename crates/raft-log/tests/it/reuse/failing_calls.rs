//! Calls that fail, and a full disk, while files are kept and reused.

use std::sync::Mutex;

use raft_log::{PlainVote, RaftLogWriter, WriteError};
use raft_log_chunk::{RESERVE_BYTES, SPARE_BYTES};
use raft_log_testkit::{MemoryStorage, Operation};

use super::life::*;
use super::promises::*;
use crate::support::*;

#[test]
fn on_a_full_disk_what_waits_to_be_reused_is_given_up_before_anything_is_refused() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &config()).unwrap();
    fill_chunks(&mut log, 4);
    let end = log.state().end_index();
    log.purge(id(1, end - 2)).unwrap();
    log.sync().unwrap();
    let kept: u64 = temporary_sizes(&storage).iter().filter(|size| **size > SPARE_BYTES).sum();
    assert!(kept > 2 * SPARE_BYTES, "two files wait: {:?}", temporary_sizes(&storage));
    storage.set_capacity(Some(storage.used_bytes()));

    // In the active chunk alone, which can take all that is kept and still needs its reserve.
    let mut accepted = 0;
    loop {
        let next = log.state().end_index();
        match log.append([entry(next)]) {
            Ok(()) => log.sync().unwrap(),
            Err(WriteError::NoSpace(_)) => break,
            Err(error) => panic!("{error:?}"),
        }
        accepted += text(0).len() as u64;
    }
    assert_eq!(temporary_sizes(&storage), [SPARE_BYTES], "the reserve, and nothing else");
    assert!(accepted + RESERVE_BYTES + (32 << 10) > kept, "{accepted} of {kept}");
    assert_eq!(contents(&log), expected(&log));
    // What the reserve is for.
    for term in 0..100 {
        log.save_vote(PlainVote::new(10_000 + term, 1)).unwrap();
        log.sync().unwrap();
    }
    let next = log.state().end_index();
    log.purge(id(1, next - 1)).unwrap();
    log.sync().unwrap();
    fill_chunks(&mut log, 1);
    let (state, held) = (log.state(), expected(&log));
    let killed = open(&killed(&storage), &config()).unwrap();
    assert_eq!((killed.state(), contents(&killed)), (state, held));
}

#[test]
fn a_call_that_fails_at_any_place_loses_nothing() {
    let operations = [
        Operation::Rename,
        Operation::SyncDirectory,
        Operation::Links,
        Operation::Random,
        Operation::Size,
        Operation::Remove,
        Operation::Truncate,
        Operation::Create,
        Operation::Sync,
        Operation::Write,
    ];
    for operation in operations {
        let (mut poisoned, mut unharmed, mut refused) = (0, 0, 0);
        // Writes and syncs are many, and alike.
        let step = if matches!(operation, Operation::Write | Operation::Sync) { 7 } else { 1 };
        for pass in (0..).step_by(step) {
            let storage = MemoryStorage::new();
            let promises = Mutex::default();
            let mut log = open(&storage, &config()).unwrap();
            storage.reset_counters();
            storage.fail_after(pass, operation, 5, 1);
            for round in 1..13 {
                // Several at once: more than are kept, so that others are removed.
                match fill_chunk_with_promises(&mut log, &promises, round % 4 == 0) {
                    Ok(()) => {}
                    Err(WriteError::Poisoned(_)) => break,
                    // Not accepted, and accepted the next time.
                    Err(WriteError::Io(_)) => {
                        refused += 1;
                        let (state, mut promises) = (log.state(), promises.lock().unwrap());
                        promises.accepted_end = state.end_index();
                        promises.accepted_first = state.first_index();
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
            let calls = storage.calls(operation);
            storage.clear_failures();
            let promises = promises.into_inner().unwrap();
            promises.check(storage.snapshot(), &(operation, pass));
            if log.sync().is_ok() {
                unharmed += 1;
                assert_eq!(contents(&log), expected(&log));
                assert!(
                    log.wal().chunks_reused() >= 2,
                    "{operation:?} {pass}: {}",
                    log.wal().chunks_reused()
                );
                let names = storage.names();
                assert!(names.len() < 16, "files stay behind: {names:?}");
            } else {
                poisoned += 1;
            }
            drop(log);
            let mut log = open(&storage, &config()).unwrap();
            let first = log.reader().indexes();
            log.append([entry(first.end)]).unwrap();
            log.sync().unwrap();
            drop(log);
            promises_with_one_more(&promises).check(storage.snapshot(), &(operation, pass));
            if pass >= calls {
                break;
            }
        }
        println!("{operation:?}: {poisoned} poisoned, {refused} refused, {unharmed} unharmed");
        assert!(unharmed > 1, "{operation:?}");
    }
}

/// The system tells an error of a directory once: the sync of a new chunk's name beside it could be told nothing.
#[test]
fn a_directory_sync_that_fails_when_a_file_is_kept_poisons_the_log() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &config()).unwrap();
    fill_chunks(&mut log, 3);
    let (next, syncs) = (log.state().end_index(), storage.calls(Operation::SyncDirectory));
    // The first is that of the chunk that the purge begins.
    storage.fail_after(1, Operation::SyncDirectory, 5, 1);
    log.purge(id(1, next - 1)).unwrap();
    log.sync().unwrap();
    assert_eq!(storage.calls(Operation::SyncDirectory), syncs + 2, "a file was to be kept");
    assert!(matches!(log.append(entries(1, next..next + 1)), Err(WriteError::Poisoned(_))));
}
