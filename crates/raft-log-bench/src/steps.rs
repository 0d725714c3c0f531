//! Laying space: what the steps cost in latency and in bytes written, while a new log grows.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use raft_log::RaftLog;
use rustix::fs::{major, minor};

use crate::Outcome;
use crate::contender::{Contender, Keeping};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::raft_log_peer::{OpenLog, config};
use crate::round::Round;
use crate::row::{Row, Side, Unit};
use crate::statistics::Latency;
use crate::table::thousands;

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

/// A step, and what came of its rounds.
struct Runner {
    step: u64,
    side: Side,
    latencies: Vec<Duration>,
    written_bytes: u64,
    frame_bytes: u64,
}

impl Runner {
    fn new((name, step): (&str, u64)) -> Self {
        Self { step, side: Side::new(name), latencies: Vec::new(), written_bytes: 0, frame_bytes: 0 }
    }

    /// A round with a new log, whose files are removed again.
    fn run(&mut self, plan: &Plan<'_>, directory: &Path, keeping: &Keeping, batch: u64) -> Outcome {
        let mut config = config(directory, false);
        config.chunk.space_step = self.step;
        let mut log = OpenLog::new(RaftLog::open(config)?, keeping);
        let before = written_bytes(directory);
        let round = Round::run(plan.length, batch, |entries| log.write(entries))?;
        if let (Some(before), Some(after)) = (before, written_bytes(directory)) {
            self.written_bytes += after.saturating_sub(before);
            self.frame_bytes += log.log.stats().appended_bytes;
        }
        drop(log);
        self.side.rounds.push(round.rate());
        self.latencies.extend(round.latencies);
        remove_files(directory)
    }

    fn end(self) -> Side {
        let ratio = self.written_bytes as f64 / self.frame_bytes as f64;
        let remark = (self.written_bytes > 0).then(|| format!("{ratio:.2} bytes written for one"));
        Side { latency: Latency::of(self.latencies), remark, ..self.side }
    }
}

/// The same log with one step after the other, new in each round.
pub(crate) fn measure(plan: &Plan<'_>, batch: u64) -> Outcome<Row> {
    let payload = Payload::Incompressible.bytes(256);
    let keeping = Keeping { payload, alive: None, is_cold: false };
    let directory = plan.fresh_directory("steps")?;
    let mut runners = STEPS.map(Runner::new);
    for _ in 0..plan.rounds {
        runners.iter_mut().try_for_each(|runner| runner.run(plan, &directory, &keeping, batch))?;
    }
    let batches = match batch {
        1 => "one by one, each synced".to_owned(),
        _ => format!("batches of {}, one sync each", thousands(batch as f64)),
    };
    let work = format!("{batches}, 256 B, into a new log, by the step in which space is laid");
    let sides = runners.map(Runner::end).into();
    Ok(Row { work, unit: Unit::EntriesPerSecond, sides, musts: Vec::new() })
}

/// What was written so far to the disk that `directory` is on, by whomever. Linux tells, where it is one disk.
fn written_bytes(directory: &Path) -> Option<u64> {
    let device = std::fs::metadata(directory).ok()?.dev();
    let path = format!("/sys/dev/block/{}:{}/stat", major(device), minor(device));
    let sectors = std::fs::read_to_string(path).ok()?.split_whitespace().nth(6)?.parse::<u64>().ok()?;
    Some(sectors * 512)
}

/// Empties the directory of a log. As those of a limit, its files come and go in one place: a file system may put each
/// directory's files elsewhere, and a disk that makes its space when it is first written is slow where nobody has been.
pub(crate) fn remove_files(directory: &Path) -> Outcome {
    for file in std::fs::read_dir(directory)? {
        std::fs::remove_file(file?.path())?;
    }
    Ok(())
}
