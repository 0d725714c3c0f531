//! What the tool promises, over directories that the log itself has written.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a panic is how a test fails")]

mod bad_input;
mod changing;
mod commands;
mod damage;
mod documentation;
mod export_import;
mod flags;
mod follow;
mod forms;
mod library;
mod live;
mod program;
mod progress;
mod repair;
mod reusing_storage;
mod support;
mod verify;
