//! The one I/O seam: what the log asks of a directory and of the files in it.
//!
//! Real files implement it in [`crate::DirectoryStorage`]; memory and fault-injecting storage live in
//! `raft-log-testkit`. Every implementation passes the same conformance suite there. Names are plain file
//! names without a separator; nothing outside the one directory is ever touched.

use std::fmt::Debug;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;

use raft_log_codec::SeededBug;

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory, symbolic link, FIFO or device: never opened by the log.
    Other,
}

/// One name in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The file name; names that are not UTF-8 are given lossily, and never parse as one of ours.
    pub name: String,
    /// What stands behind the name; a link is not followed.
    pub kind: EntryKind,
}

/// What [`Storage::lock`] found.
#[derive(Debug)]
pub enum LockAttempt {
    /// The lock is held until the guard is dropped.
    Held(Box<dyn LockGuard>),
    /// Somebody else holds it; the text that the owner left in the lock file, empty if none.
    Busy(String),
}

/// A held lock; dropping it releases the lock, and takes the owner's name out of the lock file.
pub trait LockGuard: Debug + Send + Sync {
    /// Writes the owner's name into the lock file, replacing what was there.
    fn name_owner(&self, owner: &str) -> io::Result<()>;
}

/// A directory that holds one log.
///
/// Renames are atomic. A created, renamed or removed name is durable only after [`Storage::sync_directory`].
/// A name that [`check_file_name`] refuses is [`io::ErrorKind::InvalidInput`], and so is a directory, link,
/// FIFO or device behind a name that is to be opened: none of them is followed or waited for.
pub trait Storage: Debug + Send + Sync + 'static {
    /// The directory as a person would name it, for messages.
    fn path(&self) -> &Path;

    /// Takes the exclusive lock on the file `name`, creating it if it is absent, without waiting.
    ///
    /// It is refused while any other holder lives, in this process or another, even if the file was deleted
    /// or replaced meanwhile: a directory has one lock, whatever the name. What the file holds stays as it is
    /// until [`LockGuard::name_owner`].
    fn lock(&self, name: &str) -> io::Result<LockAttempt>;

    /// All names in the directory, in no particular order.
    fn list(&self) -> io::Result<Vec<DirectoryEntry>>;

    /// Opens an existing regular file for reading only; a link is not followed.
    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>>;

    /// Opens an existing regular file for reading and writing; a link is not followed.
    fn open_writable(&self, name: &str) -> io::Result<Arc<dyn StorageFile>>;

    /// Creates an empty file for reading and writing; it is an error if the name exists.
    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>>;

    /// Renames a file, replacing `to` if it exists. Handles that are open stay valid. Two names of one file
    /// both stay, as POSIX has it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Gives a file a second name, the same one, in another directory, without copying a byte. It is an error if the
    /// name exists there. Only files of real directories on one file system can have it; for all others this is
    /// [`io::ErrorKind::Unsupported`].
    fn link_into(&self, name: &str, directory: &dyn Storage) -> io::Result<()> {
        let _ = (name, directory);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The directory's own handle, for [`Storage::link_into`]; `None` where there is no real directory.
    fn directory_handle(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Removes a name. Handles that are open stay valid.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes all names of the directory durable.
    fn sync_directory(&self) -> io::Result<()>;

    /// Makes the directory's own name in its parent durable.
    fn sync_parent(&self) -> io::Result<()>;

    /// Random bits for ids and salts.
    fn random(&self) -> io::Result<u64>;
}

/// An open file. All methods may be called from several threads at once.
pub trait StorageFile: Debug + Send + Sync {
    /// The size in bytes.
    fn size(&self) -> io::Result<u64>;

    /// The number of names the file has in the file system.
    fn links(&self) -> io::Result<u64>;

    /// Reads at `offset`; may read less than asked; 0 only at the end of the file or for an empty buffer.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at `offset`; may write less than asked. Writing behind the end fills the gap with zeros.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Cuts the file to `size` bytes, giving the space behind back. Growing is refused with
    /// [`io::ErrorKind::InvalidInput`].
    fn truncate(&self, size: u64) -> io::Result<()>;

    /// Makes the file's bytes, and the size needed to read them, durable (fdatasync).
    fn sync(&self) -> io::Result<()>;

    /// Asks the system to forget what it caches of this file, so that the next read comes from the disk. A
    /// hint: clean pages only, and nothing is lost by it.
    fn drop_cache(&self) -> io::Result<()>;
}

/// Refuses what is not a plain file name: empty, `.`, `..`, or with a `/` or a NUL in it.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidInput`], naming the name.
pub fn check_file_name(name: &str) -> io::Result<()> {
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{name:?} is not a plain file name"),
        ));
    }
    Ok(())
}

/// Reads until `buffer` is full or the file ends; gives the number of bytes read.
///
/// An interrupted read is continued; every other error is returned, never taken for an end.
pub fn read_full_at(file: &dyn StorageFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if is_transient(&error) => {}
            Err(_) if SeededBug::ReadErrorIsEnd.is_on() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes all of `bytes`, continuing a short or interrupted write where it stopped; a write of zero bytes is an
/// error. On an error, gives the bytes that were written before it as well.
pub fn write_all_at(file: &dyn StorageFile, bytes: &[u8], offset: u64) -> Result<(), (u64, io::Error)> {
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        match file.write_at(rest, offset + done as u64) {
            Ok(0) => return Err((done as u64, io::ErrorKind::WriteZero.into())),
            Ok(_) if SeededBug::ShortWriteIgnored.is_on() => break,
            Ok(count) => done += count,
            Err(error) if is_transient(&error) => {}
            Err(error) => return Err((done as u64, error)),
        }
    }
    Ok(())
}

/// Whether the error says that the disk or the quota is full.
pub fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}
