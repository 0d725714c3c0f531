//! raft-log and the published logs, measured in one run: `cargo xtask bench --peers`.
//!
//! Each does the work in the way that suits it best: logs that have no callback have a thread for each write that is
//! under way, and logs that group what several threads write are given these threads.

mod okaywal_peer;
mod raft_engine_peer;
mod raft_log_0_4_peer;
mod threads;

use std::process::ExitCode;

fn main() -> ExitCode {
    raft_log_bench::main_with(vec![
        Box::new(raft_log_0_4_peer::RaftLog04),
        Box::new(raft_engine_peer::RaftEngine),
        Box::new(okaywal_peer::OkayWal),
    ])
}
