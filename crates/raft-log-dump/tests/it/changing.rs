//! What happens between two reads of a live directory, one thing at a time.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use raft_log_chunk::{ChunkId, DirectoryEntry, LockAttempt, Storage, StorageFile};
use raft_log_dump::{Item, OpenAnswer, Scan, ScanOptions, ask_open, scan};
use raft_log_testkit::MemoryStorage;

use crate::support::*;

/// A scan that reads as little ahead as it can.
fn narrow(path: &Path) -> Scan {
    let mut options = ScanOptions::default();
    options.window_bytes = 1;
    scan(path, options).unwrap()
}

fn purged_and_damaged(items: &[Item]) -> (Vec<u64>, u64) {
    let purged = items.iter().filter_map(|item| match item {
        Item::Purged(id) => Some(id.offset()),
        _ => None,
    });
    let Some(Item::End(counts)) = items.last() else { panic!("{items:?}") };
    assert_eq!(counts.unreadable, 0, "{counts:?}");
    (purged.collect(), counts.damaged)
}

fn second_chunk(files: &Files) -> (u64, String) {
    let offset = |name: &String| ChunkId::from_file_name(name).unwrap().map(ChunkId::offset);
    let (_, id) = files.keys().filter_map(|name| Some(name).zip(offset(name))).nth(1).unwrap();
    (id, ChunkId::new(id).file_name())
}

#[test]
fn a_chunk_that_is_removed_before_its_turn_was_purged() {
    let (files, _) = closed_and_killed();
    let directory = directory(&files);
    let (id, name) = second_chunk(&files);
    let scan = narrow(directory.path());
    fs::remove_file(directory.path().join(name)).unwrap();
    let items: Vec<Item> = scan.collect();
    assert_eq!(purged_and_damaged(&items), (vec![id], 0));
}

#[test]
fn a_chunk_that_is_reused_while_it_is_read_was_purged() {
    let (files, _) = closed_and_killed();
    for fill in [0, 0x5a] {
        let directory = directory(&files);
        let (id, name) = second_chunk(&files);
        let mut scan = narrow(directory.path());
        let mut items: Vec<Item> = Vec::new();
        while !matches!(items.last(), Some(Item::Record(record)) if record.chunk.offset() == id) {
            items.push(scan.next().unwrap());
        }
        // As the log does it: another name first, then other bytes.
        let spare = directory.path().join("spare-1.tmp");
        fs::rename(directory.path().join(&name), &spare).unwrap();
        fs::write(&spare, vec![fill; files[&name].len()]).unwrap();
        items.extend(scan);
        assert_eq!(purged_and_damaged(&items), (vec![id], 0));
    }
}

#[test]
fn a_chunk_that_is_damaged_in_its_place_was_not_purged() {
    let (files, _) = closed_and_killed();
    let directory = directory(&files);
    let (id, name) = second_chunk(&files);
    let mut scan = narrow(directory.path());
    let mut items: Vec<Item> = Vec::new();
    while !matches!(items.last(), Some(Item::Record(record)) if record.chunk.offset() == id) {
        items.push(scan.next().unwrap());
    }
    let mut bytes = files[&name].clone();
    bytes[64..].fill(0x5a);
    fs::write(directory.path().join(name), bytes).unwrap();
    items.extend(scan);
    let (purged, damaged) = purged_and_damaged(&items);
    assert_eq!(purged, [0; 0]);
    assert!(damaged > 0);
}

/// A directory whose first listings are older than the rest of it: as if a chunk was made right behind them.
#[derive(Debug)]
struct StaleListings {
    storage: MemoryStorage,
    newest: String,
    left: AtomicUsize,
}

impl Storage for StaleListings {
    fn list(&self) -> io::Result<Vec<DirectoryEntry>> {
        let mut entries = self.storage.list()?;
        let is_stale =
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if is_stale.is_ok() {
            entries.retain(|entry| entry.name != self.newest);
        }
        Ok(entries)
    }

    fn path(&self) -> &Path {
        self.storage.path()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.storage.open(name)
    }

    fn lock(&self, _: &str) -> io::Result<LockAttempt> {
        unreachable!("a reader takes no lock")
    }

    fn open_writable(&self, _: &str) -> io::Result<Arc<dyn StorageFile>> {
        unreachable!("a reader writes nothing")
    }

    fn create(&self, _: &str) -> io::Result<Arc<dyn StorageFile>> {
        unreachable!("a reader creates nothing")
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        unreachable!("a reader renames nothing")
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        unreachable!("a reader removes nothing")
    }

    fn sync_directory(&self) -> io::Result<()> {
        unreachable!("a reader syncs nothing")
    }

    fn sync_parent(&self) -> io::Result<()> {
        unreachable!("a reader syncs nothing")
    }

    fn random(&self) -> io::Result<u64> {
        unreachable!("a reader draws no numbers")
    }
}

#[test]
fn a_refusal_counts_only_when_it_is_repeated() {
    let (_, killed) = closed_and_killed();
    let stale = |listings| {
        let newest = newest(&killed);
        let storage = MemoryStorage::from_snapshot(killed.clone());
        StaleListings { storage, newest, left: AtomicUsize::new(listings) }
    };
    // One attempt lists at most twice.
    for listings in [0, 1, 2] {
        let answer = ask_open(&stale(listings));
        assert!(matches!(answer, OpenAnswer::Opens(_)), "{listings}: {answer:?}");
    }
    let answer = ask_open(&stale(usize::MAX));
    assert!(matches!(answer, OpenAnswer::Refuses(_)), "{answer:?}");
}
