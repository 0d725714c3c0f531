//! Writing: what openraft asks of a log store, on a log.
//!
//! What always holds: nothing here waits for a disk but `save_vote`, which awaits its sync; what openraft may legally ask
//! for and needs no change is no error; and all that is written is in one order, so that what a sync covers is covered with
//! all before it.

use std::fmt;
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;

use bytes::Bytes;
use openraft::storage::{LogFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft::{OptionalSend, RaftLogId, RaftTypeConfig, StorageError};
use raft_log::{Config, LogId, OpenError, RaftLog, RaftLogWriter, Storage, WriteError};

use crate::cached_window::CachedWindow;
use crate::told_once::ToldOnce;
use crate::{Codec, LogReader, LogTypes, LowPurge, SerdeCodec, StoredId, StoredVote, failure};

/// How many bytes a limited read of openraft gives, about, if nothing else was asked for: 1 MiB.
pub const READ_BYTES_MAX: u64 = 1 << 20;

/// The log of one openraft node, in a directory of its own.
///
/// Give it to `Raft::new`. Dropping it, as `Raft::shutdown` does, closes the log: it is synced, and the directory can be
/// opened again.
pub struct LogStore<C: RaftTypeConfig, K: Codec<C> = SerdeCodec> {
    log: RaftLog<LogTypes<C, K>>,
    reader: LogReader<C, K>,
    window: CachedWindow,
}

impl<C: RaftTypeConfig, K: Codec<C>> LogStore<C, K> {
    /// Opens the log in a directory: a path, or a [`Config`]. The directory is created if its parent exists.
    ///
    /// It reads the disk, so call it before the runtime's work begins, or on a thread that may block.
    ///
    /// # Errors
    /// When the log has another owner, or the directory does not make a log; nothing was changed then.
    pub fn open(config: impl Into<Config>) -> Result<Self, OpenError> {
        Self::wrap(config.into(), RaftLog::open_typed)
    }

    /// As [`open`](Self::open), on any storage: for tests, with one in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(config: impl Into<Config>, storage: Arc<dyn Storage>) -> Result<Self, OpenError> {
        Self::wrap(config.into(), |config| RaftLog::open_on(config, storage))
    }

    fn wrap(
        config: Config,
        open: impl FnOnce(Config) -> Result<RaftLog<LogTypes<C, K>>, OpenError>,
    ) -> Result<Self, OpenError> {
        let (max_items, capacity) = (config.log_cache_max_items, config.log_cache_capacity);
        let log = open(config)?;
        let window = CachedWindow::new(max_items, capacity, log.state().end_index());
        let reader = LogReader::new(log.reader(), window.reader(), READ_BYTES_MAX);
        Ok(Self { log, reader, window })
    }

    /// Sets how many bytes one read for a follower brings, about; it is [`READ_BYTES_MAX`] otherwise. An entry that is
    /// larger is read alone.
    #[must_use]
    pub fn limit_reads(mut self, bytes_max: u64) -> Self {
        self.reader.limit(bytes_max);
        self
    }

    /// The log itself: its report of what was found, its state.
    pub fn log(&self) -> &RaftLog<LogTypes<C, K>> {
        &self.log
    }

    /// Entries at or below the purged mark are left out: they are purged already. openraft's suite appends some, after its
    /// helper has purged a log up to what a state machine had applied.
    fn append_now(&mut self, entries: impl IntoIterator<Item = C::Entry>) -> Result<(), io::Error> {
        let purged = self.log.state().purged.map(|purged| purged.index());
        let is_new = |entry: &C::Entry| Some(entry.get_log_id().index) > purged;
        let encode = |entry: C::Entry| {
            let mut bytes = Vec::new();
            K::encode_entry(&entry, &mut bytes).map_err(WriteError::Encode)?;
            Ok((StoredId::new(entry.get_log_id().clone()), Bytes::from(bytes)))
        };
        let encoded: Result<Vec<_>, WriteError<LogTypes<C, K>>> =
            entries.into_iter().filter(is_new).map(encode).collect();
        let entries = encoded.map_err(failure::write)?;
        let Some(first) = entries.first().map(|(id, _)| id.index()) else { return Ok(()) };
        let sizes: Vec<usize> = entries.iter().map(|(_, bytes)| bytes.len()).collect();
        self.log.append(entries).map_err(failure::write)?;
        self.window.push(first, sizes.into_iter());
        Ok(())
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> RaftLogReader<C> for LogStore<C, K> {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<C::Entry>, StorageError<C::NodeId>> {
        self.reader.try_get_log_entries(range).await
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<C::Entry>, StorageError<C::NodeId>> {
        self.reader.limited_get_log_entries(start, end).await
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> RaftLogStorage<C> for LogStore<C, K> {
    type LogReader = LogReader<C, K>;

    async fn get_log_state(&mut self) -> Result<LogState<C>, StorageError<C::NodeId>> {
        let state = self.log.state();
        let low = state.user_data.map(LowPurge::into_id);
        let last_purged_log_id = state.purged.map(StoredId::into_inner).or(low);
        let last_log_id = state.last.map(StoredId::into_inner).or_else(|| last_purged_log_id.clone());
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.reader.clone()
    }

    async fn read_vote(&mut self) -> Result<Option<openraft::Vote<C::NodeId>>, StorageError<C::NodeId>> {
        Ok(self.log.state().vote.map(StoredVote::into_inner))
    }

    async fn save_vote(&mut self, vote: &openraft::Vote<C::NodeId>) -> Result<(), StorageError<C::NodeId>> {
        self.log
            .save_vote(StoredVote::new(vote.clone()))
            .map_err(failure::write)
            .map_err(failure::of_vote_written)?;
        // The sync is another thread's work; this one is free until it is told.
        self.log.ticket().await.map_err(failure::flush).map_err(failure::of_vote_written)
    }

    /// Not synced: it is durable with what is written next. What is not in the log is not marked, so that the mark never
    /// outlives the entries it covers; and the mark never goes back.
    async fn save_committed(
        &mut self,
        committed: Option<openraft::LogId<C::NodeId>>,
    ) -> Result<(), StorageError<C::NodeId>> {
        let Some(committed) = committed.map(StoredId::new) else { return Ok(()) };
        let state = self.log.state();
        let is_known = state.committed.as_ref().is_some_and(|known| known.index() > committed.index());
        if is_known || committed.index() >= state.end_index() {
            return Ok(());
        }
        match self.log.commit(committed) {
            // A full disk refuses entries first, and says so there. Without this mark a restart only applies less.
            Ok(()) | Err(WriteError::NoSpace(_)) => Ok(()),
            Err(error) => Err(failure::of_logs_written(failure::write(error))),
        }
    }

    /// The mark that was saved, if it is above what was purged.
    async fn read_committed(
        &mut self,
    ) -> Result<Option<openraft::LogId<C::NodeId>>, StorageError<C::NodeId>> {
        let state = self.log.state();
        // The log takes what is purged for committed. openraft knows that by itself, and would take it for a mark of ours,
        // up to which it must apply entries again that are gone.
        let purged = state.purged.map(|purged| purged.index());
        Ok(state.committed.filter(|id| Some(id.index()) > purged).map(StoredId::into_inner))
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<C>) -> Result<(), StorageError<C::NodeId>>
    where
        I: IntoIterator<Item = C::Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let callback = ToldOnce::new(callback);
        if let Err(error) = self.append_now(entries) {
            callback.leave_to_the_result();
            return Err(failure::of_logs_written(error));
        }
        self.log.flush(move |outcome| callback.tell(outcome));
        Ok(())
    }

    /// openraft 0.9 tells the first entry that goes; the log, the last that stays.
    async fn truncate(&mut self, log_id: openraft::LogId<C::NodeId>) -> Result<(), StorageError<C::NodeId>> {
        let reader = self.log.reader();
        let there = reader.indexes();
        if log_id.index >= there.end {
            return Ok(());
        }
        let after = match log_id.index.checked_sub(1) {
            Some(before) if log_id.index > there.start => {
                Some(reader.log_id(before).map_err(failure::read).map_err(failure::of_logs_read)?)
            }
            _ => None,
        };
        self.log.truncate(after).map_err(failure::write).map_err(failure::of_logs_written)?;
        self.window.truncate(self.log.state().end_index());
        Ok(())
    }

    async fn purge(&mut self, log_id: openraft::LogId<C::NodeId>) -> Result<(), StorageError<C::NodeId>> {
        let upto = StoredId::new(log_id);
        let state = self.log.state();
        let first = self.log.reader().indexes().start;
        if state.purged.is_none() && upto.index() < first {
            let is_known = state.user_data.is_some_and(|low| low.into_id().index >= upto.index());
            if is_known {
                return Ok(());
            }
            return self
                .log
                .save_user_data(Some(LowPurge::new(upto)))
                .map_err(failure::write)
                .map_err(failure::of_logs_written);
        }
        self.log.purge(upto).map_err(failure::write).map_err(failure::of_logs_written)?;
        let there = self.log.reader().indexes();
        self.window.purge(there.start, there.end);
        // Files go once the mark is durable, which an idle node would wait long for. Should it fail, whatever is written
        // next says so.
        self.log.flush(|_| {});
        Ok(())
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> fmt::Debug for LogStore<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogStore").field("log", &self.log).finish_non_exhaustive()
    }
}
