//! A purge below the first entry of a log that has purged nothing: an engine may ask for it, and wants to hear of it again.
//!
//! The log keeps its purged mark at the entries it dropped, and there are none to drop. So this mark is kept as the log's
//! user data, in order with everything else, until a purge that drops entries makes it meaningless.

use std::fmt;

use bytes::Bytes;
use raft_log::{Decode, DecodeError, Encode, EncodeError, LogId};

use crate::{Engine, StoredId};

/// The id up to which was purged, below the first entry.
pub struct LowPurge<E: Engine> {
    upto: StoredId<E>,
}

impl<E: Engine> LowPurge<E> {
    pub(crate) fn new(upto: StoredId<E>) -> Self {
        Self { upto }
    }

    pub(crate) fn into_id(self) -> StoredId<E> {
        self.upto
    }
}

impl<E: Engine> Encode for LowPurge<E> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.upto.term().encode(out)?;
        self.upto.index().encode(out)?;
        self.upto.encode_rest(out)
    }
}

impl<E: Engine> Decode for LowPurge<E> {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let number = |at: usize| {
            let bytes: &[u8; 8] = bytes
                .get(at..)
                .and_then(<[u8]>::first_chunk)
                .ok_or(DecodeError::Invalid { what: "mark of a purge below the first entry" })?;
            Ok(u64::from_le_bytes(*bytes))
        };
        let (term, index) = (number(0)?, number(8)?);
        Ok(Self::new(StoredId::decode(term, index, bytes.get(16..).unwrap_or_default())?))
    }
}

impl<E: Engine> Clone for LowPurge<E> {
    fn clone(&self) -> Self {
        Self::new(self.upto.clone())
    }
}

impl<E: Engine> PartialEq for LowPurge<E> {
    fn eq(&self, other: &Self) -> bool {
        self.upto == other.upto
    }
}

impl<E: Engine> fmt::Debug for LowPurge<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.upto.fmt(f)
    }
}
