//! How fast raft-log is: each row is some work, done by the log and by a bare loop over the same disk, in turns; and by
//! whatever other logs take part.
//!
//! - `limit`, `limit_fresh`, `limit_read`: the bare loops; they share no code with the log
//! - `contender`: what is asked of a log that takes part; `raft_log_peer`: this one
//! - `window`: how a writer keeps a number of flushes under way
//! - `round`: doing one thing for a fixed time, and what came of it
//! - `writing`, `steps`, `opening`, `reading`, `memory`, `length`, `beside`: the rows
//! - `row`, `statistics`: what was measured, and what must hold of it
//! - `run`, `table`, `page`, `chart`: how it is kept and shown
//!
//! Here is the command line only.

mod beside;
mod chart;
mod contender;
mod length;
mod limit;
mod limit_fresh;
mod limit_read;
mod memory;
mod opening;
mod page;
mod payload;
mod plan;
mod processor;
mod raft_log_peer;
mod reading;
mod round;
mod row;
mod run;
mod statistics;
mod steps;
mod table;
mod window;
mod writing;

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

pub use crate::contender::{Contender, Keeping, Peer};
pub use crate::round::Round;
pub use crate::window::{Flight, Window};

use crate::plan::Plan;
use crate::row::Row;
use crate::run::Run;
use crate::writing::{Field, WORKS, Work};

/// The error is text for the person at the terminal.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Measure how fast the log is, each time against a bare loop over the same disk
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Cli {
    /// Few and short rounds, and less of everything: to see that it works, not for figures
    #[arg(long)]
    quick: bool,
    /// How many rounds each row has [default: 9, or 3 with --quick]
    #[arg(long, value_name = "N")]
    rounds: Option<NonZeroUsize>,
    /// Only this part; may be given several times
    #[arg(long = "only", value_name = "PART")]
    parts: Vec<Part>,
    /// Where to work: a new directory is made in this one, and removed in the end. It should be on the disk that is
    /// to be measured [default: beside this program]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Write what was measured to this file, too, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the page about it, benchmarks.md, and its charts into this directory [default: docs]
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "docs")]
    report: Option<PathBuf>,
    /// Fail if a bound is missed
    #[arg(long)]
    strict: bool,
    /// Only measure, in this process, the memory for so many entries
    #[arg(long, hide = true, value_name = "ENTRIES")]
    memory_of: Option<u64>,
}

/// The parts of a run, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Entries of 256 bytes made durable: the rows that have bounds
    Writing,
    /// The same into a new log, that has nothing to reuse
    Fresh,
    /// Steps of other sizes in which a new log lays its space
    Steps,
    /// Entries of other sizes
    Sizes,
    /// Opening
    Opening,
    /// Reading from files and from the cache
    Reading,
    /// Memory for each entry
    Memory,
    /// Short and long logs
    Length,
    /// Readers beside a writer
    Beside,
}

/// Reads the command line, and measures. `peers` take part beside raft-log.
pub fn main_with(peers: Vec<Box<dyn Peer>>) -> ExitCode {
    match run(&Cli::parse(), &peers) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli, peers: &[Box<dyn Peer>]) -> Outcome {
    if let (Some(entries), Some(directory)) = (cli.memory_of, &cli.dir) {
        println!("{}", memory::bytes_per_entry(directory, entries)?);
        return Ok(());
    }
    let (rounds, length) = if cli.quick { (3, 100) } else { (9, 400) };
    let parent = match &cli.dir {
        Some(parent) => parent.clone(),
        // Not the system's directory for temporary files: that is often memory, where a sync costs nothing.
        None => std::env::current_exe()?.parent().ok_or("this program lies in no directory")?.to_owned(),
    };
    let directory = tempfile::Builder::new().prefix("raft-log-bench-").tempdir_in(&parent)?;
    let plan = Plan {
        rounds: cli.rounds.map_or(rounds, NonZeroUsize::get),
        length: Duration::from_millis(length),
        is_quick: cli.quick,
        directory: directory.path().to_owned(),
        peers,
    };
    println!("{} rounds of {length} ms for each side of each row, in {}", plan.rounds, parent.display());

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let peers_flag = if peers.is_empty() { "" } else { " --peers" };
    let command = format!("cargo xtask bench{peers_flag} {}", arguments.join(" ")).trim_end().to_owned();
    let names = peers.iter().map(|peer| peer.name().to_owned()).collect();
    let mut run = Run::begin(command, names, plan.rounds, length as f64 / 1000.0)?;
    for part in Part::value_variants() {
        if cli.parts.is_empty() || cli.parts.contains(part) {
            part.measure(&plan, &mut |row| {
                print!("{}", table::lines(&row));
                run.rows.push(row);
            })?;
        }
    }

    let (met, all) = table::sum(&run.rows);
    println!("\n{met} of {all} bounds hold");
    if let Some(file) = &cli.json {
        std::fs::write(file, serde_json::to_string_pretty(&run)? + "\n")?;
    }
    if let Some(docs) = &cli.report {
        page::write(&run, docs)?;
    }
    if cli.strict && met < all {
        return Err("not every bound holds".into());
    }
    Ok(())
}

impl Part {
    fn measure(self, plan: &Plan<'_>, put: &mut dyn FnMut(Row)) -> Outcome {
        match self {
            Self::Writing | Self::Sizes => {
                let mut field: Option<(usize, payload::Payload, Field)> = None;
                for (work, size, kind) in WORKS {
                    if (self == Self::Writing) != (size == 256) {
                        continue;
                    }
                    if field.as_ref().is_none_or(|(of, like, _)| (*of, *like) != (size, kind)) {
                        // The directories of the one before are given up first.
                        drop(field.take());
                        field = Some((size, kind, Field::new(plan, size, kind)?));
                    }
                    if let Some((_, _, field)) = &mut field {
                        put(plan.quietest(|| field.measure(plan, work))?);
                    }
                }
            }
            Self::Fresh => {
                for work in [Work::OneByOne, Work::Batches] {
                    put(plan.quietest(|| writing::fresh(plan, work))?);
                }
            }
            Self::Steps => {
                for batch in steps::BATCHES {
                    put(steps::measure(plan, batch)?);
                }
            }
            Self::Opening => put(plan.quietest(|| opening::measure(plan))?),
            Self::Reading => {
                reading::cold(plan)?.into_iter().for_each(&mut *put);
                put(reading::hot(plan)?);
            }
            Self::Memory => put(memory::measure(plan)?),
            Self::Length => length::measure(plan)?.into_iter().for_each(put),
            Self::Beside => {
                beside::throughput(plan)?.into_iter().for_each(&mut *put);
                put(beside::slow_disk(plan)?);
            }
        }
        Ok(())
    }
}
