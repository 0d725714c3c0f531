//! The locks, atomics and threads that a log runs on: nothing of its own, only the choice.

pub(crate) use std::sync::OnceLock;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64};
pub(crate) use std::thread::{JoinHandle, current, sleep, yield_now};

use std::time::Instant;

pub(crate) use parking_lot::{Condvar, Mutex, RwLock};

/// Waits that give way to other threads, until a point in time.
pub(crate) struct Patience(Instant);

impl Patience {
    pub(crate) fn new(end: Instant) -> Self {
        Self(end)
    }

    /// Gives way for a few microseconds, so that whoever is waited for is not disturbed by being looked at; `false` when
    /// the time is over.
    pub(crate) fn wait(&self) -> bool {
        (0..16).for_each(|_| yield_now());
        Instant::now() < self.0
    }
}

/// Starts a named thread.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}
