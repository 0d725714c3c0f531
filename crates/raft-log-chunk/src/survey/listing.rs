//! The names in a directory: which are chunks, which are temporary, which are none of the log's.

use super::at;
use crate::error::RecoveryError;
use crate::storage::{EntryKind, Storage};
use crate::{ChunkId, DURABLE_FILE, LOCK_FILE, is_temporary_file_name};

/// The names in a directory, sorted out.
#[derive(Debug, Default)]
pub struct Listing {
    /// The chunks, oldest first.
    pub chunks: Vec<ChunkId>,
    /// Temporary files.
    pub temporary_files: Vec<String>,
    /// Names that are none of the log's.
    pub foreign_files: Vec<String>,
}

/// Lists a directory.
///
/// # Errors
/// When it cannot be listed, a name looks like a chunk's and is none, or a chunk's name is no regular file's.
pub fn list(storage: &dyn Storage) -> Result<Listing, RecoveryError> {
    let mut listing = Listing::default();
    let entries = storage.list().map_err(at("list", &storage.path().display().to_string()))?;
    for entry in entries {
        let is_file = entry.kind == EntryKind::File;
        match ChunkId::from_file_name(&entry.name)? {
            Some(id) if is_file => listing.chunks.push(id),
            Some(_) => return Err(RecoveryError::NotAFile { file: entry.name }),
            None if entry.name == LOCK_FILE || entry.name == DURABLE_FILE => {}
            None if is_file && is_temporary_file_name(&entry.name) => {
                listing.temporary_files.push(entry.name)
            }
            None => listing.foreign_files.push(entry.name),
        }
    }
    listing.chunks.sort_unstable();
    listing.temporary_files.sort_unstable();
    listing.foreign_files.sort_unstable();
    Ok(listing)
}
