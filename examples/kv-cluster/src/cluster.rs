//! All nodes of the cluster: starting, killing and asking them. What a round does with them is not here.
//!
//! What always holds: a wait has a limit, and one that reaches it says how every node stands; a node that ended without
//! being killed is an error, whatever was waited for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::connection::{AddressBook, Connection};
use crate::process::{NodeProcess, last_words};
use crate::protocol::{Request, Response, Status};
use crate::{Outcome, log_directory};

/// How long anything may take that the cluster does by itself: to elect, to catch up, to apply.
const LIMIT: Duration = Duration::from_secs(30);
/// How long a node may take to answer a question.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

/// The nodes, numbered from 1, in directories beneath one.
pub(crate) struct Cluster {
    directory: PathBuf,
    size: u64,
    leader_restore: bool,
    running: BTreeMap<u64, NodeProcess>,
    addresses: AddressBook,
}

impl Cluster {
    pub(crate) fn new(directory: &Path, size: u64, leader_restore: bool) -> Self {
        Self {
            directory: directory.to_owned(),
            size,
            leader_restore,
            running: BTreeMap::new(),
            addresses: AddressBook::default(),
        }
    }

    pub(crate) fn ids(&self) -> Vec<u64> {
        (1..=self.size).collect()
    }

    /// Where the running nodes listen, also later on.
    pub(crate) fn addresses(&self) -> AddressBook {
        self.addresses.clone()
    }

    pub(crate) fn node_directory(&self, id: u64) -> PathBuf {
        self.directory.join(format!("node-{id}"))
    }

    pub(crate) fn log_directory(&self, id: u64) -> PathBuf {
        log_directory(&self.node_directory(id))
    }

    /// Starts a node, and lets it and the others know each other.
    pub(crate) fn start(&mut self, id: u64) -> Outcome<()> {
        let mut started = NodeProcess::start(id, &self.node_directory(id), self.leader_restore)?;
        let address = started.address();
        for (other, process) in &mut self.running {
            started.tell_address(*other, process.address())?;
            process.tell_address(id, address)?;
        }
        self.addresses.put(id, address);
        self.running.insert(id, started);
        Ok(())
    }

    pub(crate) fn start_all(&mut self) -> Outcome<()> {
        self.ids().into_iter().try_for_each(|id| self.start(id))
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, id: u64) -> Outcome<()> {
        self.addresses.remove(id);
        Ok(self.running.remove(&id).ok_or("the node to kill does not run")?.kill()?)
    }

    pub(crate) fn kill_all(&mut self) -> Outcome<()> {
        self.running.keys().copied().collect::<Vec<_>>().into_iter().try_for_each(|id| self.kill(id))
    }

    /// Ends all nodes in peace.
    pub(crate) fn end_all(&mut self) -> Outcome<()> {
        for (id, process) in std::mem::take(&mut self.running) {
            self.addresses.remove(id);
            process.end().map_err(|error| {
                let said = last_words(&self.node_directory(id));
                format!("node {id} did not end well: {error}; it said: {said}")
            })?;
        }
        Ok(())
    }

    /// Asks one node. A node that cannot be reached, or refuses, is an error.
    pub(crate) async fn ask(&self, id: u64, request: &Request) -> Outcome<Response> {
        let mut connection = Connection::new(id, self.addresses());
        match connection.call(request, ANSWER_LIMIT).await {
            Ok(Response::Failed(why)) => Err(format!("node {id} refused: {why}").into()),
            Ok(response) => Ok(response),
            Err(error) => Err(format!("node {id} did not answer: {error}").into()),
        }
    }

    pub(crate) async fn status(&self, id: u64) -> Outcome<Status> {
        match self.ask(id, &Request::Status).await? {
            Response::Status(status) => Ok(*status),
            _ => Err(format!("node {id} gave no status").into()),
        }
    }

    /// Waits until the running nodes stand as wanted; `what` is for whoever reads that they do not.
    pub(crate) async fn wait<V>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&[Status]) -> Option<V>,
    ) -> Outcome<V> {
        let begin = Instant::now();
        loop {
            let mut statuses = Vec::new();
            for (id, process) in &mut self.running {
                if let Some(status) = process.ended()? {
                    let said = last_words(&self.directory.join(format!("node-{id}")));
                    return Err(format!("node {id} ended by itself: {status}; it said: {said}").into());
                }
            }
            for id in self.running.keys() {
                let status = self.status(*id).await?;
                if let Some(why) = status.stopped {
                    return Err(format!("node {id} was stopped by openraft: {why}").into());
                }
                statuses.push(status);
            }
            if let Some(value) = wanted(&statuses) {
                return Ok(value);
            }
            if begin.elapsed() > LIMIT {
                let stand: Vec<String> = statuses.iter().map(|status| format!("\n  {status:?}")).collect();
                return Err(format!("waited {LIMIT:?} in vain for {what}:{}", stand.concat()).into());
            }
            sleep(POLL).await;
        }
    }

    /// Waits until a majority follows one running node, and gives it.
    pub(crate) async fn wait_for_leader(&mut self) -> Outcome<Status> {
        let majority = self.size / 2 + 1;
        self.wait("a leader", |statuses| {
            statuses
                .iter()
                .find(|leader| {
                    let follows =
                        |other: &&Status| other.leader == Some(leader.id) && other.term == leader.term;
                    leader.leader == Some(leader.id)
                        && statuses.iter().filter(follows).count() as u64 >= majority
                })
                .cloned()
        })
        .await
    }

    /// Has the leader commit an entry that means nothing, and gives its index: everything acknowledged lies before it.
    pub(crate) async fn barrier(&mut self) -> Outcome<u64> {
        let begin = Instant::now();
        loop {
            let leader = self.wait_for_leader().await?;
            match self.ask(leader.id, &Request::Barrier).await {
                Ok(Response::Committed { index, .. }) => return Ok(index),
                // The leader changed just now.
                Ok(Response::NotLeader(_)) | Err(_) if begin.elapsed() < LIMIT => sleep(POLL).await,
                Ok(_) => return Err("no entry could be committed".into()),
                Err(error) => return Err(error),
            }
        }
    }
}
