//! What is measured: a log that can be given entries, made to keep them, and asked for them, whoever wrote it.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use crate::Outcome;
use crate::round::Round;

/// How a log is to be kept while it is measured.
#[derive(Debug, Clone)]
pub struct Keeping {
    /// What every entry carries. Its bytes are shared, as they would be with whoever sent them.
    pub payload: Bytes,
    /// Purge as the log grows, so that about this many entries are alive; `None` keeps all.
    pub alive: Option<u64>,
    /// The cache is to hold as little as the log allows.
    pub is_cold: bool,
}

/// A kind of log that can be measured.
pub trait Peer: Sync {
    /// Its name, and where there are several its version.
    fn name(&self) -> &str;

    /// Opens the log in a directory, which is made if it is not there. Entries are numbered from 1, in term 1.
    ///
    /// # Errors
    /// Those of the log.
    fn open(&self, directory: &Path, keeping: &Keeping) -> Outcome<Box<dyn Contender>>;

    /// Whether entries can be read by their index.
    fn can_read(&self) -> bool {
        true
    }
}

/// An open log. It is closed, cleanly, when it is dropped.
pub trait Contender {
    /// Appends entries, and returns once all of them are durable.
    ///
    /// # Errors
    /// Those of the log.
    fn write(&mut self, entries: u64) -> Outcome;

    /// Appends entries that need not be durable before the next [`write`](Self::write).
    ///
    /// # Errors
    /// Those of the log.
    fn append(&mut self, entries: u64) -> Outcome;

    /// Keeps so many entries under way, each made durable and told on its own, for so long and until all have ended.
    ///
    /// # Errors
    /// Those of the log.
    fn in_flight(&mut self, in_flight: u64, length: Duration) -> Outcome<Round>;

    /// Reads `count` entries from the index `first` on; gives how many there were.
    ///
    /// # Errors
    /// Those of the log, and where it cannot read.
    fn read(&self, first: u64, count: u64) -> Outcome<u64>;

    /// What is to be known of it after it was measured.
    fn remark(&self) -> Option<String> {
        None
    }
}
