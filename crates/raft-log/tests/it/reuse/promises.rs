//! What a log has promised while it lives, and whether files hold it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use raft_log::{PlainTypes, RaftLogWriter, WriteError};
use raft_log_testkit::MemoryStorage;

use super::life::*;
use crate::support::*;

/// What a log has promised, and what it may show at most.
#[derive(Debug, Default, Clone)]
pub(super) struct Promises {
    pub(super) durable_end: u64,
    pub(super) accepted_end: u64,
    /// The first index after the last purge that was made durable, and after the last that was accepted.
    pub(super) durable_first: u64,
    pub(super) accepted_first: u64,
}

impl Promises {
    pub(super) fn check(&self, files: BTreeMap<String, Vec<u8>>, context: &dyn std::fmt::Debug) {
        let log = match open(&MemoryStorage::from_snapshot(files), &config()) {
            Ok(log) => log,
            Err(error) => panic!("{error}: {self:?}, {context:?}"),
        };
        let indexes = log.reader().indexes();
        if self.durable_end == 0 && indexes.is_empty() {
            return;
        }
        assert!(
            (self.durable_end..=self.accepted_end).contains(&indexes.end),
            "{indexes:?}: {self:?}, {context:?}"
        );
        assert!(
            (self.durable_first..=self.accepted_first).contains(&indexes.start),
            "{indexes:?}: {self:?}, {context:?}"
        );
        assert_eq!(contents(&log), expected(&log), "{self:?}, {context:?}");
    }
}

/// Fills a chunk two entries at a time, and keeps account of what is promised.
pub(super) fn fill_chunk_with_promises(
    log: &mut Log,
    promises: &Mutex<Promises>,
    purges: bool,
) -> Result<(), WriteError<PlainTypes>> {
    let end = log.state().end_index();
    let first = end.saturating_sub(2 * ENTRIES_PER_CHUNK);
    if purges && first > 0 {
        promises.lock().unwrap().accepted_first = first;
        log.purge(id(1, first - 1))?;
    }
    for index in (end..end + ENTRIES_PER_CHUNK + 1).step_by(2) {
        promises.lock().unwrap().accepted_end = index + 2;
        log.append([entry(index), entry(index + 1)])?;
        if let Err(error) = log.sync() {
            assert!(matches!(error, raft_log::FlushError::Poisoned(_)));
            return Ok(());
        }
        let mut promises = promises.lock().unwrap();
        promises.durable_end = promises.accepted_end;
        promises.durable_first = promises.accepted_first;
    }
    Ok(())
}

pub(super) fn promises_with_one_more(promises: &Promises) -> Promises {
    Promises { accepted_end: promises.accepted_end + 1, ..promises.clone() }
}
