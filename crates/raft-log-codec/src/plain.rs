//! A ready-made choice of types: ids of term and index, and `Bytes` for payload and user data.

use std::fmt::{self, Display};

use bytes::Bytes;

use crate::{Decode, DecodeError, Encode, EncodeError, LogId, OffsetReader, Types, Vote};

/// Types that need no work of the application: [`TermIndex`], [`PlainVote`], and `Bytes` for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlainTypes;

impl Types for PlainTypes {
    type LogId = TermIndex;
    type Vote = PlainVote;
    type Payload = Bytes;
    type UserData = Bytes;
}

/// A log id of nothing but a term and an index. It is shown as `term:index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TermIndex {
    /// The term in which the entry was proposed.
    pub term: u64,
    /// The entry's position in the log.
    pub index: u64,
}

impl TermIndex {
    /// An id from its two numbers.
    pub const fn new(term: u64, index: u64) -> Self {
        Self { term, index }
    }
}

impl Display for TermIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.term, self.index)
    }
}

impl LogId for TermIndex {
    fn term(&self) -> u64 {
        self.term
    }

    fn index(&self) -> u64 {
        self.index
    }

    fn decode(term: u64, index: u64, rest: &[u8]) -> Result<Self, DecodeError> {
        OffsetReader::new(rest).finish()?;
        Ok(Self { term, index })
    }
}

/// A vote as the Raft paper has it: at most one candidate in a term.
///
/// A vote of a later term replaces any other; within a term only "nobody yet" may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PlainVote {
    /// The latest term the node has seen.
    pub term: u64,
    /// The candidate that got the node's vote in that term, if any.
    pub voted_for: Option<u64>,
}

impl PlainVote {
    /// A vote for `candidate` in `term`.
    pub const fn new(term: u64, candidate: u64) -> Self {
        Self { term, voted_for: Some(candidate) }
    }
}

impl Vote for PlainVote {
    fn may_replace(&self, current: &Self) -> bool {
        self.term > current.term
            || (self.term == current.term
                && (current.voted_for.is_none() || self.voted_for == current.voted_for))
    }
}

impl Encode for PlainVote {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(&self.term.to_le_bytes());
        if let Some(candidate) = self.voted_for {
            out.extend_from_slice(&candidate.to_le_bytes());
        }
        Ok(())
    }
}

impl Decode for PlainVote {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut reader = OffsetReader::new(&bytes);
        let term = reader.u64()?;
        let voted_for = if bytes.len() > 8 { Some(reader.u64()?) } else { None };
        reader.finish()?;
        Ok(Self { term, voted_for })
    }
}
