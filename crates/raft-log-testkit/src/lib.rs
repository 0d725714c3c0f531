//! For tests of raft-log and of other stores: memory storage, generators, the naive model.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this crate runs in tests, where a panic is the right answer to its own mistakes"
)]

mod memory_storage;
mod naive_model;
mod storage_conformance;

pub use memory_storage::{Failure, MemoryStorage, Operation};
pub use naive_model::NaiveModel;
pub use storage_conformance::{BrokenPromise, broken_promises, storage_conformance};
