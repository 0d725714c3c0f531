//! How many writes go through openraft 0.10, and how many of them share a sync: clusters of one and of three nodes in this
//! process, with one client and with 64, on a log in real files, on one whose every sync takes 2 ms longer, and on
//! openraft's own log store in memory.
//!
//! `cargo run --release -p raft-log-openraft --example throughput [SECONDS [DIRECTORY]]`
//!
//! The directory, beside this program if none is named, should lie on the disk that is meant. The nodes share the machine:
//! with three, the syncs are of three logs on one disk, and all clients, nodes and state machines take turns on its cores.
//! `cargo xtask bench --openraft` shows the same beside a published log.

mod comparison;

use std::error::Error;

use crate::comparison::{Table, own_logs};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let table = Table::begin()?;
    for nodes in [1, 3] {
        for clients in [1, 64] {
            own_logs(&table, nodes, clients).await?;
        }
    }
    Ok(())
}
