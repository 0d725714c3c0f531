//! The locks, atomics and threads that a log runs on: nothing of its own, only the choice.

pub(crate) use std::sync::OnceLock;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64};
pub(crate) use std::thread::{JoinHandle, current, sleep, yield_now};

pub(crate) use parking_lot::{Condvar, Mutex, RwLock};

/// Starts a named thread.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}
