//! What a directory consists of, counted in one pass: records by kind, sizes, syncs, and each chunk's part in it.
//!
//! Nothing is judged here. Memory grows with the chunks and the changes of term, not with the records.

use raft_log_chunk::{ChunkId, HEADER_SIZE};
use raft_log_codec::RecordKind;
use serde::Serialize;

use crate::item::chunk_role;
use crate::{Item, StoredRecord};

/// How many bits a size may have, and so how many classes there are.
const CLASSES: usize = 65;
/// How many changes of term a chunk lists; more would be a picture of noise.
const RUNS_MAX: usize = 4096;

/// Numbers in classes: 0, 1, 2 to 3, 4 to 7, and so on.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    classes: [u64; CLASSES],
    sum: u64,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { classes: [0; CLASSES], sum: 0, count: 0, max: 0 }
    }
}

impl Histogram {
    pub(crate) fn add(&mut self, number: u64) {
        let class = (u64::BITS - number.leading_zeros()) as usize;
        if let Some(class) = self.classes.get_mut(class) {
            *class += 1;
        }
        self.sum = self.sum.saturating_add(number);
        self.count += 1;
        self.max = self.max.max(number);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    pub(crate) fn mean(&self) -> u64 {
        self.sum.checked_div(self.count).unwrap_or(0)
    }

    /// The classes from the first to the last that is not empty: their bounds, and how many are in them.
    pub(crate) fn classes(&self) -> Vec<Class> {
        let first = self.classes.iter().position(|count| *count > 0).unwrap_or(0);
        let last = self.classes.iter().rposition(|count| *count > 0);
        let bounds = |class: usize| match class {
            0 => (0, 0),
            class => (1_u64 << (class - 1), u64::MAX >> (CLASSES - 1 - class)),
        };
        let all = self.classes.iter().enumerate().map(|(class, count)| {
            let (from, to) = bounds(class);
            Class { from, to, count: *count }
        });
        match last {
            None => Vec::new(),
            Some(last) => all.skip(first).take(last + 1 - first).collect(),
        }
    }
}

/// One class of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Class {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) count: u64,
}

/// The records of one kind.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct KindSum {
    pub(crate) records: u64,
    /// With heads and padding.
    pub(crate) bytes: u64,
    pub(crate) payload_bytes: u64,
}

/// One chunk.
#[derive(Debug, Clone)]
pub(crate) struct ChunkSum {
    pub(crate) id: ChunkId,
    pub(crate) role: &'static str,
    /// The end of its records.
    pub(crate) end: u64,
    pub(crate) entries: u64,
    /// Runs of entries with one term: term, first index, last index. An index may be there twice, if it was written
    /// twice.
    pub(crate) runs: Vec<(u64, u64, u64)>,
    /// What is wrong: the index nearest to it, and the fault.
    pub(crate) faults: Vec<(u64, String)>,
}

/// Everything together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statistics {
    /// In the order of [`RecordKind::ALL`].
    pub(crate) kinds: [KindSum; RecordKind::ALL.len()],
    pub(crate) unknown: KindSum,
    pub(crate) payload_sizes: Histogram,
    pub(crate) entries_per_sync: Histogram,
    pub(crate) chunks: Vec<ChunkSum>,
    pub(crate) header_bytes: u64,
    pub(crate) gap_bytes: u64,
    /// The entries since the last `Group` record, if one was seen.
    group: Option<u64>,
    last_index: u64,
}

impl Statistics {
    pub(crate) fn take(&mut self, item: &Item) {
        match item {
            Item::Chunk(start) => {
                self.end_group();
                self.header_bytes += HEADER_SIZE as u64;
                self.chunks.push(ChunkSum {
                    id: start.id,
                    role: chunk_role(start),
                    end: start.end.unwrap_or(0),
                    entries: 0,
                    runs: Vec::new(),
                    faults: Vec::new(),
                });
            }
            Item::Record(record) if !record.is_behind_end => self.record(record),
            Item::Gap(gap) => {
                self.gap_bytes += gap.to.saturating_sub(gap.from);
                self.fault(format!("offset {}: {}", gap.from, gap.cause));
            }
            Item::Unreadable { file, source } => self.fault(format!("{file}: {source}")),
            Item::End(_) => self.end_group(),
            _ => {}
        }
    }

    fn record(&mut self, record: &StoredRecord) {
        let head = &record.frame.head;
        let sum = match head.kind() {
            Some(kind) => self.kinds.get_mut(usize::from(kind.byte()).saturating_sub(1)),
            None => Some(&mut self.unknown),
        };
        if let Some(sum) = sum {
            sum.records += 1;
            sum.bytes += head.size() as u64;
            sum.payload_bytes += head.payload_size() as u64;
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.end = chunk.end.max(record.frame.end());
        }
        match (head.kind(), &record.frame.id) {
            (Some(RecordKind::Group), _) => {
                self.end_group();
                self.group = Some(0);
            }
            (Some(RecordKind::Append), Some(id)) => {
                self.payload_sizes.add(head.payload_size() as u64);
                self.group = self.group.map(|entries| entries + 1);
                self.last_index = id.index;
                if let Some(chunk) = self.chunks.last_mut() {
                    chunk.entries += 1;
                    let run = chunk.runs.last_mut();
                    let continued =
                        run.filter(|(term, _, last)| *term == id.term && id.index == last.saturating_add(1));
                    if let Some((_, _, last)) = continued {
                        *last = id.index;
                    } else if chunk.runs.len() < RUNS_MAX {
                        chunk.runs.push((id.term, id.index, id.index));
                    }
                }
            }
            _ => {}
        }
        if let Some(fault) = record.frame.fault {
            self.fault(format!("offset {}: {} {fault}", record.frame.offset, crate::item::head_name(head)));
        }
    }

    fn fault(&mut self, text: String) {
        const FAULTS_MAX: usize = 1000;
        let near = self.last_index;
        if let Some(chunk) = self.chunks.last_mut()
            && chunk.faults.len() < FAULTS_MAX
        {
            chunk.faults.push((near, text));
        }
    }

    fn end_group(&mut self) {
        if let Some(entries) = self.group.take() {
            self.entries_per_sync.add(entries);
        }
    }

    /// All kinds that occur, with their words.
    pub(crate) fn by_kind(&self) -> Vec<(&'static str, KindSum)> {
        let known = RecordKind::ALL.iter().map(|kind| kind.word()).zip(self.kinds);
        known.chain([("unknown", self.unknown)]).filter(|(_, sum)| sum.records > 0).collect()
    }

    /// The sum over all kinds.
    pub(crate) fn total(&self) -> KindSum {
        let mut total = KindSum::default();
        for sum in self.kinds.iter().chain([&self.unknown]) {
            total.records += sum.records;
            total.bytes += sum.bytes;
            total.payload_bytes += sum.payload_bytes;
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_in_the_class_whose_bounds_hold_it() {
        for number in [0, 1, 2, 3, 4, 7, 8, 1023, 1024, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX] {
            let mut histogram = Histogram::default();
            histogram.add(number);
            let classes = histogram.classes();
            assert_eq!(classes.len(), 1);
            assert!((classes[0].from..=classes[0].to).contains(&number), "{number} {classes:?}");
        }
    }

    #[test]
    fn classes_between_are_kept_and_those_around_are_not() {
        let mut histogram = Histogram::default();
        [5, 6, 40].into_iter().for_each(|number| histogram.add(number));
        let counts: Vec<(u64, u64)> =
            histogram.classes().iter().map(|class| (class.from, class.count)).collect();
        assert_eq!(counts, [(4, 2), (8, 0), (16, 0), (32, 1)]);
        assert_eq!((histogram.mean(), histogram.max(), histogram.count()), (17, 40, 3));
        assert!(Histogram::default().classes().is_empty());
    }
}
