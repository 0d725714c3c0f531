//! Reading, beside the writer and from any thread: entries, ids and the state, as they were made visible.
//!
//! A reader never waits for a sync, and never sees half of a batch.

use std::fmt;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;

use raft_log_codec::{LogId, RaftLogState, Types};
use raft_log_state::StateMachine;

use crate::sync::{Counter, Ordering, RwLock};
use crate::view::View;
use crate::{
    EntryPlace, Extent, HeldEntries, Position, RaftLogWal, ReadError, RecordStats, Stats, Wal, WalReader,
};

/// Reads a log. Clones are cheap, see everything that is appended later, and outlive the log.
pub struct RaftLogReader<T: Types, W: Wal<T> = RaftLogWal<T>> {
    view: Arc<RwLock<View<T>>>,
    wal: W::Reader,
    /// Entries that came from the cache, for all readers of the log.
    cache_reads: Arc<Counter>,
}

/// Neighbouring entries of one term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermRun {
    /// The term.
    pub term: u64,
    /// The indexes.
    pub indexes: Range<u64>,
}

/// An entry: its id and what it carries.
pub type Entry<T> = (<T as Types>::LogId, <T as Types>::Payload);

impl<T: Types, W: Wal<T>> RaftLogReader<T, W> {
    pub(crate) fn new(view: Arc<RwLock<View<T>>>, wal: W::Reader) -> Self {
        Self { view, wal, cache_reads: Arc::default() }
    }

    pub(crate) fn wal_reader(&self) -> &W::Reader {
        &self.wal
    }

    /// The entries of a range of indexes, in order: all that are in the log, from exactly the first index that was
    /// asked for. Indexes behind the last entry are left out; an empty or inverted range gives nothing. A range without a
    /// start, `..` or `..end`, begins with the first entry that is alive.
    ///
    /// Cached entries are given without a copy of their payload. Others are read from the disk and verified; they are
    /// not put into the cache.
    ///
    /// # Errors
    /// [`ReadError::Purged`] or [`ReadError::IndexNotFound`] when the range begins before the log does;
    /// [`ReadError::Damaged`], [`ReadError::Undecodable`] or [`ReadError::Io`] when an entry cannot be read: its
    /// neighbours can be, alone.
    pub fn read(&self, range: impl RangeBounds<u64>) -> Result<Vec<Entry<T>>, ReadError> {
        let is_from_first = matches!(range.start_bound(), Bound::Unbounded);
        let Range { start, end } = half_open(range);
        if !is_from_first {
            return self.read_limited(start, end, u64::MAX);
        }
        loop {
            match self.read_limited(self.indexes().start, end, u64::MAX) {
                // Purged since the first index was asked for.
                Err(ReadError::Purged { .. }) => {}
                read => return read,
            }
        }
    }

    /// As [`read`](Self::read) of `start..end`, but ends with the entry that brings the bytes read to `bytes_max` or
    /// beyond. If there is an entry, at least one is given. An entry counts as many bytes as its frame takes.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_limited(&self, start: u64, end: u64, bytes_max: u64) -> Result<Vec<Entry<T>>, ReadError> {
        loop {
            if let Some(entries) = self.try_read(start, end, bytes_max)? {
                return Ok(entries);
            }
            // A chunk was purged between finding an entry in it and reading it: by now the view says so.
        }
    }

    /// As [`read_limited`](Self::read_limited), if it needs no disk: `None` when the cache does not hold the entry at
    /// `start`, or the log begins behind it. For threads that must not block: what is not given here is for another
    /// thread to read.
    pub fn read_cached(&self, start: u64, end: u64, bytes_max: u64) -> Option<Vec<Entry<T>>> {
        let view = self.view.read();
        let end = end.min(bounds(&view).end);
        if start >= end {
            return Some(Vec::new());
        }
        if view.cache.first().is_none_or(|first| first > start) {
            return None;
        }
        let held = view.cache.hold(start..end, bytes_max);
        drop(view);
        let mut entries = Vec::new();
        push_held(&held, bytes_max, &mut 0, &mut entries);
        Some(entries)
    }

    /// One entry.
    ///
    /// # Errors
    /// As [`read`](Self::read); [`ReadError::IndexNotFound`] also behind the last entry.
    pub fn entry(&self, index: u64) -> Result<Entry<T>, ReadError> {
        loop {
            let view = self.view.read();
            if index >= bounds(&view).end {
                return Err(not_found(&view, index));
            }
            check_start(&view, index)?;
            if let Some(entry) = view.cache.get(index) {
                let entry = entry.clone();
                drop(view);
                self.cache_reads.fetch_add(1, Ordering::Relaxed);
                return Ok(entry);
            }
            let Some(place) = locate_one(&view, index) else { return Err(not_found(&view, index)) };
            drop(view);
            if let Some(entry) = self.wal.read_one(&place)? {
                return Ok(entry);
            }
            // Its chunk was purged between finding the entry and reading it: by now the view says so.
        }
    }

    /// The id of the entry at `index`, or of the purged mark. It is known without reading the disk.
    ///
    /// # Errors
    /// [`ReadError::Purged`] below the purged mark, [`ReadError::IndexNotFound`] where there is no entry.
    pub fn log_id(&self, index: u64) -> Result<T::LogId, ReadError> {
        let view = self.view.read();
        match view.machine.log_id(index) {
            Some(id) => Ok(id),
            None => {
                check_start(&view, index)?;
                Err(not_found(&view, index))
            }
        }
    }

    /// The terms of the live entries in a range, as runs in order. They are known without reading the disk.
    pub fn term_runs(&self, range: impl RangeBounds<u64>) -> Vec<TermRun> {
        let view = self.view.read();
        let mut runs: Vec<TermRun> = Vec::new();
        for run in view.machine.runs().runs(half_open(range)) {
            match runs.last_mut() {
                // A run of ids ends where their rest changes, a run of a term does not.
                Some(last) if last.term == run.term() => last.indexes.end = run.indexes().end,
                _ => runs.push(TermRun { term: run.term(), indexes: run.indexes() }),
            }
        }
        runs
    }

    /// The vote, the marks and the user data.
    pub fn state(&self) -> RaftLogState<T> {
        self.view.read().machine.state().clone()
    }

    /// The indexes of the live entries: from the first behind the purged mark to behind the last.
    pub fn indexes(&self) -> Range<u64> {
        bounds(&self.view.read())
    }

    /// Everything before this place of the log is durable.
    pub fn durable(&self) -> Position {
        self.wal.durable()
    }

    /// What the log has done since it was opened, and how it stands. It waits for no sync, and costs a few microseconds
    /// and a question to the system for each chunk: it is for once a second, and not for once an entry.
    pub fn stats(&self) -> Stats {
        let wal = self.wal.stats();
        let durable = self.wal.durable();
        let view = self.view.read();
        let (state, counts) = (view.machine.state(), &view.counts);
        let first = view.first_index();
        Stats {
            wal,
            records: RecordStats {
                save_vote: counts.save_vote,
                append: counts.append,
                commit: counts.commit,
                truncate_after: counts.truncate_after,
                purge_upto: counts.purge_upto,
                save_user_data: counts.save_user_data,
            },
            appended_bytes: counts.append_bytes,
            truncated_entries: counts.truncated_entries,
            purged_entries: counts.purged_entries,
            cache_read_entries: self.cache_reads.load(Ordering::Relaxed),
            cache_entries: view.cache.items() as u64,
            cache_bytes: view.cache.bytes() as u64,
            first_index: (first < state.end_index()).then_some(first),
            last_index: state.last.as_ref().map(LogId::index),
            last_term: state.last.as_ref().map(LogId::term),
            durable_index: view.data.last_before(durable),
            committed_index: state.committed.as_ref().map(LogId::index),
            purged_index: state.purged.as_ref().map(LogId::index),
            recovery_seconds: view.recovery.elapsed.as_secs_f64(),
            recovery_left_behind_bytes: view.recovery.left_behind_bytes,
        }
    }

    /// `None` if a chunk was removed meanwhile, or entries were.
    fn try_read(&self, start: u64, end: u64, bytes_max: u64) -> Result<Option<Vec<Entry<T>>>, ReadError> {
        let mut entries = Vec::new();
        let mut bytes = 0;
        let mut truncations = None;
        loop {
            // What is read next is found under one lock; the disk is read without it. If that was not enough, more is
            // found as long as nothing was truncated, so that all entries are of one moment.
            let next = start + entries.len() as u64;
            let view = self.view.read();
            let end = end.min(bounds(&view).end);
            let is_first = truncations.is_none();
            let truncated = view.counts.truncate_after;
            if truncations.replace(truncated).is_some_and(|before| before != truncated) {
                return Ok(None);
            }
            if next >= end {
                return Ok(Some(entries));
            }
            match check_start(&view, next) {
                Err(_) if !is_first => return Ok(None),
                checked => checked?,
            }
            let cached_from = view.cache.first().map_or(end, |first| first.clamp(next, end));
            if is_first
                && end - start == 1
                && cached_from == end
                && let Some(place) = locate_one(&view, start)
            {
                drop(view);
                return Ok(self.wal.read_one(&place)?.map(|entry| vec![entry]));
            }
            let extents = locate(&view, next..cached_from, bytes_max - bytes);
            let located = extents.last().map_or(next, |last| last.first + last.count as u64);
            let held = (located == cached_from).then(|| view.cache.hold(cached_from..end, bytes_max - bytes));
            drop(view);

            for extent in &extents {
                if bytes >= bytes_max && !entries.is_empty() {
                    return Ok(Some(entries));
                }
                match self.wal.read(extent, bytes_max - bytes, &mut entries)? {
                    Some(read) => bytes = bytes.saturating_add(read).min(bytes_max),
                    None => return Ok(None),
                }
            }
            if let Some(held) = &held {
                let from_disk = entries.len();
                push_held(held, bytes_max, &mut bytes, &mut entries);
                self.cache_reads.fetch_add((entries.len() - from_disk) as u64, Ordering::Relaxed);
            }
            if located == cached_from || bytes >= bytes_max {
                return Ok(Some(entries));
            }
        }
    }
}

impl<T: Types, W: Wal<T>> Clone for RaftLogReader<T, W> {
    fn clone(&self) -> Self {
        Self { view: self.view.clone(), wal: self.wal.clone(), cache_reads: self.cache_reads.clone() }
    }
}

impl<T: Types, W: Wal<T>> fmt::Debug for RaftLogReader<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaftLogReader")
            .field("indexes", &self.indexes())
            .field("durable", &self.durable())
            .finish()
    }
}

fn bounds<T: Types>(view: &View<T>) -> Range<u64> {
    let state = view.machine.state();
    view.first_index()..state.end_index()
}

fn check_start<T: Types>(view: &View<T>, index: u64) -> Result<(), ReadError> {
    let purged = view.machine.state().purged.as_ref().map(LogId::index);
    if purged.is_some_and(|purged| index <= purged) {
        return Err(ReadError::Purged { index, first: view.machine.state().first_index() });
    }
    if index < bounds(view).start { Err(not_found(view, index)) } else { Ok(()) }
}

fn not_found<T: Types>(view: &View<T>, index: u64) -> ReadError {
    let Range { start: first, end } = bounds(view);
    ReadError::IndexNotFound { index, first, end }
}

/// Copies entries that are held, up to the one that brings `bytes` to `bytes_max`; the first of all in any case.
fn push_held<E: Clone>(held: &HeldEntries<E>, bytes_max: u64, bytes: &mut u64, entries: &mut Vec<E>) {
    entries.reserve(held.len());
    for (entry, size) in held.iter() {
        if *bytes >= bytes_max && !entries.is_empty() {
            return;
        }
        *bytes = bytes.saturating_add(size).min(bytes_max);
        entries.push(entry.clone());
    }
}

/// Where the entries lie, with the terms they must have.
fn locate<T: Types>(view: &View<T>, range: Range<u64>, bytes_max: u64) -> Vec<Extent> {
    if range.is_empty() {
        return Vec::new();
    }
    let mut extents = view.data.locate(range, bytes_max);
    for extent in &mut extents {
        let runs = view.machine.runs().runs(extent.first..extent.first + extent.count as u64);
        extent.terms = runs.map(|run| (run.indexes().start, run.term())).collect();
    }
    extents
}

/// Where one entry lies, with the term it must have.
fn locate_one<T: Types>(view: &View<T>, index: u64) -> Option<EntryPlace> {
    let term = view.machine.runs().runs(index..index + 1).next().map(|run| run.term());
    Some(EntryPlace { term, ..view.data.locate_one(index)? })
}

/// No entry has the index `u64::MAX`, so a half-open range can name every entry.
fn half_open(range: impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}
