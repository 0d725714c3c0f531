//! What the log executes for appends and flushes where the disk costs nothing: a load for counting instructions, by
//! which the price of the statistics is measured. It prints what they say at its end.
//!
//! `cargo build --release -p raft-log --example stats_cost`, and then, for batches of 1 and 20,000 rounds,
//! `valgrind --tool=callgrind target/release/examples/stats_cost 1 20000`. Two runs of different length, one subtracted
//! from the other, leave the rounds alone.

use std::sync::Arc;

use bytes::Bytes;
use raft_log::{Config, PlainTypes, RaftLog, RaftLogWriter, TermIndex};
use raft_log_testkit::MemoryStorage;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// So many rounds: each appends a batch, and syncs.
pub(crate) fn run(batch: u64, rounds: u64) -> Outcome {
    let mut config = Config::new("memory");
    // No rounds but like ones: no chunk is full, and no space is laid on the way.
    config.chunk.space_step = 64 << 20;
    config.log_cache_max_items = 1_000;
    let mut log = RaftLog::<PlainTypes>::open_on(config, Arc::new(MemoryStorage::new()))?;
    let payload = Bytes::from(vec![7; 256]);
    for round in 0..rounds {
        let first = round * batch;
        log.append((first..first + batch).map(|index| (TermIndex::new(1, index), payload.clone())))?;
        log.sync()?;
    }
    let stats = log.stats();
    println!("{} entries in {} syncs", stats.records.append, stats.wal.syncs);
    assert_eq!((stats.records.append, stats.wal.syncs), (batch * rounds, rounds));
    Ok(())
}

pub(crate) fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    run(arguments.next().unwrap_or(Ok(16))?, arguments.next().unwrap_or(Ok(2_000))?)
}
