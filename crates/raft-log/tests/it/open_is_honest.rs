//! What opening does not do: start a thread, change a chunk, read more than it must, or leave anything behind when it
//! fails.

use raft_log::{OpenError, RaftLogWriter};
use raft_log_testkit::{Failure, MemoryStorage, Operation};

use crate::support::*;

fn chunks_of(storage: &MemoryStorage) -> Vec<(String, Vec<u8>)> {
    storage.snapshot().into_iter().filter(|(name, _)| name.starts_with("r-")).collect()
}

/// Threads of this process that flush a log.
#[cfg(target_os = "linux")]
fn flush_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "raft-log-flush").count()
}

/// Other tests of this binary flush at the same time, so the look is taken in a process of its own.
#[cfg(target_os = "linux")]
#[test]
fn opening_starts_no_thread() {
    const ALONE: &str = "RAFT_LOG_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["open_is_honest::opening_starts_no_thread", "--exact", "--test-threads=1", "--nocapture"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    let all_threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let before = all_threads();
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    log.append(entries(1, 0..100)).unwrap();
    log.sync().unwrap();
    assert_eq!(contents(&log).len(), 100);
    assert_eq!((all_threads(), flush_threads()), (before, 0), "neither for opening nor for a sync");
    log.ticket().wait().unwrap();
    assert_eq!((all_threads(), flush_threads()), (before + 1, 1));
    drop(log);
    assert_eq!((all_threads(), flush_threads()), (before, 0));
}

#[test]
fn opening_and_reading_change_no_chunk() {
    for is_killed in [false, true] {
        let storage = MemoryStorage::new();
        let log = lived(&storage, &small());
        let storage = if is_killed { killed(&storage) } else { storage };
        drop(log);
        let before = chunks_of(&storage);
        storage.reset_counters();
        let mut log = open(&storage, &small()).unwrap();
        assert!(!contents(&log).is_empty());
        log.sync().unwrap();
        log.ticket().wait().unwrap();
        log.close().unwrap();
        drop(log);
        assert_eq!(chunks_of(&storage), before);
        for operation in [Operation::Create, Operation::Rename, Operation::Remove, Operation::Truncate] {
            assert_eq!(storage.calls(operation), 0, "{operation:?}");
        }
    }
}

#[test]
fn opening_twice_equals_opening_once() {
    for is_killed in [false, true] {
        let storage = MemoryStorage::new();
        let log = lived(&storage, &small());
        let storage = if is_killed { killed(&storage) } else { storage };
        drop(log);
        let first = open(&storage, &small()).unwrap();
        let (state, held, report) = (first.state(), contents(&first), first.report().clone());
        drop(first);
        let after_first = storage.snapshot();
        let second = open(&storage, &small()).unwrap();
        assert_eq!((second.state(), contents(&second)), (state, held));
        let again = second.report();
        assert_eq!(
            (again.end, again.entries, again.torn_tail, again.scanned_chunks, &again.warnings),
            (report.end, report.entries, report.torn_tail, report.scanned_chunks, &report.warnings)
        );
        drop(second);
        assert_eq!(storage.snapshot(), after_first);
    }
}

#[test]
fn opening_after_a_close_reads_no_entries() {
    let bytes_read = |count: u64| {
        let storage = MemoryStorage::new();
        let mut log = open(&storage, &raft_log::Config::new("unused")).unwrap();
        for from in (0..count).step_by(10_000) {
            log.append(entries(1, from..count.min(from + 10_000))).unwrap();
        }
        log.close().unwrap();
        drop(log);
        assert_eq!(chunks_of(&storage).len(), 1);
        storage.reset_counters();
        let log = open(&storage, &raft_log::Config::new("unused")).unwrap();
        let read = storage.bytes_read();
        assert_eq!((log.report().entries, log.report().scanned_chunks), (count, 0));
        assert_eq!(log.read(count - 1..).unwrap(), entries(1, count - 1..count));
        read
    };
    let figures = [100, 10_000, 50_000].map(bytes_read);
    println!("bytes read at opening with 100, 10,000 and 50,000 entries: {figures:?}");
    assert!(figures.iter().all(|figure| *figure <= 32 << 10), "{figures:?}");
    assert!(figures[0] == figures[1] && figures[1] == figures[2], "{figures:?}");
}

/// Otherwise the chunk that a kill left without a footer would be scanned at every opening from then on.
#[test]
fn a_chunk_that_a_kill_left_is_scanned_only_until_the_next_write() {
    let storage = MemoryStorage::new();
    let log = lived(&storage, &small());
    let storage = killed(&storage);
    drop(log);
    let mut log = open(&storage, &small()).unwrap();
    assert_eq!(log.report().scanned_chunks, 1);
    log.append(entries(2, 44..45)).unwrap();
    log.close().unwrap();
    drop(log);
    assert_eq!(open(&storage, &small()).unwrap().report().scanned_chunks, 0);
}

#[test]
fn a_found_chunk_with_a_second_name_is_never_written_to() {
    for is_killed in [false, true] {
        let storage = MemoryStorage::new();
        let log = lived(&storage, &small());
        let storage = if is_killed { killed(&storage) } else { storage };
        drop(log);
        let before = chunks_of(&storage);
        for (at, (name, _)) in before.iter().enumerate() {
            storage.hard_link(name, &format!("backup-{at}"));
        }
        let mut log = open(&storage, &small()).unwrap();
        log.append(entries(2, 44..60)).unwrap();
        log.purge(id(2, 55)).unwrap();
        log.close().unwrap();
        drop(log);
        for (at, (name, bytes)) in before.iter().enumerate() {
            assert!(storage.file_bytes(&format!("backup-{at}")).as_ref() == Some(bytes), "{name}");
        }
    }
}

/// Whatever call of an opening fails: the error is typed, nothing in the directory has changed but `LOCK` and what
/// `DURABLE` had room for, and the next opening finds everything.
#[test]
fn a_failed_open_leaves_no_trace() {
    let original = MemoryStorage::new();
    let log = lived(&original, &small());
    let (state, held) = (log.state(), contents(&log));
    let left_by_kill = original.snapshot();
    drop(log);
    let mut failed_opens = 0;
    for files in [left_by_kill, original.snapshot()] {
        for operation in Operation::ALL {
            for pass in 0.. {
                let storage = MemoryStorage::from_snapshot(files.clone());
                storage.fail_after(pass, operation, Failure::Errno(5), 1);
                let opened = open(&storage, &small());
                if storage.calls(operation) <= pass {
                    assert!(opened.is_ok(), "{opened:?}");
                    break;
                }
                match opened {
                    Ok(log) => assert_eq!((log.state(), contents(&log)), (state.clone(), held.clone())),
                    Err(error) => {
                        failed_opens += 1;
                        let is_typed = match &error {
                            OpenError::Io { source, .. } | OpenError::Directory(source) => {
                                source.raw_os_error() == Some(5)
                            }
                            OpenError::Recovery(raft_log::RecoveryError::Io { source, .. }) => {
                                source.raw_os_error() == Some(5)
                            }
                            _ => false,
                        };
                        assert!(is_typed, "{operation:?} {pass}: {error:?}");
                        let mut after = storage.snapshot();
                        // Only the last step writes: the mark of what is durable.
                        if matches!(&error, OpenError::Io { file: "DURABLE", .. }) {
                            after.insert("DURABLE".to_owned(), files["DURABLE"].clone());
                        }
                        assert!(after == files, "{operation:?} {pass}: {error:?}");
                    }
                }
                storage.clear_failures();
                let log = open(&storage, &small()).unwrap();
                assert_eq!((log.state(), contents(&log)), (state.clone(), held.clone()));
            }
        }
    }
    println!("{failed_opens} opens failed at one call or another");
    assert!(failed_opens > 20);
}
