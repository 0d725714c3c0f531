//! Clusters of one process: nodes whose network is a call, and clients that each write one command after the other.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::storage::RaftLogStorage;
use openraft::type_config::alias::{SnapshotOf, VoteOf};
use openraft::{Config, OptionalSend, Raft, SnapshotPolicy};
use openraft_memstore::{BlockConfig, ClientRequest, MemStateMachine, TypeConfig};

/// A node, with openraft's state machine in memory.
pub(crate) type Node = Raft<TypeConfig, Arc<MemStateMachine>>;

/// How long a cluster may take to have a leader.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nodes that reach each other. The first one leads.
pub(crate) struct Cluster {
    nodes: Vec<Node>,
}

/// Reaches the node `target` by calling it.
#[derive(Clone, Default)]
struct Calls {
    nodes: Arc<Mutex<BTreeMap<u64, Node>>>,
    target: u64,
}

impl Cluster {
    /// Starts a node on each of the logs, and has the first lead them.
    pub(crate) async fn start<L: RaftLogStorage<TypeConfig>>(
        logs: Vec<L>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let config = Config {
            heartbeat_interval: 1_000,
            election_timeout_min: 10_000,
            election_timeout_max: 15_000,
            // A snapshot would be measured as well, and is none of the log's work.
            snapshot_policy: SnapshotPolicy::Never,
            ..Config::default()
        };
        let config = Arc::new(config.validate()?);
        let calls = Calls::default();
        let mut nodes = Vec::new();
        for (id, log) in (1..).zip(logs) {
            let machine = Arc::new(MemStateMachine::new(BlockConfig::default()));
            let node = Raft::new(id, config.clone(), calls.clone(), log, machine).await?;
            calls.lock().insert(id, node.clone());
            nodes.push(node);
        }
        let cluster = Self { nodes };
        let members: BTreeMap<u64, ()> = (1..).zip(&cluster.nodes).map(|(id, _)| (id, ())).collect();
        let leader = cluster.leader()?;
        leader.initialize(members).await?;
        // A leader takes writes only once the others have acknowledged it: when its first entry, behind the members, is applied.
        leader.wait(Some(PATIENCE)).current_leader(1, "the first node leads").await?;
        leader.wait(Some(PATIENCE)).applied_index_at_least(Some(1), "it is acknowledged").await?;
        Ok(cluster)
    }

    fn leader(&self) -> Result<&Node, io::Error> {
        self.nodes.first().ok_or_else(|| io::Error::other("a cluster of no node"))
    }

    /// Has `clients` write commands of `bytes` at once, each the next one when the last was applied, as long as `goes_on`
    /// says of a client's next command; and returns how long each took.
    pub(crate) async fn write(
        &self,
        clients: usize,
        bytes: usize,
        goes_on: impl Fn(u64) -> bool + Copy + Send + 'static,
    ) -> Result<Vec<Duration>, Box<dyn std::error::Error>> {
        let mut tasks = Vec::new();
        for client in 0..clients {
            let leader = self.leader()?.clone();
            tasks.push(tokio::spawn(async move {
                let mut taken = Vec::new();
                let mut serial = 0;
                while goes_on(serial) {
                    let client = format!("client {client}");
                    let command = ClientRequest { client, serial, status: "x".repeat(bytes) };
                    let start = Instant::now();
                    leader.client_write(command).await?;
                    taken.push(start.elapsed());
                    serial += 1;
                }
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(taken)
            }));
        }
        let mut all = Vec::new();
        for task in tasks {
            all.append(&mut task.await?.map_err(|error| -> Box<dyn std::error::Error> { error })?);
        }
        Ok(all)
    }

    pub(crate) async fn stop(self) -> Result<(), Box<dyn std::error::Error>> {
        for node in &self.nodes {
            node.shutdown().await?;
        }
        Ok(())
    }
}

impl Calls {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Node>> {
        self.nodes.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn node(&self) -> Result<Node, Unreachable<TypeConfig>> {
        let node = self.lock().get(&self.target).cloned();
        node.ok_or_else(|| unreachable(&io::Error::from(io::ErrorKind::NotConnected)))
    }
}

fn unreachable(error: &(impl std::error::Error + 'static)) -> Unreachable<TypeConfig> {
    Unreachable::new(error)
}

impl RaftNetworkFactory<TypeConfig> for Calls {
    type Network = Self;

    async fn new_client(&mut self, target: u64, _node: &()) -> Self {
        Self { nodes: self.nodes.clone(), target }
    }
}

impl RaftNetworkV2<TypeConfig> for Calls {
    type SnapshotData = io::Cursor<Vec<u8>>;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        Ok(self.node()?.append_entries(rpc).await.map_err(|error| unreachable(&error))?)
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        Ok(self.node()?.vote(rpc).await.map_err(|error| unreachable(&error))?)
    }

    async fn full_snapshot(
        &mut self,
        _vote: VoteOf<TypeConfig>,
        _snapshot: SnapshotOf<TypeConfig, Self::SnapshotData>,
        _cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        // None is ever built.
        Err(unreachable(&io::Error::from(io::ErrorKind::Unsupported)).into())
    }
}
