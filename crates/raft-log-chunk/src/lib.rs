//! The files of raft-log: chunks, footers, the durable mark, and the read-only verdict on a directory.

#[cfg(not(unix))]
compile_error!("raft-log needs a Unix system: it relies on positional writes, fdatasync and atomic renames");

mod chunk;
mod directory_storage;
mod durable;
mod error;
mod footer;
mod header;
mod maker;
mod name;
mod scan;
mod space;
mod storage;
mod summary;
mod survey;
mod verdict;

pub use chunk::{ActiveChunk, Chunk, EntryFault, SealedChunk};
pub use directory_storage::DirectoryStorage;
pub use durable::{DurableFacts, DurableFile, DurableMark, read_durable};
pub use error::{CorruptKind, MissingKind, RecoveryError};
pub use footer::{Footer, Table, encode_footer, read_footer};
pub use header::{ChunkHeader, FORMAT_VERSION, HEADER_SIZE, HeaderFault, Space};
pub use maker::{PreparedFile, Spares, make_chunk, make_durable_file, mark_at};
pub use name::{ChunkId, DURABLE_FILE, InvalidChunkFileName, LOCK_FILE, is_temporary_file_name};
pub use scan::{Behind, FrameScan, Scanned, find_frame, look_behind};
pub use space::{RESERVE_BYTES, SPARE_BYTES, lay_zeros};
pub use storage::{
    DirectoryEntry, EntryKind, LockAttempt, LockGuard, Storage, StorageFile, check_file_name, is_no_space,
    read_full_at, write_all_at,
};
pub use summary::{ChunkSummary, OFFSET_UNIT, SummaryBuilder};
pub use survey::{DamagedRecord, Listing, Recovered, RecoveredChunk, SurveyOptions, list, recover};
pub use verdict::{ChunkFacts, Facts, Stop, StopCause, judge};
