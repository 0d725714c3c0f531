//! The scan as a library: what it gives for a whole directory.

use std::sync::Arc;

use raft_log::RaftLogWriter;
use raft_log_codec::RecordKind;
use raft_log_dump::{Item, ScanError, ScanOptions, scan, scan_storage};
use raft_log_testkit::MemoryStorage;

use crate::support::*;

#[test]
fn a_whole_directory_is_listed_record_by_record_without_a_fault() {
    let (closed, _) = closed_and_killed();
    let directory = directory(&closed);
    let items = items(directory.path());
    let Some(Item::End(counts)) = items.last() else { panic!("{items:?}") };
    assert!(counts.chunks >= 3, "{counts:?}");
    assert_eq!((counts.entries, counts.damaged, counts.unreadable, counts.is_torn), (24, 0, 0, false));
    let mut indexes = Vec::new();
    let (mut states, mut footers) = (0, 0);
    for item in &items {
        match item {
            Item::Record(record) => match record.frame.head.kind() {
                Some(RecordKind::Append) => indexes.push(record.frame.head.index().unwrap()),
                Some(RecordKind::State) => {
                    states += 1;
                    assert!(record.state().is_some());
                }
                Some(RecordKind::Group) => assert!(record.durable_end().is_some()),
                _ => {}
            },
            Item::Footer(_) => footers += 1,
            Item::Gap(_) | Item::Unreadable { .. } | Item::Purged(_) | Item::OddName { .. } => {
                panic!("{item:?}")
            }
            _ => {}
        }
    }
    assert_eq!(indexes, (0..14).chain(12..22).collect::<Vec<u64>>());
    assert_eq!((states, footers), (counts.chunks, counts.chunks));
}

#[test]
fn the_end_of_a_sealed_chunk_is_its_successors_id_and_what_lies_behind_is_not_judged() {
    let (mut files, _) = closed_and_killed();
    let sealed: Vec<String> = files.keys().filter(|name| name.ends_with(".wal")).cloned().collect();
    let before = items(directory(&files).path());
    for name in &sealed[..sealed.len() - 1] {
        files.get_mut(name).unwrap().extend_from_slice(&[0xa5; 999]);
    }
    let after = items(directory(&files).path());
    assert_eq!(good_records(&before), good_records(&after));
    assert!(matches!(after.last(), Some(Item::End(counts)) if counts.damaged == 0 && !counts.is_torn));
}

#[test]
fn a_small_window_gives_the_same() {
    let (closed, _) = closed_and_killed();
    let directory = directory(&closed);
    let whole = good_records(&items(directory.path()));
    let mut options = ScanOptions::default();
    options.window_bytes = 1;
    let small: Vec<Item> = scan(directory.path(), options).unwrap().collect();
    assert_eq!(good_records(&small), whole);
}

#[test]
fn any_storage_can_be_scanned() {
    let (closed, _) = closed_and_killed();
    let storage = MemoryStorage::from_snapshot(closed.clone());
    let scan = scan_storage(Arc::new(storage), ScanOptions::default()).unwrap();
    let found: Vec<Item> = scan.collect();
    assert_eq!(good_records(&found), good_records(&items(directory(&closed).path())));
}

#[test]
fn what_is_no_log_is_said() {
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(scan(empty.path(), ScanOptions::default()), Err(ScanError::NoLog { .. })));
    let absent = empty.path().join("absent");
    assert!(matches!(scan(absent, ScanOptions::default()), Err(ScanError::Io { .. })));
}

#[test]
fn a_chunk_that_only_waits_to_be_removed_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = raft_log::RaftLog::open(small(directory.path())).unwrap();
    log.append(entries(1, 0..30)).unwrap();
    log.sync().unwrap();
    let old = files_of(directory.path());
    log.purge(id(1, 25)).unwrap();
    log.append(entries(1, 30..45)).unwrap();
    log.sync().unwrap();
    drop(log);
    // As a crash before the removal leaves it.
    let mut files = old;
    files.extend(files_of(directory.path()));
    let items = items(crate::support::directory(&files).path());
    let leftovers: Vec<bool> = items
        .iter()
        .filter_map(|item| if let Item::Chunk(chunk) = item { Some(chunk.is_leftover) } else { None })
        .collect();
    assert_eq!(leftovers.first(), Some(&true), "{leftovers:?}");
    assert_eq!(leftovers.last(), Some(&false), "{leftovers:?}");
}
