//! The ready-made codec: postcard, a compact format for whatever implements serde's traits.

use openraft::{LogId, RaftLogId, RaftTypeConfig, Vote};
use raft_log::{DecodeError, EncodeError};
use raft_log_engine::postcard_form;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Codec;

/// Stores votes, log ids and entries with serde, in the format of postcard: integers take as many bytes as they need,
/// names of fields none.
///
/// The same types give the same bytes as with openraft 0.10. Of the application's request type it asks what postcard
/// asks: no `#[serde(untagged)]`, `flatten` or `skip_serializing_if`, and fields and variants that are only
/// ever added behind those that are there.
#[derive(Debug, Clone, Copy, Default)]
pub struct SerdeCodec;

impl<C> Codec<C> for SerdeCodec
where
    C: RaftTypeConfig,
    C::Entry: Serialize + DeserializeOwned,
{
    fn encode_rest(id: &LogId<C::NodeId>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        postcard_form::encode_leader(id.leader_id.term, &id.leader_id, out)
    }

    fn decode_id(term: u64, index: u64, rest: &[u8]) -> Result<LogId<C::NodeId>, DecodeError> {
        Ok(LogId::new(postcard_form::decode_leader(term, rest)?, index))
    }

    fn encode_vote(vote: &Vote<C::NodeId>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        postcard_form::encode(vote, out)
    }

    fn decode_vote(bytes: &[u8]) -> Result<Vote<C::NodeId>, DecodeError> {
        postcard_form::decode(bytes)
    }

    fn encode_entry(entry: &C::Entry, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        postcard_form::encode_entry(entry.get_log_id(), entry, out)
    }

    fn decode_entry(id: LogId<C::NodeId>, bytes: &[u8]) -> Result<C::Entry, DecodeError> {
        postcard_form::decode_entry(&id, bytes)
    }
}
