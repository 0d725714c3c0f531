//! A node's answers: each request goes to openraft or to the state machine. Nothing is decided here.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io;

use openraft::Raft;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, RaftError};
use openraft::raft::ClientWriteResponse;
use raft_log::RaftLogReader;
use raft_log_openraft::{LogTypes, SerdeCodec};
use tokio::io::BufStream;
use tokio::net::{TcpListener, TcpStream};

use crate::protocol::{Opened, Request, Response, Status, receive, send};
use crate::state_machine::{Snapshot, StateMachine};
use crate::types::Types;

/// One node, as those see it who call it.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) id: u64,
    pub(crate) raft: Raft<Types, StateMachine>,
    pub(crate) machine: StateMachine,
    /// For its statistics.
    pub(crate) log_reader: RaftLogReader<LogTypes<Types, SerdeCodec>>,
    pub(crate) opened: Opened,
}

impl Service {
    /// Answers whoever connects, for ever.
    pub(crate) async fn serve(self, listener: TcpListener) -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept().await?;
            let service = self.clone();
            tokio::spawn(async move {
                // A peer that was killed, or speaks nonsense, is no concern of this node's.
                let _ = service.serve_one(stream).await;
            });
        }
    }

    async fn serve_one(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = BufStream::new(stream);
        while let Some(request) = receive(&mut stream).await? {
            let response = self.answer(request).await;
            send(&mut stream, &response).await?;
        }
        Ok(())
    }

    async fn answer(&self, request: Request) -> Response {
        let raft = &self.raft;
        match request {
            Request::Append(rpc) => answer(raft.append_entries(rpc).await, Response::Append),
            Request::Vote(rpc) => answer(raft.vote(rpc).await, Response::Vote),
            Request::PreVote(rpc) => answer(raft.pre_vote(rpc).await, Response::Vote),
            Request::InstallSnapshot { vote, meta, data } => {
                let snapshot = Snapshot { meta, snapshot: data };
                answer(raft.install_full_snapshot(vote, snapshot).await, Response::Snapshot)
            }
            Request::Initialize(nodes) => {
                let nodes: BTreeSet<u64> = nodes.into_iter().collect();
                answer(raft.initialize(nodes).await, |()| Response::Done)
            }
            Request::Write(put) => committed(raft.client_write(put).await),
            Request::Barrier => committed(raft.write_blank().await),
            Request::TakeSnapshot => answer(raft.trigger().snapshot().await, |()| Response::Done),
            Request::Purge(upto) => answer(raft.trigger().purge_log(upto).await, |()| Response::Done),
            Request::Status => Response::Status(Box::new(self.status())),
            Request::Contents => {
                let (applied, contents) = self.machine.contents();
                Response::Contents { applied, contents }
            }
        }
    }

    fn status(&self) -> Status {
        let metrics = self.raft.metrics().borrow_watched().clone();
        Status {
            id: self.id,
            term: metrics.current_term,
            leader: metrics.current_leader,
            last: metrics.last_log_index,
            applied: metrics.last_applied.map(|id| id.index),
            snapshot: metrics.snapshot.map(|id| id.index),
            purged: metrics.purged.map(|id| id.index),
            syncs: self.log_reader.stats().wal.syncs,
            snapshots_installed: self.machine.installed(),
            opened: self.opened.clone(),
            stopped: metrics.running_state.err().map(|error| error.to_string()),
        }
    }
}

fn answer<V>(outcome: Result<V, impl Display>, response: impl FnOnce(V) -> Response) -> Response {
    match outcome {
        Ok(value) => response(value),
        Err(error) => Response::Failed(error.to_string()),
    }
}

fn committed(
    outcome: Result<ClientWriteResponse<Types>, RaftError<Types, ClientWriteError<Types>>>,
) -> Response {
    match outcome {
        Ok(written) => Response::Committed {
            term: written.log_id.leader_id.term,
            index: written.log_id.index,
            answer: written.data,
        },
        Err(error) => match error.forward_to_leader() {
            Some(forward) => Response::NotLeader(forward.leader_id),
            None => Response::Failed(error.to_string()),
        },
    }
}
