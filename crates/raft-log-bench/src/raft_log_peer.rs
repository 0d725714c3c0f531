//! raft-log as it is measured: what is done to it is what an application would do, through the public interface and with
//! the default settings.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use raft_log::{Config, PlainTypes, RaftLog, RaftLogReader, RaftLogWriter, TermIndex};

use crate::Outcome;
use crate::contender::{Contender, Keeping, Peer};
use crate::payload::Received;
use crate::round::Round;
use crate::window::Window;

/// This log.
pub(crate) struct RaftLogPeer;

/// Of the entries that are to stay alive, a part this large is purged at once.
const PURGED_PART: u64 = 10;

/// Readers ask for entries in pieces of about this many bytes, as an engine does.
const READ_BYTES: u64 = 1 << 20;

/// A log that is open, and where it stands.
pub(crate) struct OpenLog {
    pub(crate) log: RaftLog<PlainTypes>,
    reader: RaftLogReader<PlainTypes>,
    payload: Bytes,
    /// Where payloads come from, if they are not to be one that all share.
    received: Option<Received>,
    alive: Option<u64>,
    /// The index of the first entry that is not purged.
    first: u64,
    /// The index of the next entry.
    next: u64,
}

/// The settings for a log that is kept so.
pub(crate) fn config(directory: &Path, is_cold: bool) -> Config {
    let mut config = Config::new(directory);
    if is_cold {
        config.log_cache_max_items = 0;
    }
    config
}

impl OpenLog {
    /// Goes on with a log.
    pub(crate) fn new(log: RaftLog<PlainTypes>, keeping: &Keeping) -> Self {
        let held = log.reader().indexes();
        let (first, next) = if held.is_empty() { (1, 1) } else { (held.start, held.end) };
        let reader = log.reader();
        Self {
            log,
            reader,
            payload: keeping.payload.clone(),
            received: None,
            alive: keeping.alive,
            first,
            next,
        }
    }

    /// From now on each entry has bytes of its own.
    pub(crate) fn receive(&mut self) {
        self.received = Some(Received::new(self.payload.clone()));
    }
}

impl Peer for RaftLogPeer {
    fn name(&self) -> &str {
        "raft-log"
    }

    fn open(&self, directory: &Path, keeping: &Keeping) -> Outcome<Box<dyn Contender>> {
        let log = RaftLog::open(config(directory, keeping.is_cold))?;
        Ok(Box::new(OpenLog::new(log, keeping)))
    }
}

impl Contender for OpenLog {
    fn write(&mut self, entries: u64) -> Outcome {
        self.append(entries)?;
        self.log.sync()?;
        Ok(())
    }

    fn append(&mut self, entries: u64) -> Outcome {
        let end = self.next + entries;
        let (payload, received) = (&self.payload, &mut self.received);
        self.log.append((self.next..end).map(|index| {
            let payload = received.as_mut().map_or_else(|| payload.clone(), Received::next);
            (TermIndex::new(1, index), payload)
        }))?;
        self.next = end;
        if let Some(alive) = self.alive
            && self.next - self.first >= alive + alive / PURGED_PART
        {
            self.first = self.next - alive;
            self.log.purge(TermIndex::new(1, self.first - 1))?;
        }
        Ok(())
    }

    fn in_flight(&mut self, in_flight: u64, length: Duration) -> Outcome<Round> {
        let mut window = Window::new(in_flight);
        let mut round = Round::run(length, in_flight, |entries| {
            for _ in 0..entries {
                let flight = window.begin()?;
                self.append(1)?;
                self.log.flush(move |outcome| flight.end(outcome));
            }
            Ok(())
        })?;
        window.drain()?;
        round.end_now();
        Ok(round)
    }

    fn read(&self, first: u64, count: u64) -> Outcome<u64> {
        if count == 1 {
            self.log.entry(first)?;
            return Ok(1);
        }
        let (mut at, end) = (first, first + count);
        while at < end {
            let entries = self.reader.read_limited(at, end, READ_BYTES)?;
            if entries.is_empty() {
                break;
            }
            at += entries.len() as u64;
        }
        Ok(at - first)
    }

    fn remark(&self) -> Option<String> {
        let reused = self.log.wal().chunks_reused();
        self.alive.map(|_| format!("{reused} chunks made of purged ones"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_its_number_of_entries_through_every_kind_of_work() {
        let directory = tempfile::tempdir().unwrap();
        let keeping = Keeping { payload: Bytes::from_static(b"x"), alive: Some(10_000), is_cold: false };
        let log = RaftLog::open(directory.path().join("log")).unwrap();
        let mut log = OpenLog::new(log, &keeping);
        for _ in 0..30 {
            log.write(1_000).unwrap();
            log.in_flight(10, Duration::from_millis(1)).unwrap();
            log.append(1).unwrap();
        }
        let held = log.log.reader().indexes();
        assert_eq!((held.start, held.end), (log.first, log.next));
        let count = held.end - held.start;
        assert!((10_000..11_000).contains(&count), "{count}");
        assert_eq!(log.read(held.start, count).unwrap(), count);
    }
}
