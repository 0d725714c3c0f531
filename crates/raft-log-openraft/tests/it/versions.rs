//! A directory that was written under openraft 0.9 is opened under 0.10, and the other way round: the bytes are the same.

use std::io::Cursor;

use openraft::storage::{RaftLogReader, RaftLogStorage};
use openraft_09::storage::{RaftLogReader as _, RaftLogStorage as _, RaftLogStorageExt as _};
use openraft_memstore::ClientRequest;

use crate::stage::{Store, append, entry, log_id, show, small_chunks, vote};

openraft_09::declare_raft_types!(
    /// As openraft's memstore has them in 0.10.
    Old: D = ClientRequest, R = (), NodeId = u64, Node = (), SnapshotData = Cursor<Vec<u8>>,
);

type OldStore = raft_log_openraft_09::LogStore<Old>;
type OldEntry = openraft_09::Entry<Old>;

fn old_id(term: u64, index: u64) -> openraft_09::LogId<u64> {
    openraft_09::LogId::new(openraft_09::CommittedLeaderId::new(term, 1), index)
}

fn old_entry(term: u64, index: u64) -> OldEntry {
    let openraft::EntryPayload::Normal(request) = entry(term, index).payload else { unreachable!() };
    OldEntry { log_id: old_id(term, index), payload: openraft_09::EntryPayload::Normal(request) }
}

fn old_membership(index: u64) -> OldEntry {
    let nodes = std::collections::BTreeMap::from([(1, ()), (2, ()), (3, ())]);
    let voters = vec![[1, 2].into(), [2, 3].into()];
    let membership = openraft_09::Membership::new(voters, nodes);
    OldEntry { log_id: old_id(1, index), payload: openraft_09::EntryPayload::Membership(membership) }
}

/// What both show of an entry in the same words.
fn words(entry: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(entry).unwrap()
}

#[tokio::test]
async fn a_directory_goes_from_0_9_to_0_10_and_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = small_chunks();
    config.directory = directory.path().join("log");

    let blank = OldEntry { log_id: old_id(1, 0), payload: openraft_09::EntryPayload::Blank };
    let mut written = vec![blank, old_membership(1)];
    written.extend((2..30).map(|index| old_entry(if index < 20 { 1 } else { 300 }, index)));
    {
        let mut old = OldStore::open(config.clone()).unwrap();
        old.blocking_append(written.clone()).await.unwrap();
        old.save_vote(&openraft_09::Vote::new_committed(300, 1)).await.unwrap();
        old.save_committed(Some(old_id(300, 25))).await.unwrap();
        old.purge(old_id(1, 0)).await.unwrap();
    }
    {
        let mut store = Store::open(config.clone()).unwrap();
        let shown = show(&mut store).await;
        assert_eq!(shown.vote, Some(vote(300, 1, true)));
        assert_eq!(shown.purged, Some(log_id(1, 1, 0)));
        assert_eq!(shown.last, Some(log_id(300, 1, 29)));
        assert_eq!(shown.committed, Some(log_id(300, 1, 25)));
        let entries = store.get_log_reader().await.try_get_log_entries(..).await.unwrap();
        let found: Vec<_> = entries.iter().map(words).collect();
        assert_eq!(found, written[1..].iter().map(words).collect::<Vec<_>>());
        append(&mut store, vec![entry(301, 30)]).await;
        store.save_vote(&vote(301, 1, false)).await.unwrap();
        store.purge(log_id(1, 1, 5)).await.unwrap();
    }
    let mut old = OldStore::open(config).unwrap();
    assert_eq!(old.read_vote().await.unwrap(), Some(openraft_09::Vote::new(301, 1)));
    assert_eq!(old.read_committed().await.unwrap(), Some(old_id(300, 25)));
    written.push(old_entry(301, 30));
    let found: Vec<_> = old.try_get_log_entries(..).await.unwrap().iter().map(words).collect();
    assert_eq!(found, written[6..].iter().map(words).collect::<Vec<_>>());
}

/// The marks of a purge below the first entry are the same bytes, too.
#[tokio::test]
async fn a_low_purge_goes_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    {
        let mut old = OldStore::open(&path).unwrap();
        old.blocking_append([old_entry(1, 2)]).await.unwrap();
        old.purge(old_id(1, 1)).await.unwrap();
    }
    let mut store = Store::open(&path).unwrap();
    assert_eq!(store.get_log_state().await.unwrap().last_purged_log_id, Some(log_id(1, 1, 1)));
}
