//! Reading sealed chunks again, slowly, so that damage is found while other members still have what it took.
//!
//! - `pace`: how fast it may read
//! - `pass`: one reading of all sealed chunks
//!
//! Here is the thread that does it, and what its owner sees. What always holds: nothing is changed and no lock is held
//! while a file is read; a purge goes on under a scrub; the thread ends with its handle.

mod pace;
mod pass;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use raft_log_chunk::ChunkId;
use raft_log_codec::Types;

use self::pace::Clock;
use self::pass::scrub_once;
use crate::sync::{Condvar, JoinHandle, Mutex, spawn};
use crate::{RaftLog, RaftLogReader};

/// How a log is scrubbed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
pub struct ScrubOptions {
    /// How many bytes are read in a second at most. Default: 8 MiB; 0 counts as 1.
    pub bytes_per_second: u64,
    /// How many seconds lie between the end of one scrub and the beginning of the next. Default: a day.
    pub pause_seconds: u64,
    /// Whether the system is asked to forget what it caches of a chunk before it is read, so that the disk is read, and
    /// afterwards, so that a scrub leaves no trace in memory. Default: `true`.
    pub drop_cache: bool,
}

impl Default for ScrubOptions {
    fn default() -> Self {
        Self { bytes_per_second: 8 << 20, pause_seconds: 24 * 60 * 60, drop_cache: true }
    }
}

/// What a scrub tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScrubEvent {
    /// A place of a sealed chunk is damaged. It is told in each scrub again, until the chunk is purged.
    Damaged {
        /// The chunk.
        chunk: ChunkId,
        /// Where the frame begins.
        offset: u64,
        /// The index, where an entry's payload is damaged and its head is not: its neighbours can be read.
        index: Option<u64>,
        /// What is wrong.
        found: String,
    },
    /// A chunk cannot be read; the scrub goes on with the next.
    Unreadable {
        /// The chunk.
        chunk: ChunkId,
        /// What the system says.
        error: String,
    },
    /// All chunks that were sealed when it began were read, but for those that were purged meanwhile.
    Done {
        /// How many.
        chunks: u64,
        /// The bytes that were read of them.
        bytes: u64,
        /// How many places were damaged, and chunks unreadable.
        faults: u64,
    },
}

/// A scrub under way: it stops when this is dropped, at the next read.
#[must_use = "dropping it stops the scrub"]
pub struct Scrub {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Types> RaftLog<T> {
    /// As [`RaftLogReader::scrub`].
    ///
    /// # Errors
    /// As there.
    pub fn scrub(
        &self,
        options: ScrubOptions,
        tell: impl FnMut(ScrubEvent) + Send + 'static,
    ) -> std::io::Result<Scrub> {
        self.reader().scrub(options, tell)
    }
}

impl<T: Types> RaftLogReader<T> {
    /// Reads all sealed chunks again, at once and then again and again, on a thread of its own (`raft-log-scrub`), no
    /// faster than the options allow: every frame is checked against its checksums. What is found is told to `tell` on
    /// that thread, counted in the [statistics](RaftLogReader::stats) and logged as an error. The chunk that is being written
    /// is not read.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn scrub(
        &self,
        options: ScrubOptions,
        mut tell: impl FnMut(ScrubEvent) + Send + 'static,
    ) -> std::io::Result<Scrub> {
        let stop = Arc::new(Stop::default());
        let (wal, stopped) = (self.wal_reader().clone(), stop.clone());
        let thread = spawn("raft-log-scrub", move || {
            let pause = Duration::from_secs(options.pause_seconds);
            let clock: Arc<dyn Clock> = stopped;
            while scrub_once(&wal, &options, &clock, &mut tell) && clock.wait(pause) {}
        })?;
        Ok(Scrub { stop, thread: Some(thread) })
    }
}

impl Drop for Scrub {
    fn drop(&mut self) {
        *self.stop.is_wanted.lock() = true;
        self.stop.wake.notify_all();
        if let Some(thread) = self.thread.take()
            // The callback may be what drops it.
            && thread.thread().id() != crate::sync::current().id()
            && thread.join().is_err()
        {
            tracing::error!("a scrub panicked");
        }
    }
}

impl fmt::Debug for Scrub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrub").finish_non_exhaustive()
    }
}

/// The real clock, whose waits end when the scrub is to stop.
#[derive(Default)]
struct Stop {
    is_wanted: Mutex<bool>,
    wake: Condvar,
}

impl Clock for Stop {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wait(&self, duration: Duration) -> bool {
        let mut is_wanted = self.is_wanted.lock();
        let end = Instant::now().checked_add(duration);
        while !*is_wanted {
            let left = end.map_or(LONG, |end| end.saturating_duration_since(Instant::now()).min(LONG));
            if left.is_zero() {
                return true;
            }
            self.wake.wait_for(&mut is_wanted, left);
        }
        false
    }
}

/// A wait is cut into such pieces, so that none is too long for a clock.
const LONG: Duration = Duration::from_secs(60 * 60);
