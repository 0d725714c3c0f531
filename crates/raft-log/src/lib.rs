//! A write-ahead log for Raft: a node's vote, its entries, and its *committed* and *purged* marks, in checksummed chunk
//! files of one directory.

mod config;
mod error;
mod flush;
mod lock_file;
mod log;
mod log_cache;
mod log_data;
mod open;
mod raft_log_wal;
mod reader;
mod sync;
mod view;
mod wal;
mod writer;

pub use config::{ChunkConfig, Config, ConfigError};
pub use error::{AcceptError, FlushError, LockedError, OpenError, PoisonError, ReadError, WriteError};
pub use flush::{FlushCallback, FlushTicket};
pub use lock_file::LockFile;
pub use log::RaftLog;
pub use log_cache::LogCache;
pub use log_data::LogData;
pub use open::{OpenReport, OpenWarning, TornTail};
pub use raft_log_chunk::{
    ChunkId, CorruptKind, DamagedRecord, DirectoryStorage, InvalidChunkFileName, MissingKind, RecoveryError,
    Storage, StorageFile,
};
pub use raft_log_codec::{
    Decode, DecodeError, DisplayLogId, Encode, EncodeError, LogId, PlainTypes, PlainVote, RaftLogState,
    RawLogId, RawTypes, RawVote, Record, TermIndex, Types, Vote,
};
pub use raft_log_state::{RaftLogSM, StateError, StateMachine};
pub use raft_log_wal::{RaftLogWal, RaftLogWalReader};
pub use reader::{Entry, RaftLogReader, TermRun};
pub use wal::{Extent, Place, Position, Wal, WalReader};
pub use writer::RaftLogWriter;
