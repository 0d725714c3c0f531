//! `cargo xtask fuzz`: builds the fuzz targets and runs them, one after the other, each for a number of executions.
//!
//! The targets are in `fuzz/`, a workspace of its own; what they demand is in `raft_log_testkit::any_input`. A stable
//! toolchain is enough: the compiler flags for libFuzzer are all stable ones. The inputs in `fuzz/corpus` are read, and
//! only `--keep` adds to them.

mod build;
mod outcome;
mod table;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::{Args, ValueEnum};

use self::build::build;
use self::outcome::RunOutcome;
use self::table::table;
use crate::Outcome;

/// Feed bytes that nobody wrote to decoding, scanning, opening and dumping; needs a C++ compiler
#[derive(Args)]
pub(crate) struct Fuzz {
    /// Only this target; may be given several times [default: all]
    #[arg(long, value_enum)]
    target: Vec<Target>,
    /// How often each target is executed [default: decode 10,000,000, scan 2,000,000, open 300,000, dump 5,000]
    #[arg(long, value_name = "N")]
    runs: Option<u64>,
    /// Run each target for this long instead
    #[arg(long, value_name = "N", conflicts_with = "runs")]
    seconds: Option<u64>,
    /// Make the same choices as another run with this number [default: another one each time]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    seed: Option<u32>,
    /// Put inputs that reach code which no kept input reaches into fuzz/corpus
    #[arg(long)]
    keep: bool,
    /// Only execute this input, once: what a run has found, say
    #[arg(long, value_name = "FILE", conflicts_with_all = ["runs", "seconds", "seed", "keep"])]
    input: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// One stored thing: a record, a state, a frame, a header, a footer, a slot of DURABLE
    Decode,
    /// The chunks of a directory, scanned for frames
    Scan,
    /// A directory that is opened, written to, and opened again
    Open,
    /// A directory that the dump tool looks at
    Dump,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Scan => "scan",
            Self::Open => "open",
            Self::Dump => "dump",
        }
    }

    fn default_runs(self) -> u64 {
        match self {
            Self::Decode => 10_000_000,
            Self::Scan => 2_000_000,
            Self::Open => 300_000,
            // It waits before it calls a tail torn.
            Self::Dump => 5_000,
        }
    }
}

/// No input is made longer than this: directories are to be small, and many.
const INPUT_BYTES_MAX: u32 = 2048;
/// An input that takes longer than this is a find.
const SECONDS_PER_INPUT_MAX: u32 = 10;
const MEMORY_MIB_MAX: u32 = 1024;

impl Fuzz {
    /// Builds the targets, runs them, and prints the table.
    pub(crate) fn run(&self) -> Outcome {
        let root = workspace_root();
        let programs = build(&root)?;
        let targets = if self.target.is_empty() { Target::value_variants() } else { &self.target };
        if let Some(input) = &self.input {
            return execute_one(&programs, targets, input);
        }
        let mut rows = Vec::new();
        for target in targets {
            let outcome = self.run_target(&root, &programs, *target)?;
            if outcome.is_failure() {
                println!("{}", outcome.complaint(target.name()));
            }
            rows.push((target.name(), outcome));
        }
        print!("{}", table(&rows));
        let failed: Vec<&str> =
            rows.iter().filter(|(_, outcome)| outcome.is_failure()).map(|(name, _)| *name).collect();
        if failed.is_empty() {
            return Ok(());
        }
        Err(format!("found something in: {}", failed.join(", ")).into())
    }

    fn run_target(&self, root: &Path, programs: &Path, target: Target) -> Outcome<RunOutcome> {
        let name = target.name();
        let work = root.join("fuzz/target/corpus").join(name);
        let artifacts = root.join("fuzz/artifacts").join(name);
        let kept = root.join("fuzz/corpus").join(name);
        for directory in [&work, &artifacts, &kept] {
            fs::create_dir_all(directory)?;
        }
        let log_path = root.join("fuzz/target").join(format!("{name}.log"));
        let log = File::create(&log_path)?;

        let mut command = Command::new(programs.join(name));
        // What is new goes into the first.
        command.arg(&work).arg(&kept);
        match (self.seconds, self.runs) {
            (Some(seconds), _) => command.arg(format!("-max_total_time={seconds}")),
            (None, runs) => command.arg(format!("-runs={}", runs.unwrap_or(target.default_runs()))),
        };
        if let Some(seed) = self.seed {
            command.arg(format!("-seed={seed}"));
        }
        command.arg(format!("-max_len={INPUT_BYTES_MAX}"));
        command.arg(format!("-timeout={SECONDS_PER_INPUT_MAX}"));
        command.arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"));
        command.arg(format!("-artifact_prefix={}/", artifacts.display()));
        command.arg("-print_final_stats=1");
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        println!("{name}: running; see {}", log_path.display());
        let begin = Instant::now();
        let status = command.status()?;
        let seconds = begin.elapsed().as_secs_f64();
        let text = String::from_utf8_lossy(&fs::read(&log_path)?).into_owned();
        let outcome = RunOutcome::of(&text, status.success(), seconds);
        if self.keep && !outcome.is_failure() {
            keep(programs, name, &kept, &work)?;
        }
        Ok(outcome)
    }
}

/// Adds the fewest inputs that reach what those that are kept do not.
fn keep(programs: &Path, name: &str, kept: &Path, work: &Path) -> Outcome {
    let count = || -> Outcome<usize> { Ok(fs::read_dir(kept)?.count()) };
    let before = count()?;
    let mut command = Command::new(programs.join(name));
    // By edges alone: how often one was taken makes thousands of inputs differ.
    command.args(["-set_cover_merge=1", "-use_counters=0"]).arg(kept).arg(work);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if !status.success() {
        return Err(format!("the inputs of {name} could not be merged: {status}").into());
    }
    println!("{name}: {} inputs are kept, {} of them are new", count()?, count()? - before);
    Ok(())
}

/// Executes one input, with all that the target says.
fn execute_one(programs: &Path, targets: &[Target], input: &Path) -> Outcome {
    let [target] = targets else {
        return Err("name the target of the input: --target decode, scan, open or dump".into());
    };
    if !input.is_file() {
        return Err(format!("there is no file {}", input.display()).into());
    }
    let status = Command::new(programs.join(target.name())).arg(input).status()?;
    if status.success() { Ok(()) } else { Err(format!("the input breaks a promise: {status}").into()) }
}

fn workspace_root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}
