//! `cargo xtask bench`: how fast the log is. It only builds the program that measures, and runs it.

use std::ffi::OsString;

use clap::Args;

use crate::Outcome;
use crate::capture::cargo;

/// Measure how fast the log is, each time against a bare loop over the same disk
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Bench {
    /// For the program that measures: `--quick`, or `--help` for all of them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Bench {
    /// Builds the program in release, and runs it with the arguments.
    pub(crate) fn run(&self) -> Outcome {
        let mut command = cargo();
        command.args(["run", "--release", "--quiet", "--package", "raft-log-bench", "--"]);
        command.args(&self.arguments);
        let status = command.status()?;
        if status.success() { Ok(()) } else { Err(format!("the benchmark failed: {status}").into()) }
    }
}
