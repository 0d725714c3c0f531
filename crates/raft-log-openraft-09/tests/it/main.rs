//! The log store on openraft 0.9: openraft's own suite, and what that leaves out: reopening, crashes, durability, full and
//! failing disks. That the bytes are those of 0.10 is tested there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a panic is how a test fails")]

mod crashes;
mod durability;
mod failing_node;
mod legal_no_ops;
mod machine;
mod reads;
mod stage;
mod suite;
