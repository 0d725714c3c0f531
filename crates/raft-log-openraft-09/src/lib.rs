#![doc = include_str!("../README.md")]
//!
//! # What is in this crate
//!
//! - [`LogStore`] is the log, [`LogReader`] reads it; both are what openraft asks for, and nothing else
//! - [`Codec`] says how votes, ids and entries become bytes, [`SerdeCodec`] is a ready-made one
//!
//! What always holds: a vote is durable before it is reported as saved; an append is reported exactly once, and with
//! success only when it is durable; no lock is held while a disk is at work. The bytes are those of `raft-log-openraft`.

mod codec;
mod failure;
mod log_reader;
mod log_store;
mod log_types;
mod serde_codec;

pub use codec::Codec;
pub use log_reader::LogReader;
pub use log_store::LogStore;
pub use log_types::{LogTypes, Openraft};
pub use raft_log_engine::READ_BYTES_MAX;
pub use serde_codec::SerdeCodec;
