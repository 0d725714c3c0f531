//! raft-log, measured alone.

use std::process::ExitCode;

fn main() -> ExitCode {
    raft_log_bench::main_with(Vec::new())
}
