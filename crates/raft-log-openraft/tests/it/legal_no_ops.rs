//! openraft may ask for what needs no change. Then there is none, and no error, which would stop the node.

use openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use raft_log_testkit::MemoryStorage;

use crate::stage::{Shown, Store, Types, append, entry, log_id, open, show};

async fn with_entries(range: std::ops::Range<u64>) -> Store {
    let mut store = open(MemoryStorage::new());
    append(&mut store, range.map(|index| entry(1, index)).collect()).await;
    store
}

#[tokio::test]
async fn truncating_at_or_past_the_end_changes_nothing() {
    let mut store = with_entries(0..5).await;
    let before = show(&mut store).await;
    for index in [4, 5, 1_000] {
        store.truncate_after(Some(log_id(1, 1, index))).await.unwrap();
        assert_eq!(show(&mut store).await, before);
    }
}

#[tokio::test]
async fn truncating_below_the_first_entry_takes_all() {
    let mut store = with_entries(2..5).await;
    store.truncate_after(Some(log_id(0, 1, 1))).await.unwrap();
    assert_eq!(show(&mut store).await, Shown::default());
    append(&mut store, vec![entry(1, 2)]).await;
    assert_eq!(show(&mut store).await.indexes(), [2]);
}

#[tokio::test]
async fn purging_again_or_lower_changes_nothing() {
    let mut store = with_entries(0..9).await;
    store.purge(log_id(1, 1, 5)).await.unwrap();
    let before = show(&mut store).await;
    for index in [5, 4, 0] {
        store.purge(log_id(1, 1, index)).await.unwrap();
        assert_eq!(show(&mut store).await, before);
    }
}

#[tokio::test]
async fn purging_an_empty_store_and_past_the_end_leaves_a_log_that_goes_on_there() {
    let mut store = open(MemoryStorage::new());
    store.purge(log_id(3, 1, 7)).await.unwrap();
    let purged = Some(log_id(3, 1, 7));
    assert_eq!(show(&mut store).await, Shown { purged, last: purged, ..Shown::default() });
    append(&mut store, vec![entry(3, 8), entry(3, 9)]).await;
    store.purge(log_id(4, 1, 20)).await.unwrap();
    append(&mut store, vec![entry(4, 21)]).await;
    let shown = show(&mut store).await;
    assert_eq!((shown.purged, shown.last), (Some(log_id(4, 1, 20)), Some(log_id(4, 1, 21))));
}

#[tokio::test]
async fn purging_below_the_first_entry_takes_nothing_and_is_remembered() {
    let storage = MemoryStorage::new();
    let mut store = open(storage.clone());
    append(&mut store, vec![entry(1, 2), entry(1, 3)]).await;
    store.purge(log_id(0, 1, 1)).await.unwrap();
    store.purge(log_id(0, 1, 0)).await.unwrap();
    let before = show(&mut store).await;
    assert_eq!((before.purged, before.indexes()), (Some(log_id(0, 1, 1)), vec![2, 3]));
    drop(store);
    let mut store = open(storage);
    assert_eq!(show(&mut store).await, before);
    store.purge(log_id(1, 1, 2)).await.unwrap();
    assert_eq!(show(&mut store).await.purged, Some(log_id(1, 1, 2)));
}

#[tokio::test]
async fn the_committed_mark_costs_no_sync_covers_only_what_is_there_and_never_goes_back() {
    let storage = MemoryStorage::new();
    let mut store = open(storage.clone());
    append(&mut store, (0..5).map(|index| entry(1, index)).collect()).await;
    storage.reset_counters();
    store.save_committed(None).await.unwrap();
    store.save_committed(Some(log_id(1, 1, 9))).await.unwrap();
    assert_eq!(store.read_committed().await.unwrap(), None, "entry 9 may never come");
    store.save_committed(Some(log_id(1, 1, 3))).await.unwrap();
    store.save_committed(Some(log_id(1, 1, 2))).await.unwrap();
    assert_eq!(store.read_committed().await.unwrap(), Some(log_id(1, 1, 3)));
    assert_eq!(storage.syncs(), 0);
    drop(store);
    assert_eq!(open(storage).read_committed().await.unwrap(), Some(log_id(1, 1, 3)));
}

#[tokio::test]
async fn an_append_of_nothing_is_told_as_well() {
    let mut store = with_entries(0..1).await;
    let (done, told) = Types::oneshot();
    store.append(Vec::new(), IOFlushed::signal(done)).await.unwrap();
    told.await.unwrap().unwrap();
    assert_eq!(store.get_log_reader().await.try_get_log_entries(..).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_log_may_begin_at_zero_one_or_two() {
    for first in 0..3 {
        let storage = MemoryStorage::new();
        append(&mut open(storage.clone()), vec![entry(1, first)]).await;
        let shown = show(&mut open(storage)).await;
        assert_eq!((shown.indexes(), shown.last), (vec![first], Some(log_id(1, 1, first))));
    }
}
