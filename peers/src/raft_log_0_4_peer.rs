//! raft-log 0.4.6 from the registry: callbacks, one flush thread. It waits a millisecond for company by default, which
//! suits many entries under way, and is switched off where one is written after the other.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use raft_log_0_4::api::raft_log_writer::RaftLogWriter;
use raft_log_0_4::chunked_wal::Callback;
use raft_log_0_4::{Config, RaftLog, Types};
use raft_log_bench::{Contender, Flight, Keeping, Outcome, Peer, Round, Window};

pub(crate) struct RaftLog04;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct PeerTypes;

/// What waits for a flush.
enum Done {
    Channel(std::sync::mpsc::SyncSender<io::Result<()>>),
    Flight(Flight),
}

impl Callback for Done {
    fn send(self, outcome: io::Result<()>) {
        match self {
            Self::Channel(sender) => drop(sender.send(outcome)),
            Self::Flight(flight) => flight.end(outcome),
        }
    }
}

impl Types for PeerTypes {
    type LogId = (u64, u64);
    type LogPayload = Vec<u8>;
    type Vote = (u64, u64);
    type UserData = String;
    type Callback = Done;

    fn log_index(log_id: &Self::LogId) -> u64 {
        log_id.1
    }

    fn payload_size(payload: &Self::LogPayload) -> u64 {
        payload.len() as u64
    }
}

struct Open {
    log: RaftLog<PeerTypes>,
    keeping: Keeping,
    first: u64,
    next: u64,
    directory: PathBuf,
    /// The one for entries under way, once there are any.
    grouping: Option<Box<Open>>,
}

impl Open {
    fn new(directory: &Path, keeping: &Keeping, wait: Option<Duration>) -> Outcome<Self> {
        std::fs::create_dir_all(directory)?;
        let mut config = Config::new(directory.display());
        config.wal.flush_batch_wait = wait;
        if keeping.is_cold {
            config.log_cache_max_items = Some(1);
        }
        let log = RaftLog::open(Arc::new(config))?;
        let next = log.log_state().last().map_or(1, |id: &(u64, u64)| id.1 + 1);
        if keeping.is_cold {
            log.drain_cache_evictable();
        }
        let (directory, keeping) = (directory.to_owned(), keeping.clone());
        Ok(Self { log, keeping, first: 1, next, directory, grouping: None })
    }
}

impl Peer for RaftLog04 {
    fn name(&self) -> &str {
        "raft-log 0.4.6"
    }

    fn open(&self, directory: &Path, keeping: &Keeping) -> Outcome<Box<dyn Contender>> {
        Ok(Box::new(Open::new(directory, keeping, Some(Duration::ZERO))?))
    }
}

impl Contender for Open {
    fn write(&mut self, entries: u64) -> Outcome {
        self.append(entries)?;
        let (sender, receiver) = sync_channel(1);
        self.log.flush(true, Some(Done::Channel(sender)))?;
        Ok(receiver.recv()??)
    }

    fn append(&mut self, entries: u64) -> Outcome {
        let end = self.next + entries;
        let payload = &self.keeping.payload;
        self.log.append((self.next..end).map(|index| ((1, index), payload.to_vec())))?;
        self.next = end;
        if let Some(alive) = self.keeping.alive
            && self.next - self.first >= alive + alive / 10
        {
            self.first = self.next - alive;
            self.log.purge((1, self.first - 1))?;
        }
        Ok(())
    }

    fn in_flight(&mut self, in_flight: u64, length: Duration) -> Outcome<Round> {
        let grouping = match &mut self.grouping {
            Some(grouping) => grouping,
            none => {
                let directory = self.directory.with_extension("grouping");
                none.insert(Box::new(Self::new(&directory, &self.keeping, None)?))
            }
        };
        let mut window = Window::new(in_flight);
        let mut round = Round::run(length, in_flight, |entries| {
            for _ in 0..entries {
                let flight = window.begin()?;
                grouping.append(1)?;
                grouping.log.flush(true, Some(Done::Flight(flight)))?;
            }
            Ok(())
        })?;
        window.drain()?;
        round.end_now();
        Ok(round)
    }

    fn read(&self, first: u64, count: u64) -> Outcome<u64> {
        let mut read = 0;
        for entry in self.log.read(first, first + count) {
            std::hint::black_box(entry?);
            read += 1;
        }
        Ok(read)
    }
}
