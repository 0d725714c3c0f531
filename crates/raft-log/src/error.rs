//! What can go wrong, by what the caller does next: opening, writing, waiting for durability, reading.

use std::fmt;
use std::io;
use std::sync::Arc;

use raft_log_chunk::{ChunkId, RecoveryError};
use raft_log_codec::{DecodeError, EncodeError, Types};
use raft_log_state::StateError;

use crate::ConfigError;

/// Why a log was not opened. Nothing in its directory was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A setting is out of its bounds.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The directory cannot be opened or created; the cause names it.
    #[error("cannot open the log's directory")]
    Directory(#[source] io::Error),
    /// [`Config::must_exist`](crate::Config::must_exist) is set, and the directory holds no log.
    #[error(
        "there is no log in {directory}, and must_exist is set: check the path, and that its disk is mounted; \
         only a node that starts for the first time may begin a log"
    )]
    NoLog {
        /// The directory.
        directory: String,
    },
    /// Somebody else has the log open.
    #[error(transparent)]
    Locked(#[from] LockedError),
    /// The lock file, or the mark of what is durable, cannot be written.
    #[error("cannot {action} {file}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        file: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// The directory does not make a log.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
}

/// Somebody else has the log open: this process or another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log in {directory} is open already, by {owner}; a log has one owner: close it there first")]
pub struct LockedError {
    /// The directory.
    pub directory: String,
    /// What the owner calls itself.
    pub owner: String,
}

/// Why an operation was refused. Nothing of it happened.
#[non_exhaustive]
pub enum WriteError<T: Types> {
    /// It breaks a rule of the log.
    Rejected(StateError<T>),
    /// An id, vote, payload or user data cannot be encoded, or is over its limit.
    Encode(EncodeError),
    /// The disk is full. Reading, voting, committing and purging go on; try again when there is space.
    NoSpace(Arc<io::Error>),
    /// A file for the next chunk cannot be made, for another reason than a full disk.
    Io(Arc<io::Error>),
    /// An earlier write or sync failed, or this one: the log takes nothing any more. Close it and open it again.
    Poisoned(PoisonError),
    /// The log was closed.
    Closed,
}

/// The first write or sync that failed. What the disk holds behind the durable end is unknown since, so nothing is
/// acknowledged any more; what was durable can be read on.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the log is poisoned: it could not {action}; close it and open it again")]
pub struct PoisonError {
    /// What failed.
    pub action: &'static str,
    /// The cause.
    #[source]
    pub source: Arc<io::Error>,
}

/// Why something submitted did not become durable.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FlushError {
    /// A write or a sync failed, now or earlier. Whether the data survives a restart is unknown.
    #[error(transparent)]
    Poisoned(#[from] PoisonError),
    /// The log was closed before.
    #[error("the log is closed")]
    Closed,
}

/// Why entries cannot be read. No entry is left out in silence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The range begins with entries that are purged: read the snapshot instead.
    #[error("index {index} is purged; the first entry that is left is {first}")]
    Purged {
        /// The first index that was asked for.
        index: u64,
        /// The first index that is not purged.
        first: u64,
    },
    /// There is no such entry.
    #[error("index {index} is not in the log, which holds {first}..{end}")]
    IndexNotFound {
        /// The index.
        index: u64,
        /// The first index in the log.
        first: u64,
        /// The index behind the last.
        end: u64,
    },
    /// The entry's bytes are damaged. Its neighbours can be read; other members of the cluster have it.
    #[error("entry {index} in {chunk} at {offset} is damaged: {found}; fetch it from another member")]
    Damaged {
        /// The chunk.
        chunk: ChunkId,
        /// Where the entry's frame begins.
        offset: u64,
        /// The entry.
        index: u64,
        /// What is wrong with it.
        found: String,
    },
    /// The entry is whole, but the application's types do not decode it.
    #[error("entry {index} in {chunk} at {offset} does not decode")]
    Undecodable {
        /// The chunk.
        chunk: ChunkId,
        /// Where the entry's frame begins.
        offset: u64,
        /// The entry.
        index: u64,
        /// What the decoder says.
        source: DecodeError,
    },
    /// A file cannot be read.
    #[error("cannot read {chunk}")]
    Io {
        /// The chunk.
        chunk: ChunkId,
        /// The cause.
        source: io::Error,
    },
}

impl<T: Types> fmt::Display for WriteError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(error) => error.fmt(f),
            Self::Encode(_) => f.write_str("the operation cannot be encoded"),
            Self::NoSpace(_) => f.write_str(
                "no space is left on the disk; the operation was refused, make room and try again",
            ),
            Self::Io(_) => f.write_str("cannot make a file for the next chunk; the operation was refused"),
            Self::Poisoned(error) => error.fmt(f),
            Self::Closed => f.write_str("the log is closed"),
        }
    }
}

impl<T: Types> fmt::Debug for WriteError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(error) => f.debug_tuple("Rejected").field(error).finish(),
            Self::Encode(error) => f.debug_tuple("Encode").field(error).finish(),
            Self::NoSpace(error) => f.debug_tuple("NoSpace").field(error).finish(),
            Self::Io(error) => f.debug_tuple("Io").field(error).finish(),
            Self::Poisoned(error) => f.debug_tuple("Poisoned").field(error).finish(),
            Self::Closed => f.write_str("Closed"),
        }
    }
}

impl<T: Types> std::error::Error for WriteError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            Self::NoSpace(error) | Self::Io(error) => Some(&**error),
            Self::Poisoned(error) => error.source(),
            Self::Rejected(_) | Self::Closed => None,
        }
    }
}

impl<T: Types> From<StateError<T>> for WriteError<T> {
    fn from(error: StateError<T>) -> Self {
        Self::Rejected(error)
    }
}

impl<T: Types> From<AcceptError> for WriteError<T> {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Encode(error) => Self::Encode(error),
            AcceptError::NoSpace(error) => Self::NoSpace(error),
            AcceptError::Io(error) => Self::Io(error),
            AcceptError::Poisoned(error) => Self::Poisoned(error),
            AcceptError::Closed => Self::Closed,
        }
    }
}

/// Why a [`Wal`](crate::Wal) did not accept records. Nothing of them is in it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// A record cannot be encoded.
    #[error("the record cannot be encoded")]
    Encode(#[from] EncodeError),
    /// The disk is full.
    #[error("no space is left on the disk")]
    NoSpace(#[source] Arc<io::Error>),
    /// A file cannot be made.
    #[error("cannot make a file for the next chunk")]
    Io(#[source] Arc<io::Error>),
    /// A write or a sync has failed.
    #[error(transparent)]
    Poisoned(#[from] PoisonError),
    /// It was closed.
    #[error("the log is closed")]
    Closed,
}

impl From<FlushError> for AcceptError {
    fn from(error: FlushError) -> Self {
        match error {
            FlushError::Poisoned(error) => Self::Poisoned(error),
            FlushError::Closed => Self::Closed,
        }
    }
}
