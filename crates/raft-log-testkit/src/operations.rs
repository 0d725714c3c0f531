//! Random operations on a log, legal and illegal ones: proptest strategies, and what an operation writes.
//!
//! An operation names ids by how they relate to the log (`Pick`), so that most are legal wherever the log stands, and
//! those that are not break one rule each. Nothing is run here; see `driver`.

use bytes::Bytes;
use proptest::prelude::*;
use raft_log::{PlainTypes, PlainVote, Record, StateMachine, TermIndex};

use crate::NaiveModel;

/// One step on a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogOperation {
    /// Save a vote.
    Vote(PlainVote),
    /// Append a batch: the first id, and how many follow it, each in a term this much higher than the one before it.
    Append {
        /// The first entry's id.
        first: Pick,
        /// What each further entry adds to the index and to the term; `(1, 0)` is an ordinary one.
        steps: Vec<(u64, u64)>,
    },
    /// Truncate after an id, or all that is not purged.
    Truncate(Option<Pick>),
    /// Purge up to an id.
    Purge(Pick),
    /// Commit up to an id.
    Commit(Pick),
    /// Save so many bytes of user data, or remove it.
    UserData(Option<u16>),
    /// Wait until everything is durable.
    Sync,
    /// Start to make everything durable, and go on.
    Flush,
    /// Close the log in an orderly way, and open it again.
    Reopen,
    /// Kill the process, and open what it had written.
    Kill,
}

/// An id, in relation to a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// This id, whatever the log holds.
    Any(TermIndex),
    /// The log's own id at this many hundredths of its length; the last id of an empty one.
    Own(u8),
    /// The log's own index there with another term.
    Twisted(u8, u64),
    /// This far behind the index that is next, in a term this much higher than the last.
    Next(u64, u64),
}

impl Pick {
    /// The id it stands for in a log as `model` has it.
    pub fn resolve(self, model: &NaiveModel<PlainTypes>) -> TermIndex {
        let state = model.state();
        let last = state.last.unwrap_or_default();
        let own = |hundredths: u8| {
            let ids = model.ids();
            ids.get(ids.len() * usize::from(hundredths) / 101).copied().unwrap_or(last)
        };
        match self {
            Self::Any(id) => id,
            Self::Own(at) => own(at),
            Self::Twisted(at, term) => TermIndex::new(term, own(at).index),
            Self::Next(by, term) => {
                TermIndex::new(last.term + term, state.end_index().saturating_add(by).max(last.index))
            }
        }
    }
}

impl LogOperation {
    /// The records that the operation writes to a log as `model` has it, if the rules allow it. None for one that
    /// writes no record.
    pub fn records(&self, model: &NaiveModel<PlainTypes>) -> Vec<Record<PlainTypes>> {
        match self {
            Self::Vote(vote) => vec![Record::SaveVote(*vote)],
            Self::Append { first, steps } => {
                let mut id = first.resolve(model);
                let mut records = vec![Record::Append(id, payload(id))];
                for (index, term) in steps {
                    id = TermIndex::new(id.term + term, id.index.saturating_add(*index));
                    records.push(Record::Append(id, payload(id)));
                }
                records
            }
            Self::Truncate(after) => vec![Record::TruncateAfter(after.map(|pick| pick.resolve(model)))],
            Self::Purge(upto) => vec![Record::PurgeUpto(upto.resolve(model))],
            Self::Commit(id) => vec![Record::Commit(id.resolve(model))],
            Self::UserData(size) => {
                vec![Record::SaveUserData(size.map(|size| Bytes::from(vec![0xda; usize::from(size)])))]
            }
            Self::Sync | Self::Flush | Self::Reopen | Self::Kill => Vec::new(),
        }
    }
}

/// What the entry of this id carries in all tests: told by the id alone, of 0 to 160 bytes, most of them below 50, and
/// different for each id where there is room for a difference.
pub fn payload(id: TermIndex) -> Bytes {
    let size = match id.index % 7 {
        0 => 0,
        6 => 100 + id.term % 60,
        rest => rest * 8 + id.term % 5,
    };
    let text = format!("{}:{} ", id.term, id.index);
    text.bytes().cycle().take(usize::try_from(size).unwrap_or_default()).collect()
}

/// Operations on a log, as many as `count` says.
pub fn operations(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<LogOperation>> {
    prop::collection::vec(operation(), count)
}

/// One operation: about half of them append, most are legal.
pub fn operation() -> impl Strategy<Value = LogOperation> {
    let vote =
        (0..5_u64, prop::option::of(0..3_u64)).prop_map(|(term, voted_for)| PlainVote { term, voted_for });
    let steps = || prop::collection::vec((Just(1_u64), (0..8_u64).prop_map(|n| u64::from(n == 0))), 0..7);
    let odd_steps = prop::collection::vec((0..3_u64, 0..2_u64), 0..4);
    let next = (0..8_u64).prop_map(|term| Pick::Next(0, u64::from(term == 0)));
    let append = |(first, steps)| LogOperation::Append { first, steps };
    prop_oneof![
        2 => vote.prop_map(LogOperation::Vote),
        16 => (next, steps()).prop_map(append),
        2 => (pick(), odd_steps).prop_map(append),
        4 => prop::option::weighted(0.8, pick()).prop_map(LogOperation::Truncate),
        3 => pick().prop_map(LogOperation::Purge),
        4 => pick().prop_map(LogOperation::Commit),
        1 => prop::option::of(0..300_u16).prop_map(LogOperation::UserData),
        4 => Just(LogOperation::Sync),
        2 => Just(LogOperation::Flush),
        2 => Just(LogOperation::Reopen),
        2 => Just(LogOperation::Kill),
    ]
}

/// An id: mostly one that the log has.
pub fn pick() -> impl Strategy<Value = Pick> {
    let index = prop_oneof![40 => 0..14_u64, 1 => Just(u64::MAX)];
    let any = (0..5_u64, index).prop_map(|(term, index)| Pick::Any(TermIndex::new(term, index)));
    prop_oneof![
        1 => any,
        6 => (0..=100_u8).prop_map(Pick::Own),
        1 => (0..=100_u8, 0..5_u64).prop_map(|(at, term)| Pick::Twisted(at, term)),
        1 => (0..4_u64, 0..2_u64).prop_map(|(by, term)| Pick::Next(by, term)),
    ]
}
