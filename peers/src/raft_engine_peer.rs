//! raft-engine 0.4.2: many groups in one log; a thread for each write under way, each with a group of its own, since
//! it groups what several threads write. Files are recycled; compression is on, as by default.

use std::path::Path;
use std::time::Duration;

use raft_engine::{Config, Engine, LogBatch, MessageExt, ReadableSize};
use raft_log_bench::{Contender, Keeping, Outcome, Peer, Round};
use raft_proto::eraftpb::Entry;

use crate::threads;

pub(crate) struct RaftEngine;

struct Entries;

impl MessageExt for Entries {
    type Entry = Entry;

    fn index(entry: &Entry) -> u64 {
        entry.index
    }
}

/// The group that is written by one thread and read.
const GROUP: u64 = 1;
/// The first of the groups that many threads write.
const THREAD_GROUPS: u64 = 1_000;

struct Open {
    engine: Engine,
    keeping: Keeping,
    first: u64,
    next: u64,
}

impl Peer for RaftEngine {
    fn name(&self) -> &str {
        "raft-engine 0.4.2"
    }

    fn open(&self, directory: &Path, keeping: &Keeping) -> Outcome<Box<dyn Contender>> {
        let config = Config {
            dir: directory.display().to_string(),
            enable_log_recycle: true,
            // Files are purged, and so recycled, as soon as the log is a little larger than what stays alive.
            purge_threshold: ReadableSize::mb(if keeping.alive.is_some() { 256 } else { 10_240 }),
            ..Config::default()
        };
        let engine = Engine::open(config)?;
        let next = engine.last_index(GROUP).map_or(1, |last| last + 1);
        Ok(Box::new(Open { engine, keeping: keeping.clone(), first: 1, next }))
    }
}

impl Open {
    fn entry(&self, index: u64) -> Entry {
        let mut entry = Entry::new();
        entry.term = 1;
        entry.index = index;
        entry.set_data(self.keeping.payload.to_vec().into());
        entry
    }

    fn put(&mut self, entries: u64, is_synced: bool) -> Outcome {
        let mut batch = LogBatch::with_capacity(1);
        let entries: Vec<Entry> = (self.next..self.next + entries).map(|index| self.entry(index)).collect();
        batch.add_entries::<Entries>(GROUP, &entries)?;
        self.engine.write(&mut batch, is_synced)?;
        self.next += entries.len() as u64;
        if let Some(alive) = self.keeping.alive
            && self.next - self.first >= alive + alive / 10
        {
            self.first = self.next - alive;
            self.engine.compact_to(GROUP, self.first);
            self.engine.purge_expired_files()?;
        }
        Ok(())
    }
}

impl Contender for Open {
    fn write(&mut self, entries: u64) -> Outcome {
        self.put(entries, true)
    }

    fn append(&mut self, entries: u64) -> Outcome {
        self.put(entries, false)
    }

    fn in_flight(&mut self, in_flight: u64, length: Duration) -> Outcome<Round> {
        let (engine, this) = (&self.engine, &*self);
        let round = threads::in_flight(in_flight, length, |thread| {
            let group = THREAD_GROUPS + thread;
            let index = engine.last_index(group).map_or(1, |last| last + 1);
            let mut batch = LogBatch::with_capacity(1);
            let written = batch.add_entries::<Entries>(group, &[this.entry(index)]);
            written.and_then(|()| engine.write(&mut batch, true)).map(drop).map_err(|error| error.to_string())
        })?;
        for group in THREAD_GROUPS..THREAD_GROUPS + in_flight {
            if let Some(last) = self.engine.last_index(group) {
                self.engine.compact_to(group, last);
            }
        }
        self.engine.purge_expired_files()?;
        Ok(round)
    }

    fn read(&self, first: u64, count: u64) -> Outcome<u64> {
        let mut entries = Vec::new();
        let read =
            self.engine.fetch_entries_to::<Entries>(GROUP, first, first + count, None, &mut entries)?;
        std::hint::black_box(entries);
        Ok(read as u64)
    }
}
