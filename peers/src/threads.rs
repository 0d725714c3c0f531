//! Many threads that each write one entry after the other, for logs that group what comes from several threads.

use std::thread;
use std::time::{Duration, Instant};

use raft_log_bench::{Outcome, Round};

/// More threads than this gain nothing.
const THREADS_MAX: u64 = 256;

/// Lets `in_flight` threads, or as many as make sense, call `write` with their number until `length` is over.
pub(crate) fn in_flight(
    in_flight: u64,
    length: Duration,
    write: impl Fn(u64) -> Result<(), String> + Sync,
) -> Outcome<Round> {
    let begin = Instant::now();
    let entries = thread::scope(|scope| -> Outcome<u64> {
        let threads: Vec<_> = (0..in_flight.min(THREADS_MAX))
            .map(|number| {
                let write = &write;
                scope.spawn(move || -> Result<u64, String> {
                    let mut entries = 0;
                    while begin.elapsed() < length {
                        write(number)?;
                        entries += 1;
                    }
                    Ok(entries)
                })
            })
            .collect();
        let mut sum = 0;
        for thread in threads {
            sum += thread.join().map_err(|_| "a writer panicked")??;
        }
        Ok(sum)
    })?;
    Ok(Round::of(entries, begin.elapsed()))
}
