//! The types that a log of an openraft application stores: openraft's own in wrappers that the log can use.
//!
//! Entries are stored, and kept in the log's cache, as the bytes their codec wrote: reading them back needs no clone of a
//! value, and what the cache counts is what it holds.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use openraft::RaftTypeConfig;
use openraft::type_config::alias::{LogIdOf, VoteOf};
use openraft::vote::RaftVote;
use raft_log::{Decode, DecodeError, Encode, EncodeError, LogId, Types, Vote};

use crate::{Codec, LowPurge};

/// The types of the log of an application `C` whose values are written by `K`. With them the log can be opened without
/// openraft: `RaftLog::<LogTypes<C, K>>::open_typed(dir)`.
pub struct LogTypes<C, K>(PhantomData<(C, K)>);

impl<C: RaftTypeConfig, K: Codec<C>> Types for LogTypes<C, K> {
    type LogId = StoredId<C, K>;
    type Vote = StoredVote<C, K>;
    type Payload = Bytes;
    type UserData = LowPurge<C, K>;
}

/// openraft's log id, as the log stores it.
pub struct StoredId<C: RaftTypeConfig, K> {
    id: LogIdOf<C>,
    codec: PhantomData<K>,
}

impl<C: RaftTypeConfig, K> StoredId<C, K> {
    /// Wraps an id.
    pub fn new(id: LogIdOf<C>) -> Self {
        Self { id, codec: PhantomData }
    }

    /// Whether the same leader proposed both.
    pub(crate) fn has_leader_of(&self, other: &Self) -> bool {
        self.id.committed_leader_id() == other.id.committed_leader_id()
    }

    /// openraft's id.
    pub fn into_inner(self) -> LogIdOf<C> {
        self.id
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> LogId for StoredId<C, K> {
    fn term(&self) -> u64 {
        // Where there is none, `encode_rest` refuses the id before it is stored.
        K::term(&self.id).unwrap_or(u64::MAX)
    }

    fn index(&self) -> u64 {
        self.id.index()
    }

    fn encode_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if K::term(&self.id).is_none() {
            return Err(EncodeError::custom("the term of a log id is no u64"));
        }
        K::encode_rest(&self.id, out)
    }

    fn decode(term: u64, index: u64, rest: &[u8]) -> Result<Self, DecodeError> {
        K::decode_id(term, index, rest).map(Self::new)
    }
}

/// openraft's vote, as the log stores it.
pub struct StoredVote<C: RaftTypeConfig, K> {
    vote: VoteOf<C>,
    codec: PhantomData<K>,
}

impl<C: RaftTypeConfig, K> StoredVote<C, K> {
    /// Wraps a vote.
    pub fn new(vote: VoteOf<C>) -> Self {
        Self { vote, codec: PhantomData }
    }

    /// openraft's vote.
    pub fn into_inner(self) -> VoteOf<C> {
        self.vote
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> Vote for StoredVote<C, K> {
    /// openraft's order: by leader, then by whether a quorum granted it. Of two leaders that cannot be compared, the one
    /// that a quorum granted replaces the other.
    fn may_replace(&self, current: &Self) -> bool {
        let (new, old) = (&self.vote, &current.vote);
        match PartialOrd::partial_cmp(new.leader_id(), old.leader_id()) {
            Some(Ordering::Greater) => true,
            Some(Ordering::Equal) => new.is_committed() >= old.is_committed(),
            Some(Ordering::Less) => false,
            None => new.is_committed() && !old.is_committed(),
        }
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> Encode for StoredVote<C, K> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        K::encode_vote(&self.vote, out)
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> Decode for StoredVote<C, K> {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        K::decode_vote(&bytes).map(Self::new)
    }
}

// Derives would ask for the same of the codec, which is only a name.

impl<C: RaftTypeConfig, K> Clone for StoredId<C, K> {
    fn clone(&self) -> Self {
        Self::new(self.id.clone())
    }
}

impl<C: RaftTypeConfig, K> PartialEq for StoredId<C, K> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<C: RaftTypeConfig, K> Eq for StoredId<C, K> {}

impl<C: RaftTypeConfig, K> PartialOrd for StoredId<C, K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<C: RaftTypeConfig, K> Ord for StoredId<C, K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id.cmp(&other.id)
    }
}

impl<C: RaftTypeConfig, K> fmt::Debug for StoredId<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.id, f)
    }
}

impl<C: RaftTypeConfig, K> Clone for StoredVote<C, K> {
    fn clone(&self) -> Self {
        Self::new(self.vote.clone())
    }
}

impl<C: RaftTypeConfig, K> PartialEq for StoredVote<C, K> {
    fn eq(&self, other: &Self) -> bool {
        self.vote == other.vote
    }
}

impl<C: RaftTypeConfig, K> fmt::Debug for StoredVote<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.vote, f)
    }
}
