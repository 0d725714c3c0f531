//! A log with an application's own types: nodes have names, an entry's id says which node proposed it, and payloads
//! are commands.
//!
//! Run it with `cargo run -p raft-log --example own_types`.

use raft_log::{
    Bytes, Decode, DecodeError, Encode, EncodeError, LogId, RaftLog, RaftLogWriter, Types, Vote, WriteError,
};

struct KvTypes;

impl Types for KvTypes {
    type LogId = ProposedId;
    type Vote = NamedVote;
    type Payload = Set;
    type UserData = String;
}

/// The derived order compares field by field: the term, then who proposed in it, then the index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ProposedId {
    term: u64,
    node: String,
    index: u64,
}

impl LogId for ProposedId {
    fn term(&self) -> u64 {
        self.term
    }

    fn index(&self) -> u64 {
        self.index
    }

    // Term and index are stored by the log; what is left is the node. Entries in a row share it.
    fn encode_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.node.encode(out)
    }

    fn decode(term: u64, index: u64, rest: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { term, node: String::decode(Bytes::copy_from_slice(rest))?, index })
    }
}

#[derive(Debug, Clone, PartialEq)]
struct NamedVote {
    term: u64,
    node: String,
}

impl Vote for NamedVote {
    // A later term, or the same vote again. Another node in the same term would be voting twice.
    fn may_replace(&self, current: &Self) -> bool {
        self.term > current.term || self == current
    }
}

impl Encode for NamedVote {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.term.encode(out)?;
        self.node.encode(out)
    }
}

impl Decode for NamedVote {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let (term, node) = split(&bytes)?;
        Ok(Self { term: u64::decode(term)?, node: String::decode(node)? })
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Set {
    key: u64,
    value: Bytes,
}

impl Encode for Set {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.key.encode(out)?;
        self.value.encode(out)
    }
}

impl Decode for Set {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let (key, value) = split(&bytes)?;
        Ok(Self { key: u64::decode(key)?, value }) // `value` is a slice of what was read: no copy
    }
}

/// The first eight bytes, and those behind. Any bytes may come here, and none may panic.
fn split(bytes: &Bytes) -> Result<(Bytes, Bytes), DecodeError> {
    if bytes.len() < 8 {
        return Err(DecodeError::custom("eight bytes are needed"));
    }
    Ok((bytes.slice(..8), bytes.slice(8..)))
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let id = |index| ProposedId { term: 4, node: "berlin-2".to_owned(), index };
    let set = |key, value: &'static str| Set { key, value: Bytes::from_static(value.as_bytes()) };
    {
        let mut log = RaftLog::<KvTypes>::open_typed(directory.path())?;
        log.save_vote(NamedVote { term: 4, node: "berlin-2".to_owned() })?;
        log.append([(id(1), set(17, "green")), (id(2), set(18, "blue"))])?;
        log.sync()?;

        let second_vote = NamedVote { term: 4, node: "oslo-1".to_owned() };
        let Err(refused @ WriteError::Rejected(_)) = log.save_vote(second_vote) else {
            return Err("a second vote in one term must be refused".into());
        };
        println!("refused: {refused}");
    }
    let log = RaftLog::<KvTypes>::open_typed(directory.path())?;
    for (id, set) in log.read(1..)? {
        println!("{}:{} by {}: {} = {:?}", id.term, id.index, id.node, set.key, set.value);
    }
    assert_eq!(log.entry(2)?, (id(2), set(18, "blue")));
    Ok(())
}
