//! A log is opened, written, synced, read, closed, and opened again.
//!
//! Run it with `cargo run -p raft-log --example quickstart`.

use raft_log::{PlainVote, RaftLog, RaftLogWriter, TermIndex};

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("log");

    let mut log = RaftLog::open(&path)?;
    log.save_vote(PlainVote::new(1, 7))?;
    log.append([(TermIndex::new(1, 1), "x = 1".into()), (TermIndex::new(1, 2), "y = 2".into())])?;
    // From here on every reader sees the entries; only behind the sync do they survive a loss of power.
    log.sync()?;
    log.commit(TermIndex::new(1, 1))?;
    log.close()?;
    drop(log);

    let log = RaftLog::open(&path)?;
    println!("found {} entries in {:?}", log.report().entries, log.report().elapsed);
    for (id, payload) in log.read(1..)? {
        println!("{id}  {}", String::from_utf8_lossy(&payload));
    }
    let state = log.state();
    println!("vote {:?}, committed {:?}", state.vote, state.committed);
    assert_eq!(state.committed, Some(TermIndex::new(1, 1)), "closing made it durable");
    Ok(())
}
