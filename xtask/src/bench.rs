//! `cargo xtask bench`: how fast the log is. It only builds the program that measures, and runs it.

use std::ffi::OsString;

use clap::Args;

use crate::Outcome;
use crate::capture::cargo;

/// Measure how fast the log is, each time against a bare loop over the same disk
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Bench {
    /// `--peers`, to measure other logs beside it; `--openraft [SECONDS [DIRECTORY]]`, to measure it under openraft, beside
    /// openraft's own store and another log; and for the program that measures: `--quick`, `--report`, or `--help` for all
    /// of them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Bench {
    /// Builds the program in release, and runs it with the arguments. The other logs are in a workspace of their own, so
    /// that nobody else has to build them.
    pub(crate) fn run(&self) -> Outcome {
        let (doors, arguments): (Vec<_>, Vec<_>) =
            self.arguments.iter().partition(|argument| *argument == "--peers" || *argument == "--openraft");
        let mut command = cargo();
        command.args(["run", "--release", "--quiet"]);
        if doors.iter().any(|door| *door == "--openraft") {
            command.args(["--locked", "--manifest-path", "peers/openraft/Cargo.toml"]);
        } else if !doors.is_empty() {
            command.args(["--locked", "--manifest-path", "peers/Cargo.toml"]);
        } else {
            command.args(["--package", "raft-log-bench"]);
        }
        let status = command.arg("--").args(arguments).status()?;
        if status.success() { Ok(()) } else { Err(format!("the benchmark failed: {status}").into()) }
    }
}
