//! The ids of a log's live entries, kept as runs: neighbours that share their term and their rest take one place.
//!
//! No rule is here. What always holds: the runs are contiguous, and memory grows with the runs, never with the
//! entries within one.

use std::collections::VecDeque;
use std::ops::Range;

use raft_log_codec::{LogId, RawLogId};

/// The ids of the live entries.
///
/// An entry's id is rebuilt from its run with [`LogId::decode`]. Should an application's `decode` refuse, or alter,
/// what its own `encode_rest` wrote, that id counts as unknown: `None`.
#[derive(Debug, Clone)]
pub struct LogIdRuns<L> {
    runs: VecDeque<Run<L>>,
    /// The index of the first entry. It may lie within the first run, whose beginning was purged.
    first: u64,
    /// The index behind the last entry.
    end: u64,
    known_from: u64,
    /// Where the rest of a pushed id is encoded, so that a push into the last run allocates nothing.
    scratch: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Run<L> {
    /// The id that the run began with.
    start: L,
    /// Its rest; `None` if it could not be encoded, so that the run stays alone.
    rest: Option<Box<[u8]>>,
}

impl<L: LogId> Run<L> {
    fn id_at(&self, index: u64) -> Option<L> {
        if index == self.start.index() {
            return Some(self.start.clone());
        }
        let term = self.start.term();
        L::decode(term, index, self.rest.as_deref()?)
            .ok()
            .filter(|id| id.term() == term && id.index() == index)
    }
}

/// Neighbouring entries whose ids share their term and their rest.
#[derive(Debug)]
pub struct LogIdRun<'a, L> {
    run: &'a Run<L>,
    start: u64,
    end: u64,
}

impl<L: LogId> LogIdRun<'_, L> {
    /// The id of the first entry; `None` only where the application's types do not decode it again.
    pub fn start(&self) -> Option<L> {
        self.run.id_at(self.start)
    }

    /// The term of all of them.
    pub fn term(&self) -> u64 {
        self.run.start.term()
    }

    /// The indexes of the entries; never empty.
    pub fn indexes(&self) -> Range<u64> {
        self.start..self.end
    }

    /// The id of the first entry in its stored form.
    pub fn raw_start(&self) -> RawLogId {
        RawLogId {
            term: self.term(),
            index: self.start,
            rest: self.run.rest.clone().unwrap_or_default().into(),
        }
    }
}

impl<L: LogId> Default for LogIdRuns<L> {
    fn default() -> Self {
        Self::new(0)
    }
}

impl<L: LogId> LogIdRuns<L> {
    /// No ids yet; what lies below `known_from` stays unknown.
    pub fn new(known_from: u64) -> Self {
        Self { runs: VecDeque::new(), first: known_from, end: known_from, known_from, scratch: Vec::new() }
    }

    /// Whether there is no live entry whose id is known.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The indexes of the entries whose ids are kept.
    pub fn indexes(&self) -> Range<u64> {
        self.first..self.end
    }

    /// The first index from which the ids of all entries are known.
    ///
    /// Below it entries are purged, or a replay that began in the middle has not seen them. A log that never purged
    /// may hold its first entry above it.
    pub fn known_from(&self) -> u64 {
        self.known_from
    }

    /// The id of the entry at `index`, in time logarithmic in the number of runs.
    pub fn get(&self, index: u64) -> Option<L> {
        if !self.indexes().contains(&index) {
            return None;
        }
        self.runs.get(self.run_at(index))?.id_at(index)
    }

    /// The runs within `range`, each cut to it.
    pub fn runs(&self, range: Range<u64>) -> impl Iterator<Item = LogIdRun<'_, L>> {
        let range = range.start.max(self.first)..range.end.min(self.end);
        let from = self.run_at(range.start);
        (from..self.runs.len()).map_while(move |at| {
            let run = self.runs.get(at)?;
            let start = run.start.index().max(range.start);
            let end = self.run_end(at).min(range.end);
            (start < end).then_some(LogIdRun { run, start, end })
        })
    }

    /// Adds the id of the next entry.
    ///
    /// # Panics
    /// When it does not follow the last one, or its index is `u64::MAX`.
    pub fn push(&mut self, id: &L) {
        let index = id.index();
        assert!(index < u64::MAX, "the largest index has no successor");
        if self.runs.is_empty() {
            (self.first, self.end) = (index, index);
            self.known_from = self.known_from.min(index);
        }
        assert_eq!(index, self.end, "entries are contiguous");

        self.scratch.clear();
        let rest = id.encode_rest(&mut self.scratch).is_ok().then_some(&*self.scratch);
        let grows = rest.is_some()
            && self
                .runs
                .back()
                .is_some_and(|run| run.start.term() == id.term() && run.rest.as_deref() == rest);
        if !grows {
            let rest = rest.map(Box::from);
            self.runs.push_back(Run { start: id.clone(), rest });
        }
        self.end = index + 1;
    }

    /// Adds a whole run: `start`, and the entries behind it that share its term and its rest, up to before `end`.
    ///
    /// # Panics
    /// As [`push`](Self::push), or when the run is empty.
    pub fn push_run(&mut self, start: &L, end: u64) {
        assert!(start.index() < end, "a run holds at least one entry");
        self.push(start);
        self.end = end;
    }

    /// Drops the entries at `index` and behind it.
    pub fn truncate_from(&mut self, index: u64) {
        self.known_from = self.known_from.min(index);
        if index <= self.first {
            self.clear(index);
            return;
        }
        while self.runs.back().is_some_and(|run| run.start.index() >= index) {
            self.runs.pop_back();
        }
        self.end = self.end.min(index);
    }

    /// Drops the entries up to `index`.
    pub fn drop_upto(&mut self, index: u64) {
        let next = index.saturating_add(1);
        self.known_from = self.known_from.max(next);
        if next >= self.end {
            self.clear(next);
            return;
        }
        self.first = self.first.max(next);
        while self.runs.len() > 1 && self.run_end(0) <= self.first {
            self.runs.pop_front();
        }
    }

    /// Drops all entries; what lies below `known_from` is unknown from now on.
    pub(crate) fn forget_below(&mut self, known_from: u64) {
        self.clear(known_from);
        self.known_from = known_from;
    }

    /// Nothing is unknown any more: below the first entry there is none.
    pub(crate) fn know_all(&mut self) {
        self.known_from = 0;
    }

    fn clear(&mut self, next: u64) {
        self.runs.clear();
        (self.first, self.end) = (next, next);
    }

    /// The position of the run that holds `index`, which is not below the first.
    fn run_at(&self, index: u64) -> usize {
        self.runs.partition_point(|run| run.start.index() <= index).saturating_sub(1)
    }

    /// The index behind the last entry of the run at a position.
    fn run_end(&self, at: usize) -> u64 {
        self.runs.get(at + 1).map_or(self.end, |next| next.start.index())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use raft_log_codec::{DecodeError, EncodeError, TermIndex};

    use super::*;

    fn raw(term: u64, index: u64, rest: &'static str) -> RawLogId {
        RawLogId { term, index, rest: Bytes::from_static(rest.as_bytes()) }
    }

    /// Terms 1, 1, 1, 2, 2, 5 from index 3 on.
    fn sample() -> LogIdRuns<TermIndex> {
        let mut runs = LogIdRuns::default();
        for (index, term) in (3..).zip([1, 1, 1, 2, 2, 5]) {
            runs.push(&TermIndex::new(term, index));
        }
        runs
    }

    fn listed(runs: &LogIdRuns<TermIndex>, range: Range<u64>) -> Vec<(u64, Range<u64>)> {
        runs.runs(range)
            .map(|run| {
                assert_eq!(run.start(), Some(TermIndex::new(run.term(), run.indexes().start)));
                (run.term(), run.indexes())
            })
            .collect()
    }

    #[test]
    fn every_id_comes_back_and_none_beyond() {
        let runs = sample();
        for (index, term) in (3..).zip([1, 1, 1, 2, 2, 5]) {
            assert_eq!(runs.get(index), Some(TermIndex::new(term, index)));
        }
        for index in [0, 2, 9, u64::MAX] {
            assert_eq!(runs.get(index), None);
        }
        assert_eq!(runs.indexes(), 3..9);
        assert_eq!(runs.known_from(), 0);
    }

    #[test]
    fn a_range_of_runs_is_cut_at_both_ends() {
        let runs = sample();
        assert_eq!(listed(&runs, 0..u64::MAX), [(1, 3..6), (2, 6..8), (5, 8..9)]);
        assert_eq!(listed(&runs, 4..7), [(1, 4..6), (2, 6..7)]);
        assert_eq!(listed(&runs, 6..8), [(2, 6..8)]);
        assert_eq!(listed(&runs, 8..9), [(5, 8..9)]);
        for empty in [0..3, 9..12, 5..5, Range { start: 7, end: 4 }] {
            assert_eq!(listed(&runs, empty.clone()), [], "{empty:?}");
        }
        assert_eq!(listed(&LogIdRuns::default(), 0..u64::MAX), []);
    }

    #[test]
    fn a_million_entries_of_one_term_are_one_run() {
        let mut runs = LogIdRuns::default();
        for index in 0..1_000_000 {
            runs.push(&raw(7, index, "node-1"));
        }
        assert_eq!(runs.runs.len(), 1);
        assert_eq!(runs.get(999_999), Some(raw(7, 999_999, "node-1")));
    }

    #[test]
    fn another_rest_begins_another_run() {
        let mut runs = LogIdRuns::default();
        for (index, rest) in (0..).zip(["", "", "a", "a", "b", "a", ""]) {
            runs.push(&raw(1, index, rest));
        }
        let starts: Vec<_> = runs.runs(0..9).map(|run| run.raw_start()).collect();
        assert_eq!(starts, [raw(1, 0, ""), raw(1, 2, "a"), raw(1, 4, "b"), raw(1, 5, "a"), raw(1, 6, "")]);
        assert_eq!(runs.get(3), Some(raw(1, 3, "a")));
    }

    #[test]
    fn truncating_keeps_what_is_below_at_every_index() {
        for from in 0..12 {
            let mut runs = sample();
            runs.truncate_from(from);
            for index in 0..12 {
                let kept = if index < from { sample().get(index) } else { None };
                assert_eq!(runs.get(index), kept, "truncated from {from}, index {index}");
            }
            assert_eq!(runs.is_empty(), from <= 3);
            assert_eq!(runs.known_from(), 0);
            let next = if runs.is_empty() { 40 } else { runs.indexes().end };
            runs.push(&TermIndex::new(9, next));
            assert_eq!(runs.get(next), Some(TermIndex::new(9, next)));
        }
    }

    #[test]
    fn dropping_keeps_what_is_above_at_every_index() {
        for upto in 0..12 {
            let mut runs = sample();
            runs.drop_upto(upto);
            for index in 0..12 {
                let kept = if index > upto { sample().get(index) } else { None };
                assert_eq!(runs.get(index), kept, "dropped up to {upto}, index {index}");
            }
            assert_eq!(runs.is_empty(), upto >= 8);
            assert_eq!(runs.known_from(), upto + 1);
            assert!(runs.runs.len() <= 3 && (upto < 5 || runs.runs.len() < 3));
        }
    }

    #[test]
    fn a_run_cut_at_its_beginning_lists_where_it_is_alive() {
        let mut runs = sample();
        runs.drop_upto(4);
        assert_eq!(listed(&runs, 0..20), [(1, 5..6), (2, 6..8), (5, 8..9)]);
        runs.truncate_from(5);
        assert!(runs.is_empty());
        assert_eq!(runs.get(4), None, "the beginning of the cut run is gone");
    }

    #[test]
    fn a_whole_run_equals_its_entries_one_by_one() {
        let mut runs = LogIdRuns::default();
        runs.push_run(&TermIndex::new(1, 3), 6);
        runs.push_run(&TermIndex::new(2, 6), 8);
        runs.push_run(&TermIndex::new(5, 8), 9);
        assert_eq!(listed(&runs, 0..9), listed(&sample(), 0..9));
    }

    #[test]
    fn what_a_middle_start_did_not_see_stays_unknown_until_it_is_cut() {
        let mut runs = LogIdRuns::new(11);
        runs.push(&TermIndex::new(4, 11));
        assert_eq!((runs.known_from(), runs.get(10)), (11, None));
        runs.drop_upto(5);
        assert_eq!(runs.known_from(), 11);
        runs.truncate_from(8);
        assert_eq!(runs.known_from(), 8);
        runs.push(&TermIndex::new(5, 8));
        assert_eq!(runs.get(8), Some(TermIndex::new(5, 8)));
    }

    #[test]
    #[should_panic(expected = "contiguous")]
    fn a_gap_is_refused() {
        sample().push(&TermIndex::new(9, 10));
    }

    /// An id whose decoder only knows even indexes, and whose encoder fails for term 9.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    struct Faulty(u64, u64);

    impl LogId for Faulty {
        fn term(&self) -> u64 {
            self.0
        }

        fn index(&self) -> u64 {
            self.1
        }

        fn encode_rest(&self, _: &mut Vec<u8>) -> Result<(), EncodeError> {
            match self.0 {
                9 => Err(EncodeError::custom("no")),
                _ => Ok(()),
            }
        }

        fn decode(term: u64, index: u64, _: &[u8]) -> Result<Self, DecodeError> {
            match index % 4 {
                0 => Ok(Self(term, index)),
                2 => Ok(Self(term, index + 1)),
                _ => Err(DecodeError::Invalid { what: "index" }),
            }
        }
    }

    #[test]
    fn an_id_that_its_own_types_do_not_rebuild_is_unknown() {
        let mut runs = LogIdRuns::default();
        for index in 3..7 {
            runs.push(&Faulty(1, index));
        }
        assert_eq!(runs.get(3), Some(Faulty(1, 3)), "the start of a run is kept");
        assert_eq!(runs.get(4), Some(Faulty(1, 4)));
        assert_eq!(runs.get(5), None, "refused");
        assert_eq!(runs.get(6), None, "altered");
    }

    #[test]
    fn ids_that_cannot_be_encoded_stay_alone() {
        let mut runs = LogIdRuns::default();
        for index in 3..6 {
            runs.push(&Faulty(9, index));
        }
        for index in 3..6 {
            assert_eq!(runs.get(index), Some(Faulty(9, index)));
        }
    }
}
