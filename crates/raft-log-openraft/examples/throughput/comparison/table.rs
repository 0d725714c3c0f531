//! The table: what is asked for on the command line, and a row for each store, measured and printed.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use openraft::storage::RaftLogStorage;
use openraft_memstore::TypeConfig;
use tempfile::TempDir;

use super::cluster::Cluster;

/// By how much a sync takes longer, in the rows that say so.
pub(crate) const SYNC_DELAY: Duration = Duration::from_millis(2);

const COMMAND_BYTES: usize = 256;
/// Before anything is measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// The log of one node.
pub(crate) struct NodeLog<L> {
    pub(crate) log: L,
    /// How often it has synced what was written to it; 0 where there are no syncs.
    pub(crate) syncs: Box<dyn Fn() -> u64>,
}

/// Where the logs are kept, and how long each store is measured.
pub(crate) struct Table {
    time: Duration,
    directory: TempDir,
}

impl Table {
    /// Takes `[SECONDS [DIRECTORY]]` from the command line, and prints the head of the table. Without a directory the logs
    /// are kept beside the program.
    pub(crate) fn begin() -> Result<Self, Box<dyn Error>> {
        let mut arguments = std::env::args().skip(1);
        let seconds: f64 = arguments.next().map_or(Ok(3.0), |seconds| seconds.parse())?;
        let parent = match arguments.next() {
            Some(directory) => PathBuf::from(directory),
            None => std::env::current_exe()?.parent().map(Path::to_owned).unwrap_or_default(),
        };
        let directory = tempfile::tempdir_in(parent)?;
        println!(
            "commands of {COMMAND_BYTES} bytes, {seconds} s each, {} cores, {}",
            thread::available_parallelism()?,
            directory.path().display()
        );
        println!(
            "{:<6} {:<8} {:<46} {:>10} {:>12} {:>10} {:>10}",
            "nodes", "clients", "log", "writes/s", "writes/sync", "median", "99 %"
        );
        Ok(Self { time: Duration::try_from_secs_f64(seconds)?, directory })
    }

    /// Measures a cluster of `nodes`, each on the log that `open` makes in a directory of its own, which does not exist
    /// yet; with `clients` that write at once. Prints the row. The syncs are those of the first node, which leads.
    pub(crate) async fn row<L: RaftLogStorage<TypeConfig>>(
        &self,
        name: &str,
        nodes: usize,
        clients: usize,
        open: impl Fn(&Path) -> Result<NodeLog<L>, Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        // Removed at once, so that no row writes on a fuller disk than the one before.
        let directory = tempfile::tempdir_in(self.directory.path())?;
        let (mut logs, mut counts) = (Vec::new(), Vec::new());
        for node in 1..=nodes {
            let NodeLog { log, syncs } = open(&directory.path().join(node.to_string()))?;
            logs.push(log);
            counts.push(syncs);
        }
        let syncs = || counts.first().map_or(0, |count| count());
        let cluster = Cluster::start(logs).await?;
        let until = |end: Instant| move |_| Instant::now() < end;
        cluster.write(clients, COMMAND_BYTES, until(Instant::now() + WARM_UP)).await?;

        let syncs_before = syncs();
        let start = Instant::now();
        let mut taken = cluster.write(clients, COMMAND_BYTES, until(start + self.time)).await?;
        let elapsed = start.elapsed();
        let syncs = syncs() - syncs_before;
        cluster.stop().await?;

        taken.sort_unstable();
        let at = |part: usize| taken.get(taken.len() * part / 100).copied().unwrap_or_default();
        let writes = taken.len() as f64;
        let per_sync = match syncs {
            0 => "no sync".to_owned(),
            syncs => format!("{:.1}", writes / syncs as f64),
        };
        println!(
            "{nodes:<6} {clients:<8} {name:<46} {:>10.0} {per_sync:>12} {:>10.2?} {:>10.2?}",
            writes / elapsed.as_secs_f64(),
            at(50),
            at(99)
        );
        Ok(())
    }
}
