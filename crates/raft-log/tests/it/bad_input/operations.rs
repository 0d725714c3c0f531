//! Operations and reads that break the rules.

use raft_log::{PlainTypes, PlainVote, RaftLogWriter, ReadError, StateError, WriteError};
use raft_log_testkit::MemoryStorage;

use crate::support::*;

/// A log in memory with the entries 1:5 to 1:14, committed up to 10 and purged up to 7.
fn with_marks() -> (MemoryStorage, Log) {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    log.save_vote(PlainVote::new(3, 1)).unwrap();
    log.append(entries(1, 5..15)).unwrap();
    log.commit(id(1, 10)).unwrap();
    log.purge(id(1, 7)).unwrap();
    log.sync().unwrap();
    (storage, log)
}

type Refusal = Result<(), WriteError<PlainTypes>>;

#[test]
fn operations_against_the_rules_are_refused_and_leave_no_trace() {
    let (storage, mut log) = with_marks();
    let (before, state, held) = (storage.snapshot(), log.state(), contents(&log));
    let one = |term, index| vec![(id(term, index), payload(index))];
    type Try<'a> = Box<dyn Fn(&mut Log) -> Refusal + 'a>;
    let cases: Vec<(Try<'_>, StateError<PlainTypes>, &str)> = vec![
        (
            Box::new(|log| log.save_vote(PlainVote::new(2, 9))),
            StateError::VoteReversal { current: PlainVote::new(3, 1), given: PlainVote::new(2, 9) },
            "may not replace",
        ),
        (
            Box::new(|log| log.save_vote(PlainVote::new(3, 2))),
            StateError::VoteReversal { current: PlainVote::new(3, 1), given: PlainVote::new(3, 2) },
            "may not replace",
        ),
        (
            Box::new(|log| log.append(one(1, 14))),
            StateError::LogIdReversal { last: id(1, 14), given: id(1, 14) },
            "1:14",
        ),
        (
            Box::new(|log| log.append(one(0, 15))),
            StateError::LogIdReversal { last: id(1, 14), given: id(0, 15) },
            "0:15 does not come after 1:14",
        ),
        (
            Box::new(|log| log.append(one(1, 16))),
            StateError::LogIdNonConsecutive { last: id(1, 14), given: id(1, 16) },
            "index 15 is next",
        ),
        (
            // The first two are good; all three are refused.
            Box::new(|log| log.append([one(1, 15), one(2, 16), one(1, 17)].concat())),
            StateError::LogIdReversal { last: id(2, 16), given: id(1, 17) },
            "1:17 does not come after 2:16",
        ),
        (
            Box::new(|log| log.append([one(1, 15), one(1, 17)].concat())),
            StateError::LogIdNonConsecutive { last: id(1, 15), given: id(1, 17) },
            "index 16 is next",
        ),
        (
            Box::new(|log| log.truncate(Some(id(1, 6)))),
            StateError::TruncateBelowPurged { purged: id(1, 7), given: id(1, 6) },
            "purged up to 1:7",
        ),
        (
            Box::new(|log| log.truncate(Some(id(1, 9)))),
            StateError::TruncateBelowCommitted { committed: id(1, 10), given: Some(id(1, 9)) },
            "committed up to 1:10",
        ),
        (
            Box::new(|log| log.truncate(None)),
            StateError::TruncateBelowCommitted { committed: id(1, 10), given: None },
            "committed up to 1:10",
        ),
        (
            Box::new(|log| log.truncate(Some(id(2, 12)))),
            StateError::LogIdMismatch { own: Some(id(1, 12)), given: id(2, 12) },
            "contradicts",
        ),
        (
            Box::new(|log| log.purge(id(2, 9))),
            StateError::LogIdMismatch { own: Some(id(1, 9)), given: id(2, 9) },
            "contradicts",
        ),
        (
            Box::new(|log| log.purge(id(9, u64::MAX))),
            StateError::IndexOutOfRange { index: u64::MAX },
            "18446744073709551615",
        ),
        (
            Box::new(|log| log.commit(id(1, 9))),
            StateError::CommitReversal { committed: id(1, 10), given: id(1, 9) },
            "1:10 is committed",
        ),
        (
            Box::new(|log| log.commit(id(1, 15))),
            StateError::CommitBeyondLast { last: Some(id(1, 14)), given: id(1, 15) },
            "the last entry is 1:14",
        ),
    ];
    for (attempt, expected, words) in cases {
        let error = attempt(&mut log).unwrap_err();
        let WriteError::Rejected(found) = &error else { panic!("{error:?}") };
        assert_eq!(found, &expected);
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!((log.state(), contents(&log)), (state.clone(), held.clone()));
    }
    log.sync().unwrap();
    assert!(storage.snapshot() == before, "something was written");
    log.append(entries(1, 15..16)).unwrap();
}

#[test]
fn reads_outside_the_log_are_refused() {
    let (_storage, log) = with_marks();
    assert_eq!(log.reader().indexes(), 8..15);
    let error = log.read(7..9).unwrap_err();
    assert!(matches!(error, ReadError::Purged { index: 7, first: 8 }), "{error:?}");
    assert!(error.to_string().contains("index 7 is purged") && error.to_string().contains('8'), "{error}");
    assert!(matches!(log.read(0..).unwrap_err(), ReadError::Purged { index: 0, first: 8 }));
    for index in [15, 16, u64::MAX] {
        let error = log.reader().entry(index).unwrap_err();
        assert!(
            matches!(error, ReadError::IndexNotFound { index: at, first: 8, end: 15 } if at == index),
            "{error:?}"
        );
        assert!(error.to_string().contains(&index.to_string()), "{error}");
    }
    assert!(matches!(log.reader().log_id(3), Err(ReadError::Purged { index: 3, first: 8 })));
    assert!(matches!(log.reader().log_id(15), Err(ReadError::IndexNotFound { index: 15, .. })));
    assert_eq!(log.reader().log_id(7).unwrap(), id(1, 7));
    // An inverted or empty range holds nothing, wherever it lies.
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is tried")]
    for range in [12..9, 9..9, 3..1, 20..30, 15..15, u64::MAX..0] {
        assert_eq!(log.read(range.clone()).unwrap(), [], "{range:?}");
    }
    assert_eq!(log.read(13..100).unwrap(), entries(1, 13..15));

    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    log.append(entries(1, 5..8)).unwrap();
    assert!(matches!(log.read(4..8), Err(ReadError::IndexNotFound { index: 4, first: 5, end: 8 })));
}
