//! The tests of the files of raft-log: one binary, one module for each idea.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test fails")]

mod changing_files;
mod child_process;
mod footers;
mod making_chunks;
mod recorder;
mod reuse;
mod scanning;
mod storage_conformance;
mod storage_directory;
mod storage_directory_lock;
mod verdict_table;
mod written_log;
