//! The state that a chunk begins with: the first is taken, a later one compared.

use bytes::Bytes;
use raft_log_codec::{PlainVote, RecordKind, Replay, ReplayFault};
use raft_log_state::StateMachine;

use super::log::*;
use crate::leader_types::{LeaderId, frame, id};

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
