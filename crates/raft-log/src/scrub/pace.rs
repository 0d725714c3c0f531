//! How fast a scrub reads: a file whose reads wait until the bytes read so far are allowed.
//!
//! What always holds: at any time no more was read than the rate allows since the beginning, and one read.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use raft_log_chunk::StorageFile;

use crate::sync::{Counter, Ordering};

/// What a scrub asks of time, so that a test can stand in for it.
pub(super) trait Clock: Send + Sync {
    fn now(&self) -> Instant;

    /// Waits. `false` if the scrub is to stop, at once.
    fn wait(&self, duration: Duration) -> bool;
}

/// How much was read since when.
pub(super) struct Pace {
    clock: Arc<dyn Clock>,
    begin: Instant,
    bytes_per_second: u64,
    read: Counter,
}

impl Pace {
    pub(super) fn new(clock: Arc<dyn Clock>, bytes_per_second: u64) -> Self {
        let begin = clock.now();
        Self { clock, begin, bytes_per_second: bytes_per_second.max(1), read: Counter::new(0) }
    }

    /// The bytes read so far.
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// When the bytes that were read have had their time.
    fn due(&self) -> Duration {
        let (whole, rest) = (self.read() / self.bytes_per_second, self.read() % self.bytes_per_second);
        let nanos = u128::from(rest) * 1_000_000_000 / u128::from(self.bytes_per_second);
        Duration::from_secs(whole) + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Waits until more may be read. `false` if the scrub is to stop.
    fn wait(&self) -> bool {
        let elapsed = self.clock.now().saturating_duration_since(self.begin);
        self.clock.wait(self.due().saturating_sub(elapsed))
    }
}

/// A file that is read at a pace, and not written to.
pub(super) struct PacedFile {
    pub(super) file: Arc<dyn StorageFile>,
    pub(super) pace: Arc<Pace>,
}

/// What a read says when the scrub is to stop.
pub(super) const STOPPED: &str = "the scrub was stopped";

impl std::fmt::Debug for PacedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.file.fmt(f)
    }
}

impl StorageFile for PacedFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn links(&self) -> io::Result<u64> {
        self.file.links()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if !self.pace.wait() {
            return Err(io::Error::other(STOPPED));
        }
        let read = self.file.read_at(buffer, offset)?;
        self.pace.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn truncate(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn drop_cache(&self) -> io::Result<()> {
        self.file.drop_cache()
    }
}
