//! Types of an application whose ids hold a leader beside term and index, and frames and histories of them.

use bytes::Bytes;
use raft_log_codec::{
    DecodeError, EncodeError, Frame, FrameSeed, LogId, PlainVote, Record, Types, push_frame,
};

/// It derives nothing: no bound may leak onto an application's own type.
pub(crate) struct LeaderTypes;

impl Types for LeaderTypes {
    type LogId = LeaderId;
    type Vote = PlainVote;
    type Payload = Bytes;
    type UserData = Bytes;
}

/// Term, leader and index. Leader 0 has an empty rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LeaderId {
    pub(crate) term: u64,
    pub(crate) leader: u8,
    pub(crate) index: u64,
}

impl LogId for LeaderId {
    fn term(&self) -> u64 {
        self.term
    }

    fn index(&self) -> u64 {
        self.index
    }

    fn encode_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.leader > 0 {
            out.push(self.leader);
        }
        Ok(())
    }

    fn decode(term: u64, index: u64, rest: &[u8]) -> Result<Self, DecodeError> {
        let leader = match rest {
            [] => 0,
            [leader] if *leader > 0 => *leader,
            _ => return Err(DecodeError::Invalid { what: "leader" }),
        };
        Ok(Self { term, leader, index })
    }
}

/// An id of leader 0.
pub(crate) fn id(term: u64, index: u64) -> LeaderId {
    LeaderId { term, leader: 0, index }
}

/// An id with a rest.
pub(crate) fn led(term: u64, leader: u8, index: u64) -> LeaderId {
    LeaderId { term, leader, index }
}

/// The record as it is read back from a chunk.
pub(crate) fn frame(record: &Record<LeaderTypes>) -> Frame {
    parsed(&frame_bytes(record))
}

/// The same with its body's last byte flipped.
pub(crate) fn damaged_frame(record: &Record<LeaderTypes>) -> Frame {
    let mut bytes = frame_bytes(record);
    *bytes.last_mut().unwrap() ^= 1;
    let frame = parsed(&bytes);
    assert!(frame.fault.is_some());
    frame
}

fn frame_bytes(record: &Record<LeaderTypes>) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_frame(&mut bytes, FrameSeed::new(1, 2, 3), 0, record).unwrap();
    bytes
}

fn parsed(bytes: &[u8]) -> Frame {
    Frame::parse(&Bytes::copy_from_slice(bytes), FrameSeed::new(1, 2, 3), 0).unwrap()
}
