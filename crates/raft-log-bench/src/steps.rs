//! Laying space: what the steps cost in latency and in bytes written, while a new log grows.

use std::cell::Cell;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use raft_log::RaftLog;
use rustix::fs::{major, minor};

use crate::Outcome;
use crate::contender::{Contender, Keeping};
use crate::payload::Payload;
use crate::plan::{Plan, remove_files};
use crate::raft_log_peer::{OpenLog, config};
use crate::round::Round;
use crate::row::{Row, Unit};
use crate::table::thousands;
use crate::writing::{Runner, sides};

/// The steps; the default is among them.
const STEPS: [(&str, u64); 6] = [
    ("step 0", 0),
    ("step 64 KiB", 64 << 10),
    ("step 256 KiB", 256 << 10),
    ("step 1 MiB", 1 << 20),
    ("step 4 MiB", 4 << 20),
    ("step 16 MiB", 16 << 20),
];

/// How many entries are synced at once.
pub(crate) const BATCHES: [u64; 3] = [1, 100, 1_000];

/// The same log with one step after the other, new in each round.
pub(crate) fn measure(plan: &Plan<'_>, batch: u64) -> Outcome<Row> {
    let payload = Payload::Incompressible.bytes(256);
    let keeping = Keeping { payload, alive: None, is_cold: false };
    let directory = &plan.fresh_directory("steps")?;
    let written = STEPS.map(|_| Written::default());
    let runner = |((name, step), written)| {
        let keeping = &keeping;
        Runner::new(name, move || round(plan, directory, keeping, step, batch, written))
    };
    let mut runners: Vec<Runner<'_>> = STEPS.into_iter().zip(&written).map(runner).collect();
    for _ in 0..plan.rounds {
        runners.iter_mut().try_for_each(Runner::run)?;
    }
    let mut sides = sides(runners, true);
    for (side, written) in sides.iter_mut().zip(&written) {
        side.remark = written.remark();
    }
    let batches = match batch {
        1 => "one by one, each synced".to_owned(),
        _ => format!("batches of {}, one sync each", thousands(batch as f64)),
    };
    let work = format!("{batches}, 256 B, into a new log, by the step in which space is laid");
    Ok(Row { work, unit: Unit::EntriesPerSecond, sides, musts: Vec::new() })
}

/// A round with a new log, whose files are removed again.
fn round(
    plan: &Plan<'_>,
    directory: &Path,
    keeping: &Keeping,
    step: u64,
    batch: u64,
    written: &Written,
) -> Outcome<Round> {
    let mut config = config(directory, false);
    config.chunk.space_step = step;
    let mut log = OpenLog::new(RaftLog::open(config)?, keeping);
    let before = written_bytes(directory);
    let round = Round::run(plan.length, batch, |entries| log.write(entries))?;
    if let (Some(before), Some(after)) = (before, written_bytes(directory)) {
        written.disk.set(written.disk.get() + after.saturating_sub(before));
        written.frames.set(written.frames.get() + log.log.stats().appended_bytes);
    }
    drop(log);
    remove_files(directory)?;
    Ok(round)
}

/// The bytes that all rounds with a step wrote.
#[derive(Default)]
struct Written {
    disk: Cell<u64>,
    frames: Cell<u64>,
}

impl Written {
    fn remark(&self) -> Option<String> {
        let ratio = self.disk.get() as f64 / self.frames.get() as f64;
        (self.disk.get() > 0).then(|| format!("{ratio:.2} bytes written for one"))
    }
}

/// What was written so far to the disk that `directory` is on, by whomever. Linux tells, where it is one disk.
fn written_bytes(directory: &Path) -> Option<u64> {
    let device = std::fs::metadata(directory).ok()?.dev();
    let path = format!("/sys/dev/block/{}:{}/stat", major(device), minor(device));
    let sectors = std::fs::read_to_string(path).ok()?.split_whitespace().nth(6)?.parse::<u64>().ok()?;
    Some(sectors * 512)
}
