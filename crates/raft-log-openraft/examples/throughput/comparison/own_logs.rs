//! openraft's own store in memory, and raft-log: as it is, and on files whose every sync takes longer.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use openraft_memstore::{BlockConfig, MemLogStore, TypeConfig};
use raft_log::DirectoryStorage;
use raft_log_openraft::LogStore;
use raft_log_testkit::{Call, WatchedStorage};

use super::{NodeLog, SYNC_DELAY, Table};

/// The rows of these stores, for clusters of `nodes` that `clients` write to.
pub(crate) async fn own_logs(table: &Table, nodes: usize, clients: usize) -> Result<(), Box<dyn Error>> {
    let in_memory = |_: &Path| {
        Ok(NodeLog { log: Arc::new(MemLogStore::new(BlockConfig::default())), syncs: Box::new(|| 0) })
    };
    table.row("openraft's memstore", nodes, clients, in_memory).await?;
    let in_files = |directory: &Path| Ok(counted(LogStore::open(directory)?));
    table.row("raft-log", nodes, clients, in_files).await?;
    let in_slow_files = |directory: &Path| {
        let storage = WatchedStorage::new(DirectoryStorage::open_or_create(directory)?);
        storage.watch(|call| {
            if matches!(call, Call::Sync(_) | Call::SyncDirectory) {
                thread::sleep(SYNC_DELAY);
            }
        });
        Ok(counted(LogStore::open_on(directory, Arc::new(storage))?))
    };
    table.row("raft-log, each sync + 2 ms", nodes, clients, in_slow_files).await
}

fn counted(log: LogStore<TypeConfig>) -> NodeLog<LogStore<TypeConfig>> {
    let reader = log.log().reader();
    NodeLog { log, syncs: Box::new(move || reader.stats().wal.syncs) }
}
