//! The files of raft-log: chunks, footers, the durable mark, and the read-only verdict on a directory.

mod storage;

pub use storage::{
    DirectoryEntry, EntryKind, LockAttempt, LockGuard, Storage, StorageFile, is_no_space, read_full_at,
    write_all_at,
};
