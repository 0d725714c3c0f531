//! The program `raft-log-dump`. All of it is in the library's `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    raft_log_dump::cli::main()
}
