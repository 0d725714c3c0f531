//! Reading entries from chunks, beside the writer: in one positional read for neighbours, verified, payloads as
//! slices of what was read.

use std::sync::Arc;
use std::time::Instant;

use raft_log_chunk::{Chunk, ChunkId, EntryFault, OFFSET_UNIT, SealedChunk, Storage};
use raft_log_codec::{Decode, Types};

use super::shared::{ReadableChunk, Shared};
use crate::stats::WalCounters;
use crate::sync::yield_now;
use crate::{Extent, Position, ReadError, WalReader, WalStats};

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

    fn read_extent<T: Types>(
        &self,
        extent: &Extent,
        bytes_max: u64,
        entries: &mut Vec<(T::LogId, T::Payload)>,
    ) -> Result<Option<u64>, ReadError> {
        let readable = self.shared.chunks.read().get(&extent.chunk).cloned();
        let window_bytes = self.shared.config.read_buffer_size;
        let io = |source| ReadError::Io { chunk: extent.chunk, source };
        let table;
        let (chunk, units) = match (&readable, &extent.offsets) {
            (None, _) => {
                // Its removal was faster than the writer, who is about to say that it is purged: make way for it.
                yield_now();
                return Ok(None);
            }
            (Some(ReadableChunk::Own(chunk)), Some(units)) => (chunk, units.as_slice()),
            (Some(ReadableChunk::Found(sealed, _)), Some(units)) => (sealed.chunk(), units.as_slice()),
            (Some(ReadableChunk::Found(sealed, first)), None) => {
                table = sealed.offsets(window_bytes).map_err(io)?;
                let from = usize::try_from(extent.first - first).unwrap_or(usize::MAX);
                let to = from.saturating_add(extent.count).saturating_add(1).min(table.len());
                (sealed.chunk(), table.get(from..to).unwrap_or_default())
            }
            // Reported below: an own chunk's entries are always located.
            (Some(ReadableChunk::Own(chunk)), None) => (chunk, [].as_slice()),
        };

        let mut bytes_read = 0;
        let mut position = 0;
        while position < extent.count {
            let damaged = |index: u64, offset, found: String| ReadError::Damaged {
                chunk: extent.chunk,
                offset,
                index,
                found,
            };
            let index_at = |position: usize| extent.first + position as u64;
            let Some(&start) = units.get(position) else {
                return Err(damaged(index_at(position), 0, "its place is not known".to_owned()));
            };
            let start = SealedChunk::offset_of(start);
            // As many entries as one buffer holds; where the last one ends may not be known.
            let end_of = |position: usize| units.get(position + 1).map(|unit| SealedChunk::offset_of(*unit));
            let mut last = position;
            // A table that was forged need not rise: what lies before the window is read on its own.
            let size_upto = |position: usize| end_of(position)?.checked_sub(start);
            while last + 1 < extent.count
                && size_upto(last)
                    .is_some_and(|size| size < (window_bytes as u64).min(bytes_max.max(FIRST_READ)))
            {
                last += 1;
            }
            let end = end_of(last)
                .unwrap_or_else(|| SealedChunk::offset_of(*units.get(last).unwrap_or(&0)) + FIRST_READ);
            let size = end.saturating_sub(start).clamp(OFFSET_UNIT, window_bytes as u64 + FIRST_READ);
            let window = chunk.read(start, usize::try_from(size).unwrap_or(usize::MAX)).map_err(io)?;
            for position in position..=last {
                let index = index_at(position);
                let offset = SealedChunk::offset_of(*units.get(position).unwrap_or(&0));
                let from =
                    usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX).min(window.len());
                let frame =
                    chunk.entry(&window.slice(from..), offset, index).map_err(|fault| match fault {
                        EntryFault::Io(source) => io(source),
                        fault => damaged(index, offset, fault.to_string()),
                    })?;
                let undecodable =
                    |source| ReadError::Undecodable { chunk: extent.chunk, offset, index, source };
                let Some(id) = &frame.id else {
                    return Err(damaged(index, offset, "it has no log id".to_owned()));
                };
                if extent.term(index).is_some_and(|term| term != id.term) {
                    return Err(damaged(index, offset, format!("another entry stands here: {id}")));
                }
                let id = id.typed().map_err(undecodable)?;
                bytes_read += frame.head.size() as u64;
                let payload = T::Payload::decode(frame.payload).map_err(undecodable)?;
                entries.push((id, payload));
                if bytes_read >= bytes_max {
                    return Ok(Some(bytes_read));
                }
            }
            position = last + 1;
        }
        Ok(Some(bytes_read))
    }
}

impl<T: Types> WalReader<T> for RaftLogWalReader {
    fn read(
        &self,
        extent: &Extent,
        bytes_max: u64,
        entries: &mut Vec<(T::LogId, T::Payload)>,
    ) -> Result<Option<u64>, ReadError> {
        let (begin, before) = (Instant::now(), entries.len());
        let outcome = self.read_extent::<T>(extent, bytes_max, entries);
        self.shared.counters.disk_read(begin, entries.len().saturating_sub(before));
        if let Err(error @ ReadError::Damaged { chunk, offset, index, .. }) = &outcome {
            self.shared.counters.checksum_failed();
            tracing::error!(%chunk, offset, index, %error, "a damaged entry was read");
        }
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
