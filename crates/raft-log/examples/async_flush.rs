//! Tasks of an async runtime that append and await durability: many wait at once, and share the syncs.
//!
//! The log has no runtime inside. A ticket is a future for any executor; here it is tokio's. Appending does not wait for
//! the disk (unless very much is unsynced), so it may be done inside a task, under a lock that is not held while waiting.
//!
//! Run it with `cargo run -p raft-log --example async_flush`.

use std::sync::{Arc, Mutex};

use raft_log::{PlainTypes, RaftLog, RaftLogWriter, TermIndex};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What a proposal becomes: an entry behind all others, acknowledged once it is durable.
async fn propose(log: Arc<Mutex<RaftLog<PlainTypes>>>, command: String) -> Outcome<u64> {
    let (index, ticket) = {
        let mut log = log.lock().map_err(|_| "another task panicked")?;
        let index = log.state().end_index();
        log.append([(TermIndex::new(1, index), command.into())])?;
        (index, log.ticket())
    };
    // The lock is free again: others append while this one waits.
    ticket.await?;
    Ok(index)
}

async fn run() -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let log = Arc::new(Mutex::new(RaftLog::open(directory.path())?));

    let tasks: Vec<_> =
        (0..200).map(|number| tokio::spawn(propose(log.clone(), format!("command {number}")))).collect();
    let mut indexes = Vec::new();
    for task in tasks {
        indexes.push(task.await??);
    }
    indexes.sort_unstable();
    assert_eq!(indexes, (0..200).collect::<Vec<u64>>(), "each has its own entry");

    let log = log.lock().map_err(|_| "a task panicked")?;
    let stats = log.stats();
    println!("{} entries were durable after {} syncs", stats.records.append, stats.wal.syncs);
    assert_eq!(stats.durable_index, Some(199));
    assert!(stats.wal.syncs <= 200);
    Ok(())
}

pub(crate) fn main() -> Outcome<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?.block_on(run())
}
