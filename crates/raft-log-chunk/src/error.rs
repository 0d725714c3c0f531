//! Why a directory is refused, with the evidence: which file, where in it, what was found, and what to do next.

use std::io;

use raft_log_codec::DecodeError;

use crate::verdict::StopCause;
use crate::{ChunkId, HeaderFault, InvalidChunkFileName};

/// Why a directory does not open. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// A file or the directory cannot be read or synced; never taken for the end of a file.
    #[error("cannot {action} {file}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// A name looks like a chunk's and is none.
    #[error(transparent)]
    InvalidChunkFileName(#[from] InvalidChunkFileName),
    /// A chunk's name stands for a directory, a link, a FIFO or a device.
    #[error("{file} is not a regular file; move it away, it is not part of a log")]
    NotAFile {
        /// The name.
        file: String,
    },
    /// Checksums are good, but a version, kind or flag is unknown.
    #[error("{file} at {offset}: {what}; open it with the newer version that wrote it")]
    Unsupported {
        /// The file.
        file: String,
        /// Where in it.
        offset: u64,
        /// What is unknown.
        what: String,
    },
    /// Checksums are good, but the application's types do not decode a record.
    #[error(
        "{chunk} at {offset}: the record is whole but does not decode; open the log with the types that wrote it"
    )]
    Undecodable {
        /// The chunk.
        chunk: ChunkId,
        /// Where the record's frame begins.
        offset: u64,
        /// What the decoder says.
        source: DecodeError,
    },
    /// A file belongs to another log.
    #[error(
        "{file} belongs to log {found:032x}, the newest chunk to log {expected:032x}; files of two logs were mixed: separate them"
    )]
    Foreign {
        /// The file.
        file: String,
        /// The log id of the newest chunk.
        expected: u128,
        /// The log id in the file.
        found: u128,
    },
    /// Data that was acknowledged is not there.
    #[error("data is missing: {0}; restore the files, or replace this member of the cluster")]
    MissingData(MissingKind),
    /// Data that was acknowledged is damaged.
    #[error(
        "{chunk} at {offset} is damaged: {kind}; {}", .kind.what_to_do()
    )]
    Corrupt {
        /// The chunk.
        chunk: ChunkId,
        /// Where in it.
        offset: u64,
        /// What was found.
        kind: CorruptKind,
    },
    /// An incomplete record lies behind the end, and the configuration refuses it.
    #[error(
        "{chunk} ends at {offset} and an incomplete record lies behind (at {first_nonzero}); it was never acknowledged: set truncate_incomplete_record to end the log before it"
    )]
    Torn {
        /// The chunk.
        chunk: ChunkId,
        /// Where the log ends.
        offset: u64,
        /// Where the first byte that is not zero lies.
        first_nonzero: u64,
    },
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MissingKind {
    /// A chunk newer than all that are there was durable.
    #[error("{chunk} was durable up to {durable_end} and is not there")]
    NewestChunk {
        /// The chunk.
        chunk: ChunkId,
        /// How far it was durable.
        durable_end: u64,
    },
    /// A chunk has another salt than was recorded: it is not the file that was written.
    #[error("{chunk} is not the file that was written")]
    ReplacedChunk {
        /// The chunk.
        chunk: ChunkId,
    },
    /// A file is too short.
    #[error("{chunk} ends at {file_size}, {needed} bytes are needed")]
    CutChunk {
        /// The chunk.
        chunk: ChunkId,
        /// Where it ends.
        file_size: u64,
        /// Where it must not end before.
        needed: u64,
    },
    /// The chunks end before the entries do that are not purged.
    #[error("chunks before {before} are needed and not there")]
    OlderChunk {
        /// The oldest that is there.
        before: ChunkId,
    },
    /// The chunk behind another was not made behind it.
    #[error("{behind} does not follow {before}: a chunk between them is gone, or one was replaced")]
    BrokenChain {
        /// The older chunk.
        before: ChunkId,
        /// The newer chunk.
        behind: ChunkId,
    },
    /// The entries that are alive do not join.
    #[error("the entries do not join at index {index}")]
    Entry {
        /// Where.
        index: u64,
    },
}

impl CorruptKind {
    fn what_to_do(&self) -> &'static str {
        match self {
            Self::OtherChunk { .. } => "give the file its name back, or move the copy away",
            _ => {
                "acknowledged data follows or is here, so the log does not end here: restore the file, or replace this member of the cluster"
            }
        }
    }
}

/// What is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CorruptKind {
    /// The header.
    #[error("{0}")]
    Header(HeaderFault),
    /// The header of another chunk: the file was copied or renamed.
    #[error("it begins with the header of {found}, so it was renamed or copied")]
    OtherChunk {
        /// The chunk that the header names.
        found: ChunkId,
    },
    /// The `State` that the chunk begins with.
    #[error("its first record, {0}")]
    State(StopCause),
    /// A frame before the end of what was durable.
    #[error("{cause}, and frames follow up to {needed}")]
    Frame {
        /// What is wrong with it.
        cause: StopCause,
        /// Where the frames must not end before.
        needed: u64,
    },
    /// A record breaks a rule.
    #[error("{reason}")]
    Contradiction {
        /// Which.
        reason: String,
    },
}
