//! Writing: entries made durable one by one, in flight, in batches and in bulk, by everybody in turns.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::Outcome;
use crate::contender::{Contender, Keeping, Peer};
use crate::limit::Limit;
use crate::limit_fresh::{FreshLimit, Space};
use crate::payload::Payload;
use crate::plan::{Plan, remove_files};
use crate::raft_log_peer::RaftLogPeer;
use crate::round::Round;
use crate::row::{Bound, Row, Side, Unit};
use crate::statistics::Latency;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Every entry is synced before the next one.
    OneByOne,
    /// A number of entries are under way, each with its own callback.
    InFlight(u64),
    /// A batch of entries, and one sync for it.
    Batches,
    /// Entries appended in batches, and one sync in the end.
    Bulk,
}

/// A batch of small entries.
const BATCH_ENTRIES: u64 = 1_000;
/// A batch of large entries has no more bytes than this.
const BATCH_BYTES: u64 = 4 << 20;
/// What is appended in bulk before the one sync.
const BULK_BYTES: u64 = 30 << 20;
/// Bytes of entries that stay alive in a log that purges as it goes.
const ALIVE_BYTES: u64 = 30 << 20;
/// Bytes that a log is given before it is measured: more than three chunks of the default size.
const BYTES_BEFORE: u64 = 210 << 20;
/// The bare loop's file.
const LIMIT_BYTES: u64 = 128 << 20;
/// What an entry takes beside its payload, about.
const HEAD_BYTES: u64 = 44;

impl Work {
    fn name(self) -> String {
        match self {
            Self::OneByOne => "one by one, each synced".to_owned(),
            Self::InFlight(count) => {
                format!("{} in flight, each told on its own", crate::table::thousands(count as f64))
            }
            Self::Batches => "batches of 1,000, one sync each".to_owned(),
            Self::Bulk => "in bulk, one sync at the end".to_owned(),
        }
    }

    /// How many entries the limit makes durable with one sync.
    fn entries(self, size: u64) -> u64 {
        let fitting = |entries: u64, bytes: u64| entries.min(bytes / (size + HEAD_BYTES)).max(1);
        match self {
            Self::OneByOne => 1,
            Self::InFlight(count) => fitting(count, BATCH_BYTES),
            Self::Batches => fitting(BATCH_ENTRIES, BATCH_BYTES),
            Self::Bulk => fitting(100_000, BULK_BYTES),
        }
    }

    fn round(self, log: &mut dyn Contender, size: u64, length: Duration) -> Outcome<Round> {
        let entries = self.entries(size);
        match self {
            Self::OneByOne | Self::Batches => Round::run(length, entries, |entries| log.write(entries)),
            Self::InFlight(_) => log.in_flight(entries, length),
            Self::Bulk => Round::run(length, entries, |entries| {
                let batch = Self::Batches.entries(size);
                for _ in 1..entries / batch {
                    log.append(batch)?;
                }
                log.write(batch + entries % batch)
            }),
        }
    }

    fn add_musts(self, row: &mut Row, size: usize) {
        if size != 256 {
            return;
        }
        let part = match self {
            Self::OneByOne | Self::Batches => 0.9,
            Self::InFlight(_) | Self::Bulk => 0.6,
        };
        row.must_reach("raft-log", Bound::AtLeast(part));
        if self == Self::OneByOne {
            row.must_be_even("raft-log", 1.5);
        }
    }
}

/// The works and sizes of a full run, 256 bytes first: those have bounds.
pub(crate) const WORKS: [(Work, usize, Payload); 16] = [
    (Work::OneByOne, 256, Payload::Incompressible),
    (Work::InFlight(256), 256, Payload::Incompressible),
    (Work::InFlight(4096), 256, Payload::Incompressible),
    (Work::Batches, 256, Payload::Incompressible),
    (Work::Bulk, 256, Payload::Incompressible),
    (Work::Batches, 256, Payload::TextLike),
    (Work::OneByOne, 64, Payload::Incompressible),
    (Work::InFlight(256), 64, Payload::Incompressible),
    (Work::Batches, 64, Payload::Incompressible),
    (Work::OneByOne, 4 << 10, Payload::Incompressible),
    (Work::InFlight(256), 4 << 10, Payload::Incompressible),
    (Work::Batches, 4 << 10, Payload::Incompressible),
    (Work::Batches, 4 << 10, Payload::TextLike),
    (Work::OneByOne, 64 << 10, Payload::Incompressible),
    (Work::InFlight(256), 64 << 10, Payload::Incompressible),
    (Work::Batches, 64 << 10, Payload::Incompressible),
];

/// One of those that take part, and what came of its rounds.
pub(crate) struct Runner<'a> {
    side: Side,
    /// Those of each round.
    latencies: Vec<Vec<Duration>>,
    round: Box<dyn FnMut() -> Outcome<Round> + 'a>,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(name: impl Into<String>, round: impl FnMut() -> Outcome<Round> + 'a) -> Self {
        Self { side: Side::new(name), latencies: Vec::new(), round: Box::new(round) }
    }

    /// Lets it do one round.
    pub(crate) fn run(&mut self) -> Outcome {
        let round = (self.round)()?;
        self.side.rounds.push(round.rate());
        self.latencies.push(round.latencies);
        Ok(())
    }
}

/// Everybody with logs in their steady state, and this log's limit. Made once for one kind of payload.
pub(crate) struct Field {
    payload: Bytes,
    title: String,
    limit: Limit,
    logs: Vec<(String, Box<dyn Contender>)>,
}

impl Field {
    /// Makes the logs, and gives each of them a past.
    pub(crate) fn new(plan: &Plan<'_>, size: usize, kind: Payload) -> Outcome<Self> {
        let payload = kind.bytes(size);
        let directory = plan.fresh_directory("writing")?;
        std::fs::create_dir(&directory)?;
        let frame = size as u64 + HEAD_BYTES;
        let keeping =
            Keeping { payload: payload.clone(), alive: Some((ALIVE_BYTES / frame).max(20)), is_cold: false };
        let batch = Work::Batches.entries(size as u64);
        let mut logs = Vec::new();
        for peer in [&RaftLogPeer as &dyn Peer].into_iter().chain(plan.peers.iter().map(|peer| &**peer)) {
            let mut log = peer.open(&directory.join(peer.name()), &keeping)?;
            for _ in 0..plan.scaled(BYTES_BEFORE) / frame / batch {
                log.write(batch)?;
            }
            logs.push((peer.name().to_owned(), log));
        }
        let limit = Limit::new(&directory.join("limit"), &payload, LIMIT_BYTES)?;
        let text = if kind == Payload::TextLike { ", like text" } else { "" };
        Ok(Self { payload, title: format!("{size} B{text}"), limit, logs })
    }

    /// Lets everybody do the work, in turns.
    pub(crate) fn measure(&mut self, plan: &Plan<'_>, work: Work) -> Outcome<Row> {
        let size = self.payload.len() as u64;
        let entries = work.entries(size);
        let Self { limit, logs, .. } = self;
        let mut runners = vec![Runner::new("limit", || {
            Round::run(plan.length, entries, |entries| Ok(limit.write(entries)?))
        })];
        for (name, log) in &mut *logs {
            runners.push(Runner::new(name.clone(), || work.round(&mut **log, size, plan.length)));
        }
        for _ in 0..plan.rounds {
            runners.iter_mut().try_for_each(Runner::run)?;
        }
        let has_latency = matches!(work, Work::OneByOne | Work::Batches);
        let mut sides = sides(runners, has_latency);
        for (side, (_, log)) in sides.iter_mut().skip(1).zip(logs) {
            side.remark = log.remark();
        }
        let unit = Unit::EntriesPerSecond;
        let mut row =
            Row { work: format!("{}, {}", work.name(), self.title), unit, sides, musts: Vec::new() };
        work.add_musts(&mut row, self.payload.len());
        Ok(row)
    }
}

/// What came of all rounds.
pub(crate) fn sides(runners: Vec<Runner<'_>>, has_latency: bool) -> Vec<Side> {
    let side = |runner: Runner<'_>| {
        if !has_latency {
            return runner.side;
        }
        let p99 = |round: &Vec<Duration>| Some(Latency::of(round.clone())?.p99.as_secs_f64());
        let p99s = runner.latencies.iter().filter_map(p99).collect();
        Side { latency: Latency::of(runner.latencies.concat()), p99s, ..runner.side }
    };
    runners.into_iter().map(side).collect()
}

/// A new log that keeps everything, against the best way to write into space that is new as well.
pub(crate) fn fresh(plan: &Plan<'_>, work: Work) -> Outcome<Row> {
    let payload = Payload::Incompressible.bytes(256);
    let entries = work.entries(256);
    let directory = plan.fresh_directory("fresh")?;
    std::fs::create_dir(&directory)?;
    let limit = |name: &str, space| -> Outcome<Runner<'_>> {
        let mut limit = FreshLimit::new(directory.join(name), space)?;
        let payload = payload.clone();
        let write = move |entries| Ok(limit.write(entries, &payload)?);
        let mut write = Box::new(write);
        Ok(Runner::new(name, move || Round::run(plan.length, entries, &mut write)))
    };
    let mut runners = vec![
        limit("limit, laid with zeros", Space::Laid)?,
        limit("limit, allocated", Space::Allocated)?,
        limit("limit, extended", Space::Extended)?,
    ];
    let keeping = Keeping { payload: payload.clone(), alive: None, is_cold: false };
    let path = directory.join("log");
    runners.push(Runner::new("raft-log", move || {
        let mut log = RaftLogPeer.open(&path, &keeping)?;
        // Opening and the first chunk are not what is measured.
        log.write(1)?;
        let round = work.round(&mut *log, 256, plan.length);
        drop(log);
        remove_files(&path)?;
        round
    }));
    for _ in 0..plan.rounds {
        runners.iter_mut().try_for_each(Runner::run)?;
    }
    let mut sides = sides(runners, true);
    // The best limit is the limit.
    sides.sort_by(|left, right| {
        let rank = |side: &Side| (!side.name.starts_with("limit"), -side.median());
        rank(left).partial_cmp(&rank(right)).unwrap_or(std::cmp::Ordering::Equal)
    });
    let mut row = Row {
        work: format!("{}, 256 B, into a new log", work.name()),
        unit: Unit::EntriesPerSecond,
        sides,
        musts: Vec::new(),
    };
    work.add_musts(&mut row, 256);
    Ok(row)
}

/// How long something took.
pub(crate) fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, Duration)> {
    let begin = Instant::now();
    let result = work()?;
    Ok((result, begin.elapsed()))
}

/// Fills a new log with so many entries, in batches that are durable each, and closes it.
pub(crate) fn fill(peer: &dyn Peer, directory: &Path, keeping: &Keeping, entries: u64) -> Outcome {
    let mut log = peer.open(directory, keeping)?;
    for _ in 0..entries / BATCH_ENTRIES {
        log.write(BATCH_ENTRIES)?;
    }
    Ok(())
}
