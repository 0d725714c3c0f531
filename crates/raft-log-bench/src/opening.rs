//! Opening a log of a million entries: after a close, after a kill, and with a full check; against reading and
//! checksumming it all.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use raft_log::{PlainTypes, RaftLog};

use crate::Outcome;
use crate::contender::{Contender, Keeping, Peer};
use crate::limit_read::read_all;
use crate::payload::Payload;
use crate::plan::{Plan, size_of};
use crate::raft_log_peer::{OpenLog, RaftLogPeer, config};
use crate::row::{Bound, Must, Row, Side, Unit};
use crate::writing::{fill, timed};

const ENTRIES: u64 = 1_000_000;

/// Reads and checksums the log files of a directory.
fn read_directory(directory: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_file() {
            bytes += read_all(&path, u64::MAX)?;
        }
    }
    Ok(bytes)
}

/// Copies the files as they are, and syncs the copies.
fn copy(from: &Path, to: &Path) -> Outcome {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        std::fs::copy(entry.path(), &to)?;
        File::open(&to)?.sync_all()?;
    }
    Ok(())
}

/// The bytes of the newest chunk.
fn newest_chunk(directory: &Path) -> Outcome<u64> {
    let mut newest = (String::new(), 0);
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("r-") && name.ends_with(".wal") && name > newest.0 {
            newest = (name, entry.metadata()?.len());
        }
    }
    Ok(newest.1)
}

/// Measures it.
pub(crate) fn measure(plan: &Plan<'_>) -> Outcome<Row> {
    let entries = plan.scaled(ENTRIES);
    let keeping = Keeping { payload: Payload::Incompressible.bytes(256), alive: None, is_cold: false };
    let closed = plan.fresh_directory("opened")?;
    let as_killed = plan.fresh_directory("as-killed")?;
    {
        let mut log = OpenLog::new(RaftLog::open(config(&closed, false))?, &keeping);
        for _ in 0..entries / 1_000 {
            log.write(1_000)?;
        }
        // What a kill leaves is what lies in the directory now.
        copy(&closed, &as_killed)?;
    }
    let mut peers = Vec::new();
    for peer in plan.peers {
        let path = plan.fresh_directory(&format!("opened-{}", peer.name()))?;
        fill(&**peer, &path, &keeping, entries)?;
        peers.push((peer, path));
    }

    let mut sides = [
        "limit: read and checksum all",
        "raft-log after a close",
        "raft-log after a kill",
        "raft-log, full check",
    ]
    .map(Side::new)
    .into_iter()
    .chain(plan.peers.iter().map(|peer| Side::new(peer.name())))
    .collect::<Vec<_>>();
    for _ in 0..plan.rounds {
        let killed = plan.fresh_directory("killed")?;
        copy(&as_killed, &killed)?;
        let open = |directory: &Path, full_check: bool| -> Outcome<Duration> {
            let mut config = config(directory, false);
            config.full_check = full_check;
            let (log, took) = timed(|| Ok(RaftLog::<PlainTypes>::open(config)?))?;
            let held = log.report().entries;
            if held == entries {
                Ok(took)
            } else {
                Err(format!("{held} of {entries} entries were found").into())
            }
        };
        let mut times = vec![
            timed(|| read_directory(&closed))?.1,
            open(&closed, false)?,
            open(&killed, false)?,
            open(&closed, true)?,
        ];
        for (peer, path) in &peers {
            times.push(timed(|| peer.open(path, &keeping))?.1);
        }
        for (side, time) in sides.iter_mut().zip(times) {
            side.rounds.push(time.as_secs_f64());
        }
    }

    let work = format!("opening {} entries of 256 B", crate::table::thousands(entries as f64));
    let mut row = Row { work, unit: Unit::Seconds, sides, musts: Vec::new() };
    row.must_be("raft-log after a close", Bound::AtMost(0.03));
    let (size, newest) = (size_of(&closed)? as f64, newest_chunk(&as_killed)? as f64);
    if let (Some(limit), Some(killed)) = (row.limit(), row.side("raft-log after a kill")) {
        let bound = Bound::AtMost(0.03 + 1.2 * limit.median() * newest / size);
        let what = format!("raft-log after a kill, its newest chunk having {:.0} MB, seconds", newest / 1e6);
        row.musts.push(Must { what, value: killed.median(), bound });
    }
    row.must_reach("raft-log, full check", Bound::AtMost(1.2));
    Ok(row)
}

/// A closed log of a million entries, for readers, opened with as small a cache as can be.
pub(crate) fn open_cold(plan: &Plan<'_>, peer: &dyn Peer, entries: u64) -> Outcome<Box<dyn Contender>> {
    let mut keeping = Keeping { payload: Payload::Incompressible.bytes(256), alive: None, is_cold: true };
    let path = plan.fresh_directory(&format!("read-{}", peer.name()))?;
    fill(peer, &path, &keeping, entries)?;
    keeping.is_cold = true;
    peer.open(&path, &keeping)
}

/// As [`RaftLogPeer`], for those that read.
pub(crate) fn readers(plan: &Plan<'_>, entries: u64) -> Outcome<Vec<(String, Box<dyn Contender>)>> {
    let mut readers = Vec::new();
    for peer in [&RaftLogPeer as &dyn Peer].into_iter().chain(plan.peers.iter().map(|peer| &**peer)) {
        if peer.can_read() {
            readers.push((peer.name().to_owned(), open_cold(plan, peer, entries)?));
        }
    }
    Ok(readers)
}
