//! Where each entry lies: for each chunk that holds live entries, the offset of every frame, four bytes an entry.
//!
//! It knows indexes and places, not bytes: reading is the business of the [`Wal`](crate::Wal).

use std::collections::VecDeque;
use std::ops::Range;

use raft_log_chunk::{ChunkId, OFFSET_UNIT};
use raft_log_codec::{LogId, Record, Types};

use crate::{EntryPlace, Extent, Place, Position};

/// The places of the live entries, oldest chunk first; together they cover the live indexes without a gap.
#[derive(Debug, Default)]
pub struct LogData {
    runs: VecDeque<Run>,
}

/// The live entries of one chunk.
#[derive(Debug)]
struct Run {
    chunk: ChunkId,
    live: Range<u64>,
    offsets: Offsets,
}

#[derive(Debug)]
enum Offsets {
    /// Where each frame begins, in units, from the entry with this index on.
    Known { first: u64, units: Vec<u32> },
    /// In the chunk's footer.
    InChunk,
}

impl LogData {
    /// No entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a chunk that was found at opening, whose entries `live` are alive, behind all others.
    pub fn push_sealed(&mut self, chunk: ChunkId, live: Range<u64>) {
        if !live.is_empty() {
            self.runs.push_back(Run { chunk, live, offsets: Offsets::InChunk });
        }
    }

    /// Takes note of a record that lies at `place`; `end_index` is the index behind the last entry once it is applied.
    pub fn apply<T: Types>(&mut self, record: &Record<T>, place: Place, end_index: u64) {
        match record {
            Record::Append(id, _) => self.push(id.index(), place),
            Record::TruncateAfter(_) => self.truncate_from(end_index),
            Record::PurgeUpto(upto) => self.purge_upto(upto.index()),
            _ => {}
        }
    }

    /// Adds the entry `index` behind all others.
    #[inline]
    pub fn push(&mut self, index: u64, place: Place) {
        self.push_all(index, &[place]);
    }

    /// Adds the entries from `first` on behind all others, one for each place.
    pub fn push_all(&mut self, first: u64, places: &[Place]) {
        let mut index = first;
        for places in places.chunk_by(|a, b| a.chunk == b.chunk) {
            let Some(chunk) = places.first().map(|place| place.chunk) else { continue };
            self.open_run(index, chunk);
            let Some(Run { live, offsets: Offsets::Known { units, .. }, .. }) = self.runs.back_mut() else {
                unreachable!("a run whose offsets are known was just opened")
            };
            units.extend(places.iter().map(|place| {
                let unit = u32::try_from(place.offset / OFFSET_UNIT);
                assert!(unit.is_ok(), "a chunk is smaller than 32 GiB");
                unit.unwrap_or_default()
            }));
            index += places.len() as u64;
            live.end = index;
        }
    }

    /// Begins a run for the entry `index` in `chunk`, unless the last run goes on with it.
    fn open_run(&mut self, index: u64, chunk: ChunkId) {
        if let Some(Run { chunk: last, live, offsets: Offsets::Known { units, .. } }) = self.runs.back_mut() {
            if *last == chunk && live.end == index {
                return;
            }
            // Its chunk is full: its offsets need no room to grow any more.
            units.shrink_to_fit();
        }
        let offsets = Offsets::Known { first: index, units: Vec::new() };
        self.runs.push_back(Run { chunk, live: index..index, offsets });
    }

    /// Drops entries from `index` on.
    pub fn truncate_from(&mut self, index: u64) {
        while let Some(run) = self.runs.back_mut() {
            if run.live.start >= index {
                self.runs.pop_back();
                continue;
            }
            run.live.end = run.live.end.min(index);
            if let Offsets::Known { first, units } = &mut run.offsets {
                units.truncate(usize::try_from(index - *first).unwrap_or(usize::MAX));
            }
            return;
        }
    }

    /// Drops entries up to and with `index`.
    pub fn purge_upto(&mut self, index: u64) {
        while let Some(run) = self.runs.front_mut() {
            if run.live.end > index.saturating_add(1) {
                run.live.start = run.live.start.max(index + 1);
                return;
            }
            self.runs.pop_front();
        }
    }

    /// The index of the first entry, if there is one.
    pub fn first_index(&self) -> Option<u64> {
        self.runs.front().map(|run| run.live.start)
    }

    /// The index of the last entry whose frame begins before `position`.
    pub fn last_before(&self, position: Position) -> Option<u64> {
        let behind = self.runs.partition_point(|run| run.chunk.offset() < position.offset());
        self.runs.range(..behind).rev().find_map(|run| {
            let before = match &run.offsets {
                Offsets::Known { first, units } => {
                    let starts_before =
                        |unit: &u32| run.chunk.offset() + u64::from(*unit) * OFFSET_UNIT < position.offset();
                    first + units.partition_point(starts_before) as u64
                }
                // Found at opening, so all of it is durable.
                Offsets::InChunk => run.live.end,
            };
            before.min(run.live.end).checked_sub(1).filter(|last| *last >= run.live.start)
        })
    }

    /// Where the entries of `range` lie, in order, without their terms: at least those first ones whose frames take
    /// `bytes_max` bytes together. All of the range must be there.
    pub fn locate(&self, range: Range<u64>, bytes_max: u64) -> Vec<Extent> {
        let from = self.runs.partition_point(|run| run.live.end <= range.start);
        let mut bytes_left = bytes_max;
        let mut extents = Vec::new();
        for run in self.runs.range(from..).take_while(|run| run.live.start < range.end) {
            let first = run.live.start.max(range.start);
            let end = run.live.end.min(range.end);
            let mut count = usize::try_from(end - first).unwrap_or(usize::MAX);
            let offsets = match &run.offsets {
                Offsets::Known { first: base, units } => {
                    let from = usize::try_from(first - base).unwrap_or(usize::MAX);
                    // One more where it is known: it tells where the last frame ends.
                    let to = from.saturating_add(count).saturating_add(1).min(units.len());
                    let mut units = units.get(from..to).unwrap_or_default();
                    let start = units.first().copied().unwrap_or_default();
                    let bytes = |unit: u32| u64::from(unit - start) * OFFSET_UNIT;
                    // The first place behind all that is asked for is the last that is needed.
                    let needed = units.partition_point(|unit| bytes(*unit) < bytes_left) + 1;
                    units = units.get(..needed).unwrap_or(units);
                    bytes_left = bytes_left.saturating_sub(units.last().map_or(0, |last| bytes(*last)));
                    count = count.min(needed.saturating_sub(1).max(1));
                    Some(units.to_vec())
                }
                // How long its frames are is not known here.
                Offsets::InChunk => None,
            };
            extents.push(Extent { chunk: run.chunk, first, count, offsets, terms: Vec::new() });
            if bytes_left == 0 {
                break;
            }
        }
        extents
    }

    /// Where the entry `index` lies, without its term, if it is there.
    pub fn locate_one(&self, index: u64) -> Option<EntryPlace> {
        let run = self.runs.get(self.runs.partition_point(|run| run.live.end <= index))?;
        if index < run.live.start {
            return None;
        }
        let offsets = match &run.offsets {
            Offsets::Known { first, units } => {
                let position = usize::try_from(index - first).ok()?;
                let offset = |position| units.get(position).map(|unit| u64::from(*unit) * OFFSET_UNIT);
                Some((offset(position)?, offset(position + 1)))
            }
            Offsets::InChunk => None,
        };
        Some(EntryPlace { chunk: run.chunk, index, offsets, term: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(chunk: u64, offset: u64) -> Place {
        Place { chunk: ChunkId::new(chunk), offset, size: 8 }
    }

    /// Chunk 0 holds 5..10 in its footer, chunk 1000 holds 10..13, chunk 2000 holds 13..15.
    fn sample() -> LogData {
        let mut data = LogData::new();
        data.push_sealed(ChunkId::new(0), 5..10);
        (10..13).for_each(|index| data.push(index, place(1000, index * 8)));
        (13..15).for_each(|index| data.push(index, place(2000, index * 8)));
        data
    }

    fn extents(data: &LogData, range: Range<u64>) -> Vec<(u64, u64, usize, Option<Vec<u32>>)> {
        data.locate(range, u64::MAX)
            .into_iter()
            .map(|extent| (extent.chunk.offset(), extent.first, extent.count, extent.offsets))
            .collect()
    }

    #[test]
    fn a_range_is_found_across_chunks() {
        assert_eq!(
            extents(&sample(), 8..14),
            [(0, 8, 2, None), (1000, 10, 3, Some(vec![10, 11, 12])), (2000, 13, 1, Some(vec![13, 14]))]
        );
        assert_eq!(extents(&sample(), 11..12), [(1000, 11, 1, Some(vec![11, 12]))]);
        assert_eq!(extents(&sample(), 15..20), []);
    }

    #[test]
    fn no_more_is_located_than_the_bytes_that_are_asked_for_need() {
        let data = sample_in_units();
        let counts = |range, bytes_max| -> Vec<(usize, Option<usize>)> {
            let extents = data.locate(range, bytes_max);
            extents
                .into_iter()
                .map(|extent| (extent.count, extent.offsets.map(|units| units.len())))
                .collect()
        };
        for (bytes_max, found) in [
            (0, vec![(1, Some(1))]),
            (1, vec![(1, Some(2))]),
            (64, vec![(1, Some(2))]),
            (65, vec![(2, Some(3))]),
            (128, vec![(2, Some(3))]),
            (129, vec![(3, Some(3)), (1, Some(2))]),
            (192, vec![(3, Some(3)), (1, Some(2))]),
            (193, vec![(3, Some(3)), (2, Some(2))]),
            (u64::MAX, vec![(3, Some(3)), (2, Some(2))]),
        ] {
            assert_eq!(counts(10..15, bytes_max), found, "{bytes_max}");
        }
        assert_eq!(counts(5..15, 65), [(5, None), (2, Some(3))], "what is not known is not counted");
    }

    #[test]
    fn a_single_entry_is_where_its_neighbours_say_it_is() {
        let data = sample();
        for index in 5..15 {
            let place = data.locate_one(index).unwrap();
            let extent = data.locate(index..index + 1, u64::MAX).remove(0);
            assert_eq!(place.to_extent(), extent);
        }
        assert_eq!((data.locate_one(4), data.locate_one(15)), (None, None));
    }

    #[test]
    fn the_last_entry_before_a_position_is_found() {
        let data = sample();
        for (position, last) in [
            (0, None),
            (1, Some(9)),
            (1000 + 10 * 64, Some(9)),
            (1000 + 10 * 64 + 1, Some(10)),
            (1000 + 12 * 64 + 64, Some(12)),
            (2000 + 13 * 64 + 8, Some(13)),
            (u64::MAX, Some(14)),
        ] {
            let data = match position {
                0..=1 => &data,
                _ => &sample_in_units(),
            };
            assert_eq!(data.last_before(Position::new(position)), last, "{position}");
        }
    }

    /// As the sample, with chunks that do not overlap where entries take 64 bytes.
    fn sample_in_units() -> LogData {
        let mut data = LogData::new();
        data.push_sealed(ChunkId::new(0), 5..10);
        (10..13).for_each(|index| data.push(index, place(1000, index * 64)));
        (13..15).for_each(|index| data.push(index, place(2000, index * 64)));
        data
    }

    #[test]
    fn truncated_entries_are_gone_and_their_indexes_free() {
        let mut data = sample();
        data.truncate_from(11);
        data.push(11, place(3000, 64));
        assert_eq!(extents(&data, 10..12), [(1000, 10, 1, Some(vec![10])), (3000, 11, 1, Some(vec![8]))]);
        data.truncate_from(0);
        assert_eq!(data.first_index(), None);
    }

    #[test]
    fn purging_drops_whole_chunks_and_the_front_of_one() {
        let mut data = sample();
        data.purge_upto(10);
        assert_eq!(data.first_index(), Some(11));
        assert_eq!(extents(&data, 11..13), [(1000, 11, 2, Some(vec![11, 12]))]);
        data.purge_upto(100);
        assert_eq!(data.first_index(), None);
    }
}
