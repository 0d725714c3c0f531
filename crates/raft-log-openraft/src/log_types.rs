//! openraft's ids and votes for the log: what they are called, how they are ordered, and by which codec they are written.

use std::cmp::Ordering;
use std::marker::PhantomData;

use openraft::RaftTypeConfig;
use openraft::type_config::alias::{LogIdOf, VoteOf};
use openraft::vote::RaftVote;
use raft_log::{DecodeError, EncodeError};
use raft_log_engine::Engine;

use crate::Codec;

/// The types of the log of an application `C` whose values are written by `K`. With them the log can be opened without
/// openraft: `RaftLog::<LogTypes<C, K>>::open_typed(dir)`.
pub type LogTypes<C, K> = raft_log_engine::LogTypes<Openraft<C, K>>;

/// openraft with an application `C` whose values are written by `K`. Only a name.
pub struct Openraft<C, K>(PhantomData<(C, K)>);

impl<C: RaftTypeConfig, K: Codec<C>> Engine for Openraft<C, K> {
    type Id = LogIdOf<C>;
    type Vote = VoteOf<C>;

    fn term(id: &LogIdOf<C>) -> u64 {
        K::term(id).unwrap_or(u64::MAX)
    }

    fn index(id: &LogIdOf<C>) -> u64 {
        id.index()
    }

    fn encode_rest(id: &LogIdOf<C>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if K::term(id).is_none() {
            return Err(EncodeError::custom("the term of a log id is no u64"));
        }
        K::encode_rest(id, out)
    }

    fn decode_id(term: u64, index: u64, rest: &[u8]) -> Result<LogIdOf<C>, DecodeError> {
        K::decode_id(term, index, rest)
    }

    /// openraft's order: by leader, then by whether a quorum granted it. Of two leaders that cannot be compared, the one
    /// that a quorum granted replaces the other.
    fn may_replace(new: &VoteOf<C>, current: &VoteOf<C>) -> bool {
        match PartialOrd::partial_cmp(new.leader_id(), current.leader_id()) {
            Some(Ordering::Greater) => true,
            Some(Ordering::Equal) => new.is_committed() >= current.is_committed(),
            Some(Ordering::Less) => false,
            None => new.is_committed() && !current.is_committed(),
        }
    }

    fn encode_vote(vote: &VoteOf<C>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        K::encode_vote(vote, out)
    }

    fn decode_vote(bytes: &[u8]) -> Result<VoteOf<C>, DecodeError> {
        K::decode_vote(bytes)
    }
}
