//! What a chunk holds, summed up: the entries that are alive at its end, and what it took from the chunks before.
//!
//! The same builder watches the records while they are written and while they are scanned, so that a footer and a
//! scan cannot differ. It knows positions and ids, not payloads.

use bytes::Bytes;
use raft_log_codec::{Frame, FrameHead, RawLogId, RecordKind};

/// A chunk, summed up at its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChunkSummary {
    /// How many records were written to it, its `State` and `Group` frames not counted.
    pub records: u64,
    /// The lowest index from which it dropped entries, its own or those of earlier chunks; `None` if it dropped none.
    pub truncated_from: Option<u64>,
    /// The ids of its live entries as runs: each id begins a run of entries with the same term and rest.
    pub runs: Vec<RawLogId>,
    /// The index behind the last live entry; meaningless if there is no run.
    pub end_index: u64,
}

impl ChunkSummary {
    /// The index of the first live entry.
    pub fn first_index(&self) -> Option<u64> {
        self.runs.first().map(|id| id.index)
    }

    /// How many entries are alive at the chunk's end.
    pub fn entries(&self) -> u64 {
        self.first_index().map_or(0, |first| self.end_index - first)
    }
}

/// Watches the records of one chunk in their order.
#[derive(Debug, Clone, Default)]
pub struct SummaryBuilder {
    summary: ChunkSummary,
    /// Where the frame of each live entry begins, in units of 8 bytes from the start of the chunk.
    offsets: Vec<u32>,
}

/// The unit of a stored offset: frames are aligned to it, so 32 bits reach 32 GiB.
pub const OFFSET_UNIT: u64 = 8;

impl SummaryBuilder {
    /// Nothing watched yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An entry whose frame begins at `offset`.
    ///
    /// An entry that does not follow the one before begins anew: rules are not judged here.
    #[inline]
    pub fn append(&mut self, term: u64, index: u64, rest: &[u8], offset: u64) {
        self.summary.records += 1;
        if self.summary.runs.is_empty() || index != self.summary.end_index {
            self.clear();
        }
        // Most rests are empty, and comparing empty slices byte by byte is not free.
        let is_same_rest =
            |run: &RawLogId| run.rest.len() == rest.len() && (rest.is_empty() || run.rest == rest);
        let continues = self.summary.runs.last().is_some_and(|run| run.term == term && is_same_rest(run));
        if !continues {
            self.summary.runs.push(RawLogId { term, index, rest: Bytes::copy_from_slice(rest) });
        }
        self.summary.end_index = index.saturating_add(1);
        // A chunk is far smaller than 32 GiB: `Config` sees to it, and a scan ends at the file's size.
        self.offsets.push(u32::try_from(offset / OFFSET_UNIT).unwrap_or(u32::MAX));
    }

    /// Entries from `index` on were dropped; everything, with 0.
    pub fn truncate_from(&mut self, index: u64) {
        self.summary.records += 1;
        self.summary.truncated_from =
            Some(self.summary.truncated_from.map_or(index, |lowest| lowest.min(index)));
        self.cut_from(index);
    }

    /// Entries up to `index` were dropped. Dead entries at the front are kept in the sum; whoever reads it knows the
    /// purged mark.
    pub fn purge_upto(&mut self, index: u64) {
        self.summary.records += 1;
        if self.summary.end_index <= index.saturating_add(1) {
            self.clear();
        }
    }

    /// A record that moves no entry.
    pub fn other(&mut self) {
        self.summary.records += 1;
    }

    /// A scanned frame, by its head.
    pub fn watch(&mut self, frame: &Frame) {
        let rest = frame.id.as_ref().map(|id| &*id.rest);
        self.watch_head(&frame.head, rest.unwrap_or_default(), frame.offset);
    }

    /// The head of a frame that begins at `offset`, and the rest of its id.
    #[inline]
    pub fn watch_head(&mut self, head: &FrameHead, rest: &[u8], offset: u64) {
        match (head.kind(), head.term(), head.index()) {
            (Some(RecordKind::Append), Some(term), Some(index)) => self.append(term, index, rest, offset),
            (Some(RecordKind::TruncateAfter), _, Some(index)) => self.truncate_from(index.saturating_add(1)),
            (Some(RecordKind::TruncateAfter), _, None) => self.truncate_from(0),
            (Some(RecordKind::PurgeUpto), _, Some(index)) => self.purge_upto(index),
            (Some(RecordKind::Group | RecordKind::State), ..) => {}
            _ => self.other(),
        }
    }

    /// How many records were watched.
    pub fn records(&self) -> u64 {
        self.summary.records
    }

    /// The sum so far.
    pub fn summary(&self) -> &ChunkSummary {
        &self.summary
    }

    /// Where each live entry's frame begins, in units of [`OFFSET_UNIT`].
    pub fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    /// The sum and the offsets.
    pub fn finish(self) -> (ChunkSummary, Vec<u32>) {
        (self.summary, self.offsets)
    }

    fn cut_from(&mut self, index: u64) {
        let Some(first) = self.summary.first_index() else {
            return;
        };
        if index <= first {
            return self.clear();
        }
        if index < self.summary.end_index {
            self.offsets.truncate(usize::try_from(index - first).unwrap_or(usize::MAX));
            self.summary.runs.retain(|run| run.index < index);
            self.summary.end_index = index;
        }
    }

    fn clear(&mut self) {
        self.offsets.clear();
        self.summary.runs.clear();
        self.summary.end_index = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indexes(builder: &SummaryBuilder) -> (Option<u64>, u64, Vec<(u64, u64)>) {
        let summary = builder.summary();
        (
            summary.first_index(),
            summary.entries(),
            summary.runs.iter().map(|run| (run.term, run.index)).collect(),
        )
    }

    #[test]
    fn runs_begin_where_the_term_or_the_rest_changes() {
        let mut builder = SummaryBuilder::new();
        for (index, (term, rest)) in
            [(1, "a"), (1, "a"), (1, "b"), (2, "b"), (2, "b")].into_iter().enumerate()
        {
            builder.append(term, 10 + index as u64, rest.as_bytes(), 8 * index as u64);
        }
        assert_eq!(indexes(&builder), (Some(10), 5, vec![(1, 10), (1, 12), (2, 13)]));
        assert_eq!(builder.offsets(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_truncation_drops_own_entries_and_is_remembered_at_its_lowest() {
        let mut builder = SummaryBuilder::new();
        (5..10).for_each(|index| builder.append(1, index, b"", 8 * index));
        builder.truncate_from(8);
        assert_eq!(indexes(&builder), (Some(5), 3, vec![(1, 5)]));
        builder.append(2, 8, b"", 800);
        builder.truncate_from(4);
        assert_eq!(indexes(&builder), (None, 0, vec![]));
        builder.append(3, 4, b"", 808);
        builder.truncate_from(5);
        assert_eq!(indexes(&builder), (Some(4), 1, vec![(3, 4)]));
        assert_eq!(builder.summary().truncated_from, Some(4));
        assert_eq!(builder.offsets(), [101]);
    }

    #[test]
    fn a_purge_beyond_the_end_leaves_nothing_and_one_within_leaves_the_run() {
        let mut builder = SummaryBuilder::new();
        (5..10).for_each(|index| builder.append(1, index, b"", 8 * index));
        builder.purge_upto(7);
        assert_eq!(indexes(&builder).1, 5);
        builder.purge_upto(20);
        builder.append(2, 21, b"", 900);
        assert_eq!(indexes(&builder), (Some(21), 1, vec![(2, 21)]));
        assert_eq!(builder.summary().truncated_from, None);
    }
}
