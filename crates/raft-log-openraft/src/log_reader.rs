//! Reading: entries, the vote and key log ids, beside the writer, in openraft's names.
//!
//! What always holds: what the cache has is given at once, and what it does not have is read on a thread that may block.

use std::fmt;
use std::io;
use std::ops::{Bound, RangeBounds, RangeInclusive};
use std::vec;

use futures_util::stream::{self, Stream};
use openraft::errors::LeaderChanged;
use openraft::storage::{
    LeaderBoundedStreamError, LeaderBoundedStreamResult, RaftLogReader as OpenraftLogReader,
};
use openraft::type_config::alias::{LeaderIdOf, LogIdOf, VoteOf};
use openraft::vote::RaftVote;
use openraft::{AsyncRuntime, OptionalSend, RaftTypeConfig};
use raft_log_engine::{EngineReader, Found, StoredVote, decoded, half_open, io_error};

use crate::{Codec, Openraft, SerdeCodec, key_log_ids};

/// Reads a [`LogStore`](crate::LogStore). Clones are cheap, see everything that is appended later, and outlive the store.
pub struct LogReader<C: RaftTypeConfig, K: Codec<C> = SerdeCodec> {
    log: EngineReader<Openraft<C, K>>,
}

impl<C: RaftTypeConfig, K: Codec<C>> LogReader<C, K> {
    pub(crate) fn new(log: EngineReader<Openraft<C, K>>) -> Self {
        Self { log }
    }

    fn vote(&self) -> Option<VoteOf<C>> {
        self.log.log().state().vote.map(StoredVote::into_inner)
    }

    /// Takes what the cache gave, and has the rest read on a thread that may block.
    async fn take(&self, found: Found<Openraft<C, K>>) -> Result<Vec<C::Entry>, io::Error> {
        let stored = match found {
            Found::Cached(stored) => stored,
            Found::OnDisk(read) => C::AsyncRuntime::spawn_blocking(move || read.read()).await??,
        };
        decoded(stored, K::decode_entry)
    }

    /// Whether `leader` still leads, as far as this node knows.
    fn check_leader(&self, leader: &LeaderIdOf<C>) -> Result<(), LeaderBoundedStreamError<C>> {
        match self.vote() {
            Some(vote) if vote.leader_id() == leader && vote.is_committed() => Ok(()),
            vote => Err(LeaderChanged::new(leader.clone(), vote).into()),
        }
    }

    /// The entries of a range in limited batches, the first of which is read at once.
    ///
    /// From exactly where the range begins, or an error: openraft applies what a stream gives without comparing indexes, so
    /// entries that are left out because they were purged would be left out of the state machine.
    async fn batches(&self, range: impl RangeBounds<u64>, leader: Option<LeaderIdOf<C>>) -> Batches<C, K> {
        let there = self.log.log().indexes();
        let is_from_first = matches!(range.start_bound(), Bound::Unbounded);
        let range = half_open(&range);
        let next = if is_from_first { there.start } else { range.start };
        let end = range.end.min(there.end);
        let mut batches =
            Batches { reader: self.clone(), next, end, leader, ready: Ok(Vec::new().into_iter()) };
        batches.fill().await;
        batches
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
        let entries = self.reader.take(self.reader.log.some(self.next..self.end)).await;
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
        let batches = self.batches(range, Some(leader)).await;
        stream::unfold(batches, async |mut batches| Some((batches.entry().await?, batches)))
    }

    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = Result<C::Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend,
    {
        let batches = self.batches(range, None).await;
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
        self.take(self.log.all(half_open(&range))).await
    }

    async fn read_vote(&mut self) -> Result<Option<VoteOf<C>>, io::Error> {
        Ok(self.vote())
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<C::Entry>, io::Error> {
        self.take(self.log.some(start..end)).await
    }

    async fn get_key_log_ids(
        &mut self,
        range: RangeInclusive<LogIdOf<C>>,
    ) -> Result<Vec<LogIdOf<C>>, io::Error> {
        let (first, last) = (range.start().index(), range.end().index());
        key_log_ids::last_of_each_leader(self.log.log(), first, last).map_err(io_error::of_read)
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> Clone for LogReader<C, K> {
    fn clone(&self) -> Self {
        Self { log: self.log.clone() }
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> fmt::Debug for LogReader<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader").field("log", self.log.log()).finish()
    }
}
