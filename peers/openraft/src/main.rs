//! raft-log and a published log, both under openraft 0.10, in one run: `cargo xtask bench --openraft [SECONDS [DIRECTORY]]`.
//!
//! What drives them is the example `throughput` of raft-log-openraft, which is included by its path: neither side has a
//! driver of its own. The published log is raft-log 0.4.6, with the millisecond that it waits for company by default, with
//! a fifth of it, and without: it then writes one append after the other, each with a sync of its own.
//!
//! The rows with a slower sync have it on both sides: raft-log's in the storage beneath it, the other's as `slow_syncs` says.

#[path = "../../../crates/raft-log-openraft/examples/throughput/comparison/mod.rs"]
mod comparison;
mod peer_store;
mod peer_types;
mod slow_syncs;
#[cfg(test)]
mod suite;
mod told;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use crate::comparison::{NodeLog, SYNC_DELAY, Table, own_logs};
use crate::peer_store::PeerStore;
use crate::slow_syncs::delay_syncs;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let table = Table::begin()?;
    for nodes in [1, 3] {
        for clients in [1, 64] {
            own_logs(&table, nodes, clients).await?;
            peer_logs(&table, nodes, clients).await?;
        }
    }
    Ok(())
}

/// The rows of the published log.
async fn peer_logs(table: &Table, nodes: usize, clients: usize) -> Result<(), Box<dyn Error>> {
    let short = Duration::from_micros(200);
    let waits = [(None, ""), (Some(short), ", waits 0.2 ms"), (Some(Duration::ZERO), ", no wait")];
    for (delay, delay_name) in [(Duration::ZERO, ""), (SYNC_DELAY, ", each sync + 2 ms")] {
        delay_syncs(delay);
        for (wait, wait_name) in waits {
            let open = |directory: &Path| {
                let log = PeerStore::open(directory, wait)?;
                let reader = log.clone();
                Ok(NodeLog { log, syncs: Box::new(move || reader.syncs()) })
            };
            table.row(&format!("raft-log 0.4.6{wait_name}{delay_name}"), nodes, clients, open).await?;
        }
    }
    delay_syncs(Duration::ZERO);
    Ok(())
}
