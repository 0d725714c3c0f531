//! The log store on openraft 0.10: openraft's own suite, and what that leaves out: reopening, crashes, durability, full and
//! failing disks.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a panic is how a test fails")]

mod callbacks;
#[path = "../../examples/throughput/comparison/cluster.rs"]
mod cluster;
mod crashes;
mod failing_node;
mod group_commit;
mod legal_no_ops;
mod reads;
mod stage;
mod suite;
mod versions;
mod votes;
