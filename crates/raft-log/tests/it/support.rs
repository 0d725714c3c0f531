//! What the tests share: entries to write, logs to write them to, and what a log holds in a form to compare.

use std::sync::Arc;

use bytes::Bytes;
use raft_log::{Config, OpenError, PlainTypes, RaftLog, RaftLogWriter, Storage, TermIndex};
use raft_log_testkit::MemoryStorage;

pub(crate) type Log = RaftLog<PlainTypes>;

pub(crate) fn id(term: u64, index: u64) -> TermIndex {
    TermIndex::new(term, index)
}

pub(crate) fn payload(index: u64) -> Bytes {
    Bytes::from(format!("payload of {index} {}", "x".repeat((index % 40) as usize)))
}

pub(crate) fn entries(term: u64, indexes: std::ops::Range<u64>) -> Vec<(TermIndex, Bytes)> {
    indexes.map(|index| (id(term, index), payload(index))).collect()
}

/// A small configuration, so that little data makes many chunks.
pub(crate) fn small() -> Config {
    let mut config = Config::new("unused");
    config.chunk.max_records = 10;
    config.chunk.space_step = 4096;
    config.chunk.spares = 0;
    config
}

pub(crate) fn open(storage: &MemoryStorage, config: &Config) -> Result<Log, OpenError> {
    Log::open_on(config.clone(), Arc::new(storage.clone()) as Arc<dyn Storage>)
}

/// What the directory would be after a kill at this moment: everything that was written, nothing that was not.
pub(crate) fn killed(storage: &MemoryStorage) -> MemoryStorage {
    MemoryStorage::from_snapshot(storage.snapshot())
}

/// The indexes a log holds and the payloads, for comparing.
pub(crate) fn contents(log: &Log) -> Vec<(TermIndex, Bytes)> {
    log.read(log.reader().indexes()).unwrap()
}

/// A log that voted, appended over several chunks, truncated, committed and purged, synced to its end.
pub(crate) fn lived(storage: &MemoryStorage, config: &Config) -> Log {
    let mut log = open(storage, config).unwrap();
    log.save_vote(raft_log::PlainVote::new(1, 7)).unwrap();
    log.append(entries(1, 0..25)).unwrap();
    log.sync().unwrap();
    log.truncate(Some(id(1, 19))).unwrap();
    log.save_vote(raft_log::PlainVote::new(2, 8)).unwrap();
    log.append(entries(2, 20..41)).unwrap();
    log.sync().unwrap();
    log.commit(id(2, 30)).unwrap();
    log.purge(id(1, 12)).unwrap();
    log.save_user_data(Some(Bytes::from_static(b"mine"))).unwrap();
    log.append(entries(2, 41..44)).unwrap();
    log.sync().unwrap();
    log
}
