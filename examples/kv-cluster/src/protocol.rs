//! What goes over the wire: a frame is four bytes of length, little endian, and a value in the format of postcard.
//!
//! A connection carries one request at a time, then its response. What always holds: no frame is longer than
//! [`FRAME_BYTES_MAX`], in either direction, and a shorter one is not believed to hold more than it does.

use std::io;

use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::contents::Contents;
use crate::types::{Answer, Put, SnapshotMeta, Types, Vote};

/// A snapshot goes as one frame, so this bounds the state as well.
pub(crate) const FRAME_BYTES_MAX: usize = 64 << 20;

/// What a node is asked, by its peers and by clients.
#[derive(Serialize, Deserialize)]
pub(crate) enum Request {
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<Types>),
    PreVote(VoteRequest<Types>),
    InstallSnapshot {
        vote: Vote,
        meta: SnapshotMeta,
        data: Vec<u8>,
    },
    /// Make a cluster of these nodes.
    Initialize(Vec<u64>),
    Write(Put),
    /// Commit an entry of no meaning; all that was acknowledged lies before it.
    Barrier,
    /// Take a snapshot.
    TakeSnapshot,
    /// Drop the entries up to this index; a snapshot must hold them.
    Purge(u64),
    Status,
    Contents,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Response {
    Append(AppendEntriesResponse<Types>),
    Vote(VoteResponse<Types>),
    Snapshot(SnapshotResponse<Types>),
    /// It is committed and applied, as this entry.
    Committed {
        term: u64,
        index: u64,
        answer: Answer,
    },
    /// Ask that node, if there is one. Whether a write happened is unknown unless this node never was the leader.
    NotLeader(Option<u64>),
    Done,
    Status(Box<Status>),
    Contents {
        applied: Option<u64>,
        contents: Contents,
    },
    Failed(String),
}

/// How a node stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) id: u64,
    pub(crate) term: u64,
    pub(crate) leader: Option<u64>,
    /// Indexes of entries.
    pub(crate) last: Option<u64>,
    pub(crate) applied: Option<u64>,
    pub(crate) snapshot: Option<u64>,
    pub(crate) purged: Option<u64>,
    /// Syncs of the log since the start.
    pub(crate) syncs: u64,
    /// Snapshots that came from a leader since the start.
    pub(crate) snapshots_installed: u64,
    pub(crate) opened: Opened,
    /// Why openraft stopped the node, if it did.
    pub(crate) stopped: Option<String>,
}

/// What the log said when it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opened {
    pub(crate) entries: u64,
    pub(crate) chunks: u64,
    pub(crate) micros: u64,
    /// A write was cut short by the kill; nobody was told that it was stored.
    pub(crate) is_torn: bool,
    /// Warnings and damage: a killed process leaves none.
    pub(crate) remarks: Vec<String>,
}

/// Sends one value.
pub(crate) async fn send(stream: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> io::Result<()> {
    let mut frame = postcard::to_extend(value, vec![0; 4]).map_err(invalid)?;
    let length = frame.len() - 4;
    if length > FRAME_BYTES_MAX {
        return Err(invalid(format!("a frame of {length} bytes is longer than {FRAME_BYTES_MAX}")));
    }
    if let (Some(place), Ok(length)) = (frame.first_chunk_mut(), u32::try_from(length)) {
        *place = length.to_le_bytes();
    }
    stream.write_all(&frame).await?;
    stream.flush().await
}

/// Receives one value; `None` if the other side closed the connection between two.
pub(crate) async fn receive<V: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<V>> {
    let mut head = [0; 4];
    let (first, rest) = head.split_at_mut(1);
    if stream.read(first).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(rest).await?;
    let length = u32::from_le_bytes(head);
    if length as usize > FRAME_BYTES_MAX {
        return Err(invalid(format!("a frame claims {length} bytes, more than {FRAME_BYTES_MAX}")));
    }
    // What is claimed is not reserved at once: it may never come.
    let mut body = Vec::new();
    stream.take(u64::from(length)).read_to_end(&mut body).await?;
    if body.len() != length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let (value, left) = postcard::take_from_bytes(&body).map_err(invalid)?;
    if left.is_empty() { Ok(Some(value)) } else { Err(invalid("bytes are left in a frame")) }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use openraft::vote::leader_id_adv::LeaderId;
    use openraft::{Entry, EntryPayload};

    use super::*;
    use crate::types::LogId;

    async fn frame(value: &impl Serialize) -> Vec<u8> {
        let mut bytes = Vec::new();
        send(&mut bytes, value).await.unwrap();
        bytes
    }

    fn put() -> Put {
        Put { key: "client-1/key-2".into(), version: 3, value: "x".repeat(100) }
    }

    #[tokio::test]
    async fn what_is_sent_is_what_is_received_one_after_the_other() {
        let id = LogId::new(LeaderId { term: 2, node_id: 1 }, 7);
        let append = AppendEntriesRequest {
            vote: Vote::new_committed(2, 1),
            prev_log_id: None,
            entries: vec![Entry { log_id: id, payload: EntryPayload::Normal(put()) }],
            leader_commit: Some(id),
        };
        let mut bytes = frame(&Request::Append(append.clone())).await;
        bytes.extend(frame(&Request::Write(put())).await);
        let mut stream = bytes.as_slice();
        let Some(Request::Append(received)) = receive(&mut stream).await.unwrap() else {
            panic!("no append")
        };
        assert_eq!(received.entries, append.entries);
        assert_eq!((received.vote, received.leader_commit), (append.vote, append.leader_commit));
        let Some(Request::Write(received)) = receive(&mut stream).await.unwrap() else { panic!("no write") };
        assert_eq!(received, put());
        assert!(receive::<Request>(&mut stream).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_connection_that_ends_within_a_frame_is_an_error() {
        let whole = frame(&Request::Write(put())).await;
        for length in 1..whole.len() {
            let outcome = receive::<Request>(&mut &whole[..length]).await;
            assert_eq!(
                outcome.err().map(|error| error.kind()),
                Some(io::ErrorKind::UnexpectedEof),
                "{length}"
            );
        }
    }

    #[tokio::test]
    async fn a_frame_that_is_too_long_or_holds_more_than_its_value_is_refused() {
        let mut long = frame(&Request::Status).await;
        long[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        let outcome = receive::<Request>(&mut long.as_slice()).await;
        assert_eq!(outcome.err().map(|error| error.kind()), Some(io::ErrorKind::InvalidData));

        let mut more = frame(&Request::Status).await;
        more.push(0);
        more[0] += 1;
        let outcome = receive::<Request>(&mut more.as_slice()).await;
        assert_eq!(outcome.err().map(|error| error.kind()), Some(io::ErrorKind::InvalidData));

        let huge = Response::Failed("x".repeat(FRAME_BYTES_MAX));
        assert!(send(&mut Vec::new(), &huge).await.is_err());
    }
}
