//! Reading for an engine: exact ranges, a limit in bytes, and no disk on a thread that must not wait for one.
//!
//! What always holds: what the cache has is given at once, and what it does not have is given as work that may block. A
//! result begins exactly where it was asked to, or is an error; only what was purged or is not there yet may be missing,
//! and only from [`all`](EngineReader::all).

use std::fmt;
use std::io;
use std::ops::{Bound, Range, RangeBounds};

use bytes::Bytes;
use raft_log::{DecodeError, RaftLogReader, ReadError};

use crate::{Engine, LogTypes, StoredId, io_error};

/// How many bytes a limited read gives, about, if nothing else was asked for: 1 MiB.
pub const READ_BYTES_MAX: u64 = 1 << 20;

/// What the log gives: an id, and the bytes of an entry.
pub type Stored<E> = (StoredId<E>, Bytes);

/// Reads an [`EngineLog`](crate::EngineLog). Clones are cheap, see everything that is appended later, and outlive the log.
pub struct EngineReader<E: Engine> {
    log: RaftLogReader<LogTypes<E>>,
    bytes_max: u64,
}

/// Entries, or the work to get them.
#[must_use]
pub enum Found<E: Engine> {
    /// They were in the cache.
    Cached(Vec<Stored<E>>),
    /// The disk has to be read, or there is an error to tell: on a thread that may block.
    OnDisk(DiskRead<E>),
}

/// A read that may block.
pub struct DiskRead<E: Engine> {
    log: RaftLogReader<LogTypes<E>>,
    wanted: Wanted,
}

enum Wanted {
    AllThereAre { range: Range<u64> },
    AtLeastOne { range: Range<u64>, bytes_max: u64 },
}

impl<E: Engine> EngineReader<E> {
    /// Reads through `log`, about `bytes_max` at once where it is limited.
    pub fn new(log: RaftLogReader<LogTypes<E>>, bytes_max: u64) -> Self {
        Self { log, bytes_max }
    }

    /// Sets how many bytes a limited read gives, about.
    pub fn limit(&mut self, bytes_max: u64) {
        self.bytes_max = bytes_max;
    }

    /// The log's own reader.
    pub fn log(&self) -> &RaftLogReader<LogTypes<E>> {
        &self.log
    }

    /// All entries of a range that there are.
    pub fn all(&self, range: Range<u64>) -> Found<E> {
        let start = range.start.max(self.log.indexes().start);
        match self.log.read_cached(start, range.end, u64::MAX) {
            Some(entries) => Found::Cached(entries),
            None => self.on_disk(Wanted::AllThereAre { range }),
        }
    }

    /// The entries from exactly the start of the range on, as many as fit into the limit: at least one if the range has
    /// any index, and an error if there is none.
    pub fn some(&self, range: Range<u64>) -> Found<E> {
        let (start, end, bytes_max) = (range.start, range.end, self.bytes_max);
        match self.log.read_cached(start, end, bytes_max) {
            Some(entries) if start >= end || !entries.is_empty() => Found::Cached(entries),
            _ => self.on_disk(Wanted::AtLeastOne { range, bytes_max }),
        }
    }

    fn on_disk(&self, wanted: Wanted) -> Found<E> {
        Found::OnDisk(DiskRead { log: self.log.clone(), wanted })
    }
}

impl<E: Engine> DiskRead<E> {
    /// Reads. Blocks.
    ///
    /// # Errors
    /// When an entry cannot be read; where at least one is wanted, also when it is purged or not there.
    pub fn read(self) -> io::Result<Vec<Stored<E>>> {
        let read = match self.wanted {
            Wanted::AllThereAre { range } => all_there_are(&self.log, &range),
            Wanted::AtLeastOne { range, bytes_max } => at_least_one(&self.log, &range, bytes_max),
        };
        read.map_err(io_error::of_read)
    }
}

fn all_there_are<E: Engine>(
    log: &RaftLogReader<LogTypes<E>>,
    range: &Range<u64>,
) -> Result<Vec<Stored<E>>, ReadError> {
    loop {
        let start = range.start.max(log.indexes().start);
        match log.read(start..range.end) {
            // The log's first index has changed since it was asked for.
            Err(ReadError::Purged { .. } | ReadError::IndexNotFound { .. }) => {}
            read => return read,
        }
    }
}

fn at_least_one<E: Engine>(
    log: &RaftLogReader<LogTypes<E>>,
    range: &Range<u64>,
    bytes_max: u64,
) -> Result<Vec<Stored<E>>, ReadError> {
    let entries = log.read_limited(range.start, range.end, bytes_max)?;
    if entries.is_empty() {
        // Tells why: it is behind the end.
        return log.entry(range.start).map(|entry| vec![entry]);
    }
    Ok(entries)
}

/// An entry that its codec does not decode.
#[derive(Debug, thiserror::Error)]
#[error("entry {index} does not decode")]
struct Undecodable {
    index: u64,
    source: DecodeError,
}

/// The engine's entries.
///
/// # Errors
/// When one does not decode; its index is told.
pub fn decoded<E: Engine, V>(
    stored: Vec<Stored<E>>,
    decode: impl Fn(E::Id, &[u8]) -> Result<V, DecodeError>,
) -> io::Result<Vec<V>> {
    let decode = |(id, bytes): Stored<E>| {
        let index = E::index(id.as_inner());
        decode(id.into_inner(), &bytes)
            .map_err(|source| io::Error::new(io::ErrorKind::InvalidData, Undecodable { index, source }))
    };
    stored.into_iter().map(decode).collect()
}

/// A range in its half-open form. No entry has the index `u64::MAX`, so each entry can be named by one.
pub fn half_open(range: &impl RangeBounds<u64>) -> Range<u64> {
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

impl<E: Engine> Clone for EngineReader<E> {
    fn clone(&self) -> Self {
        Self { log: self.log.clone(), bytes_max: self.bytes_max }
    }
}

impl<E: Engine> fmt::Debug for EngineReader<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineReader").field("log", &self.log).finish_non_exhaustive()
    }
}
