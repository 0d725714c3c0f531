//! How openraft reaches the other nodes: its requests over a [`Connection`], one at a time for each of its tasks.

use std::future::Future;
use std::io;
use std::time::Duration;

use openraft::OptionalSend;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{Backoff, RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};

use crate::connection::{AddressBook, Connection};
use crate::protocol::{Request, Response};
use crate::state_machine::Snapshot;
use crate::types::{Types, Vote};

/// How long a node that syncs what it is sent may take; openraft's own limit is a heartbeat, which is short for a disk.
const ENTRIES_LIMIT: Duration = Duration::from_secs(2);
/// How long openraft leaves a node alone that could not be reached.
const PAUSE: Duration = Duration::from_millis(50);

/// Makes the connections of one node.
pub(crate) struct Network {
    addresses: AddressBook,
}

impl Network {
    pub(crate) fn new(addresses: AddressBook) -> Self {
        Self { addresses }
    }
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, (): &()) -> Peer {
        Peer { connection: Connection::new(target, self.addresses.clone()) }
    }
}

/// Another node, as one of openraft's tasks sees it.
pub(crate) struct Peer {
    connection: Connection,
}

impl Peer {
    async fn call(&mut self, request: &Request, limit: Duration) -> Result<Response, RPCError<Types>> {
        match self.connection.call(request, limit).await {
            Ok(Response::Failed(why)) => Err(Unreachable::from_string(why).into()),
            Ok(response) => Ok(response),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Err(Unreachable::new(&error).into()),
            Err(error) => Err(NetworkError::new(&error).into()),
        }
    }
}

/// The node speaks another protocol than this one.
fn unexpected() -> RPCError<Types> {
    Unreachable::from_string("not the response to this request").into()
}

impl RaftNetworkV2<Types> for Peer {
    type SnapshotData = Vec<u8>;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        let limit = if rpc.entries.is_empty() { option.soft_ttl() } else { ENTRIES_LIMIT };
        match self.call(&Request::Append(rpc), limit).await? {
            Response::Append(response) => Ok(response),
            _ => Err(unexpected()),
        }
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        match self.call(&Request::Vote(rpc), option.soft_ttl()).await? {
            Response::Vote(response) => Ok(response),
            _ => Err(unexpected()),
        }
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        match self.call(&Request::PreVote(rpc), option.soft_ttl()).await? {
            Response::Vote(response) => Ok(response),
            _ => Err(unexpected()),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let request = Request::InstallSnapshot { vote, meta: snapshot.meta, data: snapshot.snapshot };
        tokio::select! {
            closed = cancel => Err(closed.into()),
            response = self.call(&request, option.soft_ttl()) => match response? {
                Response::Snapshot(response) => Ok(response),
                _ => Err(unexpected().into()),
            },
        }
    }

    fn backoff(&self) -> Option<Backoff> {
        Some(Backoff::new(std::iter::repeat(PAUSE)))
    }
}
