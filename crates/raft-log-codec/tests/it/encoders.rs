//! Types whose encoders do as they are told: write so many bytes, fail, panic, or cut off what is not theirs. Whatever
//! they do, the frames before them stay.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use raft_log_codec::{
    Decode, DecodeError, Encode, EncodeError, LogId, RaftLogState, Record, Types, Vote, push_frame,
    push_state_frame, push_unsealed, seal_frames,
};

use crate::samples::{OFFSET, seed};

#[derive(Debug)]
pub(crate) struct ToldTypes;

impl Types for ToldTypes {
    type LogId = ToldId;
    type Vote = Told;
    type Payload = Told;
    type UserData = Told;
}

/// What an encoder does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    Write(usize),
    WriteAndFail,
    WriteAndPanic,
    CutOffAll,
}

impl Encode for Told {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Write(size) => out.resize(out.len() + size, b'x'),
            Self::WriteAndFail => {
                out.extend_from_slice(b"half of it");
                return Err(EncodeError::custom("told to fail"));
            }
            Self::WriteAndPanic => {
                out.extend_from_slice(b"half of it");
                panic!("told to panic");
            }
            Self::CutOffAll => out.clear(),
        }
        Ok(())
    }
}

impl Decode for Told {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        Ok(Self::Write(bytes.len()))
    }
}

impl Vote for Told {
    fn may_replace(&self, _: &Self) -> bool {
        true
    }
}

/// An id whose rest is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ToldId(pub(crate) Told);

impl LogId for ToldId {
    fn term(&self) -> u64 {
        1
    }

    fn index(&self) -> u64 {
        2
    }

    fn encode_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.0.encode(out)
    }

    fn decode(_: u64, _: u64, rest: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self(Told::Write(rest.len())))
    }
}

/// A state with one part.
pub(crate) fn state_with(set: impl FnOnce(&mut RaftLogState<ToldTypes>)) -> Record<ToldTypes> {
    let mut state = Box::<RaftLogState<ToldTypes>>::default();
    set(&mut state);
    Record::State(state)
}

/// A record for every place where an application's encoder is asked.
fn everywhere(told: Told) -> Vec<Record<ToldTypes>> {
    let id = ToldId(told);
    let good = ToldId(Told::Write(3));
    vec![
        Record::SaveVote(told),
        Record::Append(id, Told::Write(5)),
        Record::Append(good, told),
        Record::Commit(id),
        Record::TruncateAfter(Some(id)),
        Record::PurgeUpto(id),
        Record::SaveUserData(Some(told)),
        state_with(|state| state.vote = Some(told)),
        state_with(|state| state.last = Some(id)),
        state_with(|state| (state.last, state.committed) = (Some(good), Some(id))),
        state_with(|state| state.purged = Some(id)),
        state_with(|state| state.user_data = Some(told)),
    ]
}

/// Frames the record behind others, with each function that can.
fn push_behind(out: &mut Vec<u8>, record: &Record<ToldTypes>) -> Result<(), EncodeError> {
    if let Record::State(state) = record {
        let before = out.clone();
        let result = push_state_frame(out, seed(), OFFSET, state);
        if result.is_err() {
            assert_eq!(*out, before);
        }
        *out = before;
    }
    push_frame(out, seed(), OFFSET, record)
}

#[test]
fn an_encoder_that_fails_leaves_no_trace_and_its_error_comes_through() {
    for record in everywhere(Told::WriteAndFail) {
        let mut out = b"the frames before".to_vec();
        match push_behind(&mut out, &record) {
            Err(EncodeError::Custom(error)) => assert_eq!(error.to_string(), "told to fail"),
            other => panic!("{record:?}: {other:?}"),
        }
        assert_eq!(out, b"the frames before", "{record:?}");
    }
}

#[test]
fn an_encoder_that_panics_leaves_no_trace() {
    for record in everywhere(Told::WriteAndPanic) {
        let mut out = b"the frames before".to_vec();
        let pushed = catch_unwind(AssertUnwindSafe(|| push_frame(&mut out, seed(), OFFSET, &record)));
        assert!(pushed.is_err(), "{record:?}");
        assert_eq!(out, b"the frames before", "{record:?}");
    }
}

#[test]
fn an_encoder_that_cuts_off_what_is_not_its_own_does_not_go_unnoticed() {
    for record in everywhere(Told::CutOffAll) {
        let mut out = b"the frames before".to_vec();
        let pushed = catch_unwind(AssertUnwindSafe(|| push_frame(&mut out, seed(), OFFSET, &record)));
        let message = *pushed.unwrap_err().downcast::<&str>().unwrap();
        assert!(message.contains("cut off"), "{record:?}: {message}");
    }
}

#[test]
fn a_frame_at_an_offset_that_is_no_multiple_of_8_is_not_made() {
    let record = Record::<ToldTypes>::TruncateAfter(None);
    let mut out = b"the frames before".to_vec();
    let pushed = catch_unwind(AssertUnwindSafe(|| push_frame(&mut out, seed(), OFFSET + 4, &record)));
    assert!(pushed.is_err());
    assert_eq!(out, b"the frames before");
}

#[test]
fn frames_that_are_sealed_together_are_those_that_were_made_one_by_one() {
    let mut one_by_one = Vec::new();
    let mut together = Vec::new();
    // Enough for more than one part.
    for index in 0..400 {
        let size = if index == 100 { 40_000 } else { index % 300 };
        let record = Record::<ToldTypes>::Append(ToldId(Told::Write(index % 5)), Told::Write(size));
        let offset = OFFSET + one_by_one.len() as u64;
        push_frame(&mut one_by_one, seed(), offset, &record).unwrap();
        push_unsealed(&mut together, &record).unwrap();
        let bad = Record::<ToldTypes>::SaveVote(Told::WriteAndFail);
        assert!(push_unsealed(&mut together, &bad).is_err());
    }
    assert!(together != one_by_one);
    seal_frames(&mut together, seed(), OFFSET);
    assert!(together == one_by_one);
}

#[test]
fn what_is_not_whole_frames_is_not_sealed() {
    let mut frames = Vec::new();
    push_unsealed(&mut frames, &Record::<ToldTypes>::SaveVote(Told::Write(20))).unwrap();
    for cut in 1..frames.len() {
        let sealed = catch_unwind(AssertUnwindSafe(|| seal_frames(&mut frames[..cut], seed(), OFFSET)));
        assert!(sealed.is_err(), "{cut}");
    }
    seal_frames(&mut [], seed(), OFFSET);
}
