//! The log's errors as `io::Error`s, which engines take: with a kind of their own, and the log's error and its causes in them.
//!
//! Engines stop a node on each of them. None is made here for what is legal.

use std::io;

use raft_log::{FlushError, ReadError, Types, WriteError};

/// Of a write that was refused.
pub fn of_write<T: Types>(error: WriteError<T>) -> io::Error {
    let kind = match &error {
        WriteError::Rejected(_) => io::ErrorKind::InvalidInput,
        WriteError::Encode(_) => io::ErrorKind::InvalidData,
        WriteError::NoSpace(source) | WriteError::Io(source) => source.kind(),
        WriteError::Poisoned(poisoned) => poisoned.source.kind(),
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

/// Of a sync that failed, or never was.
pub fn of_flush(error: FlushError) -> io::Error {
    let kind = match &error {
        FlushError::Poisoned(poisoned) => poisoned.source.kind(),
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

/// Of a read.
pub fn of_read(error: ReadError) -> io::Error {
    let kind = match &error {
        ReadError::Purged { .. } | ReadError::IndexNotFound { .. } => io::ErrorKind::NotFound,
        ReadError::Damaged { .. } | ReadError::Undecodable { .. } => io::ErrorKind::InvalidData,
        ReadError::Io { source, .. } => source.kind(),
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
