//! `cargo xtask demo`: the main job on real input. A text is logged line by line, the writer is killed again and again,
//! and every acknowledged line must be there afterwards.
//!
//! Here is the story only: [`writer`] is the process that is killed, [`round`] kills it and opens what it left,
//! [`compare`] judges, [`tear`](crate::tear) says where the kernel cuts a write, [`finale`] replaces and purges.
//! Nothing in it writes a file of the log but the log.

mod acknowledged;
mod compare;
mod finale;
mod input;
mod round;
mod summary;
mod writer;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

use clap::{Args, Subcommand};
use raft_log::{PlainTypes, RaftLogState, TornTail};
use tempfile::TempDir;

use self::acknowledged::Acknowledged;
use self::compare::{Verdict, Written};
use self::input::Input;
use self::round::{Kind, Round, Stage};
use self::summary::{Sum, Summary};
use crate::Outcome;
use crate::random::{Random, new_seed};

/// Log a text line by line while the writer is killed, and show that no acknowledged line is lost
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Demo {
    #[command(subcommand)]
    part: Option<Part>,
    /// The text whose lines are logged [default: a document of this repository]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// How often a writer is killed: odd rounds by SIGKILL, even rounds by the kernel in the middle of a write
    #[arg(long, default_value_t = 6)]
    rounds: u64,
    /// Keep the log in this directory, which must be empty or not there yet [default: a temporary one]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Choose the same groups, limits and moments as the run that printed this number
    #[arg(long)]
    seed: Option<u64>,
    /// How many bytes a chunk takes before the next is begun
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 10, value_parser = clap::value_parser!(u64).range(32 << 10..=1 << 30))]
    chunk_bytes: u64,
}

#[derive(Subcommand)]
enum Part {
    #[command(hide = true)]
    WriteUntilKilled(writer::WriteUntilKilled),
}

impl Demo {
    /// Plays the rounds and the finale, and prints what came of them.
    ///
    /// # Errors
    /// When anything was lost or wrong, or the demo cannot be played.
    pub(crate) fn run(&self) -> Outcome {
        if let Some(Part::WriteUntilKilled(writer)) = &self.part {
            return writer.run();
        }
        let input_path = match &self.input {
            Some(path) => path.clone(),
            None => input::default_path()?,
        };
        let input = Input::load(&input_path)?;
        let place = Place::choose(self.dir.as_deref())?;
        let seed = self.seed.unwrap_or_else(new_seed);
        println!(
            "input      {}, {} lines of at most {} bytes",
            input_path.display(),
            input.count(),
            input.longest()
        );
        println!("directory  {}", place.path().display());
        println!("seed       {seed}");
        let stage = Stage {
            input_path: &input_path,
            input: &input,
            directory: place.path(),
            chunk_bytes: self.chunk_bytes,
        };
        let outcome = self.play(&stage, &mut Random::new(seed));
        let advice = format!("again: cargo xtask demo --rounds {} --seed {seed}", self.rounds);
        match outcome {
            Ok(()) => {
                match &self.dir {
                    Some(dir) => println!("next: cargo xtask dump {}", dir.display()),
                    None => println!("next: cargo xtask demo --dir DIR, which keeps the log to look at"),
                }
                Ok(())
            }
            Err(error) => {
                let kept = place.keep();
                Err(format!("{error}\nthe log is kept in {}; {advice}", kept.display()).into())
            }
        }
    }

    fn play(&self, stage: &Stage<'_>, random: &mut Random) -> Outcome {
        let mut summary = Summary::default();
        let mut written = Written::default();
        let mut held = Acknowledged::default();
        let mut tail_before = None;
        for number in 1..=self.rounds {
            let kind = Kind::of(number);
            let begin = Instant::now();
            let round = round::play(stage, kind, number, held, &mut written, random)?;
            // A writer that dies before it makes a chunk of its own leaves the tail of the one before.
            let tail = round.report.torn_tail.filter(|tail| tail_before != Some(*tail));
            tail_before = round.report.torn_tail;
            show_round(number, kind, &round, tail);
            let sum = Sum {
                rounds: 1,
                acknowledged: round.promised.entries - held.entries,
                recovered: round.found.marks.entries.saturating_sub(held.entries),
                torn_tails: tail.is_some().into(),
                time: begin.elapsed(),
                open_max: round.report.elapsed,
                ..Sum::of(&round.verdict)
            };
            summary.add(kind.word(), &sum);
            // What was found when the log was opened is durable, and so promised from here on.
            held = round.found.marks;
        }
        let begin = Instant::now();
        let (end, verdict) = finale::play(stage, held, self.rounds + 1, &mut written)?;
        show_examples(&verdict);
        let grown = end.entries.saturating_sub(held.entries);
        let sum = Sum { acknowledged: grown, recovered: grown, time: begin.elapsed(), ..Sum::of(&verdict) };
        summary.add("finale", &sum);
        println!("{summary}");
        let Sum { lost, wrong, .. } = summary.total();
        let result = format!("lost {lost}, wrong {wrong}");
        if lost + wrong > 0 {
            return Err(result.into());
        }
        println!("{result}: every acknowledged line came back byte for byte");
        Ok(())
    }
}

fn show_round(number: u64, kind: Kind, round: &Round, tail: Option<TornTail>) {
    let report = &round.report;
    let tail = match tail {
        Some(tail) => format!("torn tail at {} + {}", tail.chunk, tail.offset),
        None => "no torn tail".to_owned(),
    };
    println!(
        "round {number:>3}  {}  acknowledged {:>7}  recovered {:>7}  opened {:>3} chunks ({} scanned) in {:>5.1} ms  {tail}",
        kind.word(),
        round.promised.entries,
        round.found.marks.entries,
        report.chunks,
        report.scanned_chunks,
        report.elapsed.as_secs_f64() * 1e3,
    );
    show_examples(&round.verdict);
}

fn show_examples(verdict: &Verdict) {
    for example in &verdict.examples {
        println!("  WRONG: {example}");
    }
}

/// Where the log is kept.
enum Place {
    Temporary(TempDir),
    Given(PathBuf),
}

impl Place {
    fn choose(given: Option<&Path>) -> Outcome<Self> {
        let Some(path) = given else {
            let program = env::current_exe()?;
            let target = program.parent().ok_or("the program lies in no directory")?;
            let made = tempfile::Builder::new().prefix("demo-").tempdir_in(target);
            return made.map(Self::Temporary).map_err(|error| {
                format!("cannot make a directory in {}: {error}; give one with --dir DIR", target.display())
                    .into()
            });
        };
        let shown = path.display();
        fs::create_dir_all(path).map_err(|error| {
            format!("cannot make {shown}: {error}; give another directory with --dir DIR")
        })?;
        let mut entries = fs::read_dir(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
        if entries.next().is_some() {
            return Err(format!(
                "{shown} is not empty, and the demo writes into no log but its own; give a directory that is empty or not there yet"
            )
            .into());
        }
        Ok(Self::Given(path.to_owned()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(directory) => directory.path(),
            Self::Given(path) => path,
        }
    }

    /// Leaves the directory behind, whatever it is.
    fn keep(self) -> PathBuf {
        match self {
            Self::Temporary(directory) => directory.keep(),
            Self::Given(path) => path,
        }
    }
}

/// What a log holds, in the demo's terms.
fn marks_of(state: &RaftLogState<PlainTypes>) -> Acknowledged {
    Acknowledged {
        entries: state.last.map_or(0, |id| id.index + 1),
        committed: state.committed.map_or(0, |id| id.index + 1),
        vote: state.vote.map_or(0, |vote| vote.term),
    }
}

/// An error with all its causes, in one line.
fn because(what: &str, error: &dyn Error) -> Box<dyn Error> {
    let mut text = format!("{what}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text.into()
}
