//! Every lock and every thread of the log: taken from here and from nowhere else, so that a scheduler can stand in
//! for them in tests.
//!
//! Lock order, outermost first: `disk` (writing), `queue` (what waits to be written), `spares`, `chunks` (what can be
//! read), `delivery`. The `view` that readers see is taken alone. Readers take `view` and `chunks`, and neither is held
//! across disk I/O.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use std::thread::{JoinHandle, current};

pub(crate) use parking_lot::{Condvar, Mutex, RwLock};

/// Starts a named thread.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}
