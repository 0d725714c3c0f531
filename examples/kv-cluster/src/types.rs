//! What the cluster agrees on: one command, its answer, and openraft's types with them. Nothing here does anything.

use std::fmt;
use std::io;

use openraft::type_config::alias::{LogIdOf, SnapshotMetaOf, StoredMembershipOf, VoteOf};
use serde::{Deserialize, Serialize};

openraft::declare_raft_types!(
    /// A cluster whose nodes have numbers. Their addresses change with every start and are no business of Raft's.
    pub(crate) Types: D = Put, R = Answer, NodeId = u64, Node = (),
);

pub(crate) type LogId = LogIdOf<Types>;
pub(crate) type Vote = VoteOf<Types>;
pub(crate) type SnapshotMeta = SnapshotMetaOf<Types>;
pub(crate) type StoredMembership = StoredMembershipOf<Types>;

/// The one command: version `version` of a key. Versions of a key begin with 1 and have no gaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Put {
    pub(crate) key: String,
    pub(crate) version: u64,
    pub(crate) value: String,
}

impl fmt::Display for Put {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} version {}", self.key, self.version)
    }
}

/// What the state machine says to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// It is stored.
    Stored,
    /// This version was there already: the command was sent twice, for the first answer got lost.
    Known,
    /// The version before it is not there: something that was acknowledged is lost.
    Gap {
        /// The version that is there; 0 for none.
        found: u64,
    },
    /// The entry was none of the application's.
    Nothing,
}

/// What a thread of the runtime that may block came to.
pub(crate) async fn blocking<V: Send + 'static>(
    work: impl FnOnce() -> io::Result<V> + Send + 'static,
) -> io::Result<V> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
