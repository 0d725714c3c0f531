//! Every storage there is, put through the same suite of promises.

use std::cell::RefCell;
use std::sync::Arc;

use raft_log_chunk::DirectoryStorage;
use raft_log_testkit::{MemoryStorage, SimulatedDisk, storage_conformance};
use tempfile::TempDir;

#[test]
fn a_real_directory_keeps_every_promise() {
    let directories = RefCell::new(Vec::new());
    storage_conformance(|| {
        let directory = TempDir::new().unwrap();
        let storage = DirectoryStorage::open(directory.path()).unwrap();
        directories.borrow_mut().push(directory);
        Arc::new(storage)
    });
    assert!(!directories.borrow().is_empty(), "nothing was checked");
}

#[test]
fn memory_keeps_every_promise() {
    storage_conformance(|| Arc::new(MemoryStorage::new()));
}

#[test]
fn memory_keeps_every_promise_while_reads_and_writes_are_short() {
    storage_conformance(|| {
        let storage = MemoryStorage::new();
        storage.set_read_limit(Some(7));
        storage.set_write_limit(Some(3));
        Arc::new(storage)
    });
}

#[test]
fn a_simulated_disk_keeps_every_promise() {
    storage_conformance(|| Arc::new(SimulatedDisk::new(1)));
    storage_conformance(|| {
        let disk = SimulatedDisk::new(2);
        disk.set_read_limit(Some(7));
        disk.set_write_limit(Some(3));
        Arc::new(disk)
    });
}
