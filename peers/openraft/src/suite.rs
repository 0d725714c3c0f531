//! openraft's own suite over the store on the published log: the comparison is with one that does all that openraft asks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use openraft::StorageError;
use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::type_config::TypeConfigExt;
use openraft_memstore::{BlockConfig, ClientRequest, IntoMemClientRequest, MemStateMachine, TypeConfig};
use tempfile::TempDir;

use crate::peer_store::PeerStore;
use crate::peer_types::{Entry, log_id, vote};
use crate::slow_syncs::delay_syncs;

type Machine = Arc<MemStateMachine>;

/// Makes stores that wait so long for company.
struct Waiting(Option<Duration>);

impl StoreBuilder<TypeConfig, PeerStore, Machine, TempDir> for Waiting {
    async fn build(&self) -> Result<(TempDir, PeerStore, Machine), StorageError<TypeConfig>> {
        let directory = tempfile::tempdir().unwrap();
        let store = PeerStore::open(directory.path(), self.0).unwrap();
        Ok((directory, store, Arc::new(MemStateMachine::new(BlockConfig::default()))))
    }
}

fn entries(range: std::ops::Range<u64>) -> Vec<Entry> {
    let request = |index| ClientRequest::make_request("client", index);
    range.map(|index| Entry::new_normal(log_id((1, (1, index))), request(index))).collect()
}

async fn append(store: &mut PeerStore, entries: Vec<Entry>) {
    let (done, durable) = TypeConfig::oneshot();
    store.append(entries, IOFlushed::signal(done)).await.unwrap();
    durable.await.unwrap().unwrap();
}

#[tokio::test]
async fn openrafts_suite_passes() {
    Suite::test_all(Waiting(None)).await.unwrap();
}

#[tokio::test]
async fn openrafts_suite_passes_where_the_log_does_not_wait_for_company() {
    Suite::test_all(Waiting(Some(Duration::ZERO))).await.unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_is_there_when_the_log_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = PeerStore::open(directory.path(), None).unwrap();
    append(&mut store, entries(0..9)).await;
    store.save_committed(Some(log_id((1, (1, 5))))).await.unwrap();
    store.purge(log_id((1, (1, 2)))).await.unwrap();
    store.truncate_after(Some(log_id((1, (1, 6))))).await.unwrap();
    store.save_vote(&vote((4, (2, true)))).await.unwrap();
    drop(store);

    let mut store = PeerStore::open(directory.path(), None).unwrap();
    assert_eq!(store.read_vote().await.unwrap(), Some(vote((4, (2, true)))));
    assert_eq!(store.read_committed().await.unwrap(), Some(log_id((1, (1, 5)))));
    let there = store.try_get_log_entries(..).await.unwrap();
    assert_eq!(format!("{there:?}"), format!("{:?}", entries(3..7)));
    assert_eq!(there.len(), 4);
}

/// It slows down the other tests of this process, too, which do not mind.
#[tokio::test]
async fn a_slower_sync_is_waited_for_once_by_all_that_share_it() {
    const DELAY: Duration = Duration::from_millis(100);
    let directory = tempfile::tempdir().unwrap();
    let mut store = PeerStore::open(directory.path(), Some(Duration::from_millis(50))).unwrap();
    append(&mut store, entries(0..1)).await;
    delay_syncs(DELAY);
    let (start, syncs) = (Instant::now(), store.syncs());
    let mut told = Vec::new();
    for index in 1..=20 {
        let (done, durable) = TypeConfig::oneshot();
        store.append(entries(index..index + 1), IOFlushed::signal(done)).await.unwrap();
        told.push(durable);
    }
    for durable in told {
        durable.await.unwrap().unwrap();
    }
    delay_syncs(Duration::ZERO);
    let (elapsed, syncs) = (start.elapsed(), u32::try_from(store.syncs() - syncs).unwrap());
    assert!((1..10).contains(&syncs), "20 appends in {syncs} syncs");
    assert!(elapsed >= DELAY * syncs, "{elapsed:?} for {syncs} syncs");
    assert!(elapsed < DELAY * 20, "{elapsed:?} for {syncs} syncs");
}
