//! An engine's ids and votes, in wrappers that the log can store.
//!
//! Entries are stored, and kept in the log's cache, as the bytes their codec wrote: reading them back needs no clone of a
//! value, and what the cache counts is what it holds.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use raft_log::{Decode, DecodeError, Encode, EncodeError, LogId, Types, Vote};

use crate::LowPurge;

/// The ids and votes of an engine, and how they become bytes. Implemented by each adapter, on a type that is only a name.
pub trait Engine: Sized + 'static {
    /// The id of an entry. Its order is Raft's.
    type Id: Clone + Ord + fmt::Display + Send + Sync + 'static;
    /// A vote.
    type Vote: Clone + PartialEq + fmt::Display + Send + Sync + 'static;

    /// The term of an id. `u64::MAX` where there is none: [`encode_rest`](Self::encode_rest) refuses such an id.
    fn term(id: &Self::Id) -> u64;

    /// The index of an id.
    fn index(id: &Self::Id) -> u64;

    /// Appends what an id holds beyond term and index to `out`.
    ///
    /// # Errors
    /// When it cannot be expressed.
    fn encode_rest(id: &Self::Id, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Makes an id from its parts.
    ///
    /// # Errors
    /// When `rest` is not what [`encode_rest`](Self::encode_rest) writes.
    fn decode_id(term: u64, index: u64, rest: &[u8]) -> Result<Self::Id, DecodeError>;

    /// Whether `new` may be saved over `current`.
    fn may_replace(new: &Self::Vote, current: &Self::Vote) -> bool;

    /// Appends a vote to `out`.
    ///
    /// # Errors
    /// When it cannot be expressed.
    fn encode_vote(vote: &Self::Vote, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Reads a vote back.
    ///
    /// # Errors
    /// When `bytes` are not what [`encode_vote`](Self::encode_vote) writes.
    fn decode_vote(bytes: &[u8]) -> Result<Self::Vote, DecodeError>;
}

/// The types of the log of an engine.
pub struct LogTypes<E>(PhantomData<E>);

impl<E: Engine> Types for LogTypes<E> {
    type LogId = StoredId<E>;
    type Vote = StoredVote<E>;
    type Payload = Bytes;
    type UserData = LowPurge<E>;
}

/// An engine's log id, as the log stores it.
pub struct StoredId<E: Engine>(E::Id);

/// An engine's vote, as the log stores it.
pub struct StoredVote<E: Engine>(E::Vote);

impl<E: Engine> StoredId<E> {
    /// Wraps an id.
    pub fn new(id: E::Id) -> Self {
        Self(id)
    }

    /// The engine's id.
    pub fn as_inner(&self) -> &E::Id {
        &self.0
    }

    /// The engine's id.
    pub fn into_inner(self) -> E::Id {
        self.0
    }
}

impl<E: Engine> StoredVote<E> {
    /// Wraps a vote.
    pub fn new(vote: E::Vote) -> Self {
        Self(vote)
    }

    /// The engine's vote.
    pub fn into_inner(self) -> E::Vote {
        self.0
    }
}

impl<E: Engine> LogId for StoredId<E> {
    fn term(&self) -> u64 {
        E::term(&self.0)
    }

    fn index(&self) -> u64 {
        E::index(&self.0)
    }

    fn encode_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        E::encode_rest(&self.0, out)
    }

    fn decode(term: u64, index: u64, rest: &[u8]) -> Result<Self, DecodeError> {
        E::decode_id(term, index, rest).map(Self)
    }
}

impl<E: Engine> Vote for StoredVote<E> {
    fn may_replace(&self, current: &Self) -> bool {
        E::may_replace(&self.0, &current.0)
    }
}

impl<E: Engine> Encode for StoredVote<E> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        E::encode_vote(&self.0, out)
    }
}

impl<E: Engine> Decode for StoredVote<E> {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        E::decode_vote(&bytes).map(Self)
    }
}

// Derives would ask for the same of the engine, which is only a name.

impl<E: Engine> Clone for StoredId<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E: Engine> PartialEq for StoredId<E> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<E: Engine> Eq for StoredId<E> {}

impl<E: Engine> PartialOrd for StoredId<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E: Engine> Ord for StoredId<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<E: Engine> fmt::Debug for StoredId<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<E: Engine> Clone for StoredVote<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E: Engine> PartialEq for StoredVote<E> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<E: Engine> fmt::Debug for StoredVote<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
