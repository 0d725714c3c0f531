//! Writing for an engine: what it may legally ask for and needs no change is no error, and waits for no disk.
//!
//! What always holds: all that is written is in one order, so that what a sync covers is covered with all before it.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use raft_log::{
    Config, EncodeError, FlushTicket, LogId, OpenError, RaftLog, RaftLogWriter, Storage, WriteError,
};

use crate::{
    Engine, EngineReader, LogTypes, LowPurge, READ_BYTES_MAX, StoredId, StoredVote, ToldOnce, io_error,
};

/// The memory that encoding keeps from one entry to the next: 1 MiB at most.
const SCRATCH_BYTES_MAX: usize = 1 << 20;

/// The log of one node of an engine. Dropping it closes it.
pub struct EngineLog<E: Engine> {
    log: RaftLog<LogTypes<E>>,
    reader: EngineReader<E>,
    scratch: Vec<u8>,
}

/// Where a log begins and ends, as an engine sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "taken apart by each adapter")]
pub struct Ends<I> {
    /// The last id that was purged.
    pub purged: Option<I>,
    /// The last id of the log, or the purged one if it holds no entry.
    pub last: Option<I>,
}

impl<E: Engine> EngineLog<E> {
    /// Opens the log in a directory, which is created if its parent exists. Reads the disk.
    ///
    /// # Errors
    /// When the log has another owner, or the directory does not make a log; nothing was changed then.
    pub fn open(config: impl Into<Config>) -> Result<Self, OpenError> {
        RaftLog::open_typed(config).map(Self::new)
    }

    /// As [`open`](Self::open), on any storage: for tests, with one in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(config: impl Into<Config>, storage: Arc<dyn Storage>) -> Result<Self, OpenError> {
        RaftLog::open_on(config, storage).map(Self::new)
    }

    fn new(log: RaftLog<LogTypes<E>>) -> Self {
        let reader = EngineReader::new(log.reader(), READ_BYTES_MAX);
        Self { log, reader, scratch: Vec::new() }
    }

    /// The log itself.
    pub fn log(&self) -> &RaftLog<LogTypes<E>> {
        &self.log
    }

    /// Reads it.
    pub fn reader(&self) -> &EngineReader<E> {
        &self.reader
    }

    /// Sets how many bytes a limited read of later readers gives, about.
    pub fn limit_reads(&mut self, bytes_max: u64) {
        self.reader.limit(bytes_max);
    }

    /// The vote.
    pub fn vote(&self) -> Option<E::Vote> {
        self.log.state().vote.map(StoredVote::into_inner)
    }

    /// Where the log begins and ends.
    pub fn ends(&self) -> Ends<E::Id> {
        let state = self.log.state();
        let purged = state.purged.or(state.user_data.map(LowPurge::into_id)).map(StoredId::into_inner);
        let last = state.last.map(StoredId::into_inner).or_else(|| purged.clone());
        Ends { purged, last }
    }

    /// Saves a vote. It is durable, with all that was written before it, when the ticket says so; the sync is another
    /// thread's work.
    ///
    /// # Errors
    /// When it may not replace the current one, or cannot be written.
    pub fn save_vote(&mut self, vote: E::Vote) -> io::Result<FlushTicket> {
        self.log.save_vote(StoredVote::new(vote)).map_err(io_error::of_write)?;
        Ok(self.log.ticket())
    }

    /// Appends entries, all or none: readable on return, and `callback` is told when they are durable. When the append is
    /// refused, the callback is left to the error that is returned.
    ///
    /// # Errors
    /// When an entry cannot be encoded, does not follow the one before it, or the disk is full; and on a poisoned log.
    pub fn append<V>(
        &mut self,
        entries: impl IntoIterator<Item = V>,
        id: impl Fn(&V) -> E::Id,
        encode: impl Fn(&V, &mut Vec<u8>) -> Result<(), EncodeError>,
        callback: ToldOnce<impl FnOnce(io::Result<()>) + Send + 'static>,
    ) -> io::Result<()> {
        let scratch = &mut self.scratch;
        let encoded = |entry: V| {
            scratch.clear();
            encode(&entry, scratch)?;
            // Copied out, so that what the cache holds is no larger than what it counts.
            Ok((StoredId::new(id(&entry)), Bytes::copy_from_slice(scratch)))
        };
        let encoded: Result<Vec<_>, EncodeError> = entries.into_iter().map(encoded).collect();
        self.scratch.clear();
        self.scratch.shrink_to(SCRATCH_BYTES_MAX);
        let appended = encoded.map_err(WriteError::Encode).and_then(|entries| self.log.append(entries));
        match appended {
            Ok(()) => {
                self.log.flush(move |outcome| callback.tell(outcome));
                Ok(())
            }
            Err(error) => {
                callback.leave_to_the_result();
                Err(io_error::of_write(error))
            }
        }
    }

    /// Marks entries as committed. Not synced: it is durable with what is written next. What is not in the log is not
    /// marked, so that the mark never outlives the entries it covers; and the mark never goes back.
    ///
    /// # Errors
    /// When the id contradicts the log, or on a poisoned log.
    pub fn save_committed(&mut self, id: E::Id) -> io::Result<()> {
        let state = self.log.state();
        let index = E::index(&id);
        let is_known = state.committed.as_ref().is_some_and(|known| known.index() > index);
        if is_known || index >= state.end_index() {
            return Ok(());
        }
        match self.log.commit(StoredId::new(id)) {
            // A full disk refuses entries first, and says so there. Without this mark a restart only applies less.
            Ok(()) | Err(WriteError::NoSpace(_)) => Ok(()),
            Err(error) => Err(io_error::of_write(error)),
        }
    }

    /// The mark that was saved, if it is above what was purged.
    ///
    /// The log takes what is purged for committed. An engine knows that by itself, and would take it for a mark of ours, up
    /// to which it must apply entries again that are gone.
    pub fn committed(&self) -> Option<E::Id> {
        let state = self.log.state();
        let purged = state.purged.map(|purged| purged.index());
        state.committed.filter(|id| Some(id.index()) > purged).map(StoredId::into_inner)
    }

    /// Drops the entries behind `last`; with `None`, all. At or past the end there are none, which is no error.
    ///
    /// # Errors
    /// When committed or purged entries would be dropped, or the id contradicts the log.
    pub fn truncate_after(&mut self, last: Option<E::Id>) -> io::Result<()> {
        // Below the first entry of a log that has purged nothing there is none to keep.
        let after = last.map(StoredId::new).filter(|id| !self.is_low(id.index()));
        self.log.truncate(after).map_err(io_error::of_write)
    }

    /// Drops the entries from `index` on. Past the end there are none, which is no error.
    ///
    /// # Errors
    /// As [`truncate_after`](Self::truncate_after).
    pub fn truncate_from(&mut self, index: u64) -> io::Result<()> {
        let log = self.reader.log();
        let there = log.indexes();
        if index >= there.end {
            return Ok(());
        }
        if index < there.start && !self.is_low(index) {
            // Tells that it is purged.
            return log.entry(index).map(drop).map_err(io_error::of_read);
        }
        // The purged mark, if it is the one before, has an id as well.
        let after = match index.checked_sub(1) {
            Some(before) if !self.is_low(before) => Some(log.log_id(before).map_err(io_error::of_read)?),
            _ => None,
        };
        self.log.truncate(after).map_err(io_error::of_write)
    }

    /// Drops the entries up to and with `upto`; what was purged already, or lies below the first entry, is no error, and
    /// beyond the last entry the log goes on behind `upto`. Files go once the mark is durable, and not during this call.
    ///
    /// # Errors
    /// When the id contradicts the log, or on a poisoned log.
    pub fn purge(&mut self, upto: E::Id) -> io::Result<()> {
        let index = E::index(&upto);
        if self.is_low(index) {
            let is_known = self.log.state().user_data.is_some_and(|low| low.into_id().index() >= index);
            if is_known {
                return Ok(());
            }
            let mark = LowPurge::new(StoredId::new(upto));
            return self.log.save_user_data(Some(mark)).map_err(io_error::of_write);
        }
        self.log.purge(StoredId::new(upto)).map_err(io_error::of_write)?;
        // Files go once the mark is durable, which an idle node would wait long for. Should it fail, whatever is written
        // next says so.
        self.log.flush(|_| {});
        Ok(())
    }

    /// Whether an index lies below the first entry of a log that has purged nothing.
    fn is_low(&self, index: u64) -> bool {
        self.log.state().purged.is_none() && index < self.reader.log().indexes().start
    }
}

impl<E: Engine> fmt::Debug for EngineLog<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineLog").field("log", &self.log).finish_non_exhaustive()
    }
}
