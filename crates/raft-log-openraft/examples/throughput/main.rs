//! How many writes go through openraft 0.10, and how many of them share a sync: clusters of one and of three nodes in this
//! process, with 64 clients, on a log in real files, on one whose every sync takes 2 ms longer, and on openraft's own log
//! store in memory.
//!
//! `cargo run --release -p raft-log-openraft --example throughput [SECONDS [DIRECTORY]]`
//!
//! The directory, beside this program if none is named, should lie on the disk that is meant. The nodes share the machine:
//! with three, the syncs are of three logs on one disk, and all clients, nodes and state machines take turns on its cores.

mod cluster;
#[path = "../../tests/it/hooked_storage.rs"]
mod hooked_storage;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use openraft::storage::RaftLogStorage;
use openraft_memstore::{BlockConfig, MemLogStore, TypeConfig};
use raft_log::DirectoryStorage;
use raft_log_openraft::LogStore;

use crate::cluster::Cluster;
use crate::hooked_storage::HookedStorage;

const CLIENTS: usize = 64;
const COMMAND_BYTES: usize = 256;
const SYNC_DELAY: Duration = Duration::from_millis(2);
/// Before anything is measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// What a node's log is kept in.
#[derive(Clone, Copy)]
enum Kept {
    Memory,
    Files { sync_delay: Duration },
}

/// One line of the table.
struct Measured {
    writes_per_second: f64,
    /// All syncs of files and directories by the first node, which leads; `None` where there are none.
    writes_per_sync: Option<f64>,
    median: Duration,
    slow: Duration,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds: f64 = arguments.next().map_or(Ok(3.0), |seconds| seconds.parse())?;
    let time = Duration::try_from_secs_f64(seconds)?;
    let parent = match arguments.next() {
        Some(directory) => PathBuf::from(directory),
        None => std::env::current_exe()?.parent().map(Path::to_owned).unwrap_or_default(),
    };
    let directory = tempfile::tempdir_in(parent)?;
    println!(
        "{CLIENTS} clients, commands of {COMMAND_BYTES} bytes, {seconds} s each, {} cores, {}",
        thread::available_parallelism()?,
        directory.path().display()
    );
    println!(
        "{:<6} {:<28} {:>10} {:>12} {:>10} {:>10}",
        "nodes", "log", "writes/s", "writes/sync", "median", "99 %"
    );
    for nodes in [1, 3] {
        for (number, (kept, name)) in [
            (Kept::Memory, "openraft's memstore"),
            (Kept::Files { sync_delay: Duration::ZERO }, "raft-log"),
            (Kept::Files { sync_delay: SYNC_DELAY }, "raft-log, each sync + 2 ms"),
        ]
        .into_iter()
        .enumerate()
        {
            let path = directory.path().join(format!("{nodes}-{number}"));
            let measured = measure(nodes, kept, &path, time).await?;
            let per_sync = measured.writes_per_sync.map_or("no sync".to_owned(), |per| format!("{per:.1}"));
            println!(
                "{nodes:<6} {name:<28} {:>10.0} {per_sync:>12} {:>10.2?} {:>10.2?}",
                measured.writes_per_second, measured.median, measured.slow
            );
        }
    }
    Ok(())
}

async fn measure(nodes: usize, kept: Kept, path: &Path, time: Duration) -> Result<Measured, Box<dyn Error>> {
    let syncs = Arc::new(AtomicU64::new(0));
    match kept {
        Kept::Memory => {
            let log = || Arc::new(MemLogStore::new(BlockConfig::default()));
            run((0..nodes).map(|_| log()).collect(), &syncs, time).await
        }
        Kept::Files { sync_delay } => {
            let mut logs = Vec::new();
            for node in 0..nodes {
                let mut storage = HookedStorage::new(DirectoryStorage::open_or_create(
                    path.with_extension(node.to_string()),
                )?);
                let counted = (node == 0).then(|| syncs.clone());
                storage.before_sync = Arc::new(move || {
                    if let Some(syncs) = &counted {
                        syncs.fetch_add(1, Ordering::Relaxed);
                    }
                    if !sync_delay.is_zero() {
                        thread::sleep(sync_delay);
                    }
                });
                logs.push(LogStore::<TypeConfig>::open_on("behind the hooks", Arc::new(storage))?);
            }
            run(logs, &syncs, time).await
        }
    }
}

/// Runs a cluster on these logs; `syncs` is what its first node counts.
async fn run<L: RaftLogStorage<TypeConfig>>(
    logs: Vec<L>,
    syncs: &AtomicU64,
    time: Duration,
) -> Result<Measured, Box<dyn Error>> {
    let cluster = Cluster::start(logs).await?;
    let until = |end: Instant| move |_| Instant::now() < end;
    cluster.write(CLIENTS, COMMAND_BYTES, until(Instant::now() + WARM_UP)).await?;

    let syncs_before = syncs.load(Ordering::Relaxed);
    let start = Instant::now();
    let mut taken = cluster.write(CLIENTS, COMMAND_BYTES, until(start + time)).await?;
    let elapsed = start.elapsed();
    let syncs = syncs.load(Ordering::Relaxed) - syncs_before;
    cluster.stop().await?;

    taken.sort_unstable();
    let at = |part: usize| taken.get(taken.len() * part / 100).copied().unwrap_or_default();
    let writes = taken.len() as f64;
    Ok(Measured {
        writes_per_second: writes / elapsed.as_secs_f64(),
        writes_per_sync: (syncs > 0).then(|| writes / syncs as f64),
        median: at(50),
        slow: at(99),
    })
}
