//! Values that an application's types cannot encode: too large, failing, panicking.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use bytes::Bytes;
use raft_log::{
    Decode, DecodeError, Encode, EncodeError, LogId, RaftLog, RaftLogWriter, Storage, TermIndex, Types, Vote,
    WriteError,
};
use raft_log_testkit::MemoryStorage;

use super::observed::*;
use crate::support::*;

/// Types whose parts do as they are told.
#[derive(Debug)]
struct Unruly;

impl Types for Unruly {
    type LogId = LongId;
    type Vote = Told;
    type Payload = Told;
    type UserData = Told;
}

/// What an encoder is to do.
#[derive(Debug, Clone, PartialEq)]
enum Told {
    Bytes(usize),
    /// Write these many bytes, then fail.
    Fail(usize),
    /// Write these many bytes, then panic.
    Panic(usize),
}

impl Encode for Told {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let (Self::Bytes(size) | Self::Fail(size) | Self::Panic(size)) = self;
        out.resize(out.len() + size, b'x');
        match self {
            Self::Bytes(_) => Ok(()),
            Self::Fail(_) => Err(EncodeError::custom("it was told to fail")),
            // As `panic!`, without a word of it in the output of the tests.
            Self::Panic(_) => resume_unwind(Box::new("it was told to panic")),
        }
    }
}

impl Decode for Told {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        Ok(Self::Bytes(bytes.len()))
    }
}

impl Vote for Told {
    fn may_replace(&self, _: &Self) -> bool {
        true
    }
}

/// An id with a rest of any length.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct LongId(TermIndex, usize);

impl LogId for LongId {
    fn term(&self) -> u64 {
        self.0.term
    }
    fn index(&self) -> u64 {
        self.0.index
    }
    fn encode_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.resize(out.len() + self.1, b'r');
        Ok(())
    }
    fn decode(term: u64, index: u64, rest: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self(TermIndex::new(term, index), rest.len()))
    }
}

fn unruly(storage: &MemoryStorage) -> RaftLog<Unruly> {
    RaftLog::<Unruly>::open_on(small(), Arc::new(storage.clone()) as Arc<dyn Storage>).unwrap()
}

fn entry(index: u64, payload: Told) -> (LongId, Told) {
    (LongId(id(1, index), 4), payload)
}

#[test]
fn what_is_over_its_limit_is_refused_and_leaves_no_trace() {
    let storage = MemoryStorage::new();
    let mut log = unruly(&storage);
    log.append((0..5).map(|index| entry(index, Told::Bytes(10)))).unwrap();
    log.sync().unwrap();
    let before = storage.snapshot();
    let long_id = (LongId(id(1, 6), 1025), Told::Bytes(1));
    let large = entry(6, Told::Bytes((256 << 20) + 1));
    let outcomes = [
        (log.save_vote(Told::Bytes(1025)), "vote", 1025, 1024),
        (log.save_user_data(Some(Told::Bytes(16_385))), "user data", 16_385, 16_384),
        (log.append([entry(5, Told::Bytes(1)), long_id]), "rest of the log id", 1025, 1024),
        (log.append([entry(5, Told::Bytes(1)), large]), "payload", (256 << 20) + 1, 256 << 20),
    ];
    for (outcome, part, was, limit) in outcomes {
        let error = outcome.unwrap_err();
        let WriteError::Encode(EncodeError::TooLarge { what, size, max }) = &error else {
            panic!("{part}: {error:?}")
        };
        assert_eq!((*what, *size, *max), (part, was, limit));
        let text = told(&error);
        assert!(text.contains(part) && text.contains(&was.to_string()), "{text}");
        assert_eq!((log.reader().indexes(), log.state().vote), (0..5, None));
    }
    log.sync().unwrap();
    assert!(storage.snapshot() == before, "something was written");

    // What is exactly at its limit is taken.
    log.save_vote(Told::Bytes(1024)).unwrap();
    log.save_user_data(Some(Told::Bytes(16_384))).unwrap();
    log.append([(LongId(id(1, 5), 1024), Told::Bytes(0))]).unwrap();
    log.close().unwrap();
    drop(log);
    let log = unruly(&storage);
    assert_eq!(log.state().vote, Some(Told::Bytes(1024)));
    assert_eq!(log.read(5..6).unwrap(), [(LongId(id(1, 5), 1024), Told::Bytes(0))]);
}

#[test]
fn an_encoder_that_fails_or_panics_leaves_no_trace() {
    for size in [0, 1, 1000, 200_000] {
        // With nothing else in the group that gathers, and with something.
        for gathered in [0, 3] {
            let storage = MemoryStorage::new();
            let mut log = unruly(&storage);
            log.append((0..5).map(|index| entry(index, Told::Bytes(10)))).unwrap();
            log.sync().unwrap();
            let before = storage.snapshot();
            let end = 5 + gathered;
            log.append((5..end).map(|index| entry(index, Told::Bytes(20)))).unwrap();
            let state = log.state();

            // Enough before it that it begins a chunk, too.
            let batch = |bad: Told| {
                let good = (end..end + 12).map(|index| entry(index, Told::Bytes(30)));
                good.chain([entry(end + 12, bad)]).collect::<Vec<_>>()
            };
            for batch in [vec![entry(end, Told::Fail(size))], batch(Told::Fail(size))] {
                let error = log.append(batch).unwrap_err();
                assert!(matches!(error, WriteError::Encode(EncodeError::Custom(_))), "{error:?}");
                assert!(told(&error).contains("it was told to fail"), "{}", told(&error));
            }
            assert!(matches!(log.save_vote(Told::Fail(size)), Err(WriteError::Encode(_))));
            assert!(matches!(log.save_user_data(Some(Told::Fail(size))), Err(WriteError::Encode(_))));
            for batch in [vec![entry(end, Told::Panic(size))], batch(Told::Panic(size))] {
                assert!(catch_unwind(AssertUnwindSafe(|| log.append(batch))).is_err());
            }
            assert!(catch_unwind(AssertUnwindSafe(|| log.save_vote(Told::Panic(size)))).is_err());

            assert_eq!(log.state(), state);
            assert_eq!(log.reader().indexes(), 0..end);
            assert_eq!(storage.snapshot(), before, "something was written");
            log.append((end..end + 30).map(|index| entry(index, Told::Bytes(40)))).unwrap();
            log.sync().unwrap();
            let sizes = |log: &RaftLog<Unruly>| {
                let read = log.read(..).unwrap();
                read.into_iter().map(|(id, payload)| (id.index(), payload)).collect::<Vec<_>>()
            };
            let held = sizes(&log);
            assert_eq!(held.len() as u64, end + 30);
            let after = unruly(&killed(&storage));
            assert_eq!((after.state(), sizes(&after)), (log.state(), held));
        }
    }
}
