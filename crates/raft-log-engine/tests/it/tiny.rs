//! An engine whose ids are term and index, whose votes are terms, and whose entries are numbers.

use std::fmt;
use std::sync::Arc;

use raft_log::{Config, DecodeError, EncodeError, Storage};
use raft_log_engine::{Engine, EngineLog, ToldOnce};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) u64, pub(crate) u64);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0, self.1)
    }
}

pub(crate) struct Tiny;

impl Engine for Tiny {
    type Id = Id;
    type Vote = u64;

    fn term(id: &Id) -> u64 {
        id.0
    }

    fn index(id: &Id) -> u64 {
        id.1
    }

    fn encode_rest(_id: &Id, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn decode_id(term: u64, index: u64, _rest: &[u8]) -> Result<Id, DecodeError> {
        Ok(Id(term, index))
    }

    fn may_replace(new: &u64, current: &u64) -> bool {
        new >= current
    }

    fn encode_vote(vote: &u64, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        raft_log::Encode::encode(vote, out)
    }

    fn decode_vote(bytes: &[u8]) -> Result<u64, DecodeError> {
        bytes.try_into().map(u64::from_le_bytes).map_err(DecodeError::custom)
    }
}

pub(crate) fn open(config: Config, storage: impl Storage) -> EngineLog<Tiny> {
    EngineLog::open_on(config, Arc::new(storage)).unwrap()
}

/// The id of an entry that is a number.
pub(crate) fn id(index: &u64) -> Id {
    Id(1, *index)
}

pub(crate) fn encode(entry: &u64, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    raft_log::Encode::encode(entry, out)
}

pub(crate) fn decode(_id: Id, bytes: &[u8]) -> Result<u64, DecodeError> {
    bytes.try_into().map(u64::from_le_bytes).map_err(DecodeError::custom)
}

/// Appends numbers at their own index, and has them durable.
pub(crate) fn append(log: &mut EngineLog<Tiny>, entries: std::ops::Range<u64>) {
    let (done, told) = std::sync::mpsc::channel();
    let callback = ToldOnce::new(move |outcome| done.send(outcome).unwrap());
    log.append(entries, id, encode, callback).unwrap();
    told.recv().unwrap().unwrap();
}

/// A log in memory whose cache holds about this many entries.
pub(crate) fn config(cached: usize) -> Config {
    let mut config = Config::new("unused");
    config.log_cache_max_items = cached;
    config
}

/// The entries that the log has.
pub(crate) fn entries(log: &EngineLog<Tiny>) -> Vec<u64> {
    log.log()
        .read(..)
        .unwrap()
        .into_iter()
        .map(|(id, bytes)| decode(id.into_inner(), &bytes).unwrap())
        .collect()
}
