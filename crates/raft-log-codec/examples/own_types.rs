//! An application's own types in a log: ids that name the node which proposed the entry, votes in a partial order,
//! and commands as payloads.
//!
//! Run it with `cargo run -p raft-log-codec --example own_types`.

use std::cmp::Ordering;

use bytes::Bytes;
use raft_log_codec::{
    Decode, DecodeError, DisplayLogId, Encode, EncodeError, Frame, FrameSeed, LogId, OffsetReader,
    RaftLogState, RawTypes, Record, Types, Vote, push_frame,
};

/// What this application stores.
#[derive(Debug)]
pub(crate) struct KvTypes;

impl Types for KvTypes {
    type LogId = ProposedId;
    type Vote = LeaderVote;
    type Payload = Command;
    type UserData = String;
}

/// An id that names the node which proposed the entry.
///
/// The derived order goes by the fields in turn: the term, what refines it, and then the index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProposedId {
    pub(crate) term: u64,
    pub(crate) node: String,
    pub(crate) index: u64,
}

impl LogId for ProposedId {
    fn term(&self) -> u64 {
        self.term
    }

    fn index(&self) -> u64 {
        self.index
    }

    // The log stores the term and the index; the node's name is the rest.
    fn encode_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.node.encode(out)
    }

    fn decode(term: u64, index: u64, rest: &[u8]) -> Result<Self, DecodeError> {
        let node = String::decode(Bytes::copy_from_slice(rest))?;
        Ok(Self { term, node, index })
    }
}

/// A vote for a node, which a quorum may have granted already.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LeaderVote {
    pub(crate) term: u64,
    pub(crate) node: String,
    pub(crate) granted: bool,
}

impl PartialOrd for LeaderVote {
    /// Votes of one term for two nodes have no order: neither may replace the other.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.term.cmp(&other.term) {
            Ordering::Equal if self.node == other.node => Some(self.granted.cmp(&other.granted)),
            Ordering::Equal => None,
            unequal => Some(unequal),
        }
    }
}

impl Vote for LeaderVote {
    fn may_replace(&self, current: &Self) -> bool {
        self >= current
    }
}

impl Encode for LeaderVote {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.term.encode(out)?;
        out.push(u8::from(self.granted));
        // The last field needs no size: it takes all bytes that are left.
        self.node.encode(out)
    }
}

impl Decode for LeaderVote {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut reader = OffsetReader::new(&bytes);
        let term = reader.u64()?;
        let granted = match reader.u8()? {
            0 => false,
            1 => true,
            other => {
                return Err(DecodeError::custom(format!("a vote is granted or not, but not {other}")));
            }
        };
        let node = String::decode(bytes.slice(reader.offset()..))?;
        Ok(Self { term, node, granted })
    }
}

/// What an entry tells the application to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    /// Nothing; what a new leader proposes first.
    Blank,
    /// Set a key to a value.
    Set { key: String, value: Bytes },
}

impl Encode for Command {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Blank => out.push(0),
            Self::Set { key, value } => {
                out.push(1);
                let size = u16::try_from(key.len()).map_err(EncodeError::custom)?;
                out.extend_from_slice(&size.to_le_bytes());
                key.encode(out)?;
                value.encode(out)?;
            }
        }
        Ok(())
    }
}

impl Decode for Command {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut reader = OffsetReader::new(&bytes);
        match reader.u8()? {
            0 => reader.finish().map(|()| Self::Blank),
            1 => {
                let size = usize::from(reader.u16()?);
                let key = String::decode(Bytes::copy_from_slice(reader.take(size)?))?;
                // A slice of what was read, not a copy of it.
                let value = bytes.slice(reader.offset()..);
                Ok(Self::Set { key, value })
            }
            other => Err(DecodeError::custom(format!("no command has the number {other}"))),
        }
    }
}

/// One record of each sort.
pub(crate) fn records() -> Vec<Record<KvTypes>> {
    let id = |index| ProposedId { term: 3, node: "node-b.example".to_owned(), index };
    let vote = LeaderVote { term: 3, node: "node-b.example".to_owned(), granted: true };
    let set = Command::Set { key: "colour".to_owned(), value: Bytes::from_static(b"green") };
    vec![
        Record::State(Box::default()),
        Record::SaveVote(vote.clone()),
        Record::Append(id(1), Command::Blank),
        Record::Append(id(2), set),
        Record::TruncateAfter(Some(id(1))),
        Record::TruncateAfter(None),
        Record::Commit(id(1)),
        Record::SaveUserData(Some("members: a, b, c".to_owned())),
        Record::PurgeUpto(id(1)),
        Record::State(Box::new(RaftLogState {
            vote: Some(vote),
            last: Some(id(1)),
            committed: Some(id(1)),
            purged: Some(id(1)),
            user_data: Some("members: a, b, c".to_owned()),
        })),
    ]
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Which log, which chunk of it, and the chunk's salt: frames are valid there and nowhere else.
    let seed = FrameSeed::new(0x6b76, 0, 0x5a17);

    let mut out = Vec::new();
    for record in records() {
        let offset = out.len() as u64;
        push_frame(&mut out, seed, offset, &record)?;
    }

    let bytes = Bytes::from(out);
    let mut read = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let frame = Frame::parse(&bytes.slice(at..), seed, at as u64)?;
        if let Some(fault) = frame.fault {
            return Err(fault.into());
        }
        let record: Record<KvTypes> = frame.record()?;
        let id = DisplayLogId(record.log_id());
        println!("{at:>4}  {:<9}  {id}  {record:?}", record.kind());
        at += frame.head.size();
        read.push(record);
    }
    assert_eq!(read, records(), "what was written is read");

    // A tool that knows none of these types reads the same bytes.
    let first = Frame::parse(&bytes, seed, 0)?.record::<RawTypes>()?;
    println!("\nwithout the application's types: {first:?}");

    // Two candidates of one term: neither vote replaces the other.
    let vote = |node: &str| LeaderVote { term: 4, node: node.to_owned(), granted: false };
    assert!(!vote("a").may_replace(&vote("b")) && !vote("b").may_replace(&vote("a")));
    Ok(())
}
