//! How fast raft-log is: each row is some work, done by the log and by a bare loop over the same disk, in turns.
//!
//! - `limit`: the bare loop; it shares no code with the log
//! - `steady_log`: the log, with a past and purging as it goes
//! - `window`: how a writer keeps a number of flushes under way
//! - `round`: doing one thing for a fixed time, and what came of it
//! - `row`: the rows; rounds of both sides in turns, and what they say together
//! - `statistics`: medians, spreads and percentiles
//! - `report`: the table and the JSON
//!
//! Here is the command line only.

mod limit;
mod report;
mod round;
mod row;
mod statistics;
mod steady_log;
mod window;

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::limit::Limit;
use crate::report::Report;
use crate::row::{Row, Work};
use crate::steady_log::SteadyLog;

/// The error is text for the person at the terminal.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The bytes of an entry's payload.
const PAYLOAD_BYTES: usize = 256;

/// Measure how fast the log is, each time against a bare loop over the same disk
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Cli {
    /// Few and short rounds: to see that it works, not for figures
    #[arg(long)]
    quick: bool,
    /// How many rounds each row has [default: 9, or 3 with --quick]
    #[arg(long, value_name = "N")]
    rounds: Option<NonZeroUsize>,
    /// Only this row; may be given several times
    #[arg(long = "row", value_name = "ROW")]
    rows: Vec<Work>,
    /// Where to work: a new directory is made in this one, and removed in the end. It should be on the disk that is
    /// to be measured [default: beside this program]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Write the report to this file, too, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Outcome {
    let (rounds, length) =
        if cli.quick { (3, Duration::from_millis(200)) } else { (9, Duration::from_millis(700)) };
    let rounds = cli.rounds.map_or(rounds, NonZeroUsize::get);
    let parent = match &cli.dir {
        Some(parent) => parent.clone(),
        // Not the system's directory for temporary files: that is often memory, where a sync costs nothing.
        None => std::env::current_exe()?.parent().ok_or("this program lies in no directory")?.to_owned(),
    };
    let directory = tempfile::Builder::new().prefix("raft-log-bench-").tempdir_in(&parent)?;
    println!(
        "{rounds} rounds of {:.1} s for each side of each row, in {}",
        length.as_secs_f64(),
        parent.display()
    );

    let payload = vec![0x5a; PAYLOAD_BYTES];
    let mut limit = Limit::new(&directory.path().join("limit"), &payload)?;
    let mut log = SteadyLog::new(&directory.path().join("log"), payload)?;
    let mut report = Report::new(rounds, length);
    println!("{}", Report::heading());
    let is_wanted = |work: &Work| cli.rows.is_empty() || cli.rows.contains(work);
    for work in Work::value_variants().iter().copied().filter(is_wanted) {
        let row = Row::measure(work, &mut limit, &mut log, rounds, length)?;
        println!("{}", Report::line(&row));
        report.rows.push(row);
    }
    if let Some(file) = &cli.json {
        std::fs::write(file, format!("{:#}\n", report.json()))?;
    }
    Ok(())
}
