//! The rules as promises, against an application's types that derive nothing.
//!
//! What needs the inside of a file is tested there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also outside of its own function")]

mod leader_types;
mod replay;
mod rules;
mod with_naive_model;
