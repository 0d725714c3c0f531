//! The log as its users meet it: over memory where a fault is wanted, over real files where the system matters.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a panic is how a test fails")]

mod bad_input;
mod checkpoint;
mod concurrency;
mod crashes;
mod damage;
mod damage_oracle;
mod disk_full;
mod examples;
mod flush;
mod format_page;
mod golden_directories;
mod life;
mod model;
mod open_is_honest;
mod operations_page;
mod overhead;
mod poison;
mod quickstart;
mod readers;
mod reuse;
mod scrub;
mod stats;
mod support;
mod tracing_events;
mod verdicts;
mod vouching;
