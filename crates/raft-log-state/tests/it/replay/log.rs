//! A log as its writer has it, a replay of it, and what is asked of both.

use bytes::Bytes;
use raft_log_codec::{Encode, PlainVote, RaftLogState, RawLogId, Record, Replay, ReplayFault};
use raft_log_state::{Change, Effect, RaftLogSM, StateMachine};

use crate::leader_types::{LeaderTypes, frame, id};

pub(super) type R = Record<LeaderTypes>;

pub(super) type Log = RaftLogSM<LeaderTypes>;

pub(super) type State = RaftLogState<LeaderTypes>;

pub(super) fn append(term: u64, index: u64) -> R {
    R::Append(id(term, index), Bytes::from_static(b"payload"))
}

pub(super) fn bytes(state: &State) -> Bytes {
    let mut out = Vec::new();
    state.encode(&mut out).unwrap();
    out.into()
}

/// The log as its writer has it after these records.
pub(super) fn written(records: &[R]) -> Log {
    let mut log = Log::new();
    for record in records {
        let change = Change::of(record).unwrap();
        assert_eq!(log.check(change), Ok(Effect::Writes), "{record:?}");
        log.apply(change);
    }
    log
}

/// A replay that begins with a state.
pub(super) fn begun(state: &State) -> Log {
    let mut log = Log::new();
    told(&mut log, state).unwrap();
    log
}

pub(super) fn read(log: &mut Log, records: &[R]) {
    for record in records {
        log.record(&frame(record)).unwrap();
    }
}

/// Both traits have a `state`: here a chunk's is told to the replay.
pub(super) fn told(log: &mut Log, state: &State) -> Result<(), ReplayFault> {
    Replay::chunk_state(log, bytes(state))
}

pub(super) fn state_of(log: &Log) -> &State {
    StateMachine::state(log)
}

#[track_caller]
pub(super) fn contradicts(answer: Result<(), ReplayFault>, expected: &str) {
    match answer {
        Err(ReplayFault::Contradiction { reason }) => assert_eq!(reason, expected),
        other => panic!("{other:?} instead of {expected}"),
    }
}

pub(super) fn raw(term: u64, index: u64) -> RawLogId {
    RawLogId { term, index, rest: Bytes::new() }
}

/// Entries 1 to 6 of terms 1 1 2 2 3 3, committed up to 4, purged up to 2, a vote and user data.
pub(super) fn sample_records() -> Vec<R> {
    let mut records: Vec<_> = (1..).zip([1, 1, 2, 2, 3, 3]).map(|(i, term)| append(term, i)).collect();
    records.extend([
        R::SaveVote(PlainVote::new(3, 1)),
        R::Commit(id(2, 4)),
        R::PurgeUpto(id(1, 2)),
        R::SaveUserData(Some(Bytes::from_static(b"data"))),
    ]);
    records
}

pub(super) fn sample() -> Log {
    written(&sample_records())
}
