//! openraft's own suite, in memory and on a real directory; and after each of its cases the store is opened again, and
//! must show what it showed last.

use std::sync::Arc;

use openraft::StorageError;
use openraft::storage::{RaftLogReader, RaftLogStorage};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft_memstore::{BlockConfig, MemStateMachine};
use raft_log::Storage;
use raft_log_openraft::LogReader;
use raft_log_testkit::MemoryStorage;
use tempfile::TempDir;

use crate::stage::{Store, Types, append, entry, log_id, open, show, small_chunks, told, vote};

type Machine = Arc<MemStateMachine>;

struct InMemory;

struct InDirectory;

/// What is left of a case: a reader of its store, and where to open that again.
struct Reopens<S: Clone + Storage> {
    reader: LogReader<Types>,
    storage: S,
}

impl<S: Clone + Storage> Drop for Reopens<S> {
    fn drop(&mut self) {
        let shown = |reader: &LogReader<Types>| {
            let mut reader = reader.clone();
            // The reads of a case that has ended: nothing is waited for but another thread.
            block_on(async move {
                let entries: Vec<_> =
                    reader.try_get_log_entries(..).await.unwrap().iter().map(told).collect();
                (reader.read_vote().await.unwrap(), entries)
            })
        };
        let before = shown(&self.reader);
        let mut store = open(self.storage.clone());
        let (reader, log_state) =
            block_on(async { (store.get_log_reader().await, store.get_log_state().await.unwrap()) });
        assert_eq!(shown(&reader), before, "what a case left is not what is opened again");
        assert_eq!(
            log_state.last_log_id,
            before.1.last().map(|(id, _)| *id).or(log_state.last_purged_log_id)
        );
    }
}

/// Runs a future that needs no runtime.
fn block_on<R: Send>(future: impl Future<Output = R> + Send) -> R {
    // On a thread of its own, since the one that drops is inside a runtime.
    std::thread::scope(|scope| {
        let run = || tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
        scope.spawn(run).join().unwrap()
    })
}

impl StoreBuilder<Types, Store, Machine, Reopens<MemoryStorage>> for InMemory {
    async fn build(&self) -> Result<(Reopens<MemoryStorage>, Store, Machine), StorageError<Types>> {
        let storage = MemoryStorage::new();
        let mut store = open(storage.clone());
        let reader = store.get_log_reader().await;
        let machine = Arc::new(MemStateMachine::new(BlockConfig::default()));
        Ok((Reopens { reader, storage }, store, machine))
    }
}

impl StoreBuilder<Types, Store, Machine, TempDir> for InDirectory {
    async fn build(&self) -> Result<(TempDir, Store, Machine), StorageError<Types>> {
        let directory = tempfile::tempdir().unwrap();
        let mut config = small_chunks();
        config.directory = directory.path().join("log");
        let store = Store::open(config).unwrap();
        Ok((directory, store, Arc::new(MemStateMachine::new(BlockConfig::default()))))
    }
}

#[tokio::test]
async fn openrafts_suite_passes_in_memory_and_each_case_opens_again() {
    Suite::test_all(InMemory).await.unwrap();
}

#[tokio::test]
async fn openrafts_suite_passes_on_a_directory_without_a_cache() {
    Suite::test_all(InDirectory).await.unwrap();
}

/// The suite above is only worth its reopening if that can tell two stores apart.
#[tokio::test]
async fn what_a_store_shows_is_all_that_is_opened_again() {
    let storage = MemoryStorage::new();
    let mut store = open(storage.clone());
    append(&mut store, (0..20).map(|index| entry(1, index)).collect()).await;
    store.save_vote(&vote(2, 3, true)).await.unwrap();
    store.save_committed(Some(log_id(1, 1, 12))).await.unwrap();
    store.purge(log_id(1, 1, 5)).await.unwrap();
    store.truncate_after(Some(log_id(1, 1, 15))).await.unwrap();
    let before = show(&mut store).await;
    assert_eq!(before.entries.len(), 10);
    drop(store);
    assert_eq!(show(&mut open(storage)).await, before);
}
