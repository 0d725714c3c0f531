//! The command line: what is asked, what is written where, and the exit code. The same for `raft-log-dump` and for
//! `cargo xtask dump`.
//!
//! What always holds: data goes to standard output, all else to standard error, and a closed pipe ends it quietly.

mod console;
mod diff;
mod dump;
mod export;
mod flags;
mod import;
mod info;
mod outcome;
mod pages;
mod repair;
mod report;
mod size;
mod stats;
mod verify;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::{PayloadMode, PayloadView};
use console::Console;

pub use dump::DumpArguments;
pub use outcome::Outcome;

/// The exit codes, for help texts.
pub const EXIT_CODES: &str = "Exit codes: 0 clean; 1 a torn tail, damage that open() passes over, or logs that differ; \
    2 usage; 3 open() would refuse; 4 cannot read (I/O, no log here, unsupported version); 5 locked";

/// All commands. Without one, `dump` is meant
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Program {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    dump: DumpArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    Info(info::Info),
    Dump(DumpArguments),
    Verify(verify::Verify),
    Stats(stats::Stats),
    Diff(diff::Diff),
    Repair(repair::Repair),
    Export(export::Export),
    Import(import::Import),
    Report(report::Report),
    Completions(pages::Completions),
    Man(pages::Man),
}

#[derive(Debug, Parser)]
#[command(name = "raft-log-dump", version, after_help = EXIT_CODES)]
#[command(about = "See, check and mend the directory of any raft-log; a live one, too")]
struct Cli {
    #[command(flatten)]
    program: Program,
}

/// The program, over the arguments of this process.
pub fn main() -> ExitCode {
    main_with(&PayloadMode::default())
}

/// The same program, with payloads shown in an application's own way unless `--payload` or `--decoder` asks for another.
pub fn main_with(view: &dyn PayloadView) -> ExitCode {
    ExitCode::from(Cli::parse().program.run_with(view).code())
}

impl Program {
    /// Does what was asked.
    pub fn run(&self) -> Outcome {
        self.run_with(&PayloadMode::default())
    }

    /// As [`Program::run`], with an own way to show payloads.
    pub fn run_with(&self, view: &dyn PayloadView) -> Outcome {
        let mut console = Console::new();
        let ended = match &self.command {
            None => self.dump.run(view, &mut console),
            Some(Command::Dump(dump)) => dump.run(view, &mut console),
            Some(Command::Info(info)) => info.run(&mut console),
            Some(Command::Verify(verify)) => verify.run(&mut console),
            Some(Command::Stats(stats)) => stats.run(&mut console),
            Some(Command::Diff(diff)) => diff.run(&mut console),
            Some(Command::Repair(repair)) => repair.run(&mut console),
            Some(Command::Export(export)) => export.run(&mut console),
            Some(Command::Import(import)) => import.run(&mut console),
            Some(Command::Report(report)) => report.run(&mut console),
            Some(Command::Completions(completions)) => completions.run(&mut console),
            Some(Command::Man(man)) => man.run(&mut console),
        };
        let ended = ended.and_then(|outcome| {
            console.flush()?;
            Ok(outcome)
        });
        ended.unwrap_or_else(|stop| stop.tell(&mut console))
    }
}
