//! The replay: a stored log comes back to its state, and what contradicts the records before it is said.

use bytes::Bytes;
use raft_log_codec::{
    Encode, FrameSeed, PlainVote, RaftLogState, RawLogId, Record, RecordKind, Replay, ReplayFault,
    group_frame,
};
use raft_log_state::{Change, Effect, RaftLogSM, StateMachine};

use crate::leader_types::{LeaderId, LeaderTypes, damaged_frame, frame, id, led};

type R = Record<LeaderTypes>;
type Log = RaftLogSM<LeaderTypes>;
type State = RaftLogState<LeaderTypes>;

fn append(term: u64, index: u64) -> R {
    R::Append(id(term, index), Bytes::from_static(b"payload"))
}

fn bytes(state: &State) -> Bytes {
    let mut out = Vec::new();
    state.encode(&mut out).unwrap();
    out.into()
}

/// The log as its writer has it after these records.
fn written(records: &[R]) -> Log {
    let mut log = Log::new();
    for record in records {
        let change = Change::of(record).unwrap();
        assert_eq!(log.check(change), Ok(Effect::Writes), "{record:?}");
        log.apply(change);
    }
    log
}

/// A replay that begins with a state.
fn begun(state: &State) -> Log {
    let mut log = Log::new();
    told(&mut log, state).unwrap();
    log
}

fn read(log: &mut Log, records: &[R]) {
    for record in records {
        log.record(&frame(record)).unwrap();
    }
}

/// Both traits have a `state`: here a chunk's is told to the replay.
fn told(log: &mut Log, state: &State) -> Result<(), ReplayFault> {
    Replay::chunk_state(log, bytes(state))
}

fn state_of(log: &Log) -> &State {
    StateMachine::state(log)
}

#[track_caller]
fn contradicts(answer: Result<(), ReplayFault>, expected: &str) {
    match answer {
        Err(ReplayFault::Contradiction { reason }) => assert_eq!(reason, expected),
        other => panic!("{other:?} instead of {expected}"),
    }
}

fn raw(term: u64, index: u64) -> RawLogId {
    RawLogId { term, index, rest: Bytes::new() }
}

/// Entries 1 to 6 of terms 1 1 2 2 3 3, committed up to 4, purged up to 2, a vote and user data.
fn sample_records() -> Vec<R> {
    let mut records: Vec<_> = (1..).zip([1, 1, 2, 2, 3, 3]).map(|(i, term)| append(term, i)).collect();
    records.extend([
        R::SaveVote(PlainVote::new(3, 1)),
        R::Commit(id(2, 4)),
        R::PurgeUpto(id(1, 2)),
        R::SaveUserData(Some(Bytes::from_static(b"data"))),
    ]);
    records
}

fn sample() -> Log {
    written(&sample_records())
}

#[test]
fn records_lead_to_the_state_they_were_written_in() {
    let mut log = begun(&State::default());
    read(&mut log, &sample_records());
    told(&mut log, state_of(&sample())).unwrap();
    assert_eq!(state_of(&log), state_of(&sample()));
    assert_eq!((log.purged_index(), log.last_index()), (Some(2), Some(6)));
    assert_eq!(log.encoded_state().unwrap(), bytes(state_of(&sample())));
    assert!(log.unseen().is_empty());
    for index in 0..9 {
        assert_eq!(log.log_id(index), sample().log_id(index));
    }
}

#[test]
fn a_new_log_has_no_marks_and_an_encoded_state() {
    let log = Log::new();
    assert_eq!((log.purged_index(), log.last_index()), (None, None));
    assert_eq!(log.encoded_state().unwrap(), bytes(&State::default()));
}

#[test]
fn the_first_state_is_taken_as_it_is_and_a_purge_makes_the_replay_whole() {
    let mut log = begun(state_of(&sample()));
    assert_eq!(log.unseen(), 3..7);
    assert_eq!(log.runs().known_from(), 7);
    read(&mut log, &[append(3, 7), append(4, 8)]);
    assert_eq!(log.unseen(), 3..7);
    // 5 was never seen: it is believed. 6 is the state's last and 7 was read.
    read(&mut log, &[R::Commit(id(3, 5))]);
    contradicts(
        log.clone().record(&frame(&R::Commit(id(4, 7)))),
        "log id 4:7 contradicts the log's own at that index, 3:7",
    );
    read(&mut log, &[R::PurgeUpto(id(3, 7))]);
    assert!(log.unseen().is_empty());
    assert_eq!(log.log_id(8), Some(id(4, 8)));
}

#[test]
fn a_truncation_into_what_was_not_seen_is_believed() {
    let mut log = begun(state_of(&sample()));
    read(&mut log, &[append(3, 7), R::TruncateAfter(Some(id(3, 5))), append(5, 6)]);
    assert_eq!(log.last_index(), Some(6));
    assert_eq!(log.unseen(), 3..6);
    read(&mut log, &[R::PurgeUpto(id(3, 5))]);
    assert!(log.unseen().is_empty());
    assert_eq!(log.log_id(6), Some(id(5, 6)));
}

#[test]
fn a_later_state_must_equal_the_replay_in_each_field() {
    type Alter = fn(&mut State);
    let cases: [(Alter, &str); 6] = [
        (
            |state| state.vote = Some(PlainVote::new(4, 1)),
            "the state's vote is Some(PlainVote { term: 4, voted_for: Some(1) }), \
             and the records before it lead to Some(PlainVote { term: 3, voted_for: Some(1) })",
        ),
        (
            |state| state.last = Some(id(3, 7)),
            "the state's last is 3:7, and the records before it lead to 3:6",
        ),
        (
            |state| state.committed = Some(id(2, 3)),
            "the state's committed is 2:3, and the records before it lead to 2:4",
        ),
        (|state| state.purged = None, "the state's purged is none, and the records before it lead to 1:2"),
        (
            |state| state.user_data = None,
            "the state's user data is None, and the records before it lead to Some(b\"data\")",
        ),
        (|state| state.committed = Some(id(3, 9)), "committed 3:9 is beyond last 3:6"),
    ];
    for (alter, expected) in cases {
        let mut log = begun(&State::default());
        read(&mut log, &sample_records());
        let mut state = state_of(&log).clone();
        alter(&mut state);
        contradicts(told(&mut log, &state), expected);
    }
}

#[test]
fn a_first_state_out_of_order_is_a_contradiction() {
    let ids =
        |last: Option<LeaderId>, committed, purged| State { last, committed, purged, ..State::default() };
    for (state, expected) in [
        (ids(None, Some(id(1, 1)), None), "committed 1:1 is beyond last none"),
        (ids(Some(id(1, 1)), None, Some(id(1, 1))), "purged 1:1 is beyond committed none"),
        (ids(Some(id(1, 1)), Some(id(2, 1)), None), "committed 2:1 is beyond last 1:1"),
        (ids(Some(id(1, u64::MAX)), None, None), "the last mark has the index u64::MAX"),
    ] {
        contradicts(told(&mut Log::new(), &state), expected);
        contradicts(Log::new().skip(None, &[], 0, bytes(&state)), expected);
    }
}

#[test]
fn a_long_value_is_shown_in_part() {
    let mut log = begun(&State::default());
    let state = State { user_data: Some(Bytes::from(vec![b'x'; 10_000])), ..State::default() };
    let Err(ReplayFault::Contradiction { reason }) = told(&mut log, &state) else {
        panic!("it contradicts");
    };
    assert!(reason.contains("xxx…, and the records"), "{reason}");
    assert!(reason.len() < 400, "{}", reason.len());
}

#[test]
fn bytes_that_are_no_state_do_not_decode() {
    let garbage = Bytes::from_static(&[0xff, 1, 2]);
    assert!(matches!(
        Replay::chunk_state(&mut Log::new(), garbage.clone()),
        Err(ReplayFault::Undecodable(_))
    ));
    assert!(matches!(Log::new().skip(None, &[], 0, garbage), Err(ReplayFault::Undecodable(_))));
}

#[test]
fn a_passed_over_vote_or_user_data_is_adopted_from_the_next_state_and_nothing_else_is() {
    let adopting = |kind, alter: fn(&mut State)| {
        let mut log = begun(&State::default());
        read(&mut log, &sample_records());
        log.pass_over(kind);
        let mut state = state_of(&log).clone();
        alter(&mut state);
        let answer = told(&mut log, &state);
        (answer, state_of(&log) == &state)
    };
    let vote = |state: &mut State| state.vote = Some(PlainVote::new(9, 9));
    let data = |state: &mut State| state.user_data = None;
    assert!(matches!(adopting(RecordKind::SaveVote, vote), (Ok(()), true)));
    assert!(matches!(adopting(RecordKind::SaveUserData, data), (Ok(()), true)));
    assert!(matches!(adopting(RecordKind::SaveVote, data), (Err(_), false)));
    assert!(matches!(adopting(RecordKind::SaveUserData, vote), (Err(_), false)));

    let commit = |state: &mut State| state.committed = Some(id(3, 5));
    let commit_other = |state: &mut State| state.committed = Some(id(2, 5));
    let purge = |state: &mut State| state.purged = Some(id(2, 3));
    assert!(matches!(adopting(RecordKind::Commit, commit), (Ok(()), true)));
    assert!(matches!(adopting(RecordKind::Commit, commit_other), (Err(_), false)));
    assert!(matches!(adopting(RecordKind::Commit, purge), (Err(_), false)));
    assert!(matches!(adopting(RecordKind::PurgeUpto, purge), (Ok(()), true)));
}

#[test]
fn what_was_passed_over_is_forgiven_once_and_a_good_record_ends_it() {
    let mut other = state_of(&sample()).clone();
    other.vote = Some(PlainVote::new(9, 9));

    let mut log = begun(state_of(&sample()));
    log.pass_over(RecordKind::SaveVote);
    told(&mut log, &other).unwrap();
    assert!(told(&mut log, state_of(&sample())).is_err(), "only up to the next state");

    let mut log = begun(state_of(&sample()));
    log.pass_over(RecordKind::SaveVote);
    read(&mut log, &[R::SaveVote(PlainVote::new(8, 8))]);
    assert!(told(&mut log, &other).is_err(), "the good record says what the vote is");
}

#[test]
fn a_record_with_a_damaged_body_acts_by_its_head_or_is_passed_over() {
    let mut log = begun(&State::default());
    log.record(&damaged_frame(&append(1, 1))).unwrap();
    assert_eq!(log.last_index(), Some(1));

    log.record(&damaged_frame(&R::SaveVote(PlainVote::new(1, 1)))).unwrap();
    assert_eq!(state_of(&log).vote, None);
    let mut state = state_of(&log).clone();
    state.vote = Some(PlainVote::new(1, 1));
    told(&mut log, &state).unwrap();

    // An id with a rest of one byte is padded, and the padding is the body.
    let second = R::Append(led(2, 1, 2), Bytes::new());
    log.record(&damaged_frame(&second)).unwrap();
    let third = R::Append(led(2, 1, 3), Bytes::new());
    log.record(&frame(&third)).unwrap();
    log.record(&damaged_frame(&R::TruncateAfter(Some(led(2, 1, 2))))).unwrap();
    assert_eq!(log.last_index(), Some(2));
}

#[test]
fn a_record_that_breaks_a_rule_is_a_contradiction() {
    for (record, expected) in [
        (append(3, 8), "entry 3:8 leaves a gap behind 3:6: index 7 is next"),
        (
            append(3, u64::MAX),
            "index 18446744073709551615 is too large: a log goes up to 18446744073709551614",
        ),
        (R::Commit(id(3, 7)), "cannot commit 3:7: the last entry is 3:6; append first"),
        (R::TruncateAfter(None), "cannot truncate after none: the log is committed up to 2:4"),
        (R::PurgeUpto(id(1, 3)), "log id 1:3 contradicts the log's own at that index, 2:3"),
    ] {
        contradicts(sample().record(&frame(&record)), expected);
    }
}

#[test]
fn a_record_without_effect_is_read() {
    let mut log = sample();
    for record in [
        R::Commit(id(2, 4)),
        R::TruncateAfter(Some(id(3, 6))),
        R::PurgeUpto(id(1, 1)),
        R::SaveVote(PlainVote::new(3, 1)),
    ] {
        log.record(&frame(&record)).unwrap();
    }
    assert_eq!(state_of(&log), state_of(&sample()));
}

#[test]
fn a_group_is_nothing_and_a_state_has_no_place_among_records() {
    let mut log = sample();
    let seed = FrameSeed::new(1, 2, 3);
    let group = Bytes::copy_from_slice(&group_frame(seed, 64, 32));
    log.record(&raft_log_codec::Frame::parse(&group, seed, 64).unwrap()).unwrap();
    assert_eq!(state_of(&log), state_of(&sample()));
    contradicts(log.record(&frame(&R::State(State::default()))), "a State record in the middle of a chunk");
}

#[test]
fn an_id_that_the_types_do_not_know_is_undecodable() {
    let mut frame = frame(&append(4, 7));
    frame.id = Some(RawLogId { term: 4, index: 7, rest: Bytes::from_static(b"three") });
    assert!(matches!(sample().record(&frame), Err(ReplayFault::Undecodable(_))));
    let run = frame.id.unwrap();
    assert!(matches!(
        sample().skip(None, &[run], 8, bytes(state_of(&sample()))),
        Err(ReplayFault::Undecodable(_))
    ));
}

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
