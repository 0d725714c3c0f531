//! openraft's own suite, in memory and on a real directory; and after each of its cases the store is opened again, and
//! must show the entries that it showed last.

use openraft::StorageError;
use openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft::testing::{StoreBuilder, Suite};
use raft_log_openraft_09::LogReader;
use raft_log_testkit::MemoryStorage;
use tempfile::TempDir;

use crate::machine::Machine;
use crate::stage::{Store, Types, entry, log_id, open, show, small_chunks, vote};

struct InMemory;

struct InDirectory;

/// What is left of a case: a reader of its store, and where to open that again.
struct Reopens {
    reader: LogReader<Types>,
    storage: MemoryStorage,
}

impl Drop for Reopens {
    fn drop(&mut self) {
        let (mut before, storage) = (self.reader.clone(), self.storage.clone());
        // On a thread of its own, since the one that drops is inside a runtime.
        let compare = async move {
            let before = before.try_get_log_entries(..).await.unwrap();
            let shown = show(&mut open(storage)).await;
            assert_eq!(shown.entries, before, "what a case left is not what is opened again");
            assert_eq!(shown.last, before.last().map(|entry| entry.log_id).or(shown.purged));
        };
        let run = || tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(compare);
        std::thread::scope(|scope| scope.spawn(run).join().unwrap());
    }
}

impl StoreBuilder<Types, Store, Machine, Reopens> for InMemory {
    async fn build(&self) -> Result<(Reopens, Store, Machine), StorageError<u64>> {
        let storage = MemoryStorage::new();
        let mut store = open(storage.clone());
        let reader = store.get_log_reader().await;
        Ok((Reopens { reader, storage }, store, Machine::default()))
    }
}

impl StoreBuilder<Types, Store, Machine, TempDir> for InDirectory {
    async fn build(&self) -> Result<(TempDir, Store, Machine), StorageError<u64>> {
        let directory = tempfile::tempdir().unwrap();
        let mut config = small_chunks();
        config.directory = directory.path().join("log");
        Ok((directory, Store::open(config).unwrap(), Machine::default()))
    }
}

// The suite makes a runtime of its own.

#[test]
fn openrafts_suite_passes_in_memory_and_each_case_opens_again() {
    Suite::test_all(InMemory).unwrap();
}

#[test]
fn openrafts_suite_passes_on_a_directory_without_a_cache() {
    Suite::test_all(InDirectory).unwrap();
}

#[tokio::test]
async fn what_a_store_shows_is_all_that_is_opened_again() {
    let storage = MemoryStorage::new();
    let mut store = open(storage.clone());
    store.blocking_append((0..20).map(|index| entry(1, index))).await.unwrap();
    store.save_vote(&vote(2, 3, true)).await.unwrap();
    store.save_committed(Some(log_id(1, 12))).await.unwrap();
    store.purge(log_id(1, 5)).await.unwrap();
    store.truncate(log_id(1, 16)).await.unwrap();
    let before = show(&mut store).await;
    assert_eq!(before.entries.len(), 10);
    drop(store);
    assert_eq!(show(&mut open(storage)).await, before);
}
