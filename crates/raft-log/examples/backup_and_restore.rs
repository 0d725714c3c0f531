//! A backup is taken while the log is written, checked by opening it, and restored after the log is lost.
//!
//! A restored node has forgotten what it promised after the backup: it must not vote under its former identity, but join
//! the cluster as a new member. `docs/operations.md` has the steps for a whole cluster.
//!
//! Run it with `cargo run -p raft-log --example backup_and_restore`.

use std::fs;
use std::path::Path;

use raft_log::{PlainVote, RaftLog, RaftLogWriter, TermIndex};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Copies a checkpoint elsewhere, as `cp -r`, `rsync` or an upload would.
fn copy_away(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

pub(crate) fn main() -> Outcome<()> {
    let place = tempfile::tempdir()?;
    let (home, checkpoint, elsewhere) =
        (place.path().join("log"), place.path().join("checkpoint"), place.path().join("elsewhere"));

    let mut log = RaftLog::open(&home)?;
    log.save_vote(PlainVote::new(1, 7))?;
    log.append((1..=1000).map(|index| (TermIndex::new(1, index), format!("command {index}").into())))?;
    log.sync()?;

    // Any thread can do it with a reader; the writer goes on meanwhile.
    let reader = log.reader();
    let to = checkpoint.clone();
    let backup = std::thread::spawn(move || reader.checkpoint(to));
    log.append([(TermIndex::new(1, 1001), "written meanwhile".into())])?;
    log.sync()?;
    let report = backup.join().map_err(|_| "the backup panicked")??;
    println!("{} chunks linked, {} copied, {:?}", report.linked_chunks, report.copied_chunks, report.elapsed);

    // A checkpoint shares files with the log: it is a backup once it lies on another disk.
    copy_away(&checkpoint, &elsewhere)?;
    fs::remove_dir_all(&checkpoint)?;
    // Opening checks that it is whole; `raft-log-dump verify` reads every byte.
    println!("{} entries are in the backup", RaftLog::open(&elsewhere)?.report().entries);

    // The disk with the log is lost.
    drop(log);
    fs::remove_dir_all(&home)?;

    // The backup comes into its place, for a node with a new identity.
    copy_away(&elsewhere, &home)?;
    let log = RaftLog::open(&home)?;
    let state = log.state();
    println!(
        "restored up to {:?}; its vote of then, which must not count any more: {:?}",
        state.last, state.vote
    );
    assert!(log.read(1..)?.len() >= 1000, "all that was durable when the backup began");
    Ok(())
}
