//! okaywal 0.3.1: a log without indexes, so it takes part in writing and opening only; it groups the commits of several
//! threads, and gives up files by itself once they are checkpointed.

use std::path::Path;
use std::time::Duration;

use okaywal::{LogVoid, WriteAheadLog};
use raft_log_bench::{Contender, Keeping, Outcome, Peer, Round};

use crate::threads;

pub(crate) struct OkayWal;

struct Open {
    log: WriteAheadLog,
    keeping: Keeping,
}

impl Peer for OkayWal {
    fn name(&self) -> &str {
        "okaywal 0.3.1"
    }

    fn open(&self, directory: &Path, keeping: &Keeping) -> Outcome<Box<dyn Contender>> {
        let log = WriteAheadLog::recover(directory, LogVoid)?;
        Ok(Box::new(Open { log, keeping: keeping.clone() }))
    }

    fn can_read(&self) -> bool {
        false
    }
}

impl Contender for Open {
    fn write(&mut self, entries: u64) -> Outcome {
        let mut writer = self.log.begin_entry()?;
        for _ in 0..entries {
            writer.write_chunk(&self.keeping.payload)?;
        }
        writer.commit()?;
        Ok(())
    }

    fn append(&mut self, entries: u64) -> Outcome {
        // It has no way to write that is not durable.
        self.write(entries)
    }

    fn in_flight(&mut self, in_flight: u64, length: Duration) -> Outcome<Round> {
        threads::in_flight(in_flight, length, |_| {
            let write = || {
                let mut writer = self.log.begin_entry()?;
                writer.write_chunk(&self.keeping.payload)?;
                writer.commit().map(drop)
            };
            write().map_err(|error: std::io::Error| error.to_string())
        })
    }

    fn read(&self, _first: u64, _count: u64) -> Outcome<u64> {
        Err("okaywal finds nothing by an index".into())
    }
}
