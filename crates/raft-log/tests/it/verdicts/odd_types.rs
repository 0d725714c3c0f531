//! A log of types that the ready-made ones do not decode.

use bytes::Bytes;
use raft_log::{
    Decode, DecodeError, Encode, EncodeError, LogId, RaftLog, RaftLogWriter, TermIndex, Types, Vote,
};
use raft_log_testkit::MemoryStorage;

use super::made::*;
use crate::support::*;

/// Votes of three bytes, which `PlainVote` does not decode; and ids whose rest leaves room for padding.
pub(super) struct Odd;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct OddVote;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OddId(pub(super) TermIndex);

impl Types for Odd {
    type LogId = OddId;
    type Vote = OddVote;
    type Payload = Bytes;
    type UserData = Bytes;
}

impl Encode for OddVote {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(b"odd");
        Ok(())
    }
}

impl Decode for OddVote {
    fn decode(_: Bytes) -> Result<Self, DecodeError> {
        Ok(Self)
    }
}

impl Vote for OddVote {
    fn may_replace(&self, _: &Self) -> bool {
        true
    }
}

impl LogId for OddId {
    fn term(&self) -> u64 {
        self.0.term
    }
    fn index(&self) -> u64 {
        self.0.index
    }
    fn encode_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(b"odd");
        Ok(())
    }
    fn decode(term: u64, index: u64, _: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self(TermIndex::new(term, index)))
    }
}

/// A log of odd types over several chunks: a vote, entries 0 to 20, truncated to 8, entries to 29.
pub(super) fn odd(is_closed: bool) -> Files {
    let storage = MemoryStorage::new();
    let mut log = RaftLog::<Odd>::open_on(small(), std::sync::Arc::new(storage.clone())).unwrap();
    let odd = |range: std::ops::Range<u64>| range.map(|index| (OddId(id(1, index)), payload(index)));
    log.save_vote(OddVote).unwrap();
    log.append(odd(0..21)).unwrap();
    log.truncate(Some(OddId(id(1, 8)))).unwrap();
    log.append(odd(9..30)).unwrap();
    log.sync().unwrap();
    if is_closed {
        log.close().unwrap();
    }
    storage.snapshot()
}
