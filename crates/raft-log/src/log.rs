//! The log: the rules, the cache and the files brought together behind one writer.
//!
//! An operation is checked against the rules, accepted by the wal, and only then made visible, as a whole.

use std::fmt;
use std::ops::RangeBounds;
use std::sync::Arc;

use raft_log_codec::{RaftLogState, Record, Types};
use raft_log_state::{Change, Effect, RaftLogSM, StateMachine, check_next};

use crate::open::Recovery;
use crate::stats::RecordCounts;
use crate::sync::RwLock;
use crate::view::View;
use crate::{
    AcceptError, Entry, FlushCallback, FlushError, FlushTicket, LockFile, LogCache, LogData, OpenReport,
    Place, RaftLogReader, RaftLogWal, RaftLogWriter, ReadError, Stats, Wal, WriteError,
};

/// A Raft log, open for its one owner. It is written through [`RaftLogWriter`], and read here or through any number of
/// [`RaftLogReader`]s.
///
/// Dropping it closes it, as [`close`](Self::close) does, and reports an error to `tracing` only.
pub struct RaftLog<T: Types, W: Wal<T> = RaftLogWal<T>> {
    view: Arc<RwLock<View<T>>>,
    wal: W,
    reader: RaftLogReader<T, W>,
    report: OpenReport,
    /// The records of the operation under way, and their places: kept for their memory.
    records: Vec<Record<T>>,
    places: Vec<Place>,
    /// Last, so that it is released when all else is closed.
    _lock: Option<LockFile>,
}

/// Memory for more records than this is given back after an operation.
const RECORDS_KEPT: usize = 4096;

impl<T: Types, W: Wal<T>> RaftLog<T, W> {
    /// A log over any [`Wal`], with what was found in it. [`RaftLog::open`] is the way to one in a directory.
    pub fn with_wal(
        wal: W,
        machine: RaftLogSM<T>,
        data: LogData,
        cache_max_items: usize,
        cache_capacity: usize,
    ) -> Self {
        Self::assemble(
            wal,
            machine,
            data,
            LogCache::new(cache_max_items, cache_capacity),
            OpenReport::default(),
            None,
        )
    }

    pub(crate) fn assemble(
        wal: W,
        machine: RaftLogSM<T>,
        data: LogData,
        cache: LogCache<(T::LogId, T::Payload)>,
        report: OpenReport,
        lock: Option<LockFile>,
    ) -> Self {
        let (counts, recovery) = (RecordCounts::default(), Recovery::of(&report));
        let view = Arc::new(RwLock::new(View { machine, data, cache, counts, recovery }));
        let reader = RaftLogReader::new(view.clone(), wal.reader());
        Self { view, wal, reader, report, records: Vec::new(), places: Vec::new(), _lock: lock }
    }

    /// What was found when the log was opened.
    pub fn report(&self) -> &OpenReport {
        &self.report
    }

    /// A reader of its own, for another thread or task.
    pub fn reader(&self) -> RaftLogReader<T, W> {
        self.reader.clone()
    }

    /// As [`RaftLogReader::read`].
    ///
    /// # Errors
    /// As there.
    pub fn read(&self, range: impl RangeBounds<u64>) -> Result<Vec<Entry<T>>, ReadError> {
        self.reader.read(range)
    }

    /// As [`RaftLogReader::entry`].
    ///
    /// # Errors
    /// As there.
    pub fn entry(&self, index: u64) -> Result<Entry<T>, ReadError> {
        self.reader.entry(index)
    }

    /// As [`RaftLogReader::stats`].
    pub fn stats(&self) -> Stats {
        self.reader.stats()
    }

    /// The vote, the marks and the user data.
    pub fn state(&self) -> RaftLogState<T> {
        self.reader.state()
    }

    /// What the log stores its records in.
    pub fn wal(&self) -> &W {
        &self.wal
    }

    /// Syncs, and ends the log so that the next `open` need not look for its end. Later writes are refused; readers go
    /// on. The directory stays locked until the log is dropped.
    ///
    /// # Errors
    /// The last error: a write or sync that failed, now or earlier. A poisoned log writes nothing any more.
    pub fn close(&mut self) -> Result<(), FlushError> {
        let state = self.state();
        self.wal.close(&state)
    }

    /// Checks, writes and applies one change.
    fn write(&mut self, record: Record<T>) -> Result<(), WriteError<T>> {
        self.wal.check_usable().map_err(refused)?;
        let view = self.view.read();
        if let Some(change) = Change::of(&record)
            && view.machine.check(change)? == Effect::Nothing
        {
            return Ok(());
        }
        self.records.clear();
        self.records.push(record);
        let accepted = self.wal.accept(view.machine.state(), &self.records, &mut self.places);
        drop(view);
        self.show(accepted)
    }

    /// Makes the records visible, if they were accepted.
    fn show(&mut self, accepted: Result<(), AcceptError>) -> Result<(), WriteError<T>> {
        if let Err(error) = accepted {
            self.records.clear();
            return Err(error.into());
        }
        let mut view = self.view.write();
        view.apply(&mut self.records, &self.places);
        let evicted = view.cache.evict(self.wal.durable());
        drop(view);
        if evicted.is_some() {
            drop(evicted);
            self.evict();
        }
        if self.records.capacity() > RECORDS_KEPT {
            self.records = Vec::new();
            self.places = Vec::new();
        }
        Ok(())
    }

    /// Lets go of cached entries that the limits do not allow and the disk can give back, and of purged ones. Readers may
    /// look at the view while they are dropped.
    fn evict(&self) {
        let durable = self.wal.durable();
        loop {
            let evicted = self.view.write().cache.evict(durable);
            if evicted.is_none() {
                return;
            }
        }
    }
}

fn refused<T: Types>(error: FlushError) -> WriteError<T> {
    match error {
        FlushError::Poisoned(error) => WriteError::Poisoned(error),
        FlushError::Closed => WriteError::Closed,
    }
}

impl<T: Types, W: Wal<T>> RaftLogWriter<T> for RaftLog<T, W> {
    fn save_vote(&mut self, vote: T::Vote) -> Result<(), WriteError<T>> {
        self.write(Record::SaveVote(vote))
    }

    fn append<I>(&mut self, entries: I) -> Result<(), WriteError<T>>
    where
        I: IntoIterator<Item = (T::LogId, T::Payload)>,
    {
        self.wal.check_usable().map_err(refused)?;
        self.records.clear();
        let entries = entries.into_iter();
        self.records.reserve(entries.size_hint().0.min(RECORDS_KEPT));
        // A read lock: it holds up no reader, and nobody but this writer ever changes the view.
        let view = self.view.read();
        for (id, payload) in entries {
            let checked = match self.records.last().and_then(Record::log_id) {
                None => view.machine.check(Change::Append(&id)).map(drop),
                Some(previous) => check_next::<T>(previous, &id),
            };
            if let Err(error) = checked {
                self.records.clear();
                return Err(error.into());
            }
            self.records.push(Record::Append(id, payload));
        }
        if self.records.is_empty() {
            return Ok(());
        }
        let accepted = self.wal.accept(view.machine.state(), &self.records, &mut self.places);
        drop(view);
        self.show(accepted)
    }

    fn truncate(&mut self, after: Option<T::LogId>) -> Result<(), WriteError<T>> {
        self.write(Record::TruncateAfter(after))
    }

    fn purge(&mut self, upto: T::LogId) -> Result<(), WriteError<T>> {
        self.write(Record::PurgeUpto(upto))
    }

    fn commit(&mut self, id: T::LogId) -> Result<(), WriteError<T>> {
        self.write(Record::Commit(id))
    }

    fn save_user_data(&mut self, data: Option<T::UserData>) -> Result<(), WriteError<T>> {
        self.write(Record::SaveUserData(data))
    }

    fn sync(&mut self) -> Result<(), FlushError> {
        self.wal.sync()?;
        if self.view.read().cache.is_over() {
            self.evict();
        }
        Ok(())
    }

    fn flush(&mut self, done: impl FnOnce(Result<(), FlushError>) + Send + 'static) {
        let spent = self.wal.spent_callback();
        self.wal.flush(FlushCallback::renew(spent, done));
    }

    fn ticket(&mut self) -> FlushTicket {
        let (ticket, redeem) = FlushTicket::new();
        self.flush(redeem);
        ticket
    }
}

impl<T: Types, W: Wal<T>> Drop for RaftLog<T, W> {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the log was dropped and could not be closed");
        }
    }
}

impl<T: Types, W: Wal<T>> fmt::Debug for RaftLog<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaftLog")
            .field("reader", &self.reader)
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}
