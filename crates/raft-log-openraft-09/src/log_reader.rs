//! Reading entries, beside the writer.
//!
//! What always holds: what the cache has is given at once, and what it does not have is read on a thread that may block.
//! A result begins exactly where it was asked to, or is an error; only what was purged or is not there yet may be missing,
//! and only where openraft allows it.

use std::fmt;
use std::io;
use std::ops::{Bound, Range, RangeBounds};

use bytes::Bytes;
use openraft::storage::RaftLogReader as OpenraftLogReader;
use openraft::{OptionalSend, RaftTypeConfig, StorageError};
use raft_log::{DecodeError, RaftLogReader, ReadError};

use crate::cached_window::CachedFrom;
use crate::{Codec, LogTypes, SerdeCodec, StoredId, failure};

/// Reads a [`LogStore`](crate::LogStore). Clones are cheap, see everything that is appended later, and outlive the store.
pub struct LogReader<C: RaftTypeConfig, K: Codec<C> = SerdeCodec> {
    log: RaftLogReader<LogTypes<C, K>>,
    cached: CachedFrom,
    bytes_max: u64,
}

/// What the log gives: an id, and the bytes of an entry.
type Stored<C, K> = (StoredId<C, K>, Bytes);

/// An entry that its codec does not decode.
#[derive(Debug, thiserror::Error)]
#[error("entry {index} does not decode")]
struct Undecodable {
    index: u64,
    source: DecodeError,
}

impl<C: RaftTypeConfig, K: Codec<C>> LogReader<C, K> {
    pub(crate) fn new(log: RaftLogReader<LogTypes<C, K>>, cached: CachedFrom, bytes_max: u64) -> Self {
        Self { log, cached, bytes_max }
    }

    pub(crate) fn limit(&mut self, bytes_max: u64) {
        self.bytes_max = bytes_max;
    }

    /// All entries of a range that there are.
    async fn all(&self, range: Range<u64>) -> Result<Vec<C::Entry>, io::Error> {
        let start = range.start.max(self.log.indexes().start);
        self.read(start, move |log| all_there_are(log, &range)).await
    }

    /// The entries from exactly `start` on, as many as fit into the limit: at least one, and an error if there is none.
    async fn some(&self, start: u64, end: u64) -> Result<Vec<C::Entry>, io::Error> {
        let bytes_max = self.bytes_max;
        let read = move |log: &RaftLogReader<LogTypes<C, K>>| {
            let entries = log.read_limited(start, end, bytes_max)?;
            if entries.is_empty() {
                // Tells why: it is behind the end.
                return log.entry(start).map(|entry| vec![entry]);
            }
            Ok(entries)
        };
        self.read(start, read).await
    }

    /// Reads on this thread what the cache has from `start` on, and anything else on another one.
    async fn read(
        &self,
        start: u64,
        read: impl FnOnce(&RaftLogReader<LogTypes<C, K>>) -> Result<Vec<Stored<C, K>>, ReadError> + Send + 'static,
    ) -> Result<Vec<C::Entry>, io::Error> {
        let stored = if self.cached.holds(start) {
            read(&self.log)
        } else {
            let log = self.log.clone();
            tokio::task::spawn_blocking(move || read(&log)).await?
        };
        stored.map_err(failure::read)?.into_iter().map(decode::<C, K>).collect()
    }
}

fn decode<C: RaftTypeConfig, K: Codec<C>>((id, bytes): Stored<C, K>) -> Result<C::Entry, io::Error> {
    let id = id.into_inner();
    let index = id.index;
    K::decode_entry(id, &bytes)
        .map_err(|source| io::Error::new(io::ErrorKind::InvalidData, Undecodable { index, source }))
}

fn all_there_are<C: RaftTypeConfig, K: Codec<C>>(
    log: &RaftLogReader<LogTypes<C, K>>,
    range: &Range<u64>,
) -> Result<Vec<Stored<C, K>>, ReadError> {
    loop {
        let start = range.start.max(log.indexes().start);
        match log.read(start..range.end) {
            // The log's first index has changed since it was asked for.
            Err(ReadError::Purged { .. } | ReadError::IndexNotFound { .. }) => {}
            read => return read,
        }
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> OpenraftLogReader<C> for LogReader<C, K> {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<C::Entry>, StorageError<C::NodeId>> {
        self.all(half_open(&range)).await.map_err(failure::of_logs_read)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<C::Entry>, StorageError<C::NodeId>> {
        if start >= end {
            return Ok(Vec::new());
        }
        self.some(start, end).await.map_err(failure::of_logs_read)
    }
}

/// No entry has the index `u64::MAX`, so a half-open range can name every entry.
fn half_open(range: &impl RangeBounds<u64>) -> Range<u64> {
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

impl<C: RaftTypeConfig, K: Codec<C>> Clone for LogReader<C, K> {
    fn clone(&self) -> Self {
        Self { log: self.log.clone(), cached: self.cached.clone(), bytes_max: self.bytes_max }
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> fmt::Debug for LogReader<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader").field("log", &self.log).finish_non_exhaustive()
    }
}
