//! The log as its users meet it: over memory where a fault is wanted, over real files where the system matters.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a panic is how a test fails")]

mod concurrency;
mod flush;
mod format_page;
mod golden_directories;
mod life;
mod model;
mod poison;
mod readers;
mod support;
mod verdicts;
