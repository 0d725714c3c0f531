//! A log's life: written, closed or killed, opened again.

use raft_log_testkit::MemoryStorage;

use crate::support::*;
use raft_log::RaftLogWriter;

#[test]
fn what_was_written_is_there_after_a_clean_close() {
    let storage = MemoryStorage::new();
    let mut log = lived(&storage, &small());
    let (state, held) = (log.state(), contents(&log));
    log.close().unwrap();
    drop(log);
    let log = open(&storage, &small()).unwrap();
    assert_eq!(log.state(), state);
    assert_eq!(contents(&log), held);
    assert_eq!(log.report().scanned_chunks, 0, "{:?}", log.report());
    assert_eq!(held.len(), 44 - 13);
}

#[test]
fn what_was_written_is_there_after_a_kill() {
    let storage = MemoryStorage::new();
    let log = lived(&storage, &small());
    let killed = killed(&storage);
    let after = open(&killed, &small()).unwrap();
    assert_eq!(after.state(), log.state());
    assert_eq!(contents(&after), contents(&log));
    assert!(after.report().torn_tail.is_none());
}

#[test]
fn a_log_goes_on_after_each_open() {
    let storage = MemoryStorage::new();
    let mut expected = Vec::new();
    for round in 0..20 {
        let mut log = open(&storage, &small()).unwrap();
        assert_eq!(contents(&log), expected, "round {round}");
        let more = entries(1, round * 7..round * 7 + 7);
        log.append(more.clone()).unwrap();
        expected.extend(more);
        assert_eq!(contents(&log), expected, "visible before it is durable");
        log.sync().unwrap();
    }
}

#[test]
fn a_real_directory_holds_a_log() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let mut log = Log::open(&path).unwrap();
    log.append(entries(1, 1..1000)).unwrap();
    log.ticket().wait().unwrap();
    drop(log);
    let log = Log::open(&path).unwrap();
    assert_eq!(contents(&log), entries(1, 1..1000));
}

#[test]
fn an_index_below_the_first_entry_is_refused_also_after_an_open_by_footer() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    log.append(entries(1, 5..9)).unwrap();
    log.close().unwrap();
    drop(log);
    let mut log = open(&storage, &small()).unwrap();
    assert_eq!(log.report().scanned_chunks, 0);
    let refused = log.truncate(Some(id(1, 3))).unwrap_err();
    assert!(refused.to_string().contains("1:3"), "{refused}");
    assert_eq!(contents(&log), entries(1, 5..9));
}

#[test]
fn a_range_without_a_start_begins_with_the_first_live_entry() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    assert_eq!(log.read(..).unwrap(), []);
    log.append(entries(1, 5..9)).unwrap();
    assert_eq!(log.read(..).unwrap(), entries(1, 5..9));
    log.purge(id(1, 6)).unwrap();
    assert_eq!(log.read(..8).unwrap(), entries(1, 7..8));
    assert!(log.read(6..).is_err());
    log.purge(id(1, 20)).unwrap();
    assert_eq!(log.read(..).unwrap(), []);
}
