//! The hand-off between the writer, its flush thread, callbacks and readers, under a scheduler that decides at every
//! lock, atomic and I/O call who goes on. Empty unless built with `--cfg raft_log_shuttle`, as `cargo xtask schedules`
//! does.
//!
//! - `explore`: runs one scenario under many schedules and tells how many
//! - `bounded`: every schedule with so many preemptions
//! - `step_storage`: a directory that knows what a loss of power would leave
//! - `stage`: a log on it, callbacks that are written down, and what must hold of them
//!
//! The scenarios are in the other files; each is named after its promise.
#![cfg(raft_log_shuttle)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a panic is how a test fails")]

mod bounded;
mod callbacks;
mod closing;
mod explore;
mod failures;
mod idle;
mod readers;
mod room;
mod stage;
mod step_storage;
