//! The lock of a real directory, against other storages, other processes and other programs.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use raft_log_chunk::{DirectoryStorage, LockAttempt, LockGuard, Storage};
use tempfile::TempDir;

use crate::child_process;

const LOCK: &str = "LOCK";

#[test]
fn a_second_lock_in_the_same_process_is_refused_and_names_the_owner() {
    let directory = TempDir::new().unwrap();
    let guard = held(directory.path());
    guard.name_owner("process 17 since noon").unwrap();
    assert_eq!(busy(directory.path()), "process 17 since noon");
}

#[test]
fn a_lock_is_refused_to_another_process_until_it_is_dropped() {
    let directory = TempDir::new().unwrap();
    let guard = held(directory.path());
    guard.name_owner("parent").unwrap();
    let test = "storage_directory_lock::child_tries_the_lock";
    assert!(child_process::run(test, directory.path()).contains("busy: parent"));
    fs::remove_file(directory.path().join(LOCK)).unwrap();
    assert!(child_process::run(test, directory.path()).contains("busy: "));
    drop(guard);
    assert!(child_process::run(test, directory.path()).contains("held"));
}

/// Run by the test above in a process of its own.
#[test]
fn child_tries_the_lock() {
    let Some(directory) = child_process::directory() else {
        return;
    };
    match DirectoryStorage::open(directory).unwrap().lock(LOCK).unwrap() {
        LockAttempt::Held(_) => println!("held"),
        LockAttempt::Busy(owner) => println!("busy: {owner}"),
    }
}

#[test]
fn a_lock_is_refused_though_its_file_was_deleted() {
    let directory = TempDir::new().unwrap();
    let guard = held(directory.path());
    guard.name_owner("owner").unwrap();
    fs::remove_file(directory.path().join(LOCK)).unwrap();
    assert_eq!(busy(directory.path()), "");
    assert!(!directory.path().join(LOCK).exists(), "a refused lock created a file");
    drop(guard);
    held(directory.path());
}

#[test]
fn a_lock_is_refused_though_its_file_was_replaced() {
    let directory = TempDir::new().unwrap();
    let guard = held(directory.path());
    guard.name_owner("owner").unwrap();
    fs::write(directory.path().join("other"), "somebody else").unwrap();
    fs::rename(directory.path().join("other"), directory.path().join(LOCK)).unwrap();
    assert_eq!(busy(directory.path()), "somebody else");
    drop(guard);
    assert_eq!(fs::read(directory.path().join(LOCK)).unwrap(), b"somebody else");
    held(directory.path());
}

#[test]
fn a_lock_is_refused_while_a_program_that_knows_only_the_file_has_it() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join(LOCK), "a program").unwrap();
    let file = File::open(directory.path().join(LOCK)).unwrap();
    file.try_lock().unwrap();
    assert_eq!(busy(directory.path()), "a program");
    file.unlock().unwrap();
    held(directory.path());
}

#[test]
fn a_refused_lock_leaves_nothing_locked_while_child_processes_are_started() {
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};

    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join(LOCK), "").unwrap();
    let file = File::open(directory.path().join(LOCK)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                // Until it runs its program, a child has a copy of every handle of this process.
                let child = Command::new("true").status();
                assert!(child.unwrap().success());
            }
        });
        let rounds = std::panic::catch_unwind(|| {
            for _ in 0..300 {
                file.try_lock().unwrap();
                busy(directory.path());
                file.unlock().unwrap();
                held(directory.path());
            }
        });
        done.store(true, Ordering::SeqCst);
        assert!(rounds.is_ok(), "a lock outlived the attempt that was refused");
    });
}

#[test]
fn a_directory_reached_by_another_path_is_the_same_lock() {
    let parent = TempDir::new().unwrap();
    let path = parent.path().join("log");
    let guard = {
        let storage = DirectoryStorage::open_or_create(&path).unwrap();
        take(&storage).unwrap()
    };
    symlink("log", parent.path().join("link")).unwrap();
    busy(&parent.path().join("link"));
    fs::rename(&path, parent.path().join("moved")).unwrap();
    busy(&parent.path().join("moved"));
    drop(guard);
    held(&parent.path().join("moved"));
}

#[test]
fn a_lock_file_that_is_a_link_is_not_followed() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("target"), "precious").unwrap();
    symlink("target", directory.path().join(LOCK)).unwrap();
    let storage = DirectoryStorage::open(directory.path()).unwrap();
    let error = storage.lock(LOCK).unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
    assert_eq!(fs::read(directory.path().join("target")).unwrap(), b"precious");
}

#[test]
fn a_failed_lock_holds_nothing() {
    let directory = TempDir::new().unwrap();
    fs::create_dir(directory.path().join(LOCK)).unwrap();
    let storage = DirectoryStorage::open(directory.path()).unwrap();
    storage.lock(LOCK).unwrap_err();
    fs::remove_dir(directory.path().join(LOCK)).unwrap();
    held(directory.path());
}

#[test]
fn a_name_longer_than_is_read_or_not_text_is_still_told() {
    let directory = TempDir::new().unwrap();
    let guard = held(directory.path());
    guard.name_owner(&"x".repeat(1_000_000)).unwrap();
    assert_eq!(busy(directory.path()), "x".repeat(4096));
    fs::write(directory.path().join(LOCK), b"\xff\xfe \n").unwrap();
    assert_eq!(busy(directory.path()), "\u{fffd}\u{fffd}");
}

#[test]
fn a_stale_name_is_neither_believed_nor_removed_before_there_is_a_new_one() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join(LOCK), "died").unwrap();
    let guard = held(directory.path());
    assert_eq!(fs::read(directory.path().join(LOCK)).unwrap(), b"died");
    guard.name_owner("new").unwrap();
    assert_eq!(busy(directory.path()), "new");
    drop(guard);
    assert_eq!(fs::read(directory.path().join(LOCK)).unwrap(), b"");
}

#[test]
fn of_many_that_try_at_once_while_the_file_is_removed_never_two_hold_the_lock() {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    let directory = TempDir::new().unwrap();
    let holders = AtomicU32::new(0);
    let taken = AtomicU32::new(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                drop(fs::remove_file(directory.path().join(LOCK)));
                std::thread::yield_now();
            }
        });
        let lockers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let storage = DirectoryStorage::open(directory.path()).unwrap();
                    for _ in 0..500 {
                        // Losing the file again and again to the thread above is an error, not a lock.
                        let Ok(LockAttempt::Held(guard)) = storage.lock(LOCK) else {
                            continue;
                        };
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0, "held twice");
                        std::thread::yield_now();
                        holders.fetch_sub(1, Ordering::SeqCst);
                        taken.fetch_add(1, Ordering::SeqCst);
                        drop(guard);
                    }
                })
            })
            .collect();
        let results: Vec<_> = lockers.into_iter().map(|locker| locker.join()).collect();
        done.store(true, Ordering::SeqCst);
        assert!(results.iter().all(Result::is_ok), "held twice");
    });
    assert!(taken.load(Ordering::SeqCst) > 0, "nobody ever held it");
}

fn take(storage: &DirectoryStorage) -> Option<Box<dyn LockGuard>> {
    match storage.lock(LOCK).unwrap() {
        LockAttempt::Held(guard) => Some(guard),
        LockAttempt::Busy(_) => None,
    }
}

/// Takes the lock through a storage of its own.
fn held(directory: &Path) -> Box<dyn LockGuard> {
    take(&DirectoryStorage::open(directory).unwrap()).expect("nobody holds the lock")
}

/// Is refused through a storage of its own, and gives the owner.
fn busy(directory: &Path) -> String {
    match DirectoryStorage::open(directory).unwrap().lock(LOCK).unwrap() {
        LockAttempt::Held(_) => panic!("the lock is held twice"),
        LockAttempt::Busy(owner) => owner,
    }
}
