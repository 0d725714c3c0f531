//! Reading: exact ranges, a limit in bytes, and no disk on the threads of the runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use raft_log_testkit::{Call, MemoryStorage, WatchedStorage};

use crate::stage::{Store, entry, indexes, log_id, open, small_chunks};

#[tokio::test]
async fn a_range_begins_where_it_was_asked_to_or_is_an_error() {
    let mut store = open(MemoryStorage::new());
    store.blocking_append((0..10).map(|index| entry(1, index))).await.unwrap();
    store.purge(log_id(1, 3)).await.unwrap();
    assert_eq!(indexes(&store.try_get_log_entries(0..6).await.unwrap()), [4, 5]);
    assert_eq!(indexes(&store.try_get_log_entries(8..=30).await.unwrap()), [8, 9]);
    assert!(store.try_get_log_entries(20..30).await.unwrap().is_empty());
    assert_eq!(indexes(&store.limited_get_log_entries(4, 7).await.unwrap()), [4, 5, 6]);
    assert!(store.limited_get_log_entries(7, 7).await.unwrap().is_empty());
    for (start, end) in [(3, 7), (0, 2), (10, 12)] {
        store.limited_get_log_entries(start, end).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_limited_read_ends_with_the_entry_that_fills_it_and_gives_one_in_any_case() {
    let mut store = open(MemoryStorage::new()).limit_reads(1);
    store.blocking_append((0..10).map(|index| entry(1, index))).await.unwrap();
    assert_eq!(indexes(&store.get_log_reader().await.limited_get_log_entries(2, 9).await.unwrap()), [2]);
    let mut reader = store.limit_reads(200).get_log_reader().await;
    let some = reader.limited_get_log_entries(2, 9).await.unwrap().len();
    assert!(some > 1 && some < 7, "{some}");
    assert_eq!(reader.try_get_log_entries(2..9).await.unwrap().len(), 7);
}

#[tokio::test]
async fn the_disk_is_never_read_on_a_thread_of_the_runtime_and_the_cache_needs_no_other() {
    let own = thread::current().id();
    let (reads, own_reads) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let storage = WatchedStorage::new(MemoryStorage::new());
    let counts = (reads.clone(), own_reads.clone());
    storage.watch(move |call| {
        if matches!(call, Call::Read(_)) {
            counts.0.fetch_add(1, Ordering::Relaxed);
            if thread::current().id() == own {
                counts.1.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let mut config = small_chunks();
    config.log_cache_max_items = 6;
    let mut store = Store::open_on(config, Arc::new(storage)).unwrap();
    for index in 0..41 {
        store.blocking_append([entry(1, index)]).await.unwrap();
    }
    let mut reader = store.get_log_reader().await;
    reads.store(0, Ordering::Relaxed);
    own_reads.store(0, Ordering::Relaxed);
    assert_eq!(indexes(&reader.try_get_log_entries(36..).await.unwrap()), [36, 37, 38, 39, 40]);
    assert_eq!(reads.load(Ordering::Relaxed), 0, "these are cached");
    assert_eq!(reader.try_get_log_entries(0..41).await.unwrap().len(), 41);
    assert_eq!(indexes(&reader.limited_get_log_entries(3, 5).await.unwrap()), [3, 4]);
    assert!(reads.load(Ordering::Relaxed) > 0, "these are not");
    assert_eq!(own_reads.load(Ordering::Relaxed), 0);
}
