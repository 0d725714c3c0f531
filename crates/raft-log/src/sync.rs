//! Every lock, every thread and every wait of the log: taken from here and from nowhere else, so that a scheduler can
//! stand in for them in tests. `system` is what a log runs on; `model`, under `--cfg raft_log_shuttle`, has the same
//! shape, and there a test decides who goes on.
//!
//! Lock order, outermost first: `view` (what readers see), `disk` (writing), `queue` (what waits to be written), `spares`,
//! `chunks` (what can be read), `delivery`. Readers take `view` and `chunks`. Neither is locked for writing across disk
//! I/O; the writer holds `view` for reading while an operation is accepted, which holds up no reader, as nobody else
//! ever locks it for writing.

#[cfg(raft_log_shuttle)]
mod model;
#[cfg(not(raft_log_shuttle))]
mod system;

#[cfg(raft_log_shuttle)]
pub(crate) use model::{
    AtomicBool, AtomicU64, Condvar, JoinHandle, Mutex, OnceLock, Patience, RwLock, current, let_time_pass,
    sleep, spawn, yield_now,
};
/// For what is held for a moment, and by whoever drops something, wherever: nothing waits while it is held.
pub(crate) use parking_lot::Mutex as Latch;
/// For what is only counted: never waited for, so a scheduler need not know of it.
pub(crate) use std::sync::atomic::AtomicU64 as Counter;
pub(crate) use std::sync::atomic::Ordering;
#[cfg(not(raft_log_shuttle))]
pub(crate) use system::{
    AtomicBool, AtomicU64, Condvar, JoinHandle, Mutex, OnceLock, Patience, RwLock, current, sleep, spawn,
    yield_now,
};
