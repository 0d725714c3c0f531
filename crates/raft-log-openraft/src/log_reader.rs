//! Reading: entries, the vote and key log ids, beside the writer.
//!
//! What always holds: what the cache has is given at once, and what it does not have is read on a thread that may block.
//! A result begins exactly where it was asked to, or is an error; only what was purged or is not there yet may be missing,
//! and only where openraft allows it.

use std::fmt;
use std::io;
use std::ops::{Bound, Range, RangeBounds, RangeInclusive};
use std::vec;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use openraft::errors::LeaderChanged;
use openraft::storage::{
    LeaderBoundedStreamError, LeaderBoundedStreamResult, RaftLogReader as OpenraftLogReader,
};
use openraft::type_config::alias::{LeaderIdOf, LogIdOf, VoteOf};
use openraft::vote::RaftVote;
use openraft::{AsyncRuntime, OptionalSend, RaftTypeConfig};
use raft_log::{DecodeError, RaftLogReader, ReadError};

use crate::cached_window::CachedFrom;
use crate::{Codec, LogTypes, SerdeCodec, StoredId, failure, key_log_ids};

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

    pub(crate) fn vote(&self) -> Option<VoteOf<C>> {
        self.log.state().vote.map(|vote| vote.into_inner())
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
            C::AsyncRuntime::spawn_blocking(move || read(&log)).await?
        };
        stored.map_err(failure::read)?.into_iter().map(decode::<C, K>).collect()
    }

    /// Whether `leader` still leads, as far as this node knows.
    fn check_leader(&self, leader: &LeaderIdOf<C>) -> Result<(), LeaderBoundedStreamError<C>> {
        match self.vote() {
            Some(vote) if vote.leader_id() == leader && vote.is_committed() => Ok(()),
            vote => Err(LeaderChanged::new(leader.clone(), vote).into()),
        }
    }

    /// The entries of a range in limited batches, the first of which is read at once.
    async fn batches(&self, range: Range<u64>, leader: Option<LeaderIdOf<C>>) -> Batches<C, K> {
        let there = self.log.indexes();
        let (next, end) = (range.start.max(there.start), range.end.min(there.end));
        let mut batches =
            Batches { reader: self.clone(), next, end, leader, ready: Ok(Vec::new().into_iter()) };
        batches.fill().await;
        batches
    }
}

fn decode<C: RaftTypeConfig, K: Codec<C>>((id, bytes): Stored<C, K>) -> Result<C::Entry, io::Error> {
    let id = id.into_inner();
    let index = id.index();
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

/// Entries that are read as they are asked for.
struct Batches<C: RaftTypeConfig, K: Codec<C>> {
    reader: LogReader<C, K>,
    next: u64,
    end: u64,
    leader: Option<LeaderIdOf<C>>,
    ready: Result<vec::IntoIter<C::Entry>, LeaderBoundedStreamError<C>>,
}

impl<C: RaftTypeConfig, K: Codec<C>> Batches<C, K> {
    async fn fill(&mut self) {
        self.ready = self.batch().await.map(Vec::into_iter);
    }

    /// The next batch; nothing at the end. The vote is looked at before and after: while it stays, nothing is truncated.
    async fn batch(&mut self) -> Result<Vec<C::Entry>, LeaderBoundedStreamError<C>> {
        if let Some(leader) = &self.leader {
            self.reader.check_leader(leader)?;
        }
        if self.next >= self.end {
            return Ok(Vec::new());
        }
        let entries = self.reader.some(self.next, self.end).await;
        if let Some(leader) = &self.leader {
            self.reader.check_leader(leader)?;
        }
        let entries = entries?;
        self.next += entries.len() as u64;
        Ok(entries)
    }

    /// The next entry, or an error, which is the last.
    async fn entry(&mut self) -> Option<LeaderBoundedStreamResult<C>> {
        loop {
            match &mut self.ready {
                Ok(ready) => match ready.next() {
                    Some(entry) => return Some(Ok(entry)),
                    None if self.next >= self.end => return None,
                    None => self.fill().await,
                },
                Err(_) => {
                    self.end = self.next;
                    let ended = Ok(Vec::new().into_iter());
                    return std::mem::replace(&mut self.ready, ended).err().map(Err);
                }
            }
        }
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> OpenraftLogReader<C> for LogReader<C, K> {
    async fn leader_bounded_stream<RB>(
        &mut self,
        leader: LeaderIdOf<C>,
        range: RB,
    ) -> impl Stream<Item = LeaderBoundedStreamResult<C>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend,
    {
        let batches = self.batches(half_open(&range), Some(leader)).await;
        stream::unfold(batches, async |mut batches| Some((batches.entry().await?, batches)))
    }

    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = Result<C::Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend,
    {
        let batches = self.batches(half_open(&range), None).await;
        stream::unfold(batches, async |mut batches| {
            let entry = batches.entry().await?.map_err(|error| match error {
                LeaderBoundedStreamError::IoError(error) => error,
                changed @ LeaderBoundedStreamError::LeaderChanged(_) => io::Error::other(changed),
            });
            Some((entry, batches))
        })
    }

    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<C::Entry>, io::Error> {
        self.all(half_open(&range)).await
    }

    async fn read_vote(&mut self) -> Result<Option<VoteOf<C>>, io::Error> {
        Ok(self.vote())
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<C::Entry>, io::Error> {
        if start >= end {
            return Ok(Vec::new());
        }
        self.some(start, end).await
    }

    async fn get_key_log_ids(
        &mut self,
        range: RangeInclusive<LogIdOf<C>>,
    ) -> Result<Vec<LogIdOf<C>>, io::Error> {
        let (first, last) = (range.start().index(), range.end().index());
        key_log_ids::last_of_each_leader(&self.log, first, last).map_err(failure::read)
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
