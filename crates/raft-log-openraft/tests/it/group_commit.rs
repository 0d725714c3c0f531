//! Writes that are under way at once share syncs, all the way through openraft: a count, and no timing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use raft_log_testkit::{Call, MemoryStorage, WatchedStorage};

use crate::cluster::Cluster;
use crate::stage::Store;

const CLIENTS: usize = 64;
const WRITES_EACH: u64 = 20;

/// A log on which each sync takes 2 ms, and how many there were.
fn slow_log() -> (Store, Arc<AtomicU64>) {
    let syncs = Arc::new(AtomicU64::new(0));
    let counted = syncs.clone();
    let storage = WatchedStorage::new(MemoryStorage::new());
    storage.watch(move |call| {
        if matches!(call, Call::Sync(_) | Call::SyncDirectory) {
            counted.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(2));
        }
    });
    (Store::open_on("unused", Arc::new(storage)).unwrap(), syncs)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_clients_more_than_8_writes_share_a_sync_that_takes_2_ms() {
    let (log, syncs) = slow_log();
    let cluster = Cluster::start(vec![log]).await.unwrap();
    let before = syncs.load(Ordering::Relaxed);
    let written = cluster.write(CLIENTS, 256, |serial| serial < WRITES_EACH).await.unwrap();
    let syncs = syncs.load(Ordering::Relaxed) - before;
    assert_eq!(written.len() as u64, CLIENTS as u64 * WRITES_EACH);
    assert!(syncs > 0 && written.len() as u64 > 8 * syncs, "{} writes in {syncs} syncs", written.len());
    cluster.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_client_shares_with_nobody() {
    let (log, syncs) = slow_log();
    let cluster = Cluster::start(vec![log]).await.unwrap();
    let before = syncs.load(Ordering::Relaxed);
    cluster.write(1, 256, |serial| serial < WRITES_EACH).await.unwrap();
    let syncs = syncs.load(Ordering::Relaxed) - before;
    assert!(syncs >= WRITES_EACH, "{WRITES_EACH} writes, each after the last, in {syncs} syncs");
    cluster.stop().await.unwrap();
}
