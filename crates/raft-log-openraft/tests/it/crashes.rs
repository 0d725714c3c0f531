//! The power goes, or the process is killed, at each call on a disk that changes something: what was acknowledged is there,
//! and what is there is a moment of the log's history.

use std::sync::Arc;

use openraft::storage::RaftLogStorage;
use raft_log::{Config, Storage};
use raft_log_testkit::{EngineId, EngineShown, EngineStep, EngineStore, engine_crashes};

use crate::stage::{LogId, Store, append, entry, log_id, show, small_chunks, told, vote};

/// The store, as the test kit plays with it.
struct Played(Store);

impl EngineStore for Played {
    fn open(config: Config, storage: Arc<dyn Storage>) -> Self {
        Self(Store::open_on(config, storage).unwrap())
    }

    async fn perform(&mut self, step: &EngineStep) {
        let id = |(term, index): EngineId| log_id(term, 1, index);
        match step {
            EngineStep::Vote((term, node, is_committed)) => {
                self.0.save_vote(&vote(*term, *node, *is_committed)).await.unwrap();
            }
            EngineStep::Append(term, indexes) => {
                append(&mut self.0, indexes.clone().map(|index| entry(*term, index)).collect()).await;
            }
            EngineStep::TruncateAfter(last) => self.0.truncate_after(Some(id(*last))).await.unwrap(),
            EngineStep::Purge(upto) => self.0.purge(id(*upto)).await.unwrap(),
            EngineStep::Commit(upto) => self.0.save_committed(Some(id(*upto))).await.unwrap(),
        }
    }

    async fn show(&mut self) -> EngineShown {
        let shown = show(&mut self.0).await;
        let id = |id: LogId| (id.leader_id.term, id.index);
        EngineShown {
            vote: shown.vote.map(|vote| (vote.leader_id.term, vote.leader_id.node_id, vote.committed)),
            purged: shown.purged.map(id),
            last: shown.last.map(id),
            committed: shown.committed.map(id),
            entries: shown.entries.into_iter().map(|(of, words)| (id(of), words)).collect(),
        }
    }

    fn words((term, index): EngineId) -> String {
        told(&entry(term, index)).1
    }
}

#[tokio::test]
async fn every_crash_leaves_what_was_acknowledged_and_a_moment_of_history() {
    let crashes = engine_crashes::<Played>(&small_chunks(), 24).await;
    assert!(crashes > 500, "only {crashes} crashes were tried");
}
