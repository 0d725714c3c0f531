//! What the tests share: types, entries, and all that a store shows.

use std::io::Cursor;
use std::sync::Arc;

use openraft::storage::{RaftLogReader, RaftLogStorage};
use openraft::{CommittedLeaderId, EntryPayload};
use raft_log::{Config, Storage};
use raft_log_openraft_09::LogStore;

openraft::declare_raft_types!(
    /// Commands are texts, answers are numbers.
    pub(crate) Types: D = String, R = u64, NodeId = u64, Node = (), SnapshotData = Cursor<Vec<u8>>,
);

pub(crate) type Store = LogStore<Types>;
pub(crate) type LogId = openraft::LogId<u64>;
pub(crate) type Vote = openraft::Vote<u64>;
pub(crate) type Entry = openraft::Entry<Types>;

pub(crate) fn open(storage: impl Storage) -> Store {
    Store::open_on("unused", Arc::new(storage)).unwrap()
}

/// Chunks of a few entries, and a cache of none that are durable.
pub(crate) fn small_chunks() -> Config {
    let mut config = Config::new("unused");
    config.chunk.max_records = 8;
    config.chunk.max_size = 4096;
    config.chunk.space_step = 512;
    config.log_cache_max_items = 0;
    config
}

pub(crate) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(term, 1), index)
}

pub(crate) fn vote(term: u64, node: u64, is_committed: bool) -> Vote {
    if is_committed { Vote::new_committed(term, node) } else { Vote::new(term, node) }
}

/// The entry of node 1 with this term and index.
pub(crate) fn entry(term: u64, index: u64) -> Entry {
    Entry { log_id: log_id(term, index), payload: EntryPayload::Normal(format!("command {term}:{index}")) }
}

/// Everything that openraft can learn of a store.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Shown {
    pub(crate) vote: Option<Vote>,
    pub(crate) purged: Option<LogId>,
    pub(crate) last: Option<LogId>,
    pub(crate) committed: Option<LogId>,
    pub(crate) entries: Vec<Entry>,
}

pub(crate) async fn show(store: &mut Store) -> Shown {
    let state = store.get_log_state().await.unwrap();
    Shown {
        vote: store.read_vote().await.unwrap(),
        purged: state.last_purged_log_id,
        last: state.last_log_id,
        committed: store.read_committed().await.unwrap(),
        entries: store.try_get_log_entries(..).await.unwrap(),
    }
}

pub(crate) fn indexes(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.log_id.index).collect()
}
