//! The names of chunks that a repair has set aside: none that a log takes for its own, and such that a repair that was
//! interrupted can be told from those that were finished.
//!
//! A name ends with the salt of the chunk that the repair makes. `DURABLE` names that chunk, with nothing of it durable,
//! before any file is renamed; so chunks that bear its salt, while it is not there, were left by an interrupted repair.

use std::io;

use raft_log_chunk::{ChunkId, DurableFacts, Storage, read_durable};

use crate::seed_search::read_header;

/// The name of a chunk that makes way for a successor with this salt.
pub(super) fn aside_name(id: ChunkId, salt: u64) -> String {
    format!("{}{}", id.file_name(), suffix(salt))
}

fn suffix(salt: u64) -> String {
    format!(".aside-{salt:016x}")
}

/// The chunks that an interrupted repair has renamed: their names, and those they have now.
pub(super) fn interrupted(storage: &dyn Storage) -> io::Result<Vec<(String, String)>> {
    let DurableFacts::Mark(mark) = read_durable(storage)? else { return Ok(Vec::new()) };
    // The damaged chunk itself may still bear the name of the one that is to take its place.
    let is_made = match read_header(storage, mark.chunk_id) {
        Ok(header) => header.is_ok_and(|header| header.salt == mark.salt),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    if mark.end > 0 || is_made {
        return Ok(Vec::new());
    }
    let suffix = suffix(mark.salt);
    let mut found = Vec::new();
    for entry in storage.list()? {
        let name = entry.name.strip_suffix(&suffix).unwrap_or_default();
        if let Ok(Some(_)) = ChunkId::from_file_name(name) {
            found.push((name.to_owned(), entry.name.clone()));
        }
    }
    found.sort_unstable();
    Ok(found)
}
