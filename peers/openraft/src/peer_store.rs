//! openraft's log store on raft-log 0.4.6, in the way that suits that log: batches go to its append as they come, its own
//! callback tells openraft, what needs no sync of its own gets none, and what is in its cache is read where it is asked for.
//!
//! What always holds: nothing is acknowledged before its sync.

use std::error::Error;
use std::fmt;
use std::io;
use std::ops::{Range, RangeBounds};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use openraft::OptionalSend;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft_memstore::TypeConfig;
use raft_log_0_4::api::raft_log_writer::RaftLogWriter;
use raft_log_0_4::{Config, RaftLog};
use raft_log_engine::half_open;

use crate::peer_types::{Entry, LogId, PeerTypes, StoredEntry, Vote, log_id, stored_id, stored_vote, vote};
use crate::told::Told;

/// The log of one node, which is its own reader. Clones share it.
#[derive(Clone)]
pub(crate) struct PeerStore {
    log: Arc<RwLock<RaftLog<PeerTypes>>>,
}

impl PeerStore {
    /// Opens the log in a directory, which is created if it does not exist. It waits for so long for company before a sync;
    /// `None` for its own default, a millisecond.
    pub(crate) fn open(directory: &Path, wait: Option<Duration>) -> Result<Self, Box<dyn Error>> {
        std::fs::create_dir_all(directory)?;
        let mut config = Config::new(directory.display());
        config.wal.flush_batch_wait = wait;
        Ok(Self { log: Arc::new(RwLock::new(RaftLog::open(Arc::new(config))?)) })
    }

    fn read(&self) -> RwLockReadGuard<'_, RaftLog<PeerTypes>> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, RaftLog<PeerTypes>> {
        self.log.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many groups of writes were synced.
    pub(crate) fn syncs(&self) -> u64 {
        self.read().stat().flush_metrics.sync_batch_count
    }

    /// The entries of a range that are there.
    fn entries(&self, range: Range<u64>) -> io::Result<Vec<Entry>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        // Decoded when the lock is free again.
        let stored: Vec<_> = self.read().read(range.start, range.end).collect::<io::Result<_>>()?;
        stored.into_iter().map(|(id, entry)| entry.entry(id)).collect()
    }
}

impl RaftLogReader<TypeConfig> for PeerStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<Entry>> {
        self.entries(half_open(&range))
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.read().log_state().vote().copied().map(vote))
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        let entries = self.entries(start..end)?;
        match entries.first() {
            Some(first) if first.log_id.index == start => Ok(entries),
            None if start >= end => Ok(entries),
            _ => Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no entry {start}"))),
        }
    }
}

impl RaftLogStorage<TypeConfig> for PeerStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<TypeConfig>> {
        let log = self.read();
        let state = log.log_state();
        Ok(LogState {
            last_purged_log_id: state.purged().copied().map(log_id),
            last_log_id: state.last().copied().map(log_id),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let (done, durable) = TypeConfig::oneshot();
        let told = Some(Told::new(IOFlushed::signal(done)));
        {
            let mut log = self.write();
            log.save_vote(stored_vote(vote))?;
            log.flush(true, told)?;
        }
        durable.await.map_err(io::Error::other)?
    }

    /// Not synced: it goes to the disk with what is written next.
    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let Some(committed) = committed.as_ref().map(stored_id) else { return Ok(()) };
        let mut log = self.write();
        let state = log.log_state();
        // What the log has no entry for, or is behind its mark, it refuses.
        if Some(&committed) > state.committed() && Some(&committed) <= state.last() {
            log.commit(committed)?;
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.read().log_state().committed().copied().map(log_id))
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        // Encoded before the lock is taken.
        let encoded = |entry: Entry| Ok((stored_id(&entry.log_id), StoredEntry::new(&entry)?));
        let entries: Vec<_> = entries.into_iter().map(encoded).collect::<io::Result<_>>()?;
        let told = Some(Told::new(callback));
        let mut log = self.write();
        log.append(entries)?;
        log.flush(true, told)
    }

    /// Not synced: it goes to the disk before the append that follows it.
    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> io::Result<()> {
        let mut log = self.write();
        let next = last_log_id.map_or(0, |id| id.index + 1);
        if log.log_state().last().is_some_and(|(_, (_, last))| next <= *last) {
            log.truncate(next)?;
        }
        Ok(())
    }

    /// The files go behind a sync, which is not waited for.
    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        let mut log = self.write();
        log.purge(stored_id(&upto))?;
        log.flush(true, None)
    }
}
