//! Random changes on the real rules and on the naive model: both must answer, and stand, the same after each step;
//! and what was written must come back the same through a replay, however it is read.

use bytes::Bytes;
use proptest::prelude::*;
use raft_log_codec::{Encode, PlainVote, RaftLogState, RawLogId, Record, Replay};
use raft_log_state::{Change, Effect, RaftLogSM, StateMachine};
use raft_log_testkit::NaiveModel;

use crate::leader_types::{LeaderId, LeaderTypes, frame, led};

type R = Record<LeaderTypes>;

/// What a change is about: any id, or one that is likely legal.
#[derive(Debug, Clone)]
enum Pick {
    /// Any id at all.
    Any(LeaderId),
    /// The log's own id at this many hundredths of its length, if it has one.
    Own(u64),
    /// The log's own id there, with another term or leader.
    Twisted(u64, LeaderId),
    /// Behind the last by this many, in a term this much higher.
    Behind(u64, u64, u8),
}

#[derive(Debug, Clone)]
enum Op {
    Vote(PlainVote),
    Append(Pick),
    Truncate(Option<Pick>),
    Purge(Pick),
    Commit(Pick),
    UserData(Option<u8>),
}

fn any_id() -> impl Strategy<Value = LeaderId> {
    let index = prop_oneof![
        20 => 0..14_u64,
        1 => Just(u64::MAX - 1),
        1 => Just(u64::MAX),
    ];
    (0..5_u64, 0..3_u8, index).prop_map(|(term, leader, index)| led(term, leader, index))
}

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![
        2 => any_id().prop_map(Pick::Any),
        4 => (0..=100_u64).prop_map(Pick::Own),
        1 => (0..=100_u64, any_id()).prop_map(|(at, id)| Pick::Twisted(at, id)),
        1 => (0..4_u64, 0..2_u64, 0..3_u8).prop_map(|(by, term, leader)| Pick::Behind(by, term, leader)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let next = (0..8_u64, 0..3_u8).prop_map(|(term, leader)| Pick::Behind(0, u64::from(term == 0), leader));
    let vote =
        (0..5_u64, prop::option::of(0..3_u64)).prop_map(|(term, voted_for)| PlainVote { term, voted_for });
    prop_oneof![
        1 => vote.prop_map(Op::Vote),
        12 => next.prop_map(Op::Append),
        2 => pick().prop_map(Op::Append),
        3 => prop::option::weighted(0.8, pick()).prop_map(Op::Truncate),
        3 => pick().prop_map(Op::Purge),
        3 => pick().prop_map(Op::Commit),
        1 => prop::option::of(0..3_u8).prop_map(Op::UserData),
    ]
}

fn resolve(pick: &Pick, log: &NaiveModel<LeaderTypes>) -> LeaderId {
    let last = log.state().last.unwrap_or(led(0, 0, 0));
    let own = |hundredths: u64| {
        let ids = log.ids();
        ids.get(ids.len() * hundredths as usize / 101).copied().unwrap_or(last)
    };
    match *pick {
        Pick::Any(id) => id,
        Pick::Own(at) => own(at),
        Pick::Twisted(at, id) => led(id.term, id.leader, own(at).index),
        Pick::Behind(by, term, leader) => led(
            last.term + term,
            leader.max(if term == 0 { last.leader } else { 0 }),
            last.index.saturating_add(by + u64::from(log.state().last.is_some())),
        ),
    }
}

fn record(op: &Op, log: &NaiveModel<LeaderTypes>) -> R {
    match op {
        Op::Vote(vote) => R::SaveVote(*vote),
        Op::Append(pick) => R::Append(resolve(pick, log), Bytes::from_static(b"payload")),
        Op::Truncate(pick) => R::TruncateAfter(pick.as_ref().map(|pick| resolve(pick, log))),
        Op::Purge(pick) => R::PurgeUpto(resolve(pick, log)),
        Op::Commit(pick) => R::Commit(resolve(pick, log)),
        Op::UserData(data) => R::SaveUserData(data.map(|byte| Bytes::from(vec![byte]))),
    }
}

/// Every index that the changes can be about.
fn indexes() -> impl Iterator<Item = u64> {
    (0..90).chain([u64::MAX - 2, u64::MAX - 1, u64::MAX])
}

/// What was written: each record with the state machine behind it.
type History = Vec<(R, RaftLogSM<LeaderTypes>)>;

/// Does what the operations say on both, comparing all the way.
fn run(ops: &[Op]) -> Result<History, TestCaseError> {
    let mut real = RaftLogSM::<LeaderTypes>::new();
    let mut naive = NaiveModel::<LeaderTypes>::new();
    let mut history = Vec::new();
    for op in ops {
        let record = record(op, &naive);
        let change = Change::of(&record).unwrap();
        let answer = real.check(change);
        prop_assert_eq!(&answer, &naive.check(change), "{:?} on {:?}", record, naive);
        if answer == Ok(Effect::Writes) {
            real.apply(change);
            naive.record(&record).unwrap();
            history.push((record, real.clone()));
        }
        prop_assert_eq!(real.state(), naive.state());
        for index in indexes() {
            prop_assert_eq!(real.log_id(index), naive.log_id(index), "index {}", index);
        }
        let listed: Vec<_> = real
            .runs()
            .runs(0..u64::MAX)
            .flat_map(|run| run.indexes().map(move |index| (run.term(), index)))
            .collect();
        let ids: Vec<_> = naive.ids().iter().map(|id| (id.term, id.index)).collect();
        prop_assert_eq!(listed, ids);
        prop_assert_eq!(naive.entries().len(), naive.ids().len());
        prop_assert!(real.unseen().is_empty());
    }
    Ok(history)
}

/// A footer as a chunk has one: what it truncated, the ids that are alive, and the state.
fn footer(
    start: &RaftLogState<LeaderTypes>,
    chunk: &[(R, RaftLogSM<LeaderTypes>)],
    clipped_to: u64,
) -> (Option<u64>, Vec<RawLogId>, u64, Bytes) {
    let (_, end) = chunk.last().unwrap();
    let truncated_from = chunk.iter().filter_map(|(record, _)| match record {
        R::TruncateAfter(after) => Some(after.map_or(0, |id| id.index + 1)),
        _ => None,
    });
    let truncated_from = truncated_from.min();
    let old = start.end_index().min(truncated_from.unwrap_or(u64::MAX));
    let old = old.max(start.first_index()).max(clipped_to);
    let runs = end.runs().runs(old..u64::MAX).map(|run| run.raw_start()).collect();
    (truncated_from, runs, end.state().end_index(), bytes(end.state()))
}

fn bytes(state: &RaftLogState<LeaderTypes>) -> Bytes {
    let mut out = Vec::new();
    state.encode(&mut out).unwrap();
    out.into()
}

/// How a chunk is read: how many records it has, whether its footer is taken, and whether that is clipped.
type Reading = (usize, bool, bool);

fn replay(history: &History, readings: &[Reading], from_the_middle: bool) -> Result<(), TestCaseError> {
    let Some((_, written)) = history.last() else {
        return Ok(());
    };
    let new = RaftLogSM::<LeaderTypes>::new();
    let live_from = written.state().first_index();

    let mut chunks = Vec::new();
    let (mut rest, mut start) = (history.as_slice(), new.state());
    for (count, by_footer, clipped) in readings.iter().cycle() {
        let (chunk, behind) = rest.split_at(rest.len().min(*count));
        let Some((_, end)) = chunk.last() else { break };
        chunks.push((start, chunk, *by_footer, *clipped));
        (rest, start) = (behind, end.state());
    }
    if from_the_middle {
        let first = chunks.iter().rposition(|(start, ..)| start.end_index() <= live_from).unwrap();
        chunks.drain(..first);
    }

    let mut replayed = new.clone();
    for (start, chunk, by_footer, clipped) in chunks {
        prop_assert!(Replay::chunk_state(&mut replayed, bytes(start)).is_ok());
        if by_footer {
            let clipped_to = if clipped { live_from } else { 0 };
            let (truncated_from, runs, end, state) = footer(start, chunk, clipped_to);
            let skipped = replayed.skip(truncated_from, &runs, end, state);
            prop_assert!(skipped.is_ok(), "{:?} {:?} {:?}", skipped, truncated_from, runs);
        } else {
            for (record, after) in chunk {
                let read = replayed.record(&frame(record));
                prop_assert!(read.is_ok(), "{:?}: {:?}", record, read);
                prop_assert_eq!(StateMachine::state(&replayed), StateMachine::state(after));
            }
        }
    }
    prop_assert_eq!(StateMachine::state(&replayed), written.state());
    prop_assert!(replayed.unseen().is_empty(), "unseen {:?}", replayed.unseen());
    for index in indexes() {
        prop_assert_eq!(replayed.log_id(index), written.log_id(index), "index {}", index);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_answers_and_stands_as_the_naive_model_does(ops in prop::collection::vec(op(), 60..80)) {
        run(&ops)?;
    }

    #[test]
    fn a_replay_ends_where_the_writer_stood(
        ops in prop::collection::vec(op(), 60..80),
        readings in prop::collection::vec((1..9_usize, any::<bool>(), any::<bool>()), 1..9),
        from_the_middle in any::<bool>(),
    ) {
        replay(&run(&ops)?, &readings, from_the_middle)?;
    }
}
