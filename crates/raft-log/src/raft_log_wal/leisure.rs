//! What nobody waits for: footers for sealed chunks, purged chunks that are reused or removed, and the reserve for a
//! full disk.
//!
//! A flush leaves it to be done later. It is done by one thread at a time, and not under the lock of the disk side, so
//! that no sync waits for it. What always holds: a chunk that is purged here was purged for good, it loses its name
//! after all older ones did, and its file is not written to while a reader holds it.

use std::io;

use raft_log_chunk::{ChunkId, Storage, encode_footer, reclaim, set_aside, write_all_at};
use raft_log_codec::SeededBug;

use super::queue::Retired;
use super::shared::{ReadableChunk, Shared};

/// What a flush has left to do.
#[derive(Default)]
pub(super) struct Leisure {
    /// Chunks whose successors are durable.
    pub(super) retired: Vec<Retired>,
    /// Chunks that a durable purge leaves, oldest first.
    pub(super) purged: Vec<ChunkId>,
    /// The reserve may lack something, or there may be room for what it lacks.
    pub(super) wants_spares: bool,
}

impl Leisure {
    pub(super) fn is_empty(&self) -> bool {
        self.retired.is_empty() && self.purged.is_empty() && !self.wants_spares
    }
}

impl Shared {
    /// Does what was left to do, and what is left meanwhile; nothing where another thread is at it, which then does it
    /// all. On a poisoned log nothing of it.
    pub(super) fn tidy(&self) {
        loop {
            let work = self.disk.lock().begin_tidying();
            let Some(work) = work else { return };
            self.carry_out(work);
            self.disk.lock().end_tidying();
        }
    }

    fn carry_out(&self, work: Leisure) {
        for retired in work.retired {
            if self.poison().is_some() {
                return;
            }
            if let Err(error) = seal(&*self.storage, &retired) {
                // It costs time at the next opening, and nothing else.
                tracing::warn!(chunk = %retired.chunk.id(), %error, "a chunk was not sealed");
            }
        }
        if self.poison().is_none() && !work.purged.is_empty() {
            self.remove_purged(work.purged);
        }
        if self.poison().is_none()
            && work.wants_spares
            && let Err(error) = self.spares.lock().refill()
        {
            tracing::warn!(%error, "the reserve for a full disk is not complete");
        }
    }

    /// Takes purged chunks from the readers and their names from the directory. Files that this process wrote, and so
    /// knows to be without holes, are kept for new chunks, as long as there is room for them.
    fn remove_purged(&self, chunks: Vec<ChunkId>) {
        let storage = &*self.storage;
        let room = self.spares.lock().reuse_room();
        let mut files = Vec::new();
        for id in chunks {
            // A reader that comes from now on is told that the chunk is purged.
            let readable = self.chunks.write().remove(&id);
            if files.len() < room
                && let Some(ReadableChunk::Own(chunk)) = readable
            {
                match set_aside(storage, chunk, self.config.chunk.max_size) {
                    Ok(Some(file)) => {
                        files.push(file);
                        continue;
                    }
                    Ok(None) => {}
                    Err(error) => tracing::warn!(chunk = %id, %error, "a purged chunk is not reused"),
                }
            }
            if let Err(error) = storage.remove(&id.file_name()) {
                // Found again as a leftover at the next open.
                tracing::warn!(chunk = %id, %error, "a purged chunk was not removed");
                break;
            }
        }
        if files.is_empty() || self.poison().is_some() {
            return;
        }
        match reclaim(storage, files) {
            Ok(files) => {
                let mut spares = self.spares.lock();
                files.into_iter().for_each(|file| spares.reuse(file));
            }
            // As any sync that fails. The system tells an error once: a new chunk's name that is synced beside this could be
            // lost with it, and its own sync would be told nothing.
            Err(error) => {
                self.set_poison(("sync the directory", error));
            }
        }
    }
}

/// Writes a footer and gives the space behind it back. A file that has a second name may be part of a backup and is
/// left as it is.
fn seal(storage: &dyn Storage, retired: &Retired) -> io::Result<()> {
    let seed = retired.chunk.seed();
    let footer = retired
        .footer
        .as_ref()
        .map(|footer| encode_footer(seed, retired.end, &footer.summary, &footer.offsets, &footer.state));
    let footer = footer.unwrap_or_default();
    let end = retired.end + footer.len() as u64;
    let file = retired.chunk.file();
    if footer.is_empty() && file.size()? <= end {
        return Ok(());
    }
    let file = match retired.is_found {
        true => storage.open_writable(&retired.chunk.id().file_name())?,
        false => file.clone(),
    };
    if file.links()? > 1 && !SeededBug::FooterIntoLinkedFile.is_on() {
        return Ok(());
    }
    write_all_at(&*file, &footer, retired.end).map_err(|(_, error)| error)?;
    if file.size()? > end {
        file.truncate(end)?;
    }
    Ok(())
}
