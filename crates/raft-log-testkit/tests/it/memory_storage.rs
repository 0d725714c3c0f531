//! What `MemoryStorage` offers to tests beyond being a storage: space, failures, counters, looking inside.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use raft_log_chunk::{LockAttempt, Storage, is_no_space, read_full_at, write_all_at};
use raft_log_testkit::{MemoryStorage, Operation};
use rustix::io::Errno;

const BLOCK: u64 = 4096;

#[test]
fn a_clone_is_the_same_directory() {
    let storage = MemoryStorage::new();
    let clone = storage.clone();
    storage.create("a").unwrap().write_at(b"bytes", 0).unwrap();
    assert_eq!(clone.file_bytes("a").unwrap(), b"bytes");
    let held = storage.lock("LOCK").unwrap();
    assert!(matches!(held, LockAttempt::Held(_)));
    assert!(matches!(clone.lock("LOCK").unwrap(), LockAttempt::Busy(_)));
    drop(held);
    assert!(matches!(clone.lock("LOCK").unwrap(), LockAttempt::Held(_)));
}

#[test]
fn a_snapshot_is_a_copy_that_is_not_locked() {
    let storage = MemoryStorage::new();
    let _held = storage.lock("LOCK").unwrap();
    let file = storage.create("a").unwrap();
    file.write_at(b"before", 0).unwrap();
    let copy = MemoryStorage::from_snapshot(storage.snapshot());
    file.write_at(b"after!", 0).unwrap();
    assert_eq!(copy.file_bytes("a").unwrap(), b"before");
    assert_eq!(copy.names(), ["LOCK", "a"]);
    assert!(matches!(copy.lock("LOCK").unwrap(), LockAttempt::Held(_)));
    let expected = BTreeMap::from([("LOCK".to_owned(), vec![]), ("a".to_owned(), b"before".to_vec())]);
    assert_eq!(copy.snapshot(), expected);
}

#[test]
fn a_file_that_is_put_is_another_one_and_an_edited_file_is_the_same() {
    let storage = MemoryStorage::new();
    storage.put_file("a", *b"old");
    let handle = storage.open("a").unwrap();
    let mut buffer = [0; 3];
    storage.edit_file("a", |bytes| bytes[0] = b'O');
    read_full_at(&*handle, &mut buffer, 0).unwrap();
    assert_eq!(&buffer, b"Old");
    storage.put_file("a", *b"new");
    read_full_at(&*handle, &mut buffer, 0).unwrap();
    assert_eq!(&buffer, b"Old");
    assert_eq!(storage.file_bytes("a").unwrap(), b"new");
    assert!(storage.remove_file("a"));
    assert!(!storage.remove_file("a"));
    assert_eq!(storage.file_bytes("a"), None);
}

#[test]
fn a_hard_link_counts_and_shares_bytes_and_space() {
    let storage = MemoryStorage::new();
    storage.put_file("a", *b"shared");
    let file = storage.open_writable("a").unwrap();
    storage.hard_link("a", "b");
    assert_eq!(file.links().unwrap(), 2);
    assert_eq!(storage.used_bytes(), BLOCK);
    file.write_at(b"S", 0).unwrap();
    assert_eq!(storage.file_bytes("b").unwrap(), b"Shared");
    storage.rename("a", "b").unwrap();
    assert_eq!(storage.names(), ["a", "b"], "rename(2) keeps two names of one file");
    storage.remove("a").unwrap();
    assert_eq!(file.links().unwrap(), 1);
    assert_eq!(storage.file_bytes("b").unwrap(), b"Shared");
}

#[test]
fn a_full_disk_cuts_a_write_short_and_then_refuses_it() {
    let storage = MemoryStorage::new();
    storage.set_capacity(Some(3 * BLOCK));
    let file = storage.create("a").unwrap();
    let bytes = vec![7; 5 * BLOCK as usize];
    assert_eq!(file.write_at(&bytes, 0).unwrap() as u64, 3 * BLOCK);
    let error = file.write_at(&bytes, 3 * BLOCK).unwrap_err();
    assert!(is_no_space(&error));
    assert_eq!(error.raw_os_error(), Some(Errno::NOSPC.raw_os_error()));
    assert_eq!(file.size().unwrap(), 3 * BLOCK);
    let (done, error) = write_all_at(&*file, &bytes, BLOCK).unwrap_err();
    assert_eq!((done, error.kind()), (2 * BLOCK, ErrorKind::StorageFull));
    assert_eq!(storage.create("b").unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(storage.lock("LOCK").unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(file.write_at(b"in place", 100).unwrap(), 8, "overwriting needs no space");
    file.truncate(2 * BLOCK).unwrap();
    storage.create("b").unwrap();
    assert_eq!(storage.used_bytes(), 3 * BLOCK);
    storage.set_capacity(None);
    write_all_at(&*file, &bytes, 0).unwrap();
}

#[test]
fn space_is_free_only_when_the_last_name_and_handle_are_gone() {
    let storage = MemoryStorage::new();
    storage.set_capacity(Some(2 * BLOCK));
    let file = storage.create("a").unwrap();
    write_all_at(&*file, &[1; 5000], 0).unwrap();
    assert_eq!(storage.used_bytes(), 2 * BLOCK);
    storage.remove("a").unwrap();
    assert_eq!(storage.used_bytes(), 2 * BLOCK);
    assert_eq!(storage.create("b").unwrap_err().kind(), ErrorKind::StorageFull);
    drop(file);
    assert_eq!(storage.used_bytes(), 0);
    drop(storage.create("b").unwrap());
    assert_eq!(storage.used_bytes(), BLOCK, "a file without bytes still takes a block");
}

#[test]
fn a_replaced_file_gives_its_space_back() {
    let storage = MemoryStorage::new();
    storage.put_file("a", vec![1; 10_000]);
    storage.put_file("b", vec![2; 10]);
    assert_eq!(storage.used_bytes(), 4 * BLOCK);
    storage.rename("b", "a").unwrap();
    assert_eq!(storage.used_bytes(), BLOCK);
}

#[test]
fn planned_failures_hit_just_the_calls_they_name() {
    let storage = MemoryStorage::new();
    let file = storage.create("a").unwrap();
    storage.fail_after(2, Operation::Write, Errno::IO, 2);
    let codes: Vec<_> =
        (0..6).map(|_| file.write_at(b"x", 0).map_err(|error| error.raw_os_error())).collect();
    let failed = Err(Some(Errno::IO.raw_os_error()));
    assert_eq!(codes, [Ok(1), Ok(1), failed, failed, Ok(1), Ok(1)]);
    assert_eq!(storage.calls(Operation::Write), 6);
    assert_eq!(storage.bytes_written(), 4);
    file.sync().unwrap();

    storage.fail_next(Operation::Sync, ErrorKind::QuotaExceeded, u64::MAX);
    for _ in 0..10 {
        assert_eq!(file.sync().unwrap_err().kind(), ErrorKind::QuotaExceeded);
    }
    storage.clear_failures();
    file.sync().unwrap();
    assert_eq!(storage.syncs(), 12);
}

#[test]
fn every_call_can_be_made_to_fail_and_then_changes_nothing() {
    for operation in Operation::ALL {
        let storage = MemoryStorage::new();
        storage.put_file("a", *b"bytes");
        storage.put_file("b", *b"other");
        let file = storage.open_writable("a").unwrap();
        let LockAttempt::Held(held) = storage.lock("LOCK").unwrap() else { panic!("nobody holds it") };
        let before = storage.snapshot();
        storage.reset_counters();
        storage.fail_next(operation, input_output_error(), 1);
        let result: io::Result<()> = match operation {
            Operation::Lock => storage.lock("LOCK").map(drop),
            Operation::NameOwner => held.name_owner("me"),
            Operation::List => storage.list().map(drop),
            Operation::Open => storage.open("a").map(drop),
            Operation::Create => storage.create("c").map(drop),
            Operation::Rename => storage.rename("a", "b"),
            Operation::Remove => storage.remove("a"),
            Operation::SyncDirectory => storage.sync_directory(),
            Operation::SyncParent => storage.sync_parent(),
            Operation::Random => storage.random().map(drop),
            Operation::Size => file.size().map(drop),
            Operation::Links => file.links().map(drop),
            Operation::Read => file.read_at(&mut [0; 3], 0).map(drop),
            Operation::Write => file.write_at(b"new", 0).map(drop),
            Operation::Truncate => file.truncate(0),
            Operation::Sync => file.sync(),
            Operation::DropCache => file.drop_cache(),
            other => panic!("{other:?} is not tried here"),
        };
        let error = result.expect_err(&format!("{operation:?} was to fail"));
        assert_eq!(error.raw_os_error(), Some(input_output_error()), "{operation:?}");
        assert_eq!(storage.calls(operation), 1, "{operation:?}");
        assert_eq!(storage.snapshot(), before, "{operation:?}");
    }
}

#[test]
fn limits_make_reads_and_writes_short() {
    let storage = MemoryStorage::new();
    let file = storage.create("a").unwrap();
    storage.set_write_limit(Some(3));
    assert_eq!(file.write_at(b"0123456789", 0).unwrap(), 3);
    write_all_at(&*file, b"0123456789", 0).unwrap();
    storage.set_read_limit(Some(4));
    let mut buffer = [0; 10];
    assert_eq!(file.read_at(&mut buffer, 0).unwrap(), 4);
    storage.reset_counters();
    assert_eq!(read_full_at(&*file, &mut buffer, 0).unwrap(), 10);
    assert_eq!(&buffer, b"0123456789");
    assert_eq!((storage.bytes_read(), storage.calls(Operation::Read)), (10, 3));
    storage.set_write_limit(Some(0));
    let (done, error) = write_all_at(&*file, b"x", 0).unwrap_err();
    assert_eq!((done, error.kind()), (0, ErrorKind::WriteZero));
}

#[test]
fn a_slow_sync_takes_its_time_and_holds_up_nobody_else() {
    let delay = Duration::from_millis(200);
    let storage = MemoryStorage::new();
    let file = storage.create("a").unwrap();
    storage.set_sync_delay(delay);
    let (begun, syncing) = std::sync::mpsc::channel();
    let slow = Arc::clone(&file);
    let thread = std::thread::spawn(move || {
        begun.send(()).unwrap();
        let start = Instant::now();
        slow.sync().unwrap();
        (start.elapsed(), Instant::now())
    });
    syncing.recv().unwrap();
    // The bytes arrive while the sync sleeps: the directory is not locked meanwhile.
    file.write_at(b"meanwhile", 0).unwrap();
    let written = Instant::now();
    let (took, ended) = thread.join().unwrap();
    assert!(took >= delay, "{took:?}");
    assert!(written < ended);
}

#[test]
fn a_seed_repeats_its_numbers_and_directories_differ_without_one() {
    let draw = |storage: &MemoryStorage| [storage.random().unwrap(), storage.random().unwrap()];
    let [first, second] = [MemoryStorage::new(), MemoryStorage::new()];
    assert_ne!(draw(&first), draw(&second));
    first.set_random_seed(5);
    second.set_random_seed(5);
    assert_eq!(draw(&first), draw(&second));
    second.set_random_seed(6);
    assert_ne!(draw(&first), draw(&second));
}

fn input_output_error() -> i32 {
    Errno::IO.raw_os_error()
}
