//! The whole of a dump tool that knows what an application's payloads mean.
//!
//! `cargo run -p raft-log-dump --example own_payloads -- DIR`, with all the flags of `raft-log-dump`.

use std::process::ExitCode;

use bytes::Bytes;
use raft_log_dump::{PayloadView, cli};

/// Payloads of a key-value store: one letter for the command, then the key.
struct Commands;

impl PayloadView for Commands {
    fn show(&self, payload: &Bytes) -> String {
        match payload.split_first() {
            Some((b'S', key)) => format!("set {}", String::from_utf8_lossy(key)),
            Some((b'D', key)) => format!("delete {}", String::from_utf8_lossy(key)),
            _ => format!("unknown command of {} bytes", payload.len()),
        }
    }
}

fn main() -> ExitCode {
    cli::main_with(&Commands)
}
