//! The ready-made codec: postcard, a compact format for whatever implements serde's traits.
//!
//! What always holds: an id that does not begin with its term is refused when it is written, not when it is read.

use openraft::RaftTypeConfig;
use openraft::type_config::alias::{CommittedLeaderIdOf, LogIdOf, VoteOf};
use openraft::vote::{RaftTerm, leader_id_adv, leader_id_std};
use openraft::{NodeId, entry::RaftEntry};
use raft_log::{DecodeError, EncodeError};
use raft_log_engine::postcard_form;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Codec;

/// Stores votes, log ids and entries with serde, in the format of postcard: integers take as many bytes as they need,
/// names of fields none.
///
/// Both of openraft's leader ids will do, with terms of `u16`, `u32` or `u64`. Of the application's request type it asks
/// what postcard asks: no `#[serde(untagged)]`, `flatten` or `skip_serializing_if`, and fields and variants that are only
/// ever added behind those that are there.
#[derive(Debug, Clone, Copy, Default)]
pub struct SerdeCodec;

/// A leader's id that can tell its term. openraft's own do; one of yours must, and its first field must be the term.
pub trait LeaderTerm {
    /// The term, or `None` if it is no `u64`.
    fn term(&self) -> Option<u64>;
}

impl<T: RaftTerm, N: NodeId> LeaderTerm for leader_id_adv::LeaderId<T, N> {
    fn term(&self) -> Option<u64> {
        self.term.as_u64()
    }
}

impl<T: RaftTerm> LeaderTerm for leader_id_std::CommittedLeaderId<T> {
    fn term(&self) -> Option<u64> {
        self.term.as_u64()
    }
}

impl<C> Codec<C> for SerdeCodec
where
    C: RaftTypeConfig,
    C::Entry: Serialize + DeserializeOwned,
    VoteOf<C>: Serialize + DeserializeOwned,
    LogIdOf<C>: Serialize,
    CommittedLeaderIdOf<C>: LeaderTerm + Serialize + DeserializeOwned,
{
    fn term(id: &LogIdOf<C>) -> Option<u64> {
        id.committed_leader_id().term()
    }

    fn encode_rest(id: &LogIdOf<C>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let leader = id.committed_leader_id();
        let term = leader.term().ok_or_else(|| EncodeError::custom("the term of a leader is no u64"))?;
        postcard_form::encode_leader(term, leader, out)
    }

    fn decode_id(term: u64, index: u64, rest: &[u8]) -> Result<LogIdOf<C>, DecodeError> {
        Ok(LogIdOf::<C>::new(postcard_form::decode_leader(term, rest)?, index))
    }

    fn encode_vote(vote: &VoteOf<C>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        postcard_form::encode(vote, out)
    }

    fn decode_vote(bytes: &[u8]) -> Result<VoteOf<C>, DecodeError> {
        postcard_form::decode(bytes)
    }

    fn encode_entry(entry: &C::Entry, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        postcard_form::encode_entry(&entry.log_id(), entry, out)
    }

    fn decode_entry(id: LogIdOf<C>, bytes: &[u8]) -> Result<C::Entry, DecodeError> {
        postcard_form::decode_entry(&id, bytes)
    }
}
