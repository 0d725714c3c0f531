//! What was accepted and is not on its way to the disk yet: one group that gathers, between what must happen in order.
//!
//! The writer appends under the queue's lock, the flush takes everything at once. An operation that fails cuts the
//! queue back to its mark, also when the application's encoder panics.

use std::collections::VecDeque;

use raft_log_chunk::{Chunk, ChunkHeader, ChunkId, ChunkSummary, DurableFile, HEADER_SIZE, PreparedFile};
use raft_log_codec::{FrameSeed, GROUP_FRAME_SIZE, reserve_group, seal_frames};

use crate::stats::Gathering;
use crate::{FlushCallback, Position};

/// What one flush does, in order.
pub(super) enum Item {
    /// Frames for the active chunk, some without their checksums, and room for the `Group` frame at their head.
    Group(Group),
    /// The active chunk is full; the next one takes over.
    NewChunk(Box<NewChunk>),
    /// Chunks that a purge leaves, oldest first: removed once everything before is durable.
    Remove(Vec<ChunkId>),
}

/// So many bytes of frames are still near the processor, and their checksums are made side by side.
const SEALED_IN_PASSING: usize = 16 << 10;

/// Frames that are written at once.
pub(super) struct Group {
    /// Where they begin in their chunk.
    pub(super) start: u64,
    pub(super) bytes: Vec<u8>,
    /// The frames before have their checksums.
    pub(super) sealed: usize,
    /// For a bug on purpose: what was durable when the group was begun.
    pub(super) durable_when_begun: Option<Position>,
}

/// A chunk to be made.
pub(super) struct NewChunk {
    /// Its space is known once its file is.
    pub(super) header: ChunkHeader,
    /// The header, or its place while the file is not known, and the `State` frame.
    pub(super) head: Vec<u8>,
    /// The body of the `State`.
    pub(super) state: Vec<u8>,
    /// The index of the last entry before the chunk.
    pub(super) last_before: Option<u64>,
    /// Where the frames end that the operation which begins the chunk puts into it.
    pub(super) end: u64,
    /// Its file; there once the space is claimed: see [`NewChunk::prepare`].
    pub(super) prepared: Option<PreparedFile>,
    /// `DURABLE`, with the first chunk that this process makes if `open` has not made it.
    pub(super) durable: Option<DurableFile>,
    /// Older chunks that get their footers once this one is durable.
    pub(super) retired: Vec<Retired>,
}

impl NewChunk {
    /// Gives the chunk its file, and makes the header, which tells what the file's space holds. The chunk's frames do
    /// not depend on it.
    pub(super) fn prepare(&mut self, file: PreparedFile) {
        self.header.space = file.space();
        if let Some(place) = self.head.get_mut(..HEADER_SIZE) {
            place.copy_from_slice(&self.header.encode());
        }
        self.prepared = Some(file);
    }
}

/// A chunk that is not appended to any more, and has no footer yet or more space than it needs.
pub(super) struct Retired {
    pub(super) chunk: Chunk,
    /// Where its frames end, or what `footer` goes behind.
    pub(super) end: u64,
    /// What its footer says; `None` if that stands before `end`.
    pub(super) footer: Option<FooterFacts>,
    /// Another process made it: its file is open for reading only.
    pub(super) is_found: bool,
}

/// What goes into a footer. It is encoded when nobody waits.
pub(super) struct FooterFacts {
    pub(super) summary: ChunkSummary,
    pub(super) offsets: Vec<u32>,
    pub(super) state: Vec<u8>,
}

#[derive(Default)]
pub(super) struct Queue {
    pub(super) items: VecDeque<Item>,
    /// Who waits for everything in the queue.
    pub(super) callbacks: Vec<FlushCallback>,
    /// The bytes of the items.
    pub(super) bytes: u64,
    /// Since when they gather, for the statistics.
    pub(super) gathering: Gathering,
    /// The bytes that a flush has taken and not finished with.
    pub(super) in_flight_bytes: u64,
    /// The flush thread has something to do.
    pub(super) is_flush_wanted: bool,
    /// The flush thread is to end.
    pub(super) is_closing: bool,
    /// The flush thread waits to be woken.
    pub(super) is_thread_waiting: bool,
    /// A buffer that was written and can be used again.
    pub(super) spare_buffer: Vec<u8>,
}

/// A place to cut back to.
struct Mark {
    items: usize,
    group_bytes: Option<usize>,
}

impl Queue {
    /// The group that gathers, and whether it was begun just now, at `start` of the active chunk.
    pub(super) fn group_at(&mut self, start: u64) -> (&mut Group, bool) {
        let is_new = !matches!(self.items.back(), Some(Item::Group(_)));
        if is_new {
            let mut bytes = std::mem::take(&mut self.spare_buffer);
            reserve_group(&mut bytes);
            let sealed = GROUP_FRAME_SIZE;
            self.items.push_back(Item::Group(Group { start, bytes, sealed, durable_when_begun: None }));
        }
        match self.items.back_mut() {
            Some(Item::Group(group)) => (group, is_new),
            _ => unreachable!("a group was just put there"),
        }
    }

    /// Takes everything, for a flush.
    pub(super) fn take(&mut self) -> (VecDeque<Item>, Vec<FlushCallback>) {
        self.is_flush_wanted = false;
        self.in_flight_bytes += std::mem::take(&mut self.bytes);
        // The next group is likely to be as large.
        let next = Vec::with_capacity(self.callbacks.len());
        (std::mem::take(&mut self.items), std::mem::replace(&mut self.callbacks, next))
    }

    fn mark(&self) -> Mark {
        let group_bytes = match self.items.back() {
            Some(Item::Group(group)) => Some(group.bytes.len()),
            _ => None,
        };
        Mark { items: self.items.len(), group_bytes }
    }
}

impl Group {
    /// Where the next frame goes in the chunk.
    pub(super) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Makes the checksums that are missing, once there are so many frames without that it is done well; `seed` is the
    /// chunk's.
    pub(super) fn seal_in_passing(&mut self, seed: FrameSeed) {
        if self.bytes.len() - self.sealed >= SEALED_IN_PASSING {
            self.seal(seed);
        }
    }

    /// Makes the checksums that are missing.
    pub(super) fn seal(&mut self, seed: FrameSeed) {
        let offset = self.start + self.sealed as u64;
        seal_frames(self.bytes.get_mut(self.sealed..).unwrap_or_default(), seed, offset);
        self.sealed = self.bytes.len();
    }
}

/// The queue while one operation is put into it: unless it is kept, everything behind the mark goes again.
pub(super) struct Staging<'a> {
    pub(super) queue: &'a mut Queue,
    /// The bytes that it adds.
    pub(super) bytes: u64,
    /// It begins a chunk.
    pub(super) begins_chunk: bool,
    mark: Mark,
    is_kept: bool,
}

impl<'a> Staging<'a> {
    pub(super) fn new(queue: &'a mut Queue) -> Self {
        Self { mark: queue.mark(), queue, bytes: 0, begins_chunk: false, is_kept: false }
    }

    /// Makes the operation part of the queue.
    pub(super) fn keep(mut self) {
        self.queue.bytes += self.bytes;
        self.is_kept = true;
    }

    /// The chunks that this operation begins.
    pub(super) fn new_chunks(&mut self) -> impl Iterator<Item = &mut NewChunk> {
        let from = if self.begins_chunk { self.mark.items } else { self.queue.items.len() };
        self.queue.items.range_mut(from..).filter_map(|item| match item {
            Item::NewChunk(new) => Some(&mut **new),
            _ => None,
        })
    }
}

impl Staging<'_> {
    #[cold]
    fn cut_back(&mut self) {
        self.queue.items.truncate(self.mark.items);
        if let (Some(Item::Group(group)), Some(bytes)) = (self.queue.items.back_mut(), self.mark.group_bytes)
        {
            group.bytes.truncate(bytes);
        }
    }
}

impl Drop for Staging<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_kept {
            self.cut_back();
        }
    }
}
