//! The files of purged chunks, on their way to become chunks again: their blocks are written already, so that nothing
//! has to be laid.
//!
//! The way has three steps, each a type, so that none is left out: a [`Chunk`] that was purged for good; [`SetAside`],
//! under the name of a temporary file; [`ReusableFile`], whose new name is durable and the only one. What always holds:
//! no byte of a file is written before it has come to the end of this way, and none at all while somebody reads it.

use std::io;
use std::sync::Arc;

use raft_log_codec::{FrameSeed, SeededBug};

use crate::name::temporary_file_name;
use crate::{Chunk, Storage, StorageFile};

/// How many files of purged chunks are kept at most.
pub const REUSABLE_FILES_MAX: usize = 2;

/// Whether a purged chunk's file of `size` bytes is kept to be reused, where chunks are to be of `chunk_size_max`
/// bytes: half of one at least, so that it saves what it is kept for; and not so large, after a single huge record, that
/// it takes the place of more than two.
pub fn is_worth_reusing(size: u64, chunk_size_max: u64) -> bool {
    (chunk_size_max / 2..=chunk_size_max.saturating_mul(2)).contains(&size)
}

/// The file of a purged chunk, under a temporary name that may not be durable yet.
#[derive(Debug)]
pub struct SetAside {
    name: String,
    file: Arc<dyn StorageFile>,
    size: u64,
    former: FrameSeed,
}

/// The file of a purged chunk, of which another can be made.
#[derive(Debug)]
pub struct ReusableFile {
    pub(crate) name: String,
    pub(crate) file: Arc<dyn StorageFile>,
    /// The space that is written.
    pub(crate) size: u64,
    /// The seed of the frames in it.
    pub(crate) former: FrameSeed,
}

/// Takes its name from a chunk that this process made, whose purge is durable, and that nobody can come to any more,
/// and gives its file a temporary one. `None`, and nothing was done, where it is not to be reused: somebody still reads
/// it, or it is not [worth it](is_worth_reusing).
///
/// # Errors
/// When the file's size cannot be had or the name not be changed.
pub fn set_aside(storage: &dyn Storage, chunk: Chunk, chunk_size_max: u64) -> io::Result<Option<SetAside>> {
    let (id, former) = (chunk.id(), chunk.seed());
    let Some(file) = file_held_by_nobody(chunk) else { return Ok(None) };
    let size = file.size()?;
    if !is_worth_reusing(size, chunk_size_max) {
        return Ok(None);
    }
    let name = temporary_file_name(storage.random()?);
    storage.rename(&id.file_name(), &name)?;
    Ok(Some(SetAside { name, file, size, former }))
}

/// The file of the chunk, if this is the last handle of it.
///
/// Whoever reads a chunk holds a clone of it for as long as it takes, and got it where chunks are found. Once it was
/// taken from there, a clone can only come from a clone: so when this handle is the only one, it is so for good, and
/// what is written to the file is not read by anybody as the former chunk. `get_mut` looks at the count with the
/// ordering that this needs: every read of the others has ended before.
fn file_held_by_nobody(chunk: Chunk) -> Option<Arc<dyn StorageFile>> {
    let mut file = chunk.file().clone();
    drop(chunk);
    if !SeededBug::ReuseUnderReader.is_on() {
        Arc::get_mut(&mut file)?;
    }
    Some(file)
}

/// Makes the names of these files durable, and only then looks whether one has a second name: such a file may be part
/// of a backup, and only loses the name it was given here. Files that cannot be reused are removed.
///
/// # Errors
/// When the directory cannot be synced: none of the files is reused then.
pub fn reclaim(storage: &dyn Storage, files: Vec<SetAside>) -> io::Result<Vec<ReusableFile>> {
    let synced =
        if SeededBug::NoDirectorySyncBeforeReuse.is_on() { Ok(()) } else { storage.sync_directory() };
    let mut reusable = Vec::new();
    for SetAside { name, file, size, former } in files {
        let has_one_name =
            || file.links().is_ok_and(|links| links == 1) || SeededBug::ReuseLinkedFile.is_on();
        if synced.is_ok() && has_one_name() {
            reusable.push(ReusableFile { name, file, size, former });
        } else {
            discard(storage, &name);
        }
    }
    synced.map(|()| reusable)
}

/// The files that wait to be reused.
#[derive(Debug, Default)]
pub(crate) struct ReusableFiles {
    files: Vec<ReusableFile>,
}

impl ReusableFiles {
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// How many more there may be.
    pub(crate) fn room(&self) -> usize {
        REUSABLE_FILES_MAX.saturating_sub(self.files.len())
    }

    /// Keeps a file if there is room for it, and removes it otherwise.
    pub(crate) fn put(&mut self, storage: &dyn Storage, file: ReusableFile) {
        if self.room() > 0 { self.files.push(file) } else { discard(storage, &file.name) }
    }

    /// Takes the largest file of which a chunk with this seed can be made.
    ///
    /// A seed has 32 bits, so it may happen to be that of the file's former frames, which would then pass for the new
    /// chunk's. Such a file waits for another chunk.
    pub(crate) fn take(&mut self, seed: FrameSeed) -> Option<ReusableFile> {
        let fitting = self.files.iter().enumerate().filter(|(_, file)| file.former != seed);
        let (position, _) = fitting.max_by_key(|(_, file)| file.size)?;
        Some(self.files.remove(position))
    }

    /// Gives the space of one file back. `false` if there is none left.
    pub(crate) fn give_up_one(&mut self, storage: &dyn Storage) -> bool {
        let Some(ReusableFile { name, file, .. }) = self.files.pop() else { return false };
        drop(file);
        discard(storage, &name);
        true
    }
}

/// Removes a temporary file; one that cannot be removed is found again at the next open.
pub(crate) fn discard(storage: &dyn Storage, name: &str) {
    let _ = storage.remove(name);
}
