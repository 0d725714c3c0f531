//! Every lock and every thread of the log: taken from here and from nowhere else, so that a scheduler can stand in
//! for them in tests.
//!
//! Lock order, outermost first: `view` (what readers see), `disk` (writing), `queue` (what waits to be written), `spares`,
//! `chunks` (what can be read), `delivery`. Readers take `view` and `chunks`. Neither is locked for writing across disk
//! I/O; the writer holds `view` for reading while an operation is accepted, which holds up no reader, as nobody else
//! ever locks it for writing.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use std::thread::{JoinHandle, current};

pub(crate) use parking_lot::{Condvar, Mutex, RwLock};

/// Starts a named thread.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}
