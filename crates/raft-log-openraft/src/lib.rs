#![doc = include_str!("../README.md")]
//!
//! # What is in this crate
//!
//! - [`LogStore`] is the log, [`LogReader`] reads it; both are what openraft asks for, and nothing else
//! - [`Codec`] says how votes, ids and entries become bytes, [`SerdeCodec`] is a ready-made one
//!
//! What always holds: a vote is durable before it is reported as saved; an append is reported exactly once, and with
//! success only when it is durable; no lock is held while a disk is at work.

mod cached_window;
mod codec;
mod failure;
mod key_log_ids;
mod log_reader;
mod log_store;
mod log_types;
mod low_purge;
mod serde_codec;
mod told_once;

pub use codec::Codec;
pub use log_reader::LogReader;
pub use log_store::{LogStore, READ_BYTES_MAX};
pub use log_types::{LogTypes, StoredId, StoredVote};
pub use low_purge::LowPurge;
pub use serde_codec::{LeaderTerm, SerdeCodec};
