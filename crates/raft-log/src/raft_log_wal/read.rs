//! Reading entries from chunks, beside the writer: in one positional read for neighbours, verified, payloads as
//! slices of what was read.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use raft_log_chunk::{Chunk, ChunkId, EntryFault, OFFSET_UNIT, SealedChunk, Storage};
use raft_log_codec::{Decode, Frame, FrameHead, FrameSeed, LogId, RecordKind, Types};

use super::shared::{ReadableChunk, Shared};
use crate::stats::WalCounters;
use crate::sync::yield_now;
use crate::{Entry, EntryPlace, Extent, Position, ReadError, WalReader, WalStats};

/// Reads the entries of a [`RaftLogWal`](crate::RaftLogWal); clones are cheap, and outlive the log.
#[derive(Clone)]
pub struct RaftLogWalReader {
    pub(super) shared: Arc<Shared>,
}

/// What is read at once of an entry whose size is not known.
const FIRST_READ: u64 = 4096;

impl std::fmt::Debug for RaftLogWalReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RaftLogWalReader").field("durable", &self.shared.durable()).finish()
    }
}

impl RaftLogWalReader {
    pub(crate) fn storage(&self) -> &dyn Storage {
        &*self.shared.storage
    }

    pub(crate) fn counters(&self) -> &WalCounters {
        &self.shared.counters
    }

    /// A chunk, unless it was purged.
    pub(crate) fn chunk(&self, id: ChunkId) -> Option<Chunk> {
        self.shared.chunks.read().get(&id).map(|readable| readable.chunk().clone())
    }

    /// The chunks that hold what is durable, oldest first, and the durable end, which lies in the last of them.
    ///
    /// They fit together. A chunk is put among those that can be read before anything in it is durable, and taken out
    /// after its purge is: so whoever holds the lock finds all those from which a replay up to the durable end may begin.
    pub(crate) fn durable_chunks(&self) -> (Vec<Chunk>, Position) {
        let chunks = self.shared.chunks.read();
        let durable = self.shared.durable();
        let begun = chunks.range(..ChunkId::new(durable.offset()));
        (begun.map(|(_, readable)| readable.chunk().clone()).collect(), durable)
    }

    /// For the statistics.
    fn count(&self, begin: Option<Instant>, entries: usize, error: Option<&ReadError>) {
        self.shared.counters.disk_read(begin, entries);
        if let Some(error @ ReadError::Damaged { chunk, offset, index, .. }) = error {
            self.shared.counters.checksum_failed();
            tracing::error!(%chunk, offset, index, %error, "a damaged entry was read");
        }
    }

    /// The chunk with this id, unless it was removed.
    fn readable(&self, id: ChunkId) -> Option<ReadableChunk> {
        let readable = self.shared.chunks.read().get(&id).cloned();
        if readable.is_none() {
            // Its removal was faster than the writer, who is about to say that it is purged: make way for it.
            yield_now();
        }
        readable
    }

    /// Where the frames of the entries from `index` on begin in a chunk that was found, in units, as far as its table
    /// goes.
    fn units<'a>(&self, sealed: &'a SealedChunk, first: u64, index: u64) -> Result<&'a [u32], ReadError> {
        let table = sealed
            .offsets(self.shared.config.read_buffer_size)
            .map_err(|source| ReadError::Io { chunk: sealed.chunk().id(), source })?;
        let from = usize::try_from(index.saturating_sub(first)).unwrap_or(usize::MAX);
        Ok(table.get(from..).unwrap_or_default())
    }

    fn read_extent<T: Types>(
        &self,
        extent: &Extent,
        bytes_max: u64,
        entries: &mut Vec<(T::LogId, T::Payload)>,
    ) -> Result<Option<u64>, ReadError> {
        let Some(readable) = self.readable(extent.chunk) else { return Ok(None) };
        let units = match (&readable, &extent.offsets) {
            (_, Some(units)) => units.as_slice(),
            (ReadableChunk::Found(sealed, first), None) => self.units(sealed, *first, extent.first)?,
            // Reported below: an own chunk's entries are always located.
            (ReadableChunk::Own(_), None) => [].as_slice(),
        };
        let chunk = readable.chunk();
        let window_max = self.shared.config.read_buffer_size as u64;
        let offset_of = |position: usize| units.get(position).map(|unit| SealedChunk::offset_of(*unit));

        let mut bytes_read = 0;
        let mut position = 0;
        while position < extent.count {
            let index = extent.first + position as u64;
            let Some(start) = offset_of(position) else { return Err(unknown_place(extent.chunk, index)) };
            // As many entries as one buffer holds, and no more than are asked for.
            let units_left = units.get(position..).unwrap_or_default();
            let needed = entries_begun(units_left, bytes_max - bytes_read).min(extent.count - position);
            let count = entries_within(units_left, window_max).min(needed);
            // Where the last one ends may not be known; a table that was forged need not rise.
            let last = offset_of(position + count - 1).unwrap_or(start);
            let end = offset_of(position + count).unwrap_or(last + FIRST_READ);
            let size = end.saturating_sub(start).clamp(OFFSET_UNIT, window_max + FIRST_READ);
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            let window = self
                .shared
                .windows
                .read(chunk, start, size)
                .map_err(|source| ReadError::Io { chunk: extent.chunk, source })?;
            // Not for this window alone: they would have to move for the next.
            entries.reserve(needed);
            for position in position..position + count {
                let index = extent.first + position as u64;
                let offset = offset_of(position).unwrap_or(start);
                let at = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
                let term = extent.term(index);
                let (entry, size) = match good_entry::<T>(&window, at, chunk.seed(), offset, index, term) {
                    Some(good) => good,
                    // Looked at again, for what is wrong with it, or because the window does not hold all of it.
                    None => {
                        let frame = chunk.entry_at(&window, at, offset, index);
                        entry_of::<T>(frame, chunk.id(), offset, index, term)?
                    }
                };
                entries.push(entry);
                bytes_read += size;
                if bytes_read >= bytes_max {
                    return Ok(Some(bytes_read));
                }
            }
            position += count;
        }
        Ok(Some(bytes_read))
    }

    fn read_single<T: Types>(&self, place: &EntryPlace) -> Result<Option<Entry<T>>, ReadError> {
        let Some(readable) = self.readable(place.chunk) else { return Ok(None) };
        let (begin, end) = match (place.offsets, &readable) {
            (Some((begin, end)), _) => (begin, end),
            (None, ReadableChunk::Found(sealed, first)) => {
                let units = self.units(sealed, *first, place.index)?;
                let offset = |position| units.get(position).map(|unit| SealedChunk::offset_of(*unit));
                (offset(0).ok_or_else(|| unknown_place(place.chunk, place.index))?, offset(1))
            }
            (None, ReadableChunk::Own(_)) => return Err(unknown_place(place.chunk, place.index)),
        };
        // Not more than one buffer is believed of a frame's size before its head was seen.
        let size_max = self.shared.config.read_buffer_size as u64;
        let size = end.map_or(FIRST_READ, |end| end.saturating_sub(begin).clamp(OFFSET_UNIT, size_max));
        let chunk = readable.chunk();
        let bytes = chunk
            .read(begin, usize::try_from(size).unwrap_or(usize::MAX))
            .map_err(|source| ReadError::Io { chunk: place.chunk, source })?;
        let frame = chunk.entry(bytes, begin, place.index);
        entry_of::<T>(frame, place.chunk, begin, place.index, place.term).map(|(entry, _)| Some(entry))
    }
}

/// How many of the entries that begin at `units` fit into `bytes`; at least one. Of the last one it is not known.
fn entries_within(units: &[u32], bytes: u64) -> usize {
    // One more begins than fits, at most.
    entries_begun(units, bytes + 1).saturating_sub(1).max(1)
}

/// How many of the entries that begin at `units` do so within the first `bytes`; at least one.
fn entries_begun(units: &[u32], bytes: u64) -> usize {
    let Some(first) = units.first() else { return 1 };
    let units_max = u32::try_from(bytes.div_ceil(OFFSET_UNIT)).unwrap_or(u32::MAX);
    let end = first.saturating_add(units_max);
    units.partition_point(|unit| *unit < end).max(1)
}

fn unknown_place(chunk: ChunkId, index: u64) -> ReadError {
    ReadError::Damaged { chunk, offset: 0, index, found: "its place is not known".to_owned() }
}

/// The entry at position `at` of a window, and the bytes of its frame, if nothing is wrong with it: without a step that
/// serves to say what is.
#[inline]
fn good_entry<T: Types>(
    window: &Bytes,
    at: usize,
    seed: FrameSeed,
    offset: u64,
    index: u64,
    term: Option<u64>,
) -> Option<(Entry<T>, u64)> {
    let bytes = window.get(at..)?;
    let Ok((head, None)) = FrameHead::parse_whole(bytes, seed, offset) else { return None };
    let found = head.term()?;
    let is_it = head.kind() == Some(RecordKind::Append) && head.index() == Some(index);
    if !is_it || term.is_some_and(|term| term != found) {
        return None;
    }
    let id = T::LogId::decode(found, index, head.id_rest(bytes)).ok()?;
    let payload_at = at + head.head_size();
    let payload = window.slice(payload_at..payload_at + head.payload_size());
    Some(((id, T::Payload::decode(payload).ok()?), head.size() as u64))
}

/// The entry in a frame, and the bytes of the frame.
fn entry_of<T: Types>(
    frame: Result<Frame, EntryFault>,
    chunk: ChunkId,
    offset: u64,
    index: u64,
    term: Option<u64>,
) -> Result<(Entry<T>, u64), ReadError> {
    let damaged = |found: String| ReadError::Damaged { chunk, offset, index, found };
    let frame = frame.map_err(|fault| match fault {
        EntryFault::Io(source) => ReadError::Io { chunk, source },
        fault => damaged(fault.to_string()),
    })?;
    let Some(id) = &frame.id else { return Err(damaged("it has no log id".to_owned())) };
    if term.is_some_and(|term| term != id.term) {
        return Err(damaged(format!("another entry stands here: {id}")));
    }
    let undecodable = |source| ReadError::Undecodable { chunk, offset, index, source };
    let size = frame.head.size() as u64;
    let entry = (id.typed().map_err(undecodable)?, T::Payload::decode(frame.payload).map_err(undecodable)?);
    Ok((entry, size))
}

impl<T: Types> WalReader<T> for RaftLogWalReader {
    fn read(
        &self,
        extent: &Extent,
        bytes_max: u64,
        entries: &mut Vec<(T::LogId, T::Payload)>,
    ) -> Result<Option<u64>, ReadError> {
        let (begin, before) = (Some(Instant::now()), entries.len());
        let outcome = self.read_extent::<T>(extent, bytes_max, entries);
        self.count(begin, entries.len().saturating_sub(before), outcome.as_ref().err());
        outcome
    }

    fn read_one(&self, place: &EntryPlace) -> Result<Option<Entry<T>>, ReadError> {
        let begin = self.shared.counters.is_single_read_timed().then(Instant::now);
        let outcome = self.read_single::<T>(place);
        self.count(begin, usize::from(outcome.is_ok()), outcome.as_ref().err());
        outcome
    }

    fn stats(&self) -> WalStats {
        // The handles are taken first: asking a file for its size is the system's business, and under no lock.
        let files: Vec<_> =
            self.shared.chunks.read().values().map(|chunk| chunk.chunk().file().clone()).collect();
        WalStats {
            chunks: files.len() as u64,
            disk_bytes: files.iter().map(|file| file.size().unwrap_or(0)).sum(),
            is_poisoned: self.shared.poison().is_some(),
            ..self.shared.counters.read()
        }
    }

    fn durable(&self) -> Position {
        self.shared.durable()
    }
}
