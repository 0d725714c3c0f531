//! The log's errors as openraft takes them: its storage errors, with the log's error and its causes in them.

use std::error::Error;
use std::fmt;
use std::io;

use openraft::{AnyError, NodeId, StorageError, StorageIOError};

pub(crate) fn of_logs_written<N: NodeId>(error: io::Error) -> StorageError<N> {
    StorageIOError::write_logs(AnyError::new(&error)).into()
}

pub(crate) fn of_vote_written<N: NodeId>(error: io::Error) -> StorageError<N> {
    StorageIOError::write_vote(AnyError::new(&error)).into()
}

pub(crate) fn of_logs_read<N: NodeId>(error: io::Error) -> StorageError<N> {
    StorageIOError::read_logs(AnyError::new(&error)).into()
}

/// For a callback: openraft 0.9 keeps of its error what it displays, and not its causes; so they are displayed, too.
pub(crate) fn of_callback(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), WithCauses(error))
}

/// An error that displays its causes behind itself.
#[derive(Debug)]
struct WithCauses(io::Error);

impl fmt::Display for WithCauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

impl Error for WithCauses {}
