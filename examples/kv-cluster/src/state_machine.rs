//! The replicated state machine: the keys in memory, and their snapshot in a file.
//!
//! What always holds: after a start it stands where its snapshot does, and openraft applies what the log has committed
//! beyond that once more; a snapshot that openraft hears of is durable.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{Stream, TryStreamExt};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use parking_lot::Mutex;

use crate::contents::Contents;
use crate::snapshot_files::{SnapshotFiles, StoredSnapshot};
use crate::types::{Answer, LogId, SnapshotMeta, StoredMembership, Types, blocking};

/// A snapshot as openraft handles it; its bytes are [`Contents`] in the format of postcard.
pub(crate) type Snapshot = openraft::type_config::alias::SnapshotOf<Types, Vec<u8>>;

/// What the applied entries came to.
#[derive(Clone, Default)]
struct Applied {
    last: Option<LogId>,
    membership: StoredMembership,
    contents: Contents,
}

/// A handle to the state machine; its clones are the same one.
#[derive(Clone)]
pub(crate) struct StateMachine {
    applied: Arc<Mutex<Applied>>,
    files: Arc<SnapshotFiles>,
    /// How many snapshots came from a leader.
    installed: Arc<AtomicU64>,
}

impl StateMachine {
    /// Opens the snapshot in a directory, or begins with nothing.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let (files, found) = SnapshotFiles::open(directory)?;
        let applied = match found {
            Some(StoredSnapshot { meta, data }) => restore(&meta, &data)?,
            None => Applied::default(),
        };
        Ok(Self { applied: Arc::new(Mutex::new(applied)), files: Arc::new(files), installed: Arc::default() })
    }

    /// All keys, and the index of the last entry that is in them.
    pub(crate) fn contents(&self) -> (Option<u64>, Contents) {
        let applied = self.applied.lock();
        (applied.last.as_ref().map(|id| id.index), applied.contents.clone())
    }

    /// How many snapshots came from a leader since the start.
    pub(crate) fn installed(&self) -> u64 {
        self.installed.load(Ordering::Relaxed)
    }
}

fn restore(meta: &SnapshotMeta, data: &[u8]) -> io::Result<Applied> {
    let contents =
        postcard::from_bytes(data).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(Applied { last: meta.last_log_id, membership: meta.last_membership.clone(), contents })
}

impl RaftStateMachine<Types> for StateMachine {
    type SnapshotData = Vec<u8>;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let applied = self.applied.lock();
        Ok((applied.last, applied.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let answer = {
                let mut applied = self.applied.lock();
                applied.last = Some(entry.log_id);
                match entry.payload {
                    EntryPayload::Blank => Answer::Nothing,
                    EntryPayload::Normal(put) => applied.contents.put(put),
                    EntryPayload::Membership(membership) => {
                        applied.membership = StoredMembership::new(Some(entry.log_id), membership);
                        Answer::Nothing
                    }
                }
            };
            if let Some(responder) = responder {
                responder.send(answer);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        // What is applied until the snapshot is built may be in it: it says for itself how far it reaches.
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, data: Vec<u8>) -> Result<(), io::Error> {
        let restored = restore(meta, &data)?;
        let (files, stored) = (self.files.clone(), StoredSnapshot { meta: meta.clone(), data });
        blocking(move || Ok(files.save(&stored)?)).await?;
        *self.applied.lock() = restored;
        self.installed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let files = self.files.clone();
        let found = blocking(move || Ok(files.read()?)).await?;
        Ok(found.map(|StoredSnapshot { meta, data }| Snapshot { meta, snapshot: data }))
    }
}

impl RaftSnapshotBuilder<Types> for StateMachine {
    type SnapshotData = Vec<u8>;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        // One look under the lock, so that the ids and the keys belong together.
        let Applied { last, membership, contents } = self.applied.lock().clone();
        let files = self.files.clone();
        blocking(move || {
            let data = postcard::to_stdvec(&contents).map_err(io::Error::other)?;
            let meta = SnapshotMeta { last_log_id: last, last_membership: membership };
            let stored = StoredSnapshot { meta, data };
            files.save(&stored)?;
            Ok(Snapshot { meta: stored.meta, snapshot: stored.data })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use openraft::Entry;
    use openraft::vote::leader_id_adv::LeaderId;

    use super::*;
    use crate::types::Put;

    async fn apply(machine: &mut StateMachine, indexes: std::ops::RangeInclusive<u64>) {
        let entries = indexes.map(|index| {
            let put = Put { key: "a".into(), version: index, value: format!("value {index}") };
            let log_id = LogId::new(LeaderId { term: 1, node_id: 1 }, index);
            Ok((Entry { log_id, payload: EntryPayload::Normal(put) }, None))
        });
        machine.apply(stream::iter(entries)).await.unwrap();
    }

    #[tokio::test]
    async fn a_restart_begins_with_the_last_snapshot_and_nothing_behind_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut machine = StateMachine::open(directory.path()).unwrap();
        apply(&mut machine, 1..=5).await;
        let built = machine.build_snapshot().await.unwrap();
        assert_eq!(built.meta.last_log_id.map(|id| id.index), Some(5));
        let (_, at_snapshot) = machine.contents();
        apply(&mut machine, 6..=8).await;

        let mut again = StateMachine::open(directory.path()).unwrap();
        assert_eq!(again.contents(), (Some(5), at_snapshot));
        assert_eq!(again.applied_state().await.unwrap().0, built.meta.last_log_id);
        apply(&mut again, 6..=8).await;
        assert_eq!(again.contents(), machine.contents());
    }

    #[tokio::test]
    async fn an_installed_snapshot_replaces_everything_and_is_durable() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut leader = StateMachine::open(from.path()).unwrap();
        apply(&mut leader, 1..=9).await;
        let snapshot = leader.build_snapshot().await.unwrap();

        let mut follower = StateMachine::open(to.path()).unwrap();
        apply(&mut follower, 1..=2).await;
        follower.install_snapshot(&snapshot.meta, snapshot.snapshot.clone()).await.unwrap();
        assert_eq!(follower.contents(), leader.contents());
        assert_eq!(follower.installed(), 1);
        let current = follower.get_current_snapshot().await.unwrap().unwrap();
        assert_eq!((current.meta, current.snapshot), (snapshot.meta, snapshot.snapshot));
        assert_eq!(StateMachine::open(to.path()).unwrap().contents(), leader.contents());
    }
}
