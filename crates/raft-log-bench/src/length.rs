//! What operations cost on a short log and on a long one: processor time, and calls on the storage.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use raft_log::{PlainTypes, RaftLog, RaftLogWriter, TermIndex};
use raft_log_chunk::DirectoryStorage;
use raft_log_testkit::WatchedStorage;

use crate::Outcome;
use crate::contender::{Contender, Keeping};
use crate::plan::Plan;
use crate::processor::process_nanos;
use crate::raft_log_peer::{OpenLog, config};
use crate::row::{Bound, Must, Row, Side, Unit};
use crate::table::thousands;
use crate::writing::timed;

const SHORT: u64 = 10_000;
const LONG: u64 = 10_000_000;
/// A log may cost so much more when it is long.
const FACTOR: f64 = 1.1;

/// What is counted.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Append,
    Sync,
    Purge,
    Truncate,
}

impl Operation {
    const ALL: [Self; 4] = [Self::Append, Self::Sync, Self::Purge, Self::Truncate];

    fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Sync => "append and sync",
            Self::Purge => "purge of an entry",
            Self::Truncate => "append and truncate",
        }
    }

    /// How often it is done in a round.
    fn count(self) -> u64 {
        match self {
            Self::Append => 50_000,
            Self::Sync => 500,
            Self::Purge | Self::Truncate => 1_000,
        }
    }
}

/// A log whose calls on the storage are counted.
struct Counted {
    log: RaftLog<PlainTypes>,
    calls: Arc<AtomicU64>,
    payload: Bytes,
    next: u64,
    purged: u64,
}

impl Counted {
    fn open(directory: &Path) -> Outcome<Self> {
        let storage = WatchedStorage::new(DirectoryStorage::open(directory)?);
        let calls = Arc::new(AtomicU64::new(0));
        let counter = calls.clone();
        storage.watch(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let log = RaftLog::open_on(config(directory, false), Arc::new(storage))?;
        let next = log.reader().indexes().end;
        Ok(Self { log, calls, payload: Bytes::from_static(b"8 bytes."), next, purged: 0 })
    }

    fn append(&mut self) -> Outcome {
        self.log.append([(TermIndex::new(1, self.next), self.payload.clone())])?;
        self.next += 1;
        Ok(())
    }

    fn run(&mut self, operation: Operation) -> Outcome {
        match operation {
            Operation::Append => self.append(),
            Operation::Sync => {
                self.append()?;
                Ok(self.log.sync()?)
            }
            Operation::Purge => {
                self.purged += 1;
                Ok(self.log.purge(TermIndex::new(1, self.purged))?)
            }
            Operation::Truncate => {
                self.append()?;
                self.next -= 1;
                Ok(self.log.truncate(Some(TermIndex::new(1, self.next - 1)))?)
            }
        }
    }

    /// Processor time and calls, each for one of many operations and their share of the sync that ends them.
    fn cost_of(&mut self, operation: Operation) -> Outcome<(f64, f64)> {
        let (nanos, calls) = (process_nanos()?, self.calls.load(Ordering::Relaxed));
        for _ in 0..operation.count() {
            self.run(operation)?;
        }
        self.log.sync()?;
        let count = operation.count() as f64;
        let nanos = process_nanos()? - nanos;
        Ok((nanos as f64 / count, (self.calls.load(Ordering::Relaxed) - calls) as f64 / count))
    }
}

/// Measures it: for each operation the time and the calls, and how long the long log takes to open.
pub(crate) fn measure(plan: &Plan<'_>) -> Outcome<Vec<Row>> {
    let lengths = [SHORT, plan.scaled(LONG)];
    let mut logs = Vec::new();
    let mut opening = Side::new("raft-log after a close");
    for length in lengths {
        let directory = plan.fresh_directory(&format!("length-{length}"))?;
        let keeping = Keeping { payload: Bytes::from_static(b"8 bytes."), alive: None, is_cold: false };
        let mut log = OpenLog::new(RaftLog::open(config(&directory, false))?, &keeping);
        for _ in 0..length / 1_000 {
            log.write(1_000)?;
        }
        drop(log);
        if length != SHORT {
            for _ in 0..plan.rounds {
                let open = || Ok(RaftLog::<PlainTypes>::open(config(&directory, false))?);
                opening.rounds.push(timed(open)?.1.as_secs_f64());
            }
        }
        let mut log = Counted::open(&directory)?;
        // Both have a chunk of their own, and their cache is as full as it gets, before anything is counted.
        for _ in 0..200_000 {
            log.append()?;
        }
        log.log.sync()?;
        logs.push((format!("{} entries", thousands(length as f64)), log));
    }

    let mut rows = Vec::new();
    for operation in Operation::ALL {
        let mut times: Vec<Side> = logs.iter().map(|(name, _)| Side::new(name.clone())).collect();
        let mut calls = times.clone();
        for _ in 0..plan.rounds {
            for ((_, log), (time, call)) in logs.iter_mut().zip(times.iter_mut().zip(&mut calls)) {
                let (nanos, count) = log.cost_of(operation)?;
                time.rounds.push(nanos);
                call.rounds.push(count);
            }
        }
        for (unit, sides) in [(Unit::CpuNanos, times), (Unit::Calls, calls)] {
            let work = format!("{} on a short and on a long log", operation.name());
            let mut row = Row { work, unit, sides, musts: Vec::new() };
            if let [short, long] = row.sides.as_slice() {
                let value = if long.median() == 0.0 { 1.0 } else { long.ratio_to(short) };
                let what = format!("long in parts of short, {}", unit.name());
                row.musts.push(Must { what, value, bound: Bound::AtMost(FACTOR) });
            }
            rows.push(row);
        }
    }
    let work = format!("opening {} entries", thousands(plan.scaled(LONG) as f64));
    let mut row = Row { work, unit: Unit::Seconds, sides: vec![opening], musts: Vec::new() };
    row.must_be("raft-log after a close", Bound::AtMost(0.1));
    rows.push(row);
    Ok(rows)
}
