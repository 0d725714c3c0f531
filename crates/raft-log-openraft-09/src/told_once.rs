//! The callback of an append, in a guard: it is told exactly once, and an error if nobody tells it.
//!
//! openraft waits for it without a limit, so one that was dropped in silence would hang the node.

use std::io;

use openraft::RaftTypeConfig;
use openraft::storage::LogFlushed;
use raft_log::FlushError;

use crate::failure;

/// A callback that will be told.
pub(crate) struct ToldOnce<C: RaftTypeConfig> {
    callback: Option<LogFlushed<C>>,
}

/// Nobody said what became of an append.
#[derive(Debug, thiserror::Error)]
#[error("the append's callback was dropped before its sync: whether it is durable is unknown")]
struct Untold;

impl<C: RaftTypeConfig> ToldOnce<C> {
    pub(crate) fn new(callback: LogFlushed<C>) -> Self {
        Self { callback: Some(callback) }
    }

    /// Tells what became of the append.
    pub(crate) fn tell(mut self, outcome: Result<(), FlushError>) {
        self.complete(outcome.map_err(failure::flush));
    }

    /// For an append that fails while it is called: openraft takes the error that is returned, and need not be told twice.
    pub(crate) fn leave_to_the_result(mut self) {
        self.callback = None;
    }

    fn complete(&mut self, outcome: Result<(), io::Error>) {
        if let Some(callback) = self.callback.take() {
            callback.log_io_completed(outcome.map_err(failure::of_callback));
        }
    }
}

impl<C: RaftTypeConfig> Drop for ToldOnce<C> {
    fn drop(&mut self) {
        self.complete(Err(io::Error::other(Untold)));
    }
}
