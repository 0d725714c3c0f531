//! Where the log ends, and what a directory may have beside a good log: a torn tail, no `DURABLE`, leftovers.

use raft_log::{
    ChunkId, MissingKind, OpenWarning, PlainTypes, PlainVote, RaftLogWriter, Record, RecoveryError, TornTail,
};
use raft_log_testkit::MemoryStorage;

use super::made::*;
use super::missing::missing;
use crate::support::*;

#[test]
fn the_log_ends_before_what_was_never_acknowledged() {
    let origin = made(false);
    let (newest, end) = (origin.newest(), origin.end);
    let header = origin.header(newest);
    let next = record_of(&header, end as u64, &Record::Append(id(2, 44), payload(44)));
    let mut bad_body = next.clone();
    *bad_body.last_mut().unwrap() ^= 1;
    bad_body[40] ^= 1;
    let second = record_of(&header, (end + next.len()) as u64, &Record::Append(id(2, 45), payload(45)));
    let cases = [
        ("a frame cut short", next[..30].to_vec(), 0),
        ("a frame with a bad body", bad_body.clone(), 0),
        // Writeback reorders: a valid frame behind proves nothing.
        ("a bad frame and a good one behind", [bad_body, second.clone()].concat(), 0),
        (
            "a frame that was never written and a good one behind",
            [vec![0; next.len()], second].concat(),
            next.len(),
        ),
        ("junk", (1..=255).collect(), 0),
    ];
    for (what, tail, skipped) in cases {
        let mut made = made(false);
        made.files = origin.files.clone();
        put(made.chunk(newest), end, &tail);
        let log = made.is_whole();
        let torn = log.report().torn_tail.unwrap_or_else(|| panic!("{what}"));
        let nonzero = tail.iter().position(|byte| *byte != 0).unwrap();
        assert!(nonzero >= skipped);
        let expected = TornTail {
            chunk: newest,
            offset: end as u64,
            first_nonzero: (end + nonzero) as u64,
            file_size: made.files[&newest.file_name()].len() as u64,
        };
        assert_eq!(torn, expected, "{what}");
        drop(log);
        let expected = (newest, end as u64, (end + nonzero) as u64);
        match refused_files(&made.files, false) {
            RecoveryError::Torn { chunk, offset, first_nonzero } => {
                assert_eq!((chunk, offset, first_nonzero), expected, "{what}");
            }
            error => panic!("{what}: {error:?}"),
        }
    }
    // Zeros and a footer are no torn tail.
    for is_closed in [false, true] {
        let made = made(is_closed);
        let log = open_files::<PlainTypes>(&made.files, false).1.unwrap();
        assert_eq!((log.state(), log.report().torn_tail), (made.state.clone(), None));
        let made = Made { files: made.files.clone(), ..made };
        drop(made.without_footers().is_whole());
    }
}

/// The bytes of the torn tail stay where they are, and never come back.
#[test]
fn a_log_goes_on_behind_a_torn_tail() {
    let made = made(false);
    let (newest, end) = (made.newest(), made.end);
    let storage = MemoryStorage::from_snapshot(made.files.clone());
    let header = made.header(newest);
    let mut tail = record_of(&header, end as u64, &Record::Append(id(2, 44), payload(44)));
    let good = record_of(&header, (end + tail.len()) as u64, &Record::Append(id(2, 45), payload(45)));
    tail[3] ^= 1;
    storage.edit_file(&newest.file_name(), |bytes| put(bytes, end, &[tail, good].concat()));
    let mut expected = made.entries.clone();
    for round in 0..3 {
        let mut log = open(&storage, &small()).unwrap();
        assert_eq!(contents(&log), expected);
        assert_eq!(log.report().torn_tail.is_some(), round == 0);
        let more = entries(3, 44 + round..45 + round);
        log.append(more.clone()).unwrap();
        expected.extend(more);
        log.sync().unwrap();
    }
}

#[test]
fn durable_is_made_again_where_it_is_absent_or_damaged() {
    for is_closed in [false, true] {
        for (damaged, warning) in [
            (None, OpenWarning::DurableMissing),
            (Some(vec![]), OpenWarning::DurableDamaged),
            (Some(vec![7; 8192]), OpenWarning::DurableDamaged),
        ] {
            let mut made = made(is_closed);
            made.files.remove("DURABLE");
            made.files.extend(damaged.map(|bytes| ("DURABLE".to_owned(), bytes)));
            let (after, log) = open_files::<PlainTypes>(&made.files, true);
            let log = log.unwrap();
            assert_eq!((log.state(), log.report().warnings.clone()), (made.state.clone(), vec![warning]));
            // From then on it tells a missing chunk again.
            let newest = made.newest();
            let durable_end = made.end as u64;
            made.files.clone_from(&after);
            made.files.remove(&newest.file_name());
            assert_eq!(missing(&made), MissingKind::NewestChunk { chunk: newest, durable_end });
        }
    }
}

#[test]
fn leftovers_of_a_purge_are_never_judged_and_go_with_the_next_write() {
    let base = made(true).chunks()[0];
    assert!(base.offset() > 0, "a chunk before it was purged");
    let whole = || {
        let storage = MemoryStorage::new();
        let mut log = open(&storage, &small()).unwrap();
        log.append(entries(1, 0..9)).unwrap();
        log.sync().unwrap();
        storage.file_bytes(&ChunkId::new(0).file_name()).unwrap()
    };
    for leftover in [whole(), Vec::new(), vec![7; 5000], vec![0; 100]] {
        for is_closed in [false, true] {
            let mut made = made(is_closed);
            let name = ChunkId::new(0).file_name();
            made.files.insert(name.clone(), leftover.clone());
            let log = made.is_whole();
            assert_eq!(log.report().leftovers, 1);
            drop(log);
            let storage = MemoryStorage::from_snapshot(made.files.clone());
            let mut log = open(&storage, &small()).unwrap();
            assert!(storage.file_bytes(&name).is_some(), "opening removes nothing");
            log.save_vote(PlainVote::new(9, 9)).unwrap();
            log.sync().unwrap();
            assert!(storage.file_bytes(&name).is_none(), "the next write removes it");
            drop(log);
            assert_eq!(open(&storage, &small()).unwrap().report().leftovers, 0);
        }
    }
}
