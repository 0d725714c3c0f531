//! Votes and appends are durable when they are reported, and not reported before.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use raft_log_testkit::{Call, MemoryStorage, SimulatedDisk, WatchedStorage};
use tokio::time::timeout;

use crate::stage::{Store, entry, indexes, log_id, open, show, vote};

/// A test that waits longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn what_was_reported_survives_a_loss_of_power_with_all_before_it() {
    let disk = SimulatedDisk::new(1);
    let mut store = open(disk.clone());
    store.blocking_append([entry(1, 0), entry(1, 1)]).await.unwrap();
    // Not synced by itself; the vote behind it covers it.
    store.save_committed(Some(log_id(1, 0))).await.unwrap();
    store.save_vote(&vote(5, 2, false)).await.unwrap();

    let image = disk.if_power_goes(|loss| loss.synced_only());
    let shown = show(&mut open(SimulatedDisk::holding(image, 2))).await;
    assert_eq!((shown.vote, shown.committed), (Some(vote(5, 2, false)), Some(log_id(1, 0))));
    assert_eq!(indexes(&shown.entries), [0, 1]);
}

#[tokio::test]
async fn neither_an_append_nor_a_vote_is_reported_before_its_sync() {
    let (permit, permits) = channel::<()>();
    let permits = Mutex::new(permits);
    let storage = WatchedStorage::new(MemoryStorage::new());
    let mut store = Store::open_on("unused", Arc::new(storage.clone())).unwrap();
    store.blocking_append([entry(1, 0)]).await.unwrap();
    storage.watch(move |call| {
        if matches!(call, Call::Sync(_) | Call::SyncDirectory) {
            // When the permits are gone, nothing is held up any more.
            let _ = permits.lock().unwrap().recv();
        }
    });

    {
        let mut append = Box::pin(store.blocking_append([entry(1, 1)]));
        assert!(timeout(Duration::from_millis(50), &mut append).await.is_err(), "reported before its sync");
        permit.send(()).unwrap();
        timeout(PATIENCE, append).await.unwrap().unwrap();
    }
    let vote = vote(3, 1, false);
    let mut save = Box::pin(store.save_vote(&vote));
    assert!(timeout(Duration::from_millis(50), &mut save).await.is_err(), "reported before its sync");
    permit.send(()).unwrap();
    timeout(PATIENCE, save).await.unwrap().unwrap();
    drop(permit);
}

#[tokio::test]
async fn a_vote_goes_only_forward() {
    let mut store = open(MemoryStorage::new());
    store.save_vote(&vote(5, 2, false)).await.unwrap();
    store.save_vote(&vote(5, 2, true)).await.unwrap();
    for back in [vote(5, 2, false), vote(4, 9, true)] {
        store.save_vote(&back).await.unwrap_err();
    }
    store.save_vote(&vote(5, 3, false)).await.unwrap();
    assert_eq!(store.read_vote().await.unwrap(), Some(vote(5, 3, false)));
}
