//! The files of raft-log: chunks, footers, the durable mark, and the read-only verdict on a directory.
//!
//! This crate knows frames and their heads, and where they lie. It does not know Raft's rules or the application's types:
//! what it reads of a log it tells to a [`Replay`](raft_log_codec::Replay), and what it writes comes as bytes. It queues
//! nothing and caches nothing, and starts threads for a full check alone, which ends with them.
//!
//! | what | where |
//! |---|---|
//! | what is asked of a directory, and the real one | [`Storage`], [`StorageFile`], [`DirectoryStorage`] |
//! | names | [`ChunkId`], [`LOCK_FILE`], [`DURABLE_FILE`] |
//! | what a chunk begins with, and what stands behind it | [`ChunkHeader`], [`Footer`], [`ChunkSummary`] |
//! | a chunk while it is written, and afterwards | [`ActiveChunk`], [`SealedChunk`] |
//! | how far the log is known to be durable | [`DurableFile`], [`DurableMark`] |
//! | making a chunk, and the space for it | [`make_chunk`], [`Spares`], [`lay_zeros`] |
//! | making it of a purged one | [`set_aside`], [`reclaim`], [`ReusableFile`] |
//! | a chunk's way into a backup | [`copy_chunk`], [`link_or_copy_chunk`] |
//! | looking at a directory | [`recover`], [`list`], [`FrameScan`] |
//! | deciding about it | [`judge`], [`Facts`], [`RecoveryError`] |
//!
//! What always holds: looking changes nothing, and deciding reads nothing. A directory is looked at without its owner's
//! lock, while it is written or afterwards:
//!
//! ```
//! use raft_log_chunk::{DirectoryStorage, SurveyOptions, list, recover};
//! # use raft_log_codec::{DecodeError, EncodeError, Frame, RawLogId, RecordKind, Replay, ReplayFault};
//! # #[derive(Default)]
//! # struct Count(u64);
//! # impl Replay for Count {
//! #     fn chunk_state(&mut self, _: bytes::Bytes) -> Result<(), ReplayFault> { Ok(()) }
//! #     fn record(&mut self, _: &Frame) -> Result<(), ReplayFault> { self.0 += 1; Ok(()) }
//! #     fn pass_over(&mut self, _: RecordKind) {}
//! #     fn skip(&mut self, _: Option<u64>, _: &[RawLogId], _: u64, _: bytes::Bytes) -> Result<(), ReplayFault> { Ok(()) }
//! #     fn purged_index(&self) -> Option<u64> { None }
//! #     fn last_index(&self) -> Option<u64> { None }
//! #     fn encoded_state(&self) -> Result<bytes::Bytes, EncodeError> { Ok(bytes::Bytes::new()) }
//! # }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let storage = DirectoryStorage::open(directory.path())?;
//! assert!(list(&storage)?.chunks.is_empty());
//!
//! // `Count` counts the records that it is told of; `RaftLogSM` of `raft-log-state` checks them by the rules.
//! let options = SurveyOptions { sync_first: false, use_footers: false, ..SurveyOptions::default() };
//! let (recovered, count) = recover::<Count>(&storage, &options)?;
//! assert_eq!((recovered.chunks.len(), count.0), (0, 0));
//! # Ok(())
//! # }
//! ```

#[cfg(not(unix))]
compile_error!("raft-log needs a Unix system: it relies on positional writes, fdatasync and atomic renames");

mod backup;
mod chunk;
mod directory_storage;
mod durable;
mod error;
mod footer;
mod full_check;
mod header;
mod maker;
mod name;
mod reuse;
mod scan;
mod space;
mod storage;
mod summary;
mod survey;
mod verdict;

pub use backup::{BackedUp, copy_chunk, link_or_copy_chunk};
pub use chunk::{ActiveChunk, Chunk, EntryFault, SealedChunk};
pub use directory_storage::DirectoryStorage;
pub use durable::{DurableFacts, DurableFile, DurableMark, read_durable};
pub use error::{CorruptKind, MissingKind, RecoveryError};
pub use footer::{Footer, Table, encode_footer, read_footer};
pub use header::{ChunkHeader, FORMAT_VERSION, HEADER_SIZE, HeaderFault, Space};
pub use maker::{PreparedFile, Spares, make_chunk, make_durable_file, mark_at};
pub use name::{ChunkId, DURABLE_FILE, InvalidChunkFileName, LOCK_FILE, is_temporary_file_name};
pub use reuse::{REUSABLE_FILES_MAX, ReusableFile, SetAside, is_worth_reusing, reclaim, set_aside};
pub use scan::{Behind, FrameScan, Scanned, find_frame, look_behind};
pub use space::{RESERVE_BYTES, SPARE_BYTES, lay_zeros};
pub use storage::{
    DirectoryEntry, EntryKind, LockAttempt, LockGuard, Storage, StorageFile, check_file_name, is_no_space,
    read_full_at, write_all_at,
};
pub use summary::{ChunkSummary, OFFSET_UNIT, SummaryBuilder};
pub use survey::{DamagedRecord, Listing, Recovered, RecoveredChunk, SurveyOptions, list, recover};
pub use verdict::{ChunkFacts, Facts, Stop, StopCause, judge};
