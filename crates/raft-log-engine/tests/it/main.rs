//! What an engine's adapter relies on, with the smallest engine there is. The adapters' own tests play the engines' rules.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a panic is how a test fails")]

mod appends;
mod reads;
mod tiny;
mod truncations;
