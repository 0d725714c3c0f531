//! Writing: what openraft asks of a log store, in its names. What they mean for a log is `raft-log-engine`'s.
//!
//! What always holds: nothing here waits for a disk but `save_vote`, which awaits its sync.

use std::fmt;
use std::ops::RangeBounds;
use std::sync::Arc;

use openraft::storage::{LogFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft::{LogId, OptionalSend, RaftLogId, RaftTypeConfig, StorageError, Vote};
use raft_log::{Config, OpenError, RaftLog, Storage};
use raft_log_engine::{Ends, EngineLog, ToldOnce, io_error};

use crate::{Codec, LogReader, LogTypes, Openraft, SerdeCodec, failure};

/// The log of one openraft node, in a directory of its own.
///
/// Give it to `Raft::new`. Dropping it, as `Raft::shutdown` does, closes the log: it is synced, and the directory can be
/// opened again.
pub struct LogStore<C: RaftTypeConfig, K: Codec<C> = SerdeCodec> {
    log: EngineLog<Openraft<C, K>>,
}

impl<C: RaftTypeConfig, K: Codec<C>> LogStore<C, K> {
    /// Opens the log in a directory: a path, or a [`Config`]. The directory is created if its parent exists.
    ///
    /// It reads the disk, so call it before the runtime's work begins, or on a thread that may block.
    ///
    /// # Errors
    /// When the log has another owner, or the directory does not make a log; nothing was changed then.
    pub fn open(config: impl Into<Config>) -> Result<Self, OpenError> {
        Ok(Self { log: EngineLog::open(config)? })
    }

    /// As [`open`](Self::open), on any storage: for tests, with one in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(config: impl Into<Config>, storage: Arc<dyn Storage>) -> Result<Self, OpenError> {
        Ok(Self { log: EngineLog::open_on(config, storage)? })
    }

    /// Sets how many bytes one read for a follower brings, about; it is [`READ_BYTES_MAX`](crate::READ_BYTES_MAX)
    /// otherwise. An entry that is larger is read alone.
    #[must_use]
    pub fn limit_reads(mut self, bytes_max: u64) -> Self {
        self.log.limit_reads(bytes_max);
        self
    }

    /// The log itself: its report of what was found, its state.
    pub fn log(&self) -> &RaftLog<LogTypes<C, K>> {
        self.log.log()
    }

    fn reader(&self) -> LogReader<C, K> {
        LogReader::new(self.log.reader().clone())
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> RaftLogReader<C> for LogStore<C, K> {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<C::Entry>, StorageError<C::NodeId>> {
        self.reader().try_get_log_entries(range).await
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<C::Entry>, StorageError<C::NodeId>> {
        self.reader().limited_get_log_entries(start, end).await
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> RaftLogStorage<C> for LogStore<C, K> {
    type LogReader = LogReader<C, K>;

    async fn get_log_state(&mut self) -> Result<LogState<C>, StorageError<C::NodeId>> {
        let Ends { purged: last_purged_log_id, last: last_log_id } = self.log.ends();
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.reader()
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<C::NodeId>>, StorageError<C::NodeId>> {
        Ok(self.log.vote())
    }

    async fn save_vote(&mut self, vote: &Vote<C::NodeId>) -> Result<(), StorageError<C::NodeId>> {
        let saved = self.log.save_vote(vote.clone()).map_err(failure::of_vote_written)?;
        saved.await.map_err(io_error::of_flush).map_err(failure::of_vote_written)
    }

    async fn save_committed(
        &mut self,
        committed: Option<LogId<C::NodeId>>,
    ) -> Result<(), StorageError<C::NodeId>> {
        committed.map_or(Ok(()), |id| self.log.save_committed(id)).map_err(failure::of_logs_written)
    }

    async fn read_committed(&mut self) -> Result<Option<LogId<C::NodeId>>, StorageError<C::NodeId>> {
        Ok(self.log.committed())
    }

    /// Entries at or below the purged mark are left out: they are purged already. openraft's suite appends some, after its
    /// helper has purged a log up to what a state machine had applied.
    async fn append<I>(&mut self, entries: I, callback: LogFlushed<C>) -> Result<(), StorageError<C::NodeId>>
    where
        I: IntoIterator<Item = C::Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let tell = |outcome: Result<_, _>| callback.log_io_completed(outcome.map_err(failure::of_callback));
        let callback = ToldOnce::new(tell);
        let purged = self.log.log().state().purged.map(|purged| purged.into_inner().index);
        let new = entries.into_iter().filter(|entry| Some(entry.get_log_id().index) > purged);
        self.log
            .append(new, |entry| entry.get_log_id().clone(), K::encode_entry, callback)
            .map_err(failure::of_logs_written)
    }

    /// openraft 0.9 tells the first entry that goes.
    async fn truncate(&mut self, log_id: LogId<C::NodeId>) -> Result<(), StorageError<C::NodeId>> {
        self.log.truncate_from(log_id.index).map_err(failure::of_logs_written)
    }

    async fn purge(&mut self, log_id: LogId<C::NodeId>) -> Result<(), StorageError<C::NodeId>> {
        self.log.purge(log_id).map_err(failure::of_logs_written)
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> fmt::Debug for LogStore<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogStore").field("log", self.log.log()).finish()
    }
}
