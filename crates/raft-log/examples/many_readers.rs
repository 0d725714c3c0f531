//! One writer, and readers on other threads that follow it: none waits for a sync, none sees half a batch.
//!
//! Run it with `cargo run -p raft-log --example many_readers`.

use std::sync::mpsc;
use std::thread;

use raft_log::{PlainTypes, RaftLog, RaftLogReader, RaftLogWriter, ReadError, TermIndex};

const BATCH: u64 = 10;
const LAST: u64 = 10_000;

/// Reads everything from index 1 on, a piece at a time, until the last entry has come. Gives how many pieces there were.
fn follow(reader: &RaftLogReader<PlainTypes>) -> Result<usize, ReadError> {
    let mut next = 1;
    let mut pieces = 0;
    while next <= LAST {
        let end = reader.indexes().end;
        assert!(end == 0 || (end - 1).is_multiple_of(BATCH), "a batch is seen as a whole");
        if next >= end {
            thread::yield_now();
            continue;
        }
        for (id, _) in reader.read_limited(next, end, 64 << 10)? {
            assert_eq!(id.index, next, "in order, and none is left out");
            next += 1;
        }
        pieces += 1;
    }
    Ok(pieces)
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let mut log = RaftLog::open(directory.path())?;

    let followers: Vec<_> = (0..4)
        .map(|_| {
            let reader = log.reader();
            thread::spawn(move || follow(&reader))
        })
        .collect();

    // The writer does not wait either: each batch has its own callback, and one sync serves many of them.
    let (tell, told) = mpsc::channel();
    for first in (1..=LAST).step_by(BATCH as usize) {
        let batch = (first..first + BATCH).map(|index| (TermIndex::new(1, index), format!("{index}").into()));
        log.append(batch)?;
        let tell = tell.clone();
        log.flush(move |outcome| drop(tell.send(outcome.map(|()| first + BATCH - 1))));
    }
    drop(tell);
    let mut durable = 0;
    for outcome in told {
        let upto = outcome?;
        assert!(upto > durable, "callbacks come in order");
        durable = upto;
    }
    println!("durable up to {durable}");

    for follower in followers {
        match follower.join() {
            Ok(pieces) => println!("a reader saw all of it in {} pieces", pieces?),
            Err(_) => return Err("a reader panicked".into()),
        }
    }
    Ok(())
}
