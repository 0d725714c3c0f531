//! The files of raft-log: chunks, footers, the durable mark, and the read-only verdict on a directory.

#[cfg(not(unix))]
compile_error!(
    "raft-log needs a Unix system: it relies on locks on directories, on reads and writes at an offset, and on \
     syncing a directory"
);

#[cfg(unix)]
mod directory_storage;
mod storage;

#[cfg(unix)]
pub use directory_storage::DirectoryStorage;
pub use storage::{
    DirectoryEntry, EntryKind, LockAttempt, LockGuard, Storage, StorageFile, check_file_name, is_no_space,
    read_full_at, write_all_at,
};
