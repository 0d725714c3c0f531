//! The log's errors as openraft takes them: `io::Error`s with a kind of their own, and the log's error as their cause.
//!
//! openraft stops a node on each of them. None is made here for what is legal.

use std::io;

use raft_log::{FlushError, ReadError, Types, WriteError};

pub(crate) fn write<T: Types>(error: WriteError<T>) -> io::Error {
    let kind = match &error {
        WriteError::Rejected(_) => io::ErrorKind::InvalidInput,
        WriteError::Encode(_) => io::ErrorKind::InvalidData,
        WriteError::NoSpace(source) | WriteError::Io(source) => source.kind(),
        WriteError::Poisoned(poisoned) => poisoned.source.kind(),
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

pub(crate) fn flush(error: FlushError) -> io::Error {
    let kind = match &error {
        FlushError::Poisoned(poisoned) => poisoned.source.kind(),
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

pub(crate) fn read(error: ReadError) -> io::Error {
    let kind = match &error {
        ReadError::Purged { .. } | ReadError::IndexNotFound { .. } => io::ErrorKind::NotFound,
        ReadError::Damaged { .. } | ReadError::Undecodable { .. } => io::ErrorKind::InvalidData,
        ReadError::Io { source, .. } => source.kind(),
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
