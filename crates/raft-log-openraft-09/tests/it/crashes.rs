//! The power goes, or the process is killed, at each call on a disk that changes something: what was acknowledged is there,
//! and what is there is a moment of the log's history.

use std::sync::Arc;

use openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use raft_log::{Config, Storage};
use raft_log_testkit::{EngineId, EngineShown, EngineStep, EngineStore, engine_crashes};

use crate::stage::{LogId, Store, entry, log_id, show, small_chunks, vote};

/// The store, as the test kit plays with it.
struct Played(Store);

impl EngineStore for Played {
    fn open(config: Config, storage: Arc<dyn Storage>) -> Self {
        Self(Store::open_on(config, storage).unwrap())
    }

    async fn perform(&mut self, step: &EngineStep) {
        match step {
            EngineStep::Vote((term, node, is_committed)) => {
                self.0.save_vote(&vote(*term, *node, *is_committed)).await.unwrap();
            }
            EngineStep::Append(term, indexes) => {
                self.0.blocking_append(indexes.clone().map(|index| entry(*term, index))).await.unwrap();
            }
            // 0.9 tells the first entry that goes.
            EngineStep::TruncateAfter((term, last)) => {
                self.0.truncate(log_id(*term, last + 1)).await.unwrap()
            }
            EngineStep::Purge((term, upto)) => self.0.purge(log_id(*term, *upto)).await.unwrap(),
            EngineStep::Commit((term, upto)) => {
                self.0.save_committed(Some(log_id(*term, *upto))).await.unwrap();
            }
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
            entries: shown.entries.iter().map(|entry| (id(entry.log_id), format!("{entry:?}"))).collect(),
        }
    }

    fn words((term, index): EngineId) -> String {
        format!("{:?}", entry(term, index))
    }
}

#[tokio::test]
async fn every_crash_leaves_what_was_acknowledged_and_a_moment_of_history() {
    let crashes = engine_crashes::<Played>(&small_chunks(), 8).await;
    assert!(crashes > 300, "only {crashes} crashes were tried");
}
