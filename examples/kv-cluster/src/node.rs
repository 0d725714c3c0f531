//! The process of one node: opens its log and its snapshot, says where it listens, and lives until it is killed or its
//! standard input is closed, so that it never outlives whoever started it.

use std::io::{self, BufRead, Write};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use openraft::{Config, Raft, SnapshotPolicy};
use raft_log::OpenReport;
use raft_log_openraft::LogStore;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::connection::AddressBook;
use crate::network::Network;
use crate::protocol::Opened;
use crate::service::Service;
use crate::state_machine::StateMachine;
use crate::types::Types;
use crate::{Outcome, log_directory};

/// Small chunks, so that a short run has many of them and a purge removes some.
const CHUNK_BYTES: u64 = 1 << 20;
/// How long a node may take to end once its parent is gone.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Be one node
#[derive(Debug, Args)]
pub(crate) struct Node {
    #[arg(long)]
    pub(crate) id: u64,
    /// Where the node keeps its log and its snapshot
    #[arg(long)]
    pub(crate) directory: PathBuf,
    /// Lead on in the old term after a restart
    #[arg(long)]
    pub(crate) leader_restore: bool,
}

impl Node {
    pub(crate) async fn run(self) -> Outcome<()> {
        let log_directory = log_directory(&self.directory);
        let mut config = raft_log::Config::new(&log_directory);
        config.chunk.max_size = CHUNK_BYTES;
        let log: LogStore<Types> = LogStore::open(config)?;
        let opened = opened(log.log().report());
        let log_reader = log.log().reader();
        let machine = StateMachine::open(&self.directory.join("snapshot"))?;

        let addresses = AddressBook::default();
        let parent = follow_addresses(addresses.clone());
        let network = Network::new(addresses);
        let config = Arc::new(raft_config(self.leader_restore).validate()?);
        let raft = Raft::new(self.id, config, network, log, machine.clone()).await?;

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{}", listener.local_addr()?);
        io::stdout().flush()?;
        let service = Service { id: self.id, raft: raft.clone(), machine, log_reader, opened };
        tokio::select! {
            outcome = service.serve(listener) => outcome?,
            outcome = parent => outcome??,
        }
        Ok(raft.shutdown().await?)
    }
}

fn raft_config(leader_restore: bool) -> Config {
    Config {
        cluster_name: "kv-cluster".into(),
        heartbeat_interval: 150,
        election_timeout_min: 500,
        election_timeout_max: 1_000,
        install_snapshot_timeout: 5_000,
        // Snapshots and purges are asked for: each round wants them at its own moment.
        snapshot_policy: SnapshotPolicy::Never,
        // A leader sends entries to its followers while its own disk is still at work. Killed then, it comes back without
        // them; if it led on in its old term, as openraft has it by default, it would give their ids to other entries.
        enable_leader_restore: Some(leader_restore),
        ..Config::default()
    }
}

fn opened(report: &OpenReport) -> Opened {
    let warnings = report.warnings.iter().map(ToString::to_string);
    let damaged = report.damaged.iter().map(|damaged| format!("damaged: {damaged:?}"));
    Opened {
        entries: report.entries,
        chunks: report.chunks as u64,
        micros: report.elapsed.as_micros().try_into().unwrap_or(u64::MAX),
        is_torn: report.torn_tail.is_some(),
        remarks: warnings.chain(damaged).collect(),
    }
}

/// Learns from standard input where the nodes listen, a line `ID ADDRESS` for each. When it is closed, the future ends, and
/// soon after the process does in any case: a thread of its own sees to that, whatever the runtime is doing.
fn follow_addresses(addresses: AddressBook) -> oneshot::Receiver<Outcome<()>> {
    let (tell, told) = oneshot::channel();
    thread::spawn(move || {
        let outcome = read_addresses(io::stdin().lock(), &addresses);
        // If nobody waits for it, the node is ending already.
        let _ = tell.send(outcome);
        thread::sleep(END_LIMIT);
        eprintln!("it did not end within {END_LIMIT:?}");
        std::process::exit(1);
    });
    told
}

fn read_addresses(input: impl BufRead, addresses: &AddressBook) -> Outcome<()> {
    for line in input.lines() {
        let line = line?;
        let (id, address) = line.split_once(' ').ok_or_else(|| format!("not an address: {line:?}"))?;
        addresses.put(id.parse()?, address.parse()?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_address_of_a_node_is_the_one_that_counts() {
        let addresses = AddressBook::default();
        read_addresses(&b"1 127.0.0.1:1\n2 127.0.0.1:2\n1 127.0.0.1:3\n"[..], &addresses).unwrap();
        assert_eq!(addresses.find(1), Some(([127, 0, 0, 1], 3).into()));
        assert_eq!(addresses.find(2), Some(([127, 0, 0, 1], 2).into()));
        assert_eq!(addresses.find(3), None);
        assert!(read_addresses(&b"4\n"[..], &addresses).is_err());
    }
}
