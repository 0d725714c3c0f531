//! Writers that write at the same time, each its own keys, each the next command once the last was acknowledged.
//!
//! A writer whose command failed, or was not answered, sends the same one again, to another node. What always holds: a
//! command counts as acknowledged only when a response said that it is committed.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Outcome;
use crate::check::Loss;
use crate::connection::{AddressBook, Connection};
use crate::ledger::Page;
use crate::protocol::{Request, Response};
use crate::types::Answer;

/// How long a writer waits for an answer. A leader that lost its followers gives none.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// How long a writer waits before it tries another node.
const PAUSE: Duration = Duration::from_millis(10);

/// What all writers have seen together, readable while they write.
#[derive(Default)]
pub(crate) struct Seen {
    acknowledged: AtomicU64,
    /// Commands whose sending ended without an answer.
    unanswered: AtomicU64,
    /// The terms of whose leaders a write was acknowledged.
    terms: Mutex<BTreeSet<u64>>,
    is_over: AtomicBool,
}

impl Seen {
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    pub(crate) fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::Relaxed)
    }

    pub(crate) fn terms(&self) -> BTreeSet<u64> {
        self.terms.lock().clone()
    }
}

/// Running writers.
pub(crate) struct Load {
    seen: Arc<Seen>,
    writers: JoinSet<Result<Page, Loss>>,
}

impl Load {
    /// Starts a writer for each page.
    pub(crate) fn start(pages: Vec<Page>, addresses: &AddressBook) -> Self {
        let seen = Arc::new(Seen::default());
        let mut writers = JoinSet::new();
        let nodes: Vec<u64> = addresses.all().into_keys().collect();
        for (page, node) in pages.into_iter().zip(nodes.into_iter().cycle()) {
            let connection = Connection::new(node, addresses.clone());
            let writer =
                Writer { page, connection, addresses: addresses.clone(), seen: seen.clone(), term: 0 };
            writers.spawn(writer.run());
        }
        Self { seen, writers }
    }

    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Ends the writers once each has its answer, or has found that there is none, and gives their pages back,
    /// with all that they have seen.
    ///
    /// # Errors
    /// When a writer met a loss.
    pub(crate) async fn stop(mut self) -> Outcome<(Vec<Page>, Arc<Seen>)> {
        self.seen.is_over.store(true, Ordering::Relaxed);
        let mut pages = Vec::new();
        while let Some(ended) = self.writers.join_next().await {
            pages.push(ended??);
        }
        Ok((pages, self.seen))
    }
}

struct Writer {
    page: Page,
    connection: Connection,
    addresses: AddressBook,
    seen: Arc<Seen>,
    /// The term of the last leader that acknowledged something.
    term: u64,
}

impl Writer {
    async fn run(mut self) -> Result<Page, Loss> {
        while !self.seen.is_over.load(Ordering::Relaxed) {
            let put = self.page.next();
            let (key, version) = (put.key.clone(), put.version);
            match self.connection.call(&Request::Write(put), ANSWER_LIMIT).await {
                Ok(Response::Committed { term, answer, .. }) => {
                    if let Answer::Gap { found } = answer {
                        return Err(Loss::Gap { key, version, found });
                    }
                    self.page.acknowledge();
                    self.seen.acknowledged.fetch_add(1, Ordering::Relaxed);
                    if term != self.term {
                        self.term = term;
                        self.seen.terms.lock().insert(term);
                    }
                }
                Ok(Response::NotLeader(Some(leader))) if leader != self.connection.node() => {
                    let is_up = self.addresses.find(leader).is_some();
                    self.turn_to(if is_up { leader } else { self.another() });
                    if !is_up {
                        sleep(PAUSE).await;
                    }
                }
                outcome => {
                    let is_unsent =
                        matches!(&outcome, Err(error) if error.kind() == io::ErrorKind::NotConnected);
                    if !is_unsent && !matches!(outcome, Ok(Response::NotLeader(_))) {
                        self.seen.unanswered.fetch_add(1, Ordering::Relaxed);
                    }
                    self.turn_to(self.another());
                    sleep(PAUSE).await;
                }
            }
        }
        Ok(self.page)
    }

    fn turn_to(&mut self, node: u64) {
        self.connection = Connection::new(node, self.addresses.clone());
    }

    /// The next node that runs, in the order of their numbers; the same one if there is no other.
    fn another(&self) -> u64 {
        let all = self.addresses.all();
        let node = self.connection.node();
        let next = all.range(node + 1..).next().or_else(|| all.first_key_value());
        next.map_or(node, |(next, _)| *next)
    }
}
