//! A replicated key-value store on openraft and raft-log: its nodes are killed again and again under load, and nothing that
//! was acknowledged is lost.
//!
//! Here are the arguments and the frame of a run. The application is [`node`], [`service`], [`state_machine`] with its
//! [`contents`] and [`snapshot_files`], and [`network`] with [`connection`] and [`protocol`]; who kills it and judges it is
//! [`cluster`] with [`process`], [`round`], [`load`], [`ledger`], [`check`] and [`log_diff`].

mod check;
mod cluster;
mod connection;
mod contents;
mod ledger;
mod load;
mod log_diff;
mod log_tool;
mod network;
mod node;
mod process;
mod protocol;
mod random;
mod report;
mod round;
mod service;
mod snapshot_files;
mod state_machine;
mod types;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::cluster::Cluster;
use crate::ledger::Page;
use crate::log_tool::LogTool;
use crate::node::Node;
use crate::random::{Random, new_seed};
use crate::report::Sum;
use crate::round::Stage;

/// How many keys a writer has.
const KEYS_PER_WRITER: usize = 16;

pub(crate) type Outcome<V> = Result<V, Box<dyn Error + Send + Sync>>;

/// Run a replicated key-value store, kill its nodes under load, and show that nothing acknowledged is lost
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Part {
    Log(Box<LogTool>),
    #[command(hide = true)]
    Node(Node),
}

#[derive(Debug, Args)]
struct Run {
    /// How often the leader, and then all nodes, are killed
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// How many nodes there are
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(3..=9))]
    nodes: u64,
    /// How many writers write at the same time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    clients: u64,
    /// How long the load runs before the leader is killed, about
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    seconds: f64,
    /// Choose the same moments and values as the run that printed this number
    #[arg(long)]
    seed: Option<u64>,
    /// Leave openraft's setting `enable_leader_restore` on, as it is by default: a leader that was killed and comes back
    /// leads on in its old term. It may then give ids a second time that followers have from it already. Not safe, and
    /// sooner or later found by the checks of this run
    #[arg(long)]
    leader_restore: bool,
    /// Keep the nodes' directories; after a failure they are kept in any case
    #[arg(long)]
    keep: bool,
    /// Make the nodes' directories beneath this one [default: that for temporary files]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.05..=3_600.0).contains(&seconds) => Ok(seconds),
        _ => Err("not a number from 0.05 to 3600".to_owned()),
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.part {
        Some(Part::Log(tool)) => return tool.run(),
        Some(Part::Node(node)) => with_runtime(|runtime| runtime.block_on(node.run())),
        None => cli.run.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("FAILED: {error}");
            ExitCode::FAILURE
        }
    }
}

fn with_runtime<V>(work: impl FnOnce(&Runtime) -> Outcome<V>) -> Outcome<V> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    work(&runtime)
}

impl Run {
    fn run(&self) -> Outcome<()> {
        let place = match &self.dir {
            Some(parent) => TempDir::with_prefix_in("kv-cluster-", parent)?,
            None => TempDir::with_prefix("kv-cluster-")?,
        };
        let seed = self.seed.unwrap_or_else(new_seed);
        println!(
            "{} nodes, {} writers, seed {seed}, in {}",
            self.nodes,
            self.clients,
            place.path().display()
        );
        let outcome = with_runtime(|runtime| runtime.block_on(self.play(place.path(), seed)));
        match outcome {
            Ok(()) if self.keep => {
                let kept = place.keep();
                println!(
                    "kept in {}; next: kv-cluster log dump {}",
                    kept.display(),
                    log_directory(&kept.join("node-1")).display()
                );
                Ok(())
            }
            Ok(()) => Ok(place.close()?),
            Err(error) => {
                let kept = place.keep();
                Err(format!("{error}\nseed {seed}; the nodes' directories are kept in {}", kept.display())
                    .into())
            }
        }
    }

    async fn play(&self, directory: &Path, seed: u64) -> Outcome<()> {
        let begin = Instant::now();
        let mut cluster = Cluster::new(directory, self.nodes, self.leader_restore);
        let mut pages = (0..self.clients).map(|writer| Page::new(seed, writer, KEYS_PER_WRITER)).collect();
        let stage = Stage { seed, load: Duration::from_secs_f64(self.seconds) };
        let mut random = Random::new(seed);
        let mut sum = Sum::default();
        for number in 1..=self.rounds {
            println!("round {number}");
            round::play(number, &stage, &mut cluster, &mut pages, &mut random, &mut sum)
                .await
                .map_err(|error| format!("round {number}: {error}"))?;
        }
        sum.print(self.rounds, begin.elapsed());
        Ok(())
    }
}

/// Where a node keeps its log, beneath its directory.
fn log_directory(node_directory: &Path) -> PathBuf {
    node_directory.join("log")
}
