//! The tests of the test kit itself: one binary, one module for each thing that it offers.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test fails")]

mod any_input;
mod memory_storage;
mod memory_wal;
mod simulated_disk;
mod storage_conformance;
