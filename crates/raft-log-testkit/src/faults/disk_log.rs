//! What the fault suite asks of a log, and how a [`RaftLog`] answers.

use std::sync::Arc;

use raft_log::{
    Config, Entry, FlushError, PlainTypes, RaftLog, RaftLogState, RaftLogWriter, Record, Storage, WriteError,
};

use crate::{SimulatedDisk, write_records};

/// A log's state and its live entries.
pub type Contents = (RaftLogState<PlainTypes>, Vec<Entry<PlainTypes>>);

/// A log that keeps its records on a [`SimulatedDisk`].
pub trait DiskLog {
    /// Writes one record, or several entries as one batch.
    ///
    /// # Errors
    /// When nothing of it has happened, nor will.
    fn write(&mut self, records: Vec<Record<PlainTypes>>) -> Result<(), String>;

    /// Waits until everything is durable.
    ///
    /// # Errors
    /// When it may not be.
    fn sync(&mut self) -> Result<(), String>;

    /// Has `done` told when everything written before is durable, and whether it is.
    fn flush(&mut self, done: Box<dyn FnOnce(Result<(), String>) + Send>);

    /// Ends the log in an orderly way.
    ///
    /// # Errors
    /// When something may not be durable.
    fn close(&mut self) -> Result<(), String>;

    /// The state and all live entries.
    ///
    /// # Errors
    /// When an entry cannot be read.
    fn contents(&self) -> Result<Contents, String>;

    /// How the end was found when the log was opened, in a few words: cases are counted by it.
    fn how_it_ended(&self) -> &'static str {
        "opened"
    }
}

/// Opens a log on a disk.
pub trait Opener: Sync {
    /// The log.
    type Log: DiskLog;

    /// Opens it.
    ///
    /// # Errors
    /// When the disk does not hold a log.
    fn open(&self, disk: &SimulatedDisk) -> Result<Self::Log, String>;
}

impl Opener for Config {
    type Log = RaftLog<PlainTypes>;

    fn open(&self, disk: &SimulatedDisk) -> Result<Self::Log, String> {
        let storage: Arc<dyn Storage> = Arc::new(disk.clone());
        RaftLog::open_on(self.clone(), storage).map_err(|error| in_full(&error))
    }
}

impl DiskLog for RaftLog<PlainTypes> {
    fn write(&mut self, records: Vec<Record<PlainTypes>>) -> Result<(), String> {
        write_records(self, records).map_err(|error: WriteError<PlainTypes>| in_full(&error))
    }

    fn sync(&mut self) -> Result<(), String> {
        RaftLogWriter::sync(self).map_err(|error| in_full(&error))
    }

    fn flush(&mut self, done: Box<dyn FnOnce(Result<(), String>) + Send>) {
        RaftLogWriter::flush(self, |outcome: Result<(), FlushError>| {
            done(outcome.map_err(|error| in_full(&error)));
        });
    }

    fn close(&mut self) -> Result<(), String> {
        RaftLog::close(self).map_err(|error| in_full(&error))
    }

    fn contents(&self) -> Result<Contents, String> {
        let entries = self.read(..).map_err(|error| in_full(&error))?;
        Ok((self.state(), entries))
    }

    fn how_it_ended(&self) -> &'static str {
        let report = self.report();
        match report.end {
            None => "no chunk yet",
            Some(_) if report.torn_tail.is_some() => "the end is at X, and an unfinished write behind it",
            Some(_) if report.scanned_chunks < report.chunks => "the end is at X, footers believed",
            Some(_) => "the end is at X, all scanned",
        }
    }
}

/// An error with its causes.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}
