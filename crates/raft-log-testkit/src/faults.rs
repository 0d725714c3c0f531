//! The fault suite: what a log may be after a crash, after a call that failed and after a sync that lied, tried out on a
//! [`SimulatedDisk`](crate::SimulatedDisk) and held against the naive model.
//!
//! - `disk_log`: what a log must be able to do to be put through it
//! - `promises`: what a log was told and has promised, and what it may therefore hold
//! - `step`: what is done to a log
//! - `history`: a log's life, watched at every call
//! - `crash_states`: everything that a disk may hold at every call, also while a log recovers
//! - `failing_calls`: every call fails, once or for good, also with a disk that lies
//! - `damage`: what was acknowledged is damaged
//! - `long_runs`: many thousand operations with a flush thread
//! - `tiny_logs`: logs to which much happens with little data
//! - `tally`: what came of it
//!
//! The oracle is one: reopened, a log holds the model's state after some prefix of the records it was given, and one that
//! holds every acknowledged record. What always holds: the same seed and bounds try the same things.

mod crash_states;
mod damage;
mod disk_log;
mod failing_calls;
mod history;
mod long_runs;
mod promises;
mod step;
mod tally;
mod tiny_logs;

pub use crash_states::{CrashBounds, crash_states};
pub use damage::{DamageBounds, damage};
pub use disk_log::{Contents, DiskLog, Opener};
pub use failing_calls::{FailingBounds, failing_calls};
pub use long_runs::{LongBounds, long_runs};
pub use tally::Tally;
pub use tiny_logs::tiny_logs;
