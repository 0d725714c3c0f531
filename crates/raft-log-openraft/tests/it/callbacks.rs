//! Callbacks of appends: once, in order, never before their sync, and with an error rather than not at all.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use raft_log_testkit::{Call, MemoryStorage, WatchedStorage};
use tokio::time::timeout;

use crate::stage::{Store, Types, append, entry, indexes};

/// A test that waits longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Holds syncs up.
struct Gate {
    /// Told when a sync has come to the gate.
    waiting: Receiver<()>,
    /// Lets one sync through; when it is dropped, nothing is held up any more.
    permit: Sender<()>,
}

/// A store with one entry, each sync of which waits at the gate from now on.
async fn gated() -> (Store, Gate) {
    let (permit, permits) = channel();
    let (wait, waiting) = channel();
    let permits = Mutex::new((wait, permits));
    let storage = WatchedStorage::new(MemoryStorage::new());
    let mut store = Store::open_on("unused", Arc::new(storage.clone())).unwrap();
    append(&mut store, vec![entry(1, 0)]).await;
    storage.watch(move |call| {
        if matches!(call, Call::Sync(_) | Call::SyncDirectory) {
            let (wait, permits) = &*permits.lock().unwrap();
            let _ = wait.send(());
            let _ = permits.recv();
        }
    });
    (store, Gate { waiting, permit })
}

#[tokio::test]
async fn no_callback_comes_before_its_sync_and_all_come_in_order() {
    let (mut store, gate) = gated().await;
    let mut told = Vec::new();
    for index in 1..=20 {
        let (done, receiver) = Types::oneshot();
        store.append(vec![entry(1, index)], IOFlushed::signal(done)).await.unwrap();
        told.push(receiver);
        if index == 1 {
            // The first sync is under way, and covers this entry alone; the others gather behind it.
            gate.waiting.recv_timeout(PATIENCE).unwrap();
        }
        // Readable at once, although no sync has come back.
        let entries = store.get_log_reader().await.try_get_log_entries(index..).await.unwrap();
        assert_eq!(indexes(&entries), [index]);
    }
    assert!(told.iter_mut().all(|receiver| receiver.try_recv().is_err()), "told before any sync");

    gate.permit.send(()).unwrap();
    timeout(PATIENCE, told.remove(0)).await.unwrap().unwrap().unwrap();
    gate.waiting.recv_timeout(PATIENCE).unwrap();
    assert!(told.iter_mut().all(|receiver| receiver.try_recv().is_err()), "told before the second sync");

    drop(gate);
    // The last one first: when that is told, all before it were.
    timeout(PATIENCE, told.pop().unwrap()).await.unwrap().unwrap().unwrap();
    for mut receiver in told {
        receiver.try_recv().expect("told before those that come after it").unwrap();
    }
}

#[tokio::test]
async fn an_append_that_is_under_way_when_the_store_goes_is_told_all_the_same() {
    let (mut store, gate) = gated().await;
    let (done, told) = Types::oneshot();
    store.append(vec![entry(1, 1)], IOFlushed::signal(done)).await.unwrap();
    gate.waiting.recv_timeout(PATIENCE).unwrap();
    drop(gate);
    drop(store);
    timeout(PATIENCE, told).await.unwrap().unwrap().unwrap();
}

/// The iterator of an append is the caller's code.
#[tokio::test]
async fn an_append_that_panics_tells_an_error_and_hangs_nobody() {
    let mut store = Store::open_on("unused", Arc::new(MemoryStorage::new())).unwrap();
    let (done, told) = Types::oneshot();
    let task = tokio::spawn(async move {
        let entries =
            (0..3).map(|index| if index == 2 { panic!("in the caller's iterator") } else { entry(1, index) });
        store.append(entries, IOFlushed::signal(done)).await
    });
    assert!(task.await.unwrap_err().is_panic());
    let outcome = timeout(PATIENCE, told).await.unwrap().unwrap();
    assert!(outcome.unwrap_err().to_string().contains("dropped before its sync"));
}
