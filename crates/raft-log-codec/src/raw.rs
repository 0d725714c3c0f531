//! The choice of types that reads any directory: ids keep their rest as bytes, everything else is opaque.

use std::fmt::{self, Display};

use bytes::Bytes;

use crate::frame::check_size;
use crate::{Decode, DecodeError, Encode, EncodeError, LogId, REST_BYTES_MAX, Types, Vote};

/// Types without meaning, for tools that do not know the application's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RawTypes;

impl Types for RawTypes {
    type LogId = RawLogId;
    type Vote = RawVote;
    type Payload = Bytes;
    type UserData = Bytes;
}

/// A log id whose rest is kept as it is stored. It is shown as `term:index`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct RawLogId {
    /// The term.
    pub term: u64,
    /// The index.
    pub index: u64,
    /// What the application's id holds beyond them.
    pub rest: Bytes,
}

impl Display for RawLogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.term, self.index)
    }
}

impl RawLogId {
    /// The same id as the application knows it.
    ///
    /// # Errors
    /// When the rest is not one of its ids'.
    pub fn typed<L: LogId>(&self) -> Result<L, DecodeError> {
        L::decode(self.term, self.index, &self.rest)
    }

    /// The application's id in its stored form.
    ///
    /// # Errors
    /// When the id cannot be encoded, or its rest is over its limit.
    pub fn from_typed<L: LogId>(id: &L) -> Result<Self, EncodeError> {
        let mut rest = Vec::new();
        id.encode_rest(&mut rest)?;
        check_size("rest of the log id", rest.len(), REST_BYTES_MAX)?;
        Ok(Self { term: id.term(), index: id.index(), rest: rest.into() })
    }
}

impl LogId for RawLogId {
    fn term(&self) -> u64 {
        self.term
    }

    fn index(&self) -> u64 {
        self.index
    }

    fn encode_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(&self.rest);
        Ok(())
    }

    fn decode(term: u64, index: u64, rest: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { term, index, rest: Bytes::copy_from_slice(rest) })
    }
}

/// A vote as it is stored. Its order is the application's secret, so any vote may replace any other: what a log
/// holds was checked when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RawVote(pub Bytes);

impl Vote for RawVote {
    fn may_replace(&self, _: &Self) -> bool {
        true
    }
}

impl Encode for RawVote {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.0.encode(out)
    }
}

impl Decode for RawVote {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        Ok(Self(bytes))
    }
}
