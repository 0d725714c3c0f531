//! Writing: what openraft asks of a log store, in its names. What they mean for a log is `raft-log-engine`'s.
//!
//! What always holds: nothing here waits for a disk but `save_vote`, which awaits its sync.

use std::fmt;
use std::io;
use std::sync::Arc;

use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::type_config::alias::{LogIdOf, VoteOf};
use openraft::{OptionalSend, RaftTypeConfig};
use raft_log::{Config, OpenError, RaftLog, Storage};
use raft_log_engine::{Ends, EngineLog, ToldOnce, io_error};

use crate::{Codec, LogReader, LogTypes, Openraft, SerdeCodec};

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
}

impl<C: RaftTypeConfig, K: Codec<C>> RaftLogStorage<C> for LogStore<C, K> {
    type LogReader = LogReader<C, K>;

    async fn get_log_state(&mut self) -> Result<LogState<C>, io::Error> {
        let Ends { purged: last_purged_log_id, last: last_log_id } = self.log.ends();
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        LogReader::new(self.log.reader().clone())
    }

    async fn save_vote(&mut self, vote: &VoteOf<C>) -> Result<(), io::Error> {
        self.log.save_vote(vote.clone())?.await.map_err(io_error::of_flush)
    }

    async fn save_committed(&mut self, committed: Option<LogIdOf<C>>) -> Result<(), io::Error> {
        committed.map_or(Ok(()), |id| self.log.save_committed(id))
    }

    async fn read_committed(&mut self) -> Result<Option<LogIdOf<C>>, io::Error> {
        Ok(self.log.committed())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<C>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = C::Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let callback = ToldOnce::new(|outcome| callback.io_completed(outcome));
        self.log.append(entries, |entry| entry.log_id(), K::encode_entry, callback)
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogIdOf<C>>) -> Result<(), io::Error> {
        self.log.truncate_after(last_log_id)
    }

    async fn purge(&mut self, log_id: LogIdOf<C>) -> Result<(), io::Error> {
        self.log.purge(log_id)
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> fmt::Debug for LogStore<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogStore").field("log", self.log.log()).finish()
    }
}
