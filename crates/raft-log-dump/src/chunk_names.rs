//! The chunks of a directory by the names of their files. Unlike the log itself, this refuses no name.

use std::io;

use raft_log_chunk::{ChunkId, EntryKind, Storage};

/// The ids of all chunks that are there, oldest first.
pub(crate) fn chunk_ids(storage: &dyn Storage) -> io::Result<Vec<ChunkId>> {
    let entries = storage.list()?;
    let files = entries.iter().filter(|entry| entry.kind == EntryKind::File);
    let mut ids: Vec<ChunkId> =
        files.filter_map(|entry| ChunkId::from_file_name(&entry.name).ok().flatten()).collect();
    ids.sort_unstable();
    Ok(ids)
}
