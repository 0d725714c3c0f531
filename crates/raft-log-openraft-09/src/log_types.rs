//! openraft's ids and votes for the log: what they are called, how they are ordered, and by which codec they are written.

use std::cmp::Ordering;
use std::marker::PhantomData;

use openraft::{LogId, RaftTypeConfig, Vote};
use raft_log::{DecodeError, EncodeError};
use raft_log_engine::Engine;

use crate::Codec;

/// The types of the log of an application `C` whose values are written by `K`. With them the log can be opened without
/// openraft: `RaftLog::<LogTypes<C, K>>::open_typed(dir)`.
pub type LogTypes<C, K> = raft_log_engine::LogTypes<Openraft<C, K>>;

/// openraft with an application `C` whose values are written by `K`. Only a name.
pub struct Openraft<C, K>(PhantomData<(C, K)>);

impl<C: RaftTypeConfig, K: Codec<C>> Engine for Openraft<C, K> {
    type Id = LogId<C::NodeId>;
    type Vote = Vote<C::NodeId>;

    fn term(id: &LogId<C::NodeId>) -> u64 {
        id.leader_id.term
    }

    fn index(id: &LogId<C::NodeId>) -> u64 {
        id.index
    }

    fn encode_rest(id: &LogId<C::NodeId>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        K::encode_rest(id, out)
    }

    fn decode_id(term: u64, index: u64, rest: &[u8]) -> Result<LogId<C::NodeId>, DecodeError> {
        K::decode_id(term, index, rest)
    }

    /// openraft's order: by leader, then by whether a quorum granted it. Of two leaders that cannot be compared, the one
    /// that a quorum granted replaces the other.
    fn may_replace(new: &Vote<C::NodeId>, current: &Vote<C::NodeId>) -> bool {
        match PartialOrd::partial_cmp(&new.leader_id, &current.leader_id) {
            Some(Ordering::Greater) => true,
            Some(Ordering::Equal) => new.committed >= current.committed,
            Some(Ordering::Less) => false,
            None => new.committed && !current.committed,
        }
    }

    fn encode_vote(vote: &Vote<C::NodeId>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        K::encode_vote(vote, out)
    }

    fn decode_vote(bytes: &[u8]) -> Result<Vote<C::NodeId>, DecodeError> {
        K::decode_vote(bytes)
    }
}
