//! A chunk's way into a backup: as a second name of its file where that is possible, and otherwise as a copy.
//!
//! What always holds: what is in the backup is the chunk up to the end that was asked for, and is synced. A file that
//! is shared this way is never written below that end, and once it has two names not at all: a process that made it
//! looks at its links before it writes a footer or makes another chunk of it, and no other process writes to it.

use std::io;

use crate::footer::read_footer;
use crate::name::temporary_file_name;
use crate::storage::{Storage, StorageFile, read_full_at, write_all_at};
use crate::{Chunk, ChunkHeader, HEADER_SIZE};

/// How a chunk came into a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackedUp {
    /// Its file has a second name there.
    Linked,
    /// So many bytes were copied.
    Copied(u64),
}

/// Copies the first `end` bytes of a chunk that may still be appended to behind them.
///
/// # Errors
/// When the chunk cannot be read, ends earlier, or the copy cannot be written and synced.
pub fn copy_chunk(
    chunk: &Chunk,
    end: u64,
    backup: &dyn Storage,
    window_bytes: usize,
) -> io::Result<BackedUp> {
    // It gets its name when it is whole: what is cut short must not look like a damaged chunk.
    let name = temporary_file_name(backup.random()?);
    let copy = backup.create(&name)?;
    let mut window = vec![0; window_bytes];
    let mut at = 0;
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(window_bytes);
        let buffer = window.get_mut(..wanted).unwrap_or_default();
        let found = read_full_at(&**chunk.file(), buffer, at)?;
        if found < wanted {
            let what = format!("{} ends at {}, and not at {end} or behind", chunk.id(), at + found as u64);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        write_all_at(&*copy, buffer, at).map_err(|(_, error)| error)?;
        at += found as u64;
    }
    copy.sync()?;
    backup.rename(&name, &chunk.id().file_name())?;
    Ok(BackedUp::Copied(end))
}

/// Links or copies a chunk that has a successor, and so will never change below `end`, where that one begins. `chunk` is
/// held open by the caller: then its file is not reused, whatever is purged meanwhile.
///
/// A copy takes the footer along where there is one.
///
/// # Errors
/// As [`copy_chunk`]. That it cannot be linked is none.
pub fn link_or_copy_chunk(
    storage: &dyn Storage,
    chunk: &Chunk,
    end: u64,
    backup: &dyn Storage,
    window_bytes: usize,
) -> io::Result<BackedUp> {
    let name = chunk.id().file_name();
    // It may be another file system, or one without links; or the chunk was purged meanwhile and has no name any more.
    if storage.link_into(&name, backup).is_ok() {
        let linked = backup.open(&name)?;
        if holds(&*linked, chunk.header(), end)? {
            linked.sync()?;
            return Ok(BackedUp::Linked);
        }
        // Somebody else's file bears the name in the log's directory by now.
        backup.remove(&name)?;
    }
    let footer = read_footer(&**chunk.file(), chunk.seed(), end)?;
    let size = chunk.file().size()?;
    let footer_end = footer.map(|footer| footer.table().end()).filter(|end| *end <= size);
    copy_chunk(chunk, footer_end.unwrap_or(end), backup, window_bytes)
}

fn holds(file: &dyn StorageFile, header: &ChunkHeader, end: u64) -> io::Result<bool> {
    let mut bytes = [0; HEADER_SIZE];
    let found = read_full_at(file, &mut bytes, 0)?;
    let found = ChunkHeader::decode(bytes.get(..found).unwrap_or_default());
    Ok(found.as_ref() == Ok(header) && file.size()? >= end)
}
