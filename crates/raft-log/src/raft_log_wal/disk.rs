//! The side that writes: carries out what a flush took from the queue, in order, and syncs.
//!
//! A write or a sync that fails ends it: no frame's place is written twice, and no sync is tried again.

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use raft_log_chunk::{
    ActiveChunk, Chunk, DurableFile, Storage, is_no_space, make_chunk, mark_at, write_all_at,
};
use raft_log_codec::{GROUP_FRAME_SIZE, SeededBug, group_frame};

use super::leisure::Leisure;
use super::queue::{Group, Item, NewChunk};
use crate::Position;
use crate::stats::{FlushTimer, stage_span};

/// What is known of the disk.
#[derive(Default)]
pub(super) struct Disk {
    active: Option<Written>,
    durable: Option<DurableFile>,
    leisure: Leisure,
    is_being_tidied: bool,
    is_mark_unsynced: bool,
}

/// The active chunk as far as it is written.
pub(super) struct Written {
    chunk: Chunk,
    /// Everything before is written.
    end: u64,
    /// Everything before was covered by a successful sync.
    synced_end: u64,
}

impl Written {
    /// For a bug on purpose: a chunk that another process made.
    pub(super) fn found(chunk: Chunk, end: u64) -> Self {
        Self { chunk, end, synced_end: end }
    }
}

/// A sync that is never tried again, and whose failure is told.
fn sync_chunk(chunk: &Chunk) -> io::Result<()> {
    match chunk.file().sync() {
        Err(_) if SeededBug::SyncAgain.is_on() => chunk.file().sync(),
        Err(_) if SeededBug::AcknowledgeAfterFailedSync.is_on() => Ok(()),
        synced => synced,
    }
}

/// What failed, and why.
pub(super) type DiskError = (&'static str, io::Error);

/// A buffer larger than this is not kept for the next group.
const BUFFER_BYTES_KEPT: usize = 2 << 20;

impl Disk {
    pub(super) fn new(durable: Option<DurableFile>) -> Self {
        Self { durable, ..Self::default() }
    }

    /// For a bug on purpose: goes on in a chunk that another process made.
    pub(super) fn append_to(&mut self, written: Written) {
        self.active = Some(written);
    }

    /// Writes and syncs. Gives the position before which everything is durable, if that has changed, and a buffer to
    /// use again.
    pub(super) fn flush(
        &mut self,
        storage: &dyn Storage,
        items: VecDeque<Item>,
        timer: &mut FlushTimer<'_>,
    ) -> Result<(Option<Position>, Vec<u8>), DiskError> {
        let mut buffer = Vec::new();
        if SeededBug::AcknowledgeBeforeSync.is_on() {
            self.sync(timer)?;
        }
        for item in items {
            match item {
                Item::Group(group) => buffer = self.write(group)?,
                Item::NewChunk(new) => {
                    let (begin, space) = (Instant::now(), new.header.space);
                    self.make(storage, *new)?;
                    timer.rotated(begin, space);
                }
                Item::Remove(chunks) if SeededBug::RemoveBeforePurgeIsDurable.is_on() => {
                    chunks
                        .iter()
                        .try_for_each(|chunk| storage.remove(&chunk.file_name()))
                        .map_err(|error| ("remove a chunk", error))?;
                }
                Item::Remove(chunks) => {
                    self.leisure.purged.extend(chunks);
                    // What they leave may be what the reserve lacks.
                    self.leisure.wants_spares = true;
                }
            }
        }
        if SeededBug::AcknowledgeBeforeSync.is_on() {
            let written = |active: &Written| Position::new(active.chunk.id().offset() + active.end);
            return Ok((self.active.as_ref().map(written), buffer));
        }
        timer.all_written();
        Ok((self.sync(timer)?, buffer))
    }

    fn write(&mut self, mut group: Group) -> Result<Vec<u8>, DiskError> {
        let Some(active) = &mut self.active else {
            unreachable!("a chunk is made before frames are put into it")
        };
        assert_eq!(active.end, group.start, "groups follow each other without a gap");
        // Stamped now and not when the group was begun: it vouches for as much as possible.
        let durable_end = match group.durable_when_begun.filter(|_| SeededBug::StampAtEncoding.is_on()) {
            Some(durable) => durable.offset().saturating_sub(active.chunk.id().offset()).min(group.start),
            None => active.synced_end,
        };
        let _span = stage_span!("write", chunk = %active.chunk.id(), offset = group.start);
        let seed = active.chunk.seed();
        group.seal(seed);
        let head = group_frame(seed, group.start, durable_end);
        if let Some(place) = group.bytes.get_mut(..GROUP_FRAME_SIZE) {
            place.copy_from_slice(&head);
        }
        ActiveChunk::write(&active.chunk, &group.bytes, group.start)
            .map_err(|error| ("write to a chunk", error))?;
        active.end = group.end();
        if SeededBug::DurableEndBeforeSync.is_on() {
            active.synced_end = active.end;
        }
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
        let _span = stage_span!("rotation", chunk = %new.header.chunk_id);
        let previous = self.active.take().filter(|active| active.end > active.synced_end);
        let previous = previous.as_ref().map(|active| &active.chunk);
        let chunk = make_chunk(storage, previous, prepared, new.header, &new.head, durable)
            .map_err(|error| ("make a chunk", error))?;
        let end = new.head.len() as u64;
        self.active = Some(Written { chunk, end, synced_end: end });
        self.leisure.retired.extend(new.retired);
        self.leisure.wants_spares = true;
        Ok(())
    }

    fn sync(&mut self, timer: &mut FlushTimer<'_>) -> Result<Option<Position>, DiskError> {
        let Some(active) = &mut self.active else { return Ok(None) };
        if active.end > active.synced_end || SeededBug::DurableEndBeforeSync.is_on() {
            if let Some(durable) = self.durable.as_mut().filter(|_| SeededBug::MarkBeforeSync.is_on()) {
                let mark = mark_at(active.chunk.header(), active.end);
                durable.write(mark).map_err(|error| ("write DURABLE", error))?;
            }
            let _span = stage_span!("sync", chunk = %active.chunk.id());
            sync_chunk(&active.chunk).map_err(|error| ("sync a chunk", error))?;
            timer.synced();
            active.synced_end = active.end;
            if let Some(durable) = &mut self.durable {
                let mark = mark_at(active.chunk.header(), active.synced_end);
                durable.write(mark).map_err(|error| ("write DURABLE", error))?;
                self.is_mark_unsynced = true;
            }
        }
        Ok(Some(Position::new(active.chunk.id().offset() + active.synced_end)))
    }

    /// Whether there is work that nobody waits for.
    pub(super) fn has_leisure_work(&self) -> bool {
        !self.leisure.is_empty()
    }

    /// Hands out the work that nobody waits for, unless there is none, or somebody is at it, who asks again afterwards:
    /// what a purge leaves is removed oldest first, whoever does it.
    pub(super) fn begin_tidying(&mut self) -> Option<Leisure> {
        if self.is_being_tidied || self.leisure.is_empty() {
            return None;
        }
        self.is_being_tidied = true;
        Some(std::mem::take(&mut self.leisure))
    }

    /// What was handed out is done.
    pub(super) fn end_tidying(&mut self) {
        self.is_being_tidied = false;
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
