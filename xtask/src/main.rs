//! `cargo xtask`: the front door for developers and operators.
//!
//! A table of contents: each subcommand is a file of its own. Nothing here does work.

mod bench;
mod bugs;
mod capture;
mod check;
mod demo;
mod docs;
mod dump;
mod fuzz;
mod layers;
mod random;
mod schedules;
mod tear;
mod torture;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a subcommand gives back: the error is text for the person at the terminal.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The front door for developers and operators of raft-log.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bench(bench::Bench),
    Bugs(bugs::Bugs),
    Check(check::Check),
    Demo(demo::Demo),
    Docs(docs::Docs),
    Dump(dump::Dump),
    Fuzz(fuzz::Fuzz),
    Layers(layers::Layers),
    Schedules(schedules::Schedules),
    Torture(torture::Torture),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Bench(bench) => bench.run(),
        Command::Bugs(bugs) => bugs.run(),
        Command::Check(check) => check.run(),
        Command::Demo(demo) => demo.run(),
        Command::Docs(docs) => docs.run(),
        // Its exit codes say more than success and failure.
        Command::Dump(dump) => return dump.run(),
        Command::Fuzz(fuzz) => fuzz.run(),
        Command::Layers(layers) => layers.run(),
        Command::Schedules(schedules) => schedules.run(),
        Command::Torture(torture) => torture.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
