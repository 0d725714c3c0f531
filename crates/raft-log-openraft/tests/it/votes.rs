//! A vote is durable when it was saved, together with all that was written before it.

use openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage};
use raft_log_testkit::SimulatedDisk;

use crate::stage::{Store, entry, log_id, open, show, vote};

#[tokio::test]
async fn a_vote_that_was_saved_survives_a_loss_of_power_with_all_before_it() {
    let disk = SimulatedDisk::new(1);
    let mut store = open(disk.clone());
    // Nobody waits for this append; the vote behind it covers it.
    store.append(vec![entry(1, 0), entry(1, 1)], IOFlushed::noop()).await.unwrap();
    store.save_committed(Some(log_id(1, 1, 0))).await.unwrap();
    store.save_vote(&vote(5, 2, false)).await.unwrap();

    let image = disk.if_power_goes(|loss| loss.synced_only());
    let shown = show(&mut open(SimulatedDisk::holding(image, 2))).await;
    assert_eq!(shown.vote, Some(vote(5, 2, false)));
    assert_eq!(shown.indexes(), [0, 1]);
    assert_eq!(shown.committed, Some(log_id(1, 1, 0)));
}

#[tokio::test]
async fn the_same_vote_again_makes_what_was_written_meanwhile_durable() {
    let disk = SimulatedDisk::new(1);
    let mut store = open(disk.clone());
    store.save_vote(&vote(5, 2, true)).await.unwrap();
    store.append(vec![entry(5, 0)], IOFlushed::noop()).await.unwrap();
    store.save_vote(&vote(5, 2, true)).await.unwrap();
    let image = disk.if_power_goes(|loss| loss.synced_only());
    assert_eq!(show(&mut open(SimulatedDisk::holding(image, 2))).await.indexes(), [0]);
}

#[tokio::test]
async fn a_vote_goes_only_forward() {
    let mut store: Store = open(SimulatedDisk::new(1));
    store.save_vote(&vote(5, 2, false)).await.unwrap();
    store.save_vote(&vote(5, 2, true)).await.unwrap();
    for back in [vote(5, 2, false), vote(4, 9, true)] {
        let error = store.save_vote(&back).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
    }
    store.save_vote(&vote(5, 3, false)).await.unwrap();
    assert_eq!(store.get_log_reader().await.read_vote().await.unwrap(), Some(vote(5, 3, false)));
}
