//! A chunk as its footer sums it up.

use bytes::Bytes;
use raft_log_codec::{PlainVote, RawLogId, Replay};
use raft_log_state::StateMachine;

use super::log::*;
use crate::leader_types::{LeaderId, frame, id, led};

#[test]
fn a_skipped_chunk_equals_its_records() {
    let records = [
        append(3, 7),
        R::TruncateAfter(Some(id(3, 5))),
        append(4, 6),
        append(4, 7),
        R::Append(led(4, 1, 8), Bytes::new()),
        append(5, 9),
        R::Commit(id(4, 6)),
        R::PurgeUpto(id(2, 3)),
        R::SaveVote(PlainVote::new(7, 1)),
    ];
    let mut by_record = sample();
    read(&mut by_record, &records);

    let mut by_footer = sample();
    let with_leader = RawLogId { term: 4, index: 8, rest: Bytes::from_static(&[1]) };
    let runs = [raw(4, 6), with_leader, raw(5, 9)];
    by_footer.skip(Some(6), &runs, 10, bytes(state_of(&by_record))).unwrap();

    assert_eq!(state_of(&by_footer), state_of(&by_record));
    assert!(by_footer.unseen().is_empty());
    for index in 0..12 {
        assert_eq!(by_footer.log_id(index), by_record.log_id(index), "index {index}");
    }
    told(&mut by_footer, state_of(&by_record)).unwrap();
}

#[test]
fn a_chunk_without_entries_is_skipped() {
    let mut end = state_of(&sample()).clone();
    end.committed = Some(id(3, 6));
    let mut log = sample();
    log.skip(None, &[], 7, bytes(&end)).unwrap();
    assert_eq!(state_of(&log), &end);
    assert_eq!(log.log_id(5), Some(id(3, 5)));

    // It only truncated.
    end.committed = Some(id(2, 4));
    end.last = Some(id(3, 5));
    let mut log = sample();
    log.skip(Some(6), &[], 6, bytes(&end)).unwrap();
    assert_eq!((log.log_id(5), log.log_id(6)), (Some(id(3, 5)), None));
    assert!(log.unseen().is_empty());

    // It purged beyond the last.
    let snapshot = Some(id(3, 20));
    (end.last, end.committed, end.purged) = (snapshot, snapshot, snapshot);
    let mut log = sample();
    log.skip(None, &[], 21, bytes(&end)).unwrap();
    assert!(log.unseen().is_empty());
    assert_eq!((log.log_id(6), log.log_id(20)), (None, snapshot));
}

#[test]
fn a_log_that_begins_late_may_begin_in_a_skipped_chunk() {
    let records = [append(1, 7), append(1, 8)];
    let mut log = begun(&State::default());
    log.skip(None, &[raw(1, 7)], 9, bytes(state_of(&written(&records)))).unwrap();
    assert!(log.unseen().is_empty());
    assert_eq!((log.log_id(6), log.log_id(7)), (None, Some(id(1, 7))));
}

#[test]
fn entries_that_a_later_chunk_purges_may_be_missing_from_a_footer() {
    // The whole log wrote 7 to 12 in this chunk, and purges up to 10 in a later one.
    let mut all = sample();
    read(&mut all, &(7..13).map(|index| append(3, index)).collect::<Vec<_>>());
    let mut log = sample();
    log.skip(None, &[raw(3, 11)], 13, bytes(state_of(&all))).unwrap();
    assert_eq!(log.unseen(), 3..11, "until the purge comes, they are missing");
    log.record(&frame(&R::PurgeUpto(id(3, 10)))).unwrap();
    assert!(log.unseen().is_empty());
    assert_eq!(log.log_id(12), Some(id(3, 12)));

    // All of it is purged later.
    let mut log = sample();
    log.skip(None, &[], 7, bytes(state_of(&all))).unwrap();
    assert_eq!(log.unseen(), 3..13);
    log.record(&frame(&append(3, 13))).unwrap();
    log.record(&frame(&R::PurgeUpto(id(3, 12)))).unwrap();
    assert!(log.unseen().is_empty());
}

#[test]
fn a_term_may_fall_where_a_snapshot_replaced_the_entries_before() {
    // 3:6 was never committed: a snapshot of 2:10 replaces it, and the log goes on in term 2.
    let records = [R::TruncateAfter(Some(id(3, 5))), R::PurgeUpto(id(2, 6)), append(2, 7)];
    let mut all = sample();
    read(&mut all, &records);
    let mut log = sample();
    log.skip(Some(6), &[raw(2, 7)], 8, bytes(state_of(&all))).unwrap();
    assert_eq!(state_of(&log), state_of(&all));
    assert!(log.unseen().is_empty());
}

#[test]
fn a_footer_that_contradicts_is_refused() {
    let state = |last: LeaderId, committed: LeaderId, purged: LeaderId| State {
        last: Some(last),
        committed: Some(committed),
        purged: Some(purged),
        ..State::default()
    };
    let good = |last| state(last, id(2, 4), id(1, 2));
    let cases = [
        (
            None,
            vec![raw(3, 6)],
            8,
            good(id(3, 7)),
            "the chunk's first entry is 3:6, and the log already goes up to index 6",
        ),
        (
            // "All" does not reach below what is purged.
            Some(0),
            vec![raw(1, 2)],
            7,
            good(id(1, 6)),
            "the chunk's first entry is 1:2, and the log already goes up to index 2",
        ),
        (
            None,
            vec![raw(2, 7)],
            8,
            good(id(2, 7)),
            "a run of entries begins at 2:7, behind an entry of term 3",
        ),
        (
            None,
            vec![raw(5, 7), raw(4, 8)],
            9,
            good(id(4, 8)),
            "a run of entries begins at 4:8, behind an entry of term 5",
        ),
        (
            None,
            vec![raw(3, 7), raw(4, 7)],
            9,
            good(id(4, 8)),
            "a run of entries begins at 3:7 and ends before index 7",
        ),
        (None, vec![raw(3, 7)], 7, good(id(3, 6)), "a run of entries begins at 3:7 and ends before index 7"),
        (
            None,
            vec![raw(3, 7)],
            9,
            good(id(3, 7)),
            "the footer's last is 3:7, and its entries end before index 9",
        ),
        (
            None,
            vec![raw(3, 7)],
            9,
            good(id(3, 9)),
            "the footer's last is 3:9, and its entries end before index 9",
        ),
        (None, vec![raw(3, 7)], 9, good(id(4, 8)), "the footer's last is 4:8, and its entries say 3:8"),
        (None, vec![], 7, good(id(4, 6)), "the footer's last is 4:6, and its entries say 3:6"),
        (None, vec![], 6, good(id(3, 5)), "the footer's last is 3:5, and its entries end before index 7"),
        (None, vec![], 7, state(id(3, 6), id(3, 4), id(1, 2)), "the footer's committed is 3:4, behind 2:4"),
        (None, vec![], 7, state(id(3, 6), id(2, 3), id(1, 2)), "the footer's committed is 2:3, behind 2:4"),
        (None, vec![], 7, state(id(3, 6), id(2, 4), id(1, 1)), "the footer's purged is 1:1, behind 1:2"),
        (
            None,
            vec![],
            7,
            state(id(3, 6), id(2, 5), id(1, 2)),
            "the footer's committed is 2:5, and its entries say 3:5",
        ),
        (
            None,
            vec![],
            7,
            state(id(3, 6), id(3, 5), id(1, 3)),
            "the footer's purged is 1:3, and its entries say 2:3",
        ),
        (None, vec![], 7, state(id(3, 6), id(2, 4), id(2, 5)), "purged 2:5 is beyond committed 2:4"),
        (None, vec![], 0, State::default(), "the footer's committed is none, behind 2:4"),
    ];
    for (truncated_from, runs, end, state, expected) in cases {
        contradicts(sample().skip(truncated_from, &runs, end, bytes(&state)), expected);
    }
}

#[test]
fn the_last_id_of_a_middle_start_is_known_where_no_entry_was_added() {
    let mut other = state_of(&sample()).clone();
    other.last = Some(id(4, 6));
    contradicts(
        begun(state_of(&sample())).skip(None, &[], 7, bytes(&other)),
        "the footer's last is 4:6, and its entries end before index 7",
    );
}

#[test]
fn no_footer_panics() {
    // Small values in every combination that matters, most of them nonsense.
    let states: Vec<_> =
        [None, Some(id(1, 2)), Some(id(3, 6)), Some(id(9, u64::MAX - 1)), Some(id(9, u64::MAX))]
            .into_iter()
            .flat_map(|last| {
                [None, Some(id(1, 2)), last].map(|mark| State {
                    last,
                    committed: mark,
                    purged: mark,
                    ..State::default()
                })
            })
            .collect();
    let indexes = [0, 2, 3, 6, 7, u64::MAX - 1, u64::MAX];
    let truncations = [None, Some(0), Some(3), Some(7), Some(u64::MAX)];
    let mut accepted = 0;
    for start in &states {
        for end_state in &states {
            for truncated_from in truncations {
                for first in indexes {
                    for end in indexes {
                        for runs in [vec![], vec![raw(9, first)], vec![raw(1, 3), raw(9, first)]] {
                            let mut log = Log::new();
                            if told(&mut log, start).is_err() {
                                continue;
                            }
                            let answer = log.skip(truncated_from, &runs, end, bytes(end_state));
                            accepted += u32::from(answer.is_ok());
                        }
                    }
                }
            }
        }
    }
    assert!(accepted > 100, "{accepted}");
}
