//! `cargo xtask dump DIR`, and all other commands of the tool: the program `raft-log-dump`, under its own flags and exit codes.
//!
//! Nothing of its own stands here, so that the two cannot differ.

use std::process::ExitCode;

use clap::Args;
use raft_log_dump::cli::{EXIT_CODES, Program};

/// See, check and mend the directory of any raft-log; a live one, too
#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Dump {
    #[command(flatten)]
    // Boxed: it is far larger than what the other commands need.
    program: Box<Program>,
}

impl Dump {
    /// Does what was asked. The exit code tells what was found.
    pub(crate) fn run(&self) -> ExitCode {
        ExitCode::from(self.program.run().code())
    }
}
