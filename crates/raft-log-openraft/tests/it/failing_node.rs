//! A full disk and a failed sync reach openraft as its storage error, once, and hang nobody.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use openraft::errors::{Fatal, RPCError, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::type_config::alias::SnapshotOf;
use openraft::type_config::async_runtime::WatchReceiver;
use openraft::{OptionalSend, Raft};
use openraft_memstore::{BlockConfig, ClientRequest, IntoMemClientRequest, MemStateMachine};
use raft_log_testkit::{MemoryStorage, Operation, assert_caused_by, causes};
use tokio::time::timeout;

use crate::stage::{Entry, Store, Types, Vote, append, entry, indexes, open, vote};

/// A test that waits longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The system's number for an I/O error.
const EIO: i32 = 5;

/// A client's command of about this many bytes.
fn large(index: u64, bytes: usize) -> Entry {
    let mut entry = entry(1, index);
    entry.payload = openraft::EntryPayload::Normal(ClientRequest::make_request("x".repeat(bytes), index));
    entry
}

/// The messages of an error and its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).join(": ")
}

#[tokio::test]
async fn a_full_disk_refuses_the_append_by_its_result_alone_and_votes_go_on() {
    let storage = MemoryStorage::new();
    let mut store = open(storage.clone());
    append(&mut store, vec![entry(1, 0)]).await;
    storage.set_capacity(Some(storage.used_bytes()));
    let mut index = 1;
    let error = loop {
        let (done, told) = Types::oneshot();
        match store.append(vec![large(index, 100_000)], IOFlushed::signal(done)).await {
            Ok(()) => timeout(PATIENCE, told).await.unwrap().unwrap().unwrap(),
            Err(error) => {
                // The result has said it; the callback is gone and says nothing of its own.
                assert!(timeout(PATIENCE, told).await.unwrap().is_err());
                break error;
            }
        }
        index += 1;
        assert!(index < 1_000, "the disk never fills");
    };
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_caused_by(&causes(&error), "os error 28", "no space is left");
    let entries = store.get_log_reader().await.try_get_log_entries(index - 1..).await.unwrap();
    assert_eq!(indexes(&entries), [index - 1], "of what was refused nothing is there");

    store.save_vote(&vote(7, 1, true)).await.unwrap();
    store.purge(entry(1, index - 1).log_id).await.unwrap();
    storage.set_capacity(None);
    append(&mut store, vec![large(index, 100_000)]).await;
}

#[tokio::test]
async fn a_failed_sync_is_told_to_every_callback_and_refuses_all_that_follows() {
    let storage = MemoryStorage::new();
    let mut store = open(storage.clone());
    append(&mut store, vec![entry(1, 0)]).await;
    storage.fail_next(Operation::Sync, EIO, u64::MAX);
    let mut told = Vec::new();
    for index in 1..10 {
        let (done, receiver) = Types::oneshot();
        match store.append(vec![entry(1, index)], IOFlushed::signal(done)).await {
            Ok(()) => told.push(receiver),
            Err(error) => assert!(chain(&error).contains("poisoned"), "{error}"),
        }
    }
    assert!(!told.is_empty());
    for receiver in told {
        let error = timeout(PATIENCE, receiver).await.unwrap().unwrap().unwrap_err();
        assert_caused_by(&causes(&error), "os error 5", "poisoned");
    }
    // The disk is well again; the log is not.
    storage.clear_failures();
    for result in [
        store.save_vote(&vote(9, 1, true)).await,
        store.append(vec![entry(2, 20)], IOFlushed::noop()).await,
        store.purge(entry(1, 0).log_id).await,
        store.truncate_after(Some(entry(1, 0).log_id)).await,
        store.save_committed(Some(entry(1, 0).log_id)).await,
    ] {
        assert!(chain(&result.unwrap_err()).contains("os error 5"));
    }
    // What was durable is read on.
    let entries = store.get_log_reader().await.try_get_log_entries(..1).await.unwrap();
    assert_eq!(indexes(&entries), [0]);
}

/// A network that reaches nobody: the node is alone.
struct Alone;

impl RaftNetworkFactory<Types> for Alone {
    type Network = Self;

    async fn new_client(&mut self, _target: u64, _node: &()) -> Self {
        Self
    }
}

fn unreachable() -> Unreachable<Types> {
    Unreachable::new(&io::Error::from(io::ErrorKind::NotConnected))
}

impl RaftNetworkV2<Types> for Alone {
    type SnapshotData = io::Cursor<Vec<u8>>;

    async fn append_entries(
        &mut self,
        _rpc: AppendEntriesRequest<Types>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        Err(unreachable().into())
    }

    async fn vote(
        &mut self,
        _rpc: VoteRequest<Types>,
        _option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        Err(unreachable().into())
    }

    async fn full_snapshot(
        &mut self,
        _vote: Vote,
        _snapshot: SnapshotOf<Types, Self::SnapshotData>,
        _cancel: impl Future<Output = openraft::errors::ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        Err(unreachable().into())
    }
}

/// A cluster of one node, which leads.
async fn node(storage: &MemoryStorage) -> Raft<Types, Arc<MemStateMachine>> {
    let store: Store = open(storage.clone());
    let machine = Arc::new(MemStateMachine::new(BlockConfig::default()));
    let raft = Raft::new(1, Arc::new(openraft::Config::default()), Alone, store, machine).await.unwrap();
    raft.initialize(std::collections::BTreeMap::from([(1, ())])).await.unwrap();
    raft.wait(Some(PATIENCE)).current_leader(1, "it leads").await.unwrap();
    raft
}

/// The error that stopped a node, and its causes.
async fn stopped_by(raft: &Raft<Types, Arc<MemStateMachine>>) -> Vec<String> {
    let mut metrics = raft.metrics();
    let stopped = async {
        loop {
            if let Err(fatal) = metrics.borrow_and_update().running_state.clone() {
                return fatal;
            }
            metrics.changed().await.unwrap();
        }
    };
    match timeout(PATIENCE, stopped).await.expect("the node goes on") {
        Fatal::StorageError(error) => causes(&error),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_sync_that_fails_stops_the_node_with_its_cause_and_no_client_waits() {
    let storage = MemoryStorage::new();
    let raft = node(&storage).await;
    raft.client_write(ClientRequest::make_request("a", 1)).await.unwrap();
    storage.fail_next(Operation::Sync, EIO, 1);
    let written = timeout(PATIENCE, raft.client_write(ClientRequest::make_request("b", 2))).await.unwrap();
    assert!(written.is_err());
    assert_caused_by(&stopped_by(&raft).await, "os error 5", "poisoned");
    timeout(PATIENCE, raft.shutdown()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_disk_stops_the_node_with_its_cause_and_it_starts_again_on_it() {
    let storage = MemoryStorage::new();
    let raft = node(&storage).await;
    storage.set_capacity(Some(storage.used_bytes()));
    let mut acknowledged = 0;
    loop {
        let request = ClientRequest::make_request("x".repeat(50_000), acknowledged);
        match timeout(PATIENCE, raft.client_write(request)).await.unwrap() {
            Ok(_) => acknowledged += 1,
            Err(_) => break,
        }
    }
    assert!(acknowledged > 0);
    assert_caused_by(&stopped_by(&raft).await, "os error 28", "no space is left");
    timeout(PATIENCE, raft.shutdown()).await.unwrap().unwrap();
    drop(raft);

    let mut store = open(storage);
    let state = store.get_log_state().await.unwrap();
    // The membership, the leader's blank entry, and all that was acknowledged.
    assert!(state.last_log_id.unwrap().index > acknowledged, "{state:?}, {acknowledged} acknowledged");
    store.save_vote(&vote(50, 1, false)).await.unwrap();
}
