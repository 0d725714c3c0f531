//! The log as it is after a while: some chunks were filled, and old entries are purged as new ones come.
//!
//! What is done to it is what an application would do, through the public interface and with the default settings.

use std::path::Path;

use bytes::Bytes;
use raft_log::{PlainTypes, RaftLog, RaftLogWriter, TermIndex};

use crate::Outcome;
use crate::window::Window;

/// How many entries are kept at least.
const ENTRIES_KEPT: u64 = 100_000;

/// How many entries are purged at once.
const ENTRIES_PURGED: u64 = 10_000;

/// How many entries the log is given before it is measured: with the default settings, three chunks of them.
const ENTRIES_BEFORE: u64 = 700_000;

/// How many of these are appended and synced at once.
const ENTRIES_BEFORE_BATCH: u64 = 1_000;

/// A log that was in use, and goes on.
pub(crate) struct SteadyLog {
    log: RaftLog<PlainTypes>,
    payload: Bytes,
    /// The index of the first entry that is not purged.
    first: u64,
    /// The index of the next entry.
    next: u64,
}

impl SteadyLog {
    /// Makes a log, and fills it until it purges.
    pub(crate) fn new(directory: &Path, payload: Vec<u8>) -> Outcome<Self> {
        let mut log = Self { log: RaftLog::open(directory)?, payload: payload.into(), first: 1, next: 1 };
        for _ in 0..ENTRIES_BEFORE / ENTRIES_BEFORE_BATCH {
            log.write(ENTRIES_BEFORE_BATCH)?;
        }
        Ok(log)
    }

    /// Makes some entries durable, all at once.
    pub(crate) fn write(&mut self, entries: u64) -> Outcome {
        self.append(entries)?;
        self.log.sync()?;
        Ok(())
    }

    /// Submits some entries, each with a flush of its own.
    pub(crate) fn submit(&mut self, entries: u64, window: &mut Window) -> Outcome {
        for _ in 0..entries {
            let done = window.begin()?;
            self.append(1)?;
            self.log.flush(done);
        }
        Ok(())
    }

    fn append(&mut self, entries: u64) -> Outcome {
        let end = self.next + entries;
        // A term of 1 throughout; the payload's bytes are shared, as they would be with whoever sent them.
        let payload = &self.payload;
        self.log.append((self.next..end).map(|index| (TermIndex::new(1, index), payload.clone())))?;
        self.next = end;
        if self.next - self.first >= ENTRIES_KEPT + ENTRIES_PURGED {
            self.first = self.next - ENTRIES_KEPT;
            self.log.purge(TermIndex::new(1, self.first - 1))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_its_number_of_entries_through_every_kind_of_work() {
        let directory = tempfile::tempdir().unwrap();
        let mut steady = SteadyLog {
            log: RaftLog::open(directory.path().join("log")).unwrap(),
            payload: Bytes::from_static(b"x"),
            first: 1,
            next: 1,
        };
        let mut window = Window::new(256);
        for _ in 0..300 {
            steady.write(1_000).unwrap();
            steady.submit(10, &mut window).unwrap();
            steady.write(1).unwrap();
        }
        window.drain().unwrap();
        let held = steady.log.reader().indexes();
        assert_eq!((held.start, held.end), (steady.first, steady.next));
        let count = held.end - held.start;
        assert!((ENTRIES_KEPT..ENTRIES_KEPT + ENTRIES_PURGED).contains(&count), "{count}");
    }
}
