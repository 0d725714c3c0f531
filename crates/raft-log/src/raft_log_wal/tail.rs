//! What the writer knows of the chunk at the end of the log: where the next frame goes, and what the chunk holds.

use raft_log_chunk::{ActiveChunk, ChunkHeader, ChunkId, HEADER_SIZE, SummaryBuilder};
use raft_log_codec::{LogId, Record, Types};

use crate::{ChunkConfig, Place};

/// The chunk at the end of the log.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// The newest chunk; `None` while the log has none.
    pub(super) header: Option<ChunkHeader>,
    /// Where its frames end.
    pub(super) end: u64,
    /// The chunk, if this process made it and so may append to it.
    pub(super) active: Option<ActiveChunk>,
    /// What the active chunk holds.
    pub(super) builder: SummaryBuilder,
}

/// A chunk as far as an operation that is being put together has come in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    /// The chunk; `None` while the log has none.
    pub(super) header: Option<ChunkHeader>,
    /// Frames may be put into it.
    pub(super) is_open: bool,
    pub(super) end: u64,
    pub(super) records: u64,
}

impl Tail {
    pub(super) fn cursor(&self) -> Cursor {
        Cursor {
            header: self.header,
            is_open: self.active.is_some(),
            end: self.end,
            records: self.builder.records(),
        }
    }

    /// Where the tail's frames end, given the id of the chunk behind it.
    pub(super) fn end_before(&self, next: ChunkId) -> u64 {
        self.header.map_or(0, |header| next.offset() - header.chunk_id.offset())
    }

    /// Takes note of a record that was accepted; `rest` is the encoded rest of its log id.
    pub(super) fn watch<T: Types>(&mut self, record: &Record<T>, place: Place, rest: &[u8]) {
        match record {
            Record::Append(id, _) => self.builder.append(id.term(), id.index(), rest, place.offset),
            Record::TruncateAfter(after) => {
                self.builder.truncate_from(after.as_ref().map_or(0, |id| id.index().saturating_add(1)));
            }
            Record::PurgeUpto(upto) => self.builder.purge_upto(upto.index()),
            _ => self.builder.other(),
        }
    }
}

impl Cursor {
    /// Goes on in a chunk that begins behind this one; `head_size` is where its first group goes.
    pub(super) fn begin(&mut self, header: ChunkHeader, head_size: u64) {
        debug_assert!(head_size > HEADER_SIZE as u64, "a chunk begins with its header and a State");
        *self = Self { header: Some(header), is_open: true, end: head_size, records: 0 };
    }

    /// Whether the next record goes into another chunk. A chunk takes one record whatever its limits are.
    pub(super) fn is_full(&self, limits: &ChunkConfig) -> bool {
        self.records > 0 && (self.records >= limits.max_records || self.end >= limits.max_size)
    }
}
