//! The side that writes: carries out what a flush took from the queue, in order, and syncs.
//!
//! A write or a sync that fails ends it: no frame's place is written twice, and no sync is tried again.

use std::collections::VecDeque;
use std::io;

use raft_log_chunk::{
    ActiveChunk, Chunk, ChunkId, DurableFile, Spares, Storage, is_no_space, make_chunk, mark_at, write_all_at,
};
use raft_log_codec::{GROUP_FRAME_SIZE, group_frame};

use super::queue::{Group, Item, NewChunk, Retired};
use crate::Position;

/// What is known of the disk.
#[derive(Default)]
pub(super) struct Disk {
    active: Option<Written>,
    durable: Option<DurableFile>,
    retired: Vec<Retired>,
    removable: Vec<ChunkId>,
    wants_spares: bool,
    is_mark_unsynced: bool,
}

/// The active chunk as far as it is written.
struct Written {
    chunk: Chunk,
    /// Everything before is written.
    end: u64,
    /// Everything before was covered by a successful sync.
    synced_end: u64,
}

/// What failed, and why.
pub(super) type DiskError = (&'static str, io::Error);

/// A buffer larger than this is not kept for the next group.
const BUFFER_BYTES_KEPT: usize = 1 << 20;

impl Disk {
    pub(super) fn new(durable: Option<DurableFile>) -> Self {
        Self { durable, ..Self::default() }
    }

    /// Writes and syncs. Gives the position before which everything is durable, if that has changed, and a buffer to
    /// use again.
    pub(super) fn flush(
        &mut self,
        storage: &dyn Storage,
        items: VecDeque<Item>,
    ) -> Result<(Option<Position>, Vec<u8>), DiskError> {
        let mut buffer = Vec::new();
        for item in items {
            match item {
                Item::Group(group) => buffer = self.write(group)?,
                Item::NewChunk(new) => self.make(storage, *new)?,
                Item::Remove(chunks) => {
                    self.removable.extend(chunks);
                    // What they leave may be what the reserve lacks.
                    self.wants_spares = true;
                }
            }
        }
        Ok((self.sync()?, buffer))
    }

    fn write(&mut self, mut group: Group) -> Result<Vec<u8>, DiskError> {
        let Some(active) = &mut self.active else {
            unreachable!("a chunk is made before frames are put into it")
        };
        assert_eq!(active.end, group.start, "groups follow each other without a gap");
        // Stamped now and not when the group was begun: it vouches for as much as possible.
        let head = group_frame(active.chunk.seed(), group.start, active.synced_end);
        if let Some(place) = group.bytes.get_mut(..GROUP_FRAME_SIZE) {
            place.copy_from_slice(&head);
        }
        ActiveChunk::write(&active.chunk, &group.bytes, group.start)
            .map_err(|error| ("write to a chunk", error))?;
        active.end = group.end();
        group.bytes.clear();
        if group.bytes.capacity() > BUFFER_BYTES_KEPT {
            return Ok(Vec::new());
        }
        Ok(group.bytes)
    }

    fn make(&mut self, storage: &dyn Storage, new: NewChunk) -> Result<(), DiskError> {
        if new.durable.is_some() {
            self.durable = new.durable;
        }
        let (Some(prepared), Some(durable)) = (new.prepared, &mut self.durable) else {
            unreachable!("the space of a chunk and of DURABLE is claimed before the chunk is accepted")
        };
        let previous = self.active.take().filter(|active| active.end > active.synced_end);
        let previous = previous.as_ref().map(|active| &active.chunk);
        let chunk = make_chunk(storage, previous, prepared, new.header, &new.head, durable)
            .map_err(|error| ("make a chunk", error))?;
        let end = new.head.len() as u64;
        self.active = Some(Written { chunk, end, synced_end: end });
        self.retired.extend(new.retired);
        self.wants_spares = true;
        Ok(())
    }

    fn sync(&mut self) -> Result<Option<Position>, DiskError> {
        let Some(active) = &mut self.active else { return Ok(None) };
        if active.end > active.synced_end {
            active.chunk.file().sync().map_err(|error| ("sync a chunk", error))?;
            active.synced_end = active.end;
            if let Some(durable) = &mut self.durable {
                let mark = mark_at(active.chunk.header(), active.synced_end);
                durable.write(mark).map_err(|error| ("write DURABLE", error))?;
                self.is_mark_unsynced = true;
            }
        }
        Ok(Some(Position::new(active.chunk.id().offset() + active.synced_end)))
    }

    /// Chunks that may be removed now; they are not asked for again.
    pub(super) fn take_removable(&mut self) -> Vec<ChunkId> {
        std::mem::take(&mut self.removable)
    }

    /// Whether there is work that nobody waits for.
    pub(super) fn has_leisure_work(&self) -> bool {
        self.wants_spares || !self.retired.is_empty() || !self.removable.is_empty()
    }

    /// Gives retired chunks their footers, and the space behind them back. What fails here costs time at the next
    /// opening and nothing else.
    pub(super) fn seal_retired(&mut self, storage: &dyn Storage) {
        for retired in self.retired.drain(..) {
            if let Err(error) = seal(storage, &retired) {
                tracing::warn!(chunk = %retired.chunk.id(), %error, "a chunk was not sealed");
            }
        }
    }

    /// Lays what the reserve lacks.
    pub(super) fn refill(&mut self, spares: &mut Spares) {
        if std::mem::take(&mut self.wants_spares)
            && let Err(error) = spares.refill()
        {
            tracing::warn!(%error, "the reserve for a full disk is not complete");
        }
    }

    /// Makes `DURABLE` durable if it was written since, so that a newest chunk that goes missing is evident also after a loss of power.
    pub(super) fn sync_durable(&mut self) -> Result<(), DiskError> {
        match &self.durable {
            Some(durable) if std::mem::take(&mut self.is_mark_unsynced) => {
                durable.sync().map_err(|error| ("sync DURABLE", error))
            }
            _ => Ok(()),
        }
    }

    /// Writes the footer of the active chunk behind its last frame, and syncs it and `DURABLE`. Everything has been
    /// synced before.
    pub(super) fn close(&mut self, footer: &[u8]) -> Result<(), DiskError> {
        let Some(active) = self.active.take() else { return Ok(()) };
        assert_eq!(active.end, active.synced_end, "a footer is written behind synced frames only");
        let file = active.chunk.file();
        match write_all_at(&**file, footer, active.end) {
            Ok(()) => {}
            // A footer is a cache: without it the next opening scans this chunk.
            Err((_, error)) if is_no_space(&error) => tracing::warn!(%error, "no footer was written"),
            Err((_, error)) => return Err(("write a footer", error)),
        }
        file.sync().map_err(|error| ("sync a footer", error))?;
        self.sync_durable()
    }
}

/// Writes a footer and gives the space behind it back. A file that has a second name may be part of a backup and is
/// left as it is.
fn seal(storage: &dyn Storage, retired: &Retired) -> io::Result<()> {
    let end = retired.end + retired.footer.len() as u64;
    let file = retired.chunk.file();
    if retired.footer.is_empty() && file.size()? <= end {
        return Ok(());
    }
    let file = match retired.is_found {
        true => storage.open_writable(&retired.chunk.id().file_name())?,
        false => file.clone(),
    };
    if file.links()? > 1 {
        return Ok(());
    }
    write_all_at(&*file, &retired.footer, retired.end).map_err(|(_, error)| error)?;
    if file.size()? > end {
        file.truncate(end)?;
    }
    Ok(())
}
