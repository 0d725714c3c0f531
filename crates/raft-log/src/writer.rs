//! What a log's one writer may do, as a trait, so that an engine can be written against any log.

use raft_log_codec::Types;

use crate::{FlushError, FlushTicket, WriteError};

/// Changes a log.
///
/// An operation that returns `Ok` is *visible*: every reader sees it from then on. It is *durable*, and survives a
/// loss of power, once a later [`sync`](Self::sync), [`flush`](Self::flush) or [`ticket`](Self::ticket) says so. An
/// operation that returns an error has left no trace.
pub trait RaftLogWriter<T: Types> {
    /// Saves the node's vote. An equal vote writes nothing.
    ///
    /// # Errors
    /// `VoteReversal` when it may not replace the current vote.
    fn save_vote(&mut self, vote: T::Vote) -> Result<(), WriteError<T>>;

    /// Appends entries: all of them or none, visible at once. A crash before the sync may keep some first ones of
    /// them. Nothing is done for no entries.
    ///
    /// Their ids must increase and their indexes follow each other. The first follows the last entry, or the purged
    /// mark; on a log that never held one, it may have any index up to `u64::MAX - 1`.
    ///
    /// # Errors
    /// `LogIdReversal`, `LogIdNonConsecutive`; [`WriteError::Encode`] for a payload over 256 MiB;
    /// [`WriteError::NoSpace`] on a full disk.
    fn append<I>(&mut self, entries: I) -> Result<(), WriteError<T>>
    where
        I: IntoIterator<Item = (T::LogId, T::Payload)>;

    /// Drops the entries behind `after`, or with `None` all that are not purged. An index behind the last entry does
    /// nothing.
    ///
    /// # Errors
    /// When committed or purged entries would be dropped, or `after` contradicts the log's own id at its index.
    fn truncate(&mut self, after: Option<T::LogId>) -> Result<(), WriteError<T>>;

    /// Drops the entries up to and with `upto`. At or below the purged mark it does nothing; beyond the last entry it
    /// leaves an empty log that goes on behind `upto`, as after a snapshot was installed.
    ///
    /// The files are removed only once the mark is durable, and not during this call.
    ///
    /// # Errors
    /// When `upto` contradicts the log's own id at its index.
    fn purge(&mut self, upto: T::LogId) -> Result<(), WriteError<T>>;

    /// Marks the entries up to `id` as committed.
    ///
    /// # Errors
    /// `CommitReversal` below the committed mark, `CommitBeyondLast` behind the last entry.
    fn commit(&mut self, id: T::LogId) -> Result<(), WriteError<T>>;

    /// Saves a small state of the application's own, at most 16 KiB, or removes it.
    ///
    /// # Errors
    /// [`WriteError::Encode`] when it is larger, [`WriteError::NoSpace`] on a full disk.
    fn save_user_data(&mut self, data: Option<T::UserData>) -> Result<(), WriteError<T>>;

    /// Makes everything before durable, and waits for it. The I/O is done on this thread.
    ///
    /// # Errors
    /// When a write or a sync failed, now or earlier: the log is then poisoned.
    fn sync(&mut self) -> Result<(), FlushError>;

    /// Makes everything before durable, and calls `done` then. Callbacks run exactly once, in the order of these calls,
    /// on the log's flush thread: also when the flush fails. What is left when the log is closed or dropped, or is asked
    /// for after that, is called on the thread that does so. A callback that panics harms no other; one that blocks
    /// delays those behind it.
    fn flush(&mut self, done: impl FnOnce(Result<(), FlushError>) + Send + 'static);

    /// Makes everything before durable; the ticket is awaited or waited for.
    fn ticket(&mut self) -> FlushTicket;
}
