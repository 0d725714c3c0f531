//! A copy of a log that is complete in itself, made while the log is written.
//!
//! It holds what was durable when it began: the chunks before the durable end as they are, and the one with the durable
//! end up to there. What always holds: no lock is held while bytes are copied, so nobody waits for a backup; and an
//! unfinished one is not taken for a log, since its `DURABLE` comes first and names its newest chunk, which comes last.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use raft_log_chunk::{
    BackedUp, ChunkId, DirectoryStorage, DurableFile, Storage, copy_chunk, link_or_copy_chunk, mark_at,
};
use raft_log_codec::Types;

use crate::{RaftLog, RaftLogReader, RaftLogWalReader};

/// What a checkpoint holds, and how it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckpointReport {
    /// The newest chunk in it and the offset at which the log ends there; `None` if nothing was durable yet. The
    /// checkpoint is an empty directory then.
    pub end: Option<(ChunkId, u64)>,
    /// Chunks that share their file with the log.
    pub linked_chunks: u64,
    /// Chunks that were copied.
    pub copied_chunks: u64,
    /// The bytes of these.
    pub copied_bytes: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Why there is no checkpoint. The log goes on, whatever it is. What was made until then is left where it is, and is
/// not taken for a log when it is opened: remove it, and try again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// There is something already where the checkpoint is to be.
    #[error("{directory} is not empty: a checkpoint is made in a new or empty directory")]
    NotEmpty {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory cannot be made, listed or synced, or `DURABLE` not be written in it.
    #[error("cannot make a checkpoint in {directory}")]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A chunk cannot be read, or not be written there.
    #[error("cannot copy {chunk} into a checkpoint")]
    Chunk {
        /// The chunk.
        chunk: ChunkId,
        /// The cause.
        source: io::Error,
    },
}

impl<T: Types> RaftLog<T> {
    /// As [`RaftLogReader::checkpoint`].
    ///
    /// # Errors
    /// As there.
    pub fn checkpoint(&self, directory: impl AsRef<Path>) -> Result<CheckpointReport, CheckpointError> {
        self.reader().checkpoint(directory)
    }
}

impl<T: Types> RaftLogReader<T> {
    /// Makes a copy of the log in `directory`, which must be empty or not exist while its parent does. It can be taken on
    /// any thread while the log is written, and the writer does not wait for it.
    ///
    /// The copy holds everything that was durable when this was called, and opens as any log does. When this returns,
    /// all of it is synced, its name in its parent included. On one file system, chunks that are complete are not copied
    /// but linked: it takes little time and space, shares their fate if the disk is damaged, and the log does not reuse
    /// the files of those chunks when they are purged. For a copy that survives the disk, copy the directory elsewhere, or
    /// give one on another file system.
    ///
    /// **A node that is started from a checkpoint has forgotten what it promised since.** It must not vote under its former
    /// identity: it could vote twice in a term, and acknowledged entries could be lost. Let it join as a new member.
    ///
    /// # Errors
    /// When the directory is not empty, or something cannot be read or written. The log itself is not affected.
    pub fn checkpoint(&self, directory: impl AsRef<Path>) -> Result<CheckpointReport, CheckpointError> {
        let path = directory.as_ref();
        match DirectoryStorage::open_or_create(path) {
            Ok(backup) => self.checkpoint_on(&backup),
            Err(source) => Err(CheckpointError::Directory { directory: path.to_owned(), source }),
        }
    }

    /// As [`checkpoint`](Self::checkpoint), on any storage that is empty.
    ///
    /// # Errors
    /// As there.
    pub fn checkpoint_on(&self, backup: &dyn Storage) -> Result<CheckpointReport, CheckpointError> {
        make(self.wal_reader(), backup)
    }
}

fn make(wal: &RaftLogWalReader, backup: &dyn Storage) -> Result<CheckpointReport, CheckpointError> {
    let begin = Instant::now();
    let path = backup.path();
    let in_directory = |source| CheckpointError::Directory { directory: path.to_owned(), source };
    if !backup.list().map_err(in_directory)?.is_empty() {
        return Err(CheckpointError::NotEmpty { directory: path.to_owned() });
    }
    let mut report = CheckpointReport::default();
    // From here on the chunks are held open. So none is reused for a new one, and purging only takes their names.
    let (chunks, durable) = wal.durable_chunks();
    if let Some(newest) = chunks.last() {
        let end = durable.offset() - newest.id().offset();
        report.end = Some((newest.id(), end));
        DurableFile::open(backup, mark_at(newest.header(), end)).map_err(in_directory)?;
        let nexts: Vec<_> = chunks.iter().skip(1).map(|next| Some(next.id())).chain([None]).collect();
        // One after the other is let go of, so that a purge under a long copy gives space back.
        for (chunk, next) in chunks.into_iter().zip(nexts) {
            let backed_up = match next {
                Some(next) => {
                    let end = next.offset() - chunk.id().offset();
                    link_or_copy_chunk(wal.storage(), &chunk, end, backup, WINDOW_BYTES)
                }
                None => copy_chunk(&chunk, end, backup, WINDOW_BYTES),
            };
            match backed_up.map_err(|source| CheckpointError::Chunk { chunk: chunk.id(), source })? {
                BackedUp::Linked => report.linked_chunks += 1,
                BackedUp::Copied(bytes) => {
                    report.copied_chunks += 1;
                    report.copied_bytes += bytes;
                }
            }
        }
    }
    backup.sync_directory().map_err(in_directory)?;
    backup.sync_parent().map_err(in_directory)?;
    report.elapsed = begin.elapsed();
    Ok(report)
}

/// How much is copied at once.
const WINDOW_BYTES: usize = 1 << 20;
