//! What the tests share: types, entries, appends that are waited for, and all that a store shows.

use std::sync::Arc;

use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::type_config::alias::{EntryOf, LeaderIdOf, LogIdOf, VoteOf};
use openraft::vote::{RaftLeaderId, RaftVote};
pub(crate) use openraft_memstore::TypeConfig as Types;
use openraft_memstore::{ClientRequest, IntoMemClientRequest};
use raft_log::{Config, Storage};
use raft_log_openraft::LogStore;

pub(crate) type Store = LogStore<Types>;
pub(crate) type LogId = LogIdOf<Types>;
pub(crate) type Vote = VoteOf<Types>;
pub(crate) type Entry = EntryOf<Types>;

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

pub(crate) fn log_id(term: u64, node: u64, index: u64) -> LogId {
    LogId::new(LeaderIdOf::<Types>::new(term, node).to_committed(), index)
}

pub(crate) fn vote(term: u64, node: u64, is_committed: bool) -> Vote {
    Vote::from_leader_id(LeaderIdOf::<Types>::new(term, node), is_committed)
}

/// The entry of node 1 with this term and index.
pub(crate) fn entry(term: u64, index: u64) -> Entry {
    Entry::new_normal(log_id(term, 1, index), ClientRequest::make_request(format!("client {index}"), term))
}

/// Appends and waits until it is durable.
pub(crate) async fn append(store: &mut Store, entries: Vec<Entry>) {
    let (done, told) = Types::oneshot();
    store.append(entries, IOFlushed::signal(done)).await.unwrap();
    told.await.unwrap().unwrap();
}

/// Everything that openraft can learn of a store.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Shown {
    pub(crate) vote: Option<Vote>,
    pub(crate) purged: Option<LogId>,
    pub(crate) last: Option<LogId>,
    pub(crate) committed: Option<LogId>,
    pub(crate) entries: Vec<Told>,
}

/// An entry in a form that can be compared: its id, and all of it in words.
pub(crate) type Told = (LogId, String);

pub(crate) fn told(entry: &Entry) -> Told {
    (entry.log_id, format!("{entry:?}"))
}

pub(crate) async fn show(store: &mut Store) -> Shown {
    let state = store.get_log_state().await.unwrap();
    let mut reader = store.get_log_reader().await;
    Shown {
        vote: reader.read_vote().await.unwrap(),
        purged: state.last_purged_log_id,
        last: state.last_log_id,
        committed: store.read_committed().await.unwrap(),
        entries: reader.try_get_log_entries(..).await.unwrap().iter().map(told).collect(),
    }
}

pub(crate) fn indexes(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(RaftEntry::index).collect()
}

impl Shown {
    pub(crate) fn indexes(&self) -> Vec<u64> {
        self.entries.iter().map(|(id, _)| id.index).collect()
    }
}
