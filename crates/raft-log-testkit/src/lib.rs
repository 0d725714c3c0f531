//! For tests of raft-log, and of other log stores: storage and a wal in memory, a disk that loses its power, random
//! operations, and a model that says what must come out.
//!
//! | to | take |
//! |---|---|
//! | test a store of your own against the rules, with random operations, reopening and kills | [`Driver`] over your [`Store`], with [`operations()`] |
//! | the same for a [`RaftLog`](raft_log::RaftLog), wherever it keeps its records | [`LogStore`] |
//! | know what a log must hold after some records | [`NaiveModel`] |
//! | test what is above a log, without files; hold syncs back; refuse writes; fail a sync | [`MemoryWal`], [`MemoryWalControl`] |
//! | run a real log on a directory in memory; look into its files; fill it, slow it down, fail its n-th call | [`MemoryStorage`], [`Operation`], [`Failure`] |
//! | watch each call on any storage, count it or hold it up | [`WatchedStorage`], [`Call`] |
//! | see that any bytes at all get an answer, with a fuzzer or without one | [`any_input`] |
//! | know what a disk may hold after a loss of power, at any call of a log over [`Storage`](raft_log_chunk::Storage) | [`SimulatedDisk`], [`PowerLoss`] |
//! | try all crashes, failing calls and damage on a log that is kept on such a disk | [`faults`] |
//! | try crashes on the store that an engine sees, through the engine's own calls | [`engine_crashes()`] over your [`EngineStore`] |
//! | see that an error has its first cause in its chain | [`causes()`], [`assert_caused_by`] |
//! | test a [`Storage`](raft_log_chunk::Storage) of your own | [`storage_conformance()`], [`broken_promises`] |
//!
//! ```
//! use proptest::prelude::*;
//! use raft_log_testkit::{Driver, Ending, LogStore, MemoryWal, operations};
//!
//! proptest!(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() }, |(
//!     operations in operations(20..30),
//! )| {
//!     let mut wal = None;
//!     let store = LogStore::new(move |ending| {
//!         let records = match (wal.take(), ending) {
//!             (None, _) => Vec::new(),
//!             (Some(wal), Ending::Closed) => raft_log_testkit::MemoryWalControl::records(&wal),
//!             (Some(wal), Ending::Killed) => wal.durable_records(),
//!         };
//!         let (log, control) = MemoryWal::log_of(records);
//!         wal = Some(control);
//!         log
//!     });
//!     Driver::new(store).run(&operations);
//! });
//! ```

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this crate runs in tests, where a panic is the right answer to its own mistakes"
)]

pub mod any_input;
mod calls;
mod causes;
mod driver;
mod engine_crashes;
pub mod faults;
mod memory_storage;
mod memory_wal;
mod naive_model;
mod operations;
mod random;
mod simulated_disk;
mod storage_conformance;
mod watched_storage;

pub use calls::{Failure, Operation};
pub use causes::{assert_caused_by, causes};
pub use driver::{Driver, Ending, Figures, LogStore, PlainEntry, Store, write_records};
pub use engine_crashes::{EngineId, EngineShown, EngineStep, EngineStore, EngineVote, engine_crashes};
pub use memory_storage::MemoryStorage;
pub use memory_wal::{MemoryWal, MemoryWalControl, MemoryWalReader};
pub use naive_model::NaiveModel;
pub use operations::{LogOperation, Pick, operation, operations, payload, pick};
pub use random::Random;
pub use simulated_disk::{DiskImage, FailedSync, Outcome, PowerLoss, SECTOR_BYTES, SimulatedDisk, Watcher};
pub use storage_conformance::{BrokenPromise, broken_promises, storage_conformance};
pub use watched_storage::{Call, WatchedStorage};
