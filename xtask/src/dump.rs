//! `cargo xtask dump DIR`: the program `raft-log-dump`, under its own flags and exit codes.
//!
//! Nothing of its own stands here, so that the two cannot differ.

use std::process::ExitCode;

use clap::Args;
use raft_log_dump::cli::{DumpArguments, EXIT_CODES};

/// Show what a raft-log directory holds; a live one, too
#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Dump {
    #[command(flatten)]
    arguments: DumpArguments,
}

impl Dump {
    /// Lists the directory. The exit code tells what was found.
    pub(crate) fn run(&self) -> ExitCode {
        ExitCode::from(self.arguments.run().code())
    }
}
