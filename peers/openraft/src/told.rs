//! What raft-log 0.4.6 calls when a write is durable.
//!
//! What always holds: openraft is told once, and an error if the log drops the callback, as it does with what is queued
//! when its thread has failed.

use std::io;

use openraft::storage::IOFlushed;
use openraft_memstore::TypeConfig;
use raft_log_0_4::Callback;

/// The end of a write.
pub(crate) struct Told {
    callback: Option<IOFlushed<TypeConfig>>,
}

impl Told {
    pub(crate) fn new(callback: IOFlushed<TypeConfig>) -> Self {
        Self { callback: Some(callback) }
    }
}

impl Callback for Told {
    fn send(mut self, outcome: io::Result<()>) {
        if let Some(callback) = self.callback.take() {
            callback.io_completed(outcome);
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(callback) = self.callback.take() {
            callback.io_completed(Err(io::Error::other("the log dropped the callback of a write")));
        }
    }
}
