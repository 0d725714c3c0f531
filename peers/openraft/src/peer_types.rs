//! openraft's ids, votes and entries as raft-log 0.4.6 stores them.
//!
//! An entry is the same bytes as in raft-log-openraft, by the same codec; counted references to them are what the log's
//! cache holds, so that a read from it copies nothing before it decodes.

use std::io;
use std::sync::Arc;

use openraft::type_config::alias::{EntryOf, LeaderIdOf, LogIdOf, VoteOf};
use openraft::vote::{RaftLeaderId, RaftVote};
use openraft_memstore::TypeConfig;
use raft_log_0_4::codeq::{Decode, Encode};
use raft_log_openraft::{Codec, SerdeCodec};

use crate::told::Told;

pub(crate) type LogId = LogIdOf<TypeConfig>;
pub(crate) type Vote = VoteOf<TypeConfig>;
pub(crate) type Entry = EntryOf<TypeConfig>;

/// Term, node and index: in this order they are ordered as openraft orders ids.
pub(crate) type StoredId = (u64, (u64, u64));
/// Term, node, and whether a quorum granted it.
pub(crate) type StoredVote = (u64, (u64, bool));

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct PeerTypes;

impl raft_log_0_4::Types for PeerTypes {
    type LogId = StoredId;
    type LogPayload = StoredEntry;
    type Vote = StoredVote;
    type UserData = String;
    type Callback = Told;

    fn log_index(id: &StoredId) -> u64 {
        id.1.1
    }

    fn payload_size(payload: &StoredEntry) -> u64 {
        payload.0.len() as u64
    }
}

/// An entry as its codec wrote it, without its id, which the log has anyway.
#[derive(Debug, Clone)]
pub(crate) struct StoredEntry(Arc<[u8]>);

impl StoredEntry {
    pub(crate) fn new(entry: &Entry) -> io::Result<Self> {
        let mut bytes = Vec::new();
        <SerdeCodec as Codec<TypeConfig>>::encode_entry(entry, &mut bytes).map_err(invalid)?;
        Ok(Self(bytes.into()))
    }

    pub(crate) fn entry(&self, id: StoredId) -> io::Result<Entry> {
        <SerdeCodec as Codec<TypeConfig>>::decode_entry(log_id(id), &self.0).map_err(invalid)
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl Encode for StoredEntry {
    fn encode<W: io::Write>(&self, mut out: W) -> io::Result<usize> {
        let len = u32::try_from(self.0.len()).map_err(invalid)?;
        let len_bytes = len.encode(&mut out)?;
        out.write_all(&self.0)?;
        Ok(len_bytes + self.0.len())
    }
}

impl Decode for StoredEntry {
    fn decode<R: io::Read>(from: R) -> io::Result<Self> {
        // The same form: a length and the bytes.
        Ok(Self(Vec::<u8>::decode(from)?.into()))
    }
}

pub(crate) fn stored_id(id: &LogId) -> StoredId {
    let leader = id.committed_leader_id();
    (leader.term, (leader.node_id, id.index()))
}

pub(crate) fn log_id((term, (node, index)): StoredId) -> LogId {
    LogId::new(LeaderIdOf::<TypeConfig>::new(term, node).to_committed(), index)
}

pub(crate) fn stored_vote(vote: &Vote) -> StoredVote {
    let leader = vote.leader_id();
    (leader.term, (leader.node_id, vote.is_committed()))
}

pub(crate) fn vote((term, (node, is_committed)): StoredVote) -> Vote {
    Vote::from_leader_id(LeaderIdOf::<TypeConfig>::new(term, node), is_committed)
}
