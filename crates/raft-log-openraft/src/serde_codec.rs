//! The ready-made codec: postcard, a compact format for whatever implements serde's traits.
//!
//! What the log stores beside an entry, its term and index, is not written a second time. What always holds: bytes that
//! are given out were compared with what will be read, or begin with a byte that says how; an id that does not begin
//! with its term is refused when it is written, not when it is read.

use openraft::RaftTypeConfig;
use openraft::type_config::alias::{CommittedLeaderIdOf, LogIdOf, VoteOf};
use openraft::vote::{RaftTerm, leader_id_adv, leader_id_std};
use openraft::{NodeId, entry::RaftEntry};
use postcard::ser_flavors::Flavor;
use raft_log::{DecodeError, EncodeError};
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

/// The first byte of an entry: its id is left out.
const WITHOUT_ID: u8 = 0;
/// The first byte of an entry: all of it follows, for it does not begin with its id.
const WHOLE: u8 = 1;

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
        let start = out.len();
        encode(leader, out)?;
        if !cut_prefix(out, start, &encoded(&term)?) {
            return Err(EncodeError::custom(
                "a leader's id does not begin with its term, as a u16, u32 or u64",
            ));
        }
        Ok(())
    }

    fn decode_id(term: u64, index: u64, rest: &[u8]) -> Result<LogIdOf<C>, DecodeError> {
        let mut leader = encoded(&term).map_err(DecodeError::custom)?;
        leader.extend_from_slice(rest);
        Ok(LogIdOf::<C>::new(decode(&leader)?, index))
    }

    fn encode_vote(vote: &VoteOf<C>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode(vote, out)
    }

    fn decode_vote(bytes: &[u8]) -> Result<VoteOf<C>, DecodeError> {
        decode(bytes)
    }

    fn encode_entry(entry: &C::Entry, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        out.push(WITHOUT_ID);
        encode(entry, out)?;
        if !cut_prefix(out, start + 1, &encoded(&entry.log_id())?)
            && let Some(form) = out.get_mut(start)
        {
            *form = WHOLE;
        }
        Ok(())
    }

    fn decode_entry(id: LogIdOf<C>, bytes: &[u8]) -> Result<C::Entry, DecodeError> {
        match bytes.split_first() {
            Some((&WITHOUT_ID, rest)) => {
                let mut entry = encoded(&id).map_err(DecodeError::custom)?;
                entry.extend_from_slice(rest);
                decode(&entry)
            }
            Some((&WHOLE, entry)) => decode(entry),
            _ => Err(DecodeError::Invalid { what: "first byte of an entry" }),
        }
    }
}

/// Takes `prefix` out of what stands in `out` from `start` on, if that begins with it.
fn cut_prefix(out: &mut Vec<u8>, start: usize, prefix: &[u8]) -> bool {
    let is_prefix = out.get(start..).is_some_and(|bytes| bytes.starts_with(prefix));
    if is_prefix {
        out.drain(start..start + prefix.len());
    }
    is_prefix
}

fn encoded(value: &impl Serialize) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    encode(value, &mut out)?;
    Ok(out)
}

fn encode(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    postcard::serialize_with_flavor(value, Appending(out)).map_err(EncodeError::custom)
}

/// All of `bytes`: what is left behind the value is an error.
fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, DecodeError> {
    let (value, left) = postcard::take_from_bytes(bytes).map_err(DecodeError::custom)?;
    match left.len() {
        0 => Ok(value),
        count => Err(DecodeError::Trailing { count: count as u64 }),
    }
}

/// Where postcard writes to: behind what is there.
struct Appending<'a>(&'a mut Vec<u8>);

impl Flavor for Appending<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
