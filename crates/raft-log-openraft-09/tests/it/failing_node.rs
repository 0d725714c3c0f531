//! A full disk and a failed sync reach openraft as its storage error, once, and hang nobody.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use openraft::error::{Fatal, InstallSnapshotError, RPCError, RaftError, Unreachable};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use openraft::{EntryPayload, Raft};
use raft_log_testkit::{MemoryStorage, Operation, assert_caused_by, causes};
use tokio::time::timeout;

use crate::machine::Machine;
use crate::stage::{Entry, Types, entry, indexes, log_id, open, show, vote};

/// A test that waits longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The system's number for an I/O error.
const EIO: i32 = 5;

/// The messages of an error and its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).join(": ")
}

fn large(index: u64) -> Entry {
    Entry { log_id: log_id(1, index), payload: EntryPayload::Normal("x".repeat(100_000)) }
}

#[tokio::test]
async fn a_full_disk_refuses_the_append_and_votes_go_on() {
    let storage = MemoryStorage::new();
    let mut store = open(storage.clone());
    store.blocking_append([entry(1, 0)]).await.unwrap();
    storage.set_capacity(Some(storage.used_bytes()));
    let mut index = 1;
    let error = loop {
        match timeout(PATIENCE, store.blocking_append([large(index)])).await.unwrap() {
            Ok(()) => index += 1,
            Err(error) => break causes(&error),
        }
        assert!(index < 1_000, "the disk never fills");
    };
    assert!(error.iter().any(|link| link.contains("Write")), "{error:#?}");
    assert_caused_by(&error, "os error 28", "no space is left");
    let last = show(&mut store).await.entries.len() as u64 - 1;
    assert_eq!(last, index - 1, "of what was refused nothing is there");
    store.save_vote(&vote(7, 1, true)).await.unwrap();
    store.purge(log_id(1, last)).await.unwrap();
    storage.set_capacity(None);
    store.blocking_append([large(index)]).await.unwrap();
}

#[tokio::test]
async fn a_failed_sync_is_an_error_with_its_cause_and_refuses_all_that_follows() {
    let storage = MemoryStorage::new();
    let mut store = open(storage.clone());
    store.blocking_append([entry(1, 0)]).await.unwrap();
    storage.fail_next(Operation::Sync, EIO, u64::MAX);
    let first = timeout(PATIENCE, store.blocking_append([entry(1, 1)])).await.unwrap().unwrap_err();
    let first = chain(&first);
    assert!(first.contains("poisoned") && first.contains("os error 5"), "{first}");
    storage.clear_failures();
    for result in [
        store.save_vote(&vote(9, 1, true)).await,
        store.blocking_append([entry(2, 20)]).await,
        store.purge(log_id(1, 0)).await,
        store.truncate(log_id(1, 1)).await,
        store.save_committed(Some(log_id(1, 0))).await,
    ] {
        let error = chain(&result.unwrap_err());
        assert!(error.contains("os error 5"), "{error}");
    }
    assert_eq!(indexes(&show(&mut store).await.entries)[0], 0, "what was durable is read on");
}

/// A network that reaches nobody: the node is alone.
struct Alone;

impl RaftNetworkFactory<Types> for Alone {
    type Network = Self;

    async fn new_client(&mut self, _target: u64, _node: &()) -> Self {
        Self
    }
}

fn unreachable<E: std::error::Error>() -> RPCError<u64, (), E> {
    RPCError::Unreachable(Unreachable::new(&io::Error::from(io::ErrorKind::NotConnected)))
}

impl RaftNetwork<Types> for Alone {
    async fn append_entries(
        &mut self,
        _rpc: AppendEntriesRequest<Types>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, RPCError<u64, (), RaftError<u64>>> {
        Err(unreachable())
    }

    async fn install_snapshot(
        &mut self,
        _rpc: InstallSnapshotRequest<Types>,
        _option: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, RPCError<u64, (), RaftError<u64, InstallSnapshotError>>> {
        Err(unreachable())
    }

    async fn vote(
        &mut self,
        _rpc: VoteRequest<u64>,
        _option: RPCOption,
    ) -> Result<VoteResponse<u64>, RPCError<u64, (), RaftError<u64>>> {
        Err(unreachable())
    }
}

/// A cluster of one node, which leads.
async fn node(storage: &MemoryStorage) -> Raft<Types> {
    let config = Arc::new(openraft::Config::default());
    let raft = Raft::new(1, config, Alone, open(storage.clone()), Machine::default()).await.unwrap();
    raft.initialize(std::collections::BTreeMap::from([(1, ())])).await.unwrap();
    raft.wait(Some(PATIENCE)).current_leader(1, "it leads").await.unwrap();
    raft
}

/// The error that stopped a node, and its causes.
async fn stopped_by(raft: &Raft<Types>) -> Vec<String> {
    let mut metrics = raft.metrics();
    let stopped = metrics.wait_for(|metrics| metrics.running_state.is_err());
    let metrics = timeout(PATIENCE, stopped).await.expect("the node goes on").unwrap().clone();
    match metrics.running_state.unwrap_err() {
        Fatal::StorageError(error) => causes(&error),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_sync_that_fails_stops_the_node_with_its_cause_and_no_client_waits() {
    let storage = MemoryStorage::new();
    let raft = node(&storage).await;
    raft.client_write("a".to_owned()).await.unwrap();
    storage.fail_next(Operation::Sync, EIO, 1);
    let written = timeout(PATIENCE, raft.client_write("b".to_owned())).await.unwrap();
    assert!(written.is_err());
    // Of what a callback says openraft keeps the text alone, so that has all causes in it.
    let error = stopped_by(&raft).await.join(": ");
    assert!(error.contains("poisoned") && error.contains("os error 5"), "{error}");
    timeout(PATIENCE, raft.shutdown()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_disk_stops_the_node_with_its_cause_and_it_starts_again_on_it() {
    let storage = MemoryStorage::new();
    let raft = node(&storage).await;
    storage.set_capacity(Some(storage.used_bytes()));
    let mut acknowledged = 0;
    while timeout(PATIENCE, raft.client_write("x".repeat(50_000))).await.unwrap().is_ok() {
        acknowledged += 1;
    }
    assert!(acknowledged > 0);
    assert_caused_by(&stopped_by(&raft).await, "os error 28", "no space is left");
    timeout(PATIENCE, raft.shutdown()).await.unwrap().unwrap();
    drop(raft);

    let mut store = open(storage);
    // The membership, the leader's blank entry, and all that was acknowledged.
    assert!(store.get_log_state().await.unwrap().last_log_id.unwrap().index > acknowledged);
    store.save_vote(&vote(50, 1, false)).await.unwrap();
}
