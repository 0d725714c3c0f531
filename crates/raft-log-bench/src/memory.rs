//! What an entry costs in memory once it has left the cache: measured in a process of its own, so that nothing else of
//! this program is counted.

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use raft_log::{Config, RaftLog};

use crate::Outcome;
use crate::contender::{Contender, Keeping};
use crate::plan::Plan;
use crate::processor::resident_bytes;
use crate::raft_log_peer::OpenLog;
use crate::row::{Bound, Row, Side, Unit};

const ENTRIES: u64 = 10_000_000;
/// Entries before the first look, so that buffers and cache have their size.
const ENTRIES_BEFORE: u64 = 100_000;

/// Measures it.
pub(crate) fn measure(plan: &Plan<'_>) -> Outcome<Row> {
    let entries = plan.scaled(ENTRIES);
    let mut side = Side::new("raft-log");
    for _ in 0..plan.rounds.min(3) {
        let directory = plan.fresh_directory("memory")?;
        let mut child = Command::new(std::env::current_exe()?);
        let child = child.arg("--memory-of").arg(entries.to_string()).arg("--dir").arg(&directory);
        let output = child.output()?;
        let text = String::from_utf8(output.stdout)?;
        if !output.status.success() {
            return Err(format!("measuring memory: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        side.rounds.push(text.trim().parse()?);
        std::fs::remove_dir_all(directory)?;
    }
    let work = format!("memory for {} entries beyond the cache", crate::table::thousands(entries as f64));
    let mut row = Row { work, unit: Unit::BytesPerEntry, sides: vec![side], musts: Vec::new() };
    row.must_be("raft-log", Bound::AtMost(8.0));
    Ok(row)
}

/// In the process of its own: how many bytes each of so many entries adds.
pub(crate) fn bytes_per_entry(directory: &Path, entries: u64) -> Outcome<f64> {
    let mut config = Config::new(directory);
    config.log_cache_max_items = 1_000;
    let keeping = Keeping { payload: Bytes::from_static(b"8 bytes."), alive: None, is_cold: true };
    let mut log = OpenLog::new(RaftLog::open(config)?, &keeping);
    let mut grow = |entries: u64| (0..entries / 1_000).try_for_each(|_| log.write(1_000));
    grow(ENTRIES_BEFORE)?;
    let before = resident_bytes()?;
    grow(entries)?;
    Ok((resident_bytes()? as f64 - before as f64) / entries as f64)
}
