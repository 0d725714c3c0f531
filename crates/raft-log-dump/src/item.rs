//! What a scan finds, as plain data. Nothing is read or judged here.

use std::fmt::{self, Display};
use std::io;

use raft_log_chunk::{Behind, ChunkHeader, ChunkId, DurableFacts, Footer, HeaderFault, Space};
use raft_log_codec::{
    Decode, Frame, FrameHead, Grouped, HeadFault, RaftLogState, RawLogId, RawTypes, RecordKind,
};

/// One thing in a directory. Damage is an item like any other.
#[derive(Debug)]
#[non_exhaustive]
pub enum Item {
    /// What the file `DURABLE` says; the first item.
    Durable(DurableFacts),
    /// A name that looks like a chunk's and cannot be one.
    OddName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A chunk begins: all items up to the next of its kind are in it.
    Chunk(ChunkStart),
    /// A frame whose head is good. Whether its body is, it says itself.
    Record(StoredRecord),
    /// Bytes that are no frame, where frames belong.
    Gap(Gap),
    /// The end of the log, in the newest chunk, and what lies behind it.
    Tail(Tail),
    /// A whole footer.
    Footer(StoredFooter),
    /// The chunk was purged, and perhaps its file reused, while it was read: what was not read yet is gone, and
    /// nothing is wrong.
    Purged(ChunkId),
    /// Records were purged before a reader that follows the log had reached them.
    Skipped(Skip),
    /// A file cannot be read any further. The scan goes on with the next.
    Unreadable {
        /// The file.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// The last item.
    End(Counts),
}

/// How a chunk begins.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChunkStart {
    /// Its id, by the name of its file.
    pub id: ChunkId,
    /// Its header, or what is wrong with it.
    pub header: Result<ChunkHeader, HeaderFault>,
    /// Whether its frames can be read. Behind a damaged header they can if the salt is found elsewhere.
    pub is_readable: bool,
    /// The size of the file when it was opened.
    pub file_size: u64,
    /// Where its frames end, by the id of the chunk behind it; `None` for the newest.
    pub end: Option<u64>,
    /// Whether it is the newest and a footer stands where `DURABLE` says that it ends: nobody appends to it any more.
    pub is_closed: bool,
    /// Whether all that it holds is purged, so that it only waits to be removed. Seen from the `State`s that the
    /// chunks begin with alone, so some leftovers are not told.
    pub is_leftover: bool,
    /// The id of its first entry, if one stands among the first records.
    pub first: Option<RawLogId>,
}

/// A frame with a good head.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoredRecord {
    /// Its chunk.
    pub chunk: ChunkId,
    /// The frame, with its offset, its payload, and the fault of its body.
    pub frame: Frame,
    /// Whether it stands behind the end of the log, in bytes that were never acknowledged.
    pub is_behind_end: bool,
}

impl StoredRecord {
    /// Whether something is wrong with it: a damaged body, or a kind or flags that this version does not know.
    pub fn is_bad(&self) -> bool {
        self.frame.fault.is_some() || self.frame.head.kind().is_none()
    }

    /// The state in a `State` record, with ids and votes as they are stored; `None` for other kinds, and where it
    /// does not decode.
    pub fn state(&self) -> Option<RaftLogState<RawTypes>> {
        if self.frame.fault.is_some() || self.frame.head.kind() != Some(RecordKind::State) {
            return None;
        }
        RaftLogState::decode(self.frame.payload.clone()).ok()
    }

    /// What a `Group` record says: the end of what the last sync before it had covered.
    pub fn durable_end(&self) -> Option<u64> {
        if self.frame.fault.is_some() || self.frame.head.kind() != Some(RecordKind::Group) {
            return None;
        }
        let end = u64::from_le_bytes(self.frame.payload.as_ref().try_into().ok()?);
        (end <= self.frame.offset).then_some(end)
    }
}

/// Bytes that are no frame, where frames belong.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Gap {
    /// The chunk.
    pub chunk: ChunkId,
    /// Where it begins.
    pub from: u64,
    /// Where it ends: at the next frame, or where the chunk's frames must end.
    pub to: u64,
    /// What was found at its beginning.
    pub cause: GapCause,
    /// The next frame with a good head in the same chunk, and where it begins.
    pub next: Option<(u64, FrameHead)>,
}

/// Why there is no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GapCause {
    /// The bytes are no frame's head.
    #[error("{0}")]
    Head(HeadFault),
    /// The file is too short.
    #[error("the file ends at {file_size}")]
    FileEnds {
        /// Where it ends.
        file_size: u64,
    },
    /// A frame's head is good, but the frame is longer than its chunk.
    #[error("a frame of {size} bytes reaches beyond the end of its chunk")]
    CrossesEnd {
        /// The size of the frame.
        size: u64,
    },
    /// A whole record stands where another belongs.
    #[error("another record stands here: {found}")]
    Other {
        /// Which.
        found: String,
    },
    /// The chunk's header is not good, and what its frames' checksums start from was found nowhere else.
    #[error("without its header the chunk cannot be read: {0}")]
    Header(HeaderFault),
}

/// What lies behind the end of the log.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Tail {
    /// The newest chunk.
    pub chunk: ChunkId,
    /// The end: the first offset that holds no valid frame, and behind which nothing is known to have been durable.
    pub at: u64,
    /// What lies there.
    pub behind: Behind,
    /// What the chunk's space held before it was written; reused space holds old bytes, which mean nothing.
    pub space: Space,
    /// What is wrong with a frame at the end, if its head is good.
    pub body_fault: bool,
    /// The first frame with a good head behind the first bytes that are no frame. It and those behind it are listed.
    pub next: Option<(u64, FrameHead)>,
}

impl Tail {
    /// Whether a write was cut short here: there are bytes that are neither zeros, nor a footer, nor what reused space
    /// held before.
    pub fn is_torn(&self) -> bool {
        let is_dirty = self.space == Space::Fresh && self.behind.first_nonzero.is_some();
        !self.behind.is_footer && (is_dirty || self.body_fault || self.next.is_some())
    }
}

/// What a reader that follows a log did not see, because it was purged before.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skip {
    /// Where the reader stood: a chunk, and the offset in it; `None` before its first.
    pub from: Option<(ChunkId, u64)>,
    /// The chunk with which it goes on.
    pub to: ChunkId,
    /// The last index that it had seen.
    pub last_seen: Option<u64>,
    /// The index of the log's last entry where it goes on, if the chunk says so.
    pub last_before: Option<u64>,
}

impl Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            Some((chunk, offset)) => write!(f, "records from {} of {chunk}", Grouped(offset))?,
            None => f.write_str("records")?,
        }
        write!(f, " up to {} were purged before they were reached", self.to)?;
        match (self.last_seen, self.last_before) {
            (seen, Some(before)) if seen.is_none_or(|seen| seen < before) => {
                write!(f, "; entries up to {before} among them")
            }
            _ => Ok(()),
        }
    }
}

/// What a chunk is in its log, in a word.
pub(crate) fn chunk_role(start: &ChunkStart) -> &'static str {
    match (start.end, start.is_closed, start.is_leftover) {
        (_, _, true) => "leftover",
        (Some(_), ..) => "sealed",
        (None, true, _) => "closed",
        (None, false, _) => "active",
    }
}

/// A record by its kind and id.
pub(crate) fn head_name(head: &FrameHead) -> String {
    let kind = head.kind().map_or_else(|| format!("kind {}", head.kind_byte()), |kind| kind.to_string());
    match (head.term(), head.index()) {
        (Some(term), Some(index)) => format!("{kind} {term}:{index}"),
        _ => kind,
    }
}

/// A footer whose head is whole.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoredFooter {
    /// The chunk.
    pub chunk: ChunkId,
    /// Where it stands, at the end of the frames.
    pub at: u64,
    /// What it says.
    pub footer: Footer,
}

/// How much a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Chunks that were begun.
    pub chunks: u64,
    /// Frames with a good head, good body or not.
    pub records: u64,
    /// Those of them that are entries.
    pub entries: u64,
    /// Records with a damaged body, gaps and damaged headers, but not in leftovers and not behind the end of the log.
    pub damaged: u64,
    /// Whole records of a kind or with flags that this version does not know.
    pub unknown: u64,
    /// Chunks that were purged while they were read.
    pub purged: u64,
    /// Files that could not be read to their end, and chunks of a format that this version does not know.
    pub unreadable: u64,
    /// Whether a write was cut short behind the end of the log.
    pub is_torn: bool,
}

/// Why a directory cannot be scanned at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// It cannot be listed, or is no directory.
    #[error("cannot read {path}")]
    Io {
        /// The directory.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// Nothing in it belongs to a log.
    #[error("{path} holds no log: no chunk, no DURABLE and no LOCK is there")]
    NoLog {
        /// The directory.
        path: String,
    },
}
