//! openraft may ask for what needs no change. Then there is none, and no error, which would stop the node.

use openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use raft_log_testkit::MemoryStorage;

use crate::stage::{Shown, Store, entry, indexes, log_id, open, show};

async fn with_entries(range: std::ops::Range<u64>) -> Store {
    let mut store = open(MemoryStorage::new());
    store.blocking_append(range.map(|index| entry(1, index))).await.unwrap();
    store
}

#[tokio::test]
async fn truncating_takes_its_index_and_all_behind_it() {
    for from in 0..8 {
        let mut store = with_entries(2..7).await;
        store.truncate(log_id(1, from)).await.unwrap();
        let left: Vec<u64> = (2..7).filter(|index| *index < from).collect();
        assert_eq!(indexes(&show(&mut store).await.entries), left, "from {from}");
    }
}

#[tokio::test]
async fn truncating_behind_a_purge_leaves_the_purged_mark() {
    let mut store = with_entries(0..7).await;
    store.purge(log_id(1, 3)).await.unwrap();
    store.truncate(log_id(1, 4)).await.unwrap();
    let purged = Some(log_id(1, 3));
    assert_eq!(show(&mut store).await, Shown { purged, last: purged, ..Shown::default() });
    store.blocking_append([entry(2, 4)]).await.unwrap();
}

#[tokio::test]
async fn purging_again_or_lower_changes_nothing() {
    let mut store = with_entries(0..9).await;
    store.purge(log_id(1, 5)).await.unwrap();
    let before = show(&mut store).await;
    for index in [5, 4, 0] {
        store.purge(log_id(1, index)).await.unwrap();
        assert_eq!(show(&mut store).await, before);
    }
}

#[tokio::test]
async fn purging_an_empty_store_and_past_the_end_leaves_a_log_that_goes_on_there() {
    let mut store = open(MemoryStorage::new());
    store.purge(log_id(3, 7)).await.unwrap();
    store.blocking_append([entry(3, 8), entry(3, 9)]).await.unwrap();
    store.purge(log_id(4, 20)).await.unwrap();
    store.blocking_append([entry(4, 21)]).await.unwrap();
    let shown = show(&mut store).await;
    assert_eq!((shown.purged, shown.last), (Some(log_id(4, 20)), Some(log_id(4, 21))));
}

#[tokio::test]
async fn the_committed_mark_costs_no_sync_covers_only_what_is_there_and_never_goes_back() {
    let storage = MemoryStorage::new();
    let mut store = open(storage.clone());
    store.blocking_append((0..5).map(|index| entry(1, index))).await.unwrap();
    storage.reset_counters();
    store.save_committed(None).await.unwrap();
    store.save_committed(Some(log_id(1, 9))).await.unwrap();
    assert_eq!(store.read_committed().await.unwrap(), None, "entry 9 may never come");
    store.save_committed(Some(log_id(1, 3))).await.unwrap();
    store.save_committed(Some(log_id(1, 2))).await.unwrap();
    assert_eq!(store.read_committed().await.unwrap(), Some(log_id(1, 3)));
    assert_eq!(storage.syncs(), 0);
}

#[tokio::test]
async fn an_append_of_nothing_is_told_as_well() {
    with_entries(0..1).await.blocking_append([]).await.unwrap();
}

#[tokio::test]
async fn what_is_purged_already_may_be_appended_and_is_not_there() {
    let mut store = open(MemoryStorage::new());
    store.purge(log_id(1, 2)).await.unwrap();
    store.blocking_append([entry(1, 1)]).await.unwrap();
    store.blocking_append([entry(1, 2), entry(1, 3)]).await.unwrap();
    assert_eq!(indexes(&show(&mut store).await.entries), [3]);
}

#[tokio::test]
async fn truncating_past_the_end_changes_nothing_and_into_what_is_purged_is_an_error() {
    let mut store = with_entries(0..9).await;
    store.purge(log_id(1, 3)).await.unwrap();
    let before = show(&mut store).await;
    for past in [9, 10, 1_000, u64::MAX] {
        store.truncate(log_id(1, past)).await.unwrap();
    }
    for purged in [0, 1, 3] {
        store.truncate(log_id(1, purged)).await.unwrap_err();
    }
    assert_eq!(show(&mut store).await, before);
}

#[tokio::test]
async fn purging_below_the_first_entry_takes_nothing_and_is_remembered() {
    let storage = MemoryStorage::new();
    let mut store = open(storage.clone());
    store.blocking_append([entry(1, 2), entry(1, 3)]).await.unwrap();
    store.purge(log_id(0, 1)).await.unwrap();
    store.purge(log_id(0, 0)).await.unwrap();
    let before = show(&mut store).await;
    assert_eq!((before.purged, indexes(&before.entries)), (Some(log_id(0, 1)), vec![2, 3]));
    drop(store);
    let mut store = open(storage);
    assert_eq!(show(&mut store).await, before);
    store.truncate(log_id(1, 2)).await.unwrap();
    let purged = Some(log_id(0, 1));
    assert_eq!(show(&mut store).await, Shown { purged, last: purged, ..Shown::default() });
    store.blocking_append([entry(2, 2)]).await.unwrap();
    store.purge(log_id(2, 2)).await.unwrap();
    assert_eq!(show(&mut store).await.purged, Some(log_id(2, 2)));
}

#[tokio::test]
async fn a_log_may_begin_at_zero_one_or_two() {
    for first in 0..3 {
        let storage = MemoryStorage::new();
        open(storage.clone()).blocking_append([entry(1, first)]).await.unwrap();
        let shown = show(&mut open(storage)).await;
        assert_eq!((indexes(&shown.entries), shown.last), (vec![first], Some(log_id(1, first))));
    }
}
