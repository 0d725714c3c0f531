//! A replay record by record.

use bytes::Bytes;
use raft_log_codec::{FrameSeed, PlainVote, RawLogId, Replay, ReplayFault, group_frame};
use raft_log_state::StateMachine;

use super::log::*;
use crate::leader_types::{damaged_frame, frame, id, led};

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
    contradicts(log.record(&frame(&R::State(Box::default()))), "a State record in the middle of a chunk");
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
