//! The lock of a directory: who may write into it, and what the lock file says about the owner.
//!
//! When to lock, and what to answer to a busy one, is decided above. What always holds: the lock is on the
//! directory itself *and* on the lock file. The first cannot be deleted or replaced from under its holder; the
//! second also keeps out a program that knows of the file alone. What the lock file says is a courtesy to
//! people; the lock does not rest on it.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags, fstat, openat, statat};

use super::{READ_DIRECTORY, create_new, open_regular};
use crate::{LockAttempt, LockGuard, check_file_name};

/// How much of a lock file is read at most.
const OWNER_BYTES_MAX: u64 = 4096;

/// How often the lock file may be replaced between opening and locking it before that is an error.
const ATTEMPTS_MAX: usize = 16;

/// Both locks, held; the lock file is released first.
#[derive(Debug)]
struct DirectoryLock {
    lock_file: Locked,
    _directory: Locked,
    named: AtomicBool,
}

impl LockGuard for DirectoryLock {
    fn name_owner(&self, owner: &str) -> io::Result<()> {
        self.named.store(true, Ordering::Relaxed);
        self.lock_file.0.set_len(0)?;
        self.lock_file.0.write_all_at(owner.as_bytes(), 0)
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // A name left behind would only mislead, so failing to remove it is no reason to stop.
        if self.named.load(Ordering::Relaxed) {
            drop(self.lock_file.0.set_len(0));
        }
    }
}

/// A file or directory whose lock is held.
///
/// It is unlocked on every way out, not only closed: a child process that is just being started has a copy of
/// the handle until it runs its program, and would keep the lock for that long.
#[derive(Debug)]
struct Locked(File);

impl Locked {
    /// Locks without waiting; `None` if somebody else has the lock.
    fn new(file: File) -> io::Result<Option<Self>> {
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // The lock goes with the last handle at the latest, so a failure delays it and no more.
        drop(self.0.unlock());
    }
}

/// Takes both locks, or says who has them.
pub(super) fn lock(storage_directory: &File, name: &str) -> io::Result<LockAttempt> {
    check_file_name(name)?;
    // A handle of its own: two attempts through one handle would not exclude each other.
    let directory = File::from(openat(storage_directory, ".", READ_DIRECTORY, Mode::empty())?);
    let Some(directory) = Locked::new(directory)? else {
        return Ok(LockAttempt::Busy(read_owner(storage_directory, name)));
    };
    for _ in 0..ATTEMPTS_MAX {
        let Some(lock_file) = open_or_create(&directory.0, name)? else {
            continue;
        };
        let Some(lock_file) = Locked::new(lock_file)? else {
            return Ok(LockAttempt::Busy(read_owner(storage_directory, name)));
        };
        if is_behind_name(&lock_file.0, &directory.0, name)? {
            let named = AtomicBool::new(false);
            return Ok(LockAttempt::Held(Box::new(DirectoryLock {
                lock_file,
                _directory: directory,
                named,
            })));
        }
    }
    Err(io::Error::other("the lock file is replaced again and again"))
}

/// Opens the lock file, creating it if it is absent; `None` if it appeared in between.
fn open_or_create(directory: &File, name: &str) -> io::Result<Option<File>> {
    match open_regular(directory, name, OFlags::RDWR) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened.map(Some),
    }
    match create_new(directory, name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        created => created.map(Some),
    }
}

/// Whether `file` is what stands behind the name now; a lock on any other file keeps nobody out.
fn is_behind_name(file: &File, directory: &File, name: &str) -> io::Result<bool> {
    let held = fstat(file)?;
    match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => Ok((found.st_dev, found.st_ino) == (held.st_dev, held.st_ino)),
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What the owner wrote, or nothing: that a lock is busy is the news, and no failure here changes it.
fn read_owner(directory: &File, name: &str) -> String {
    let mut text = Vec::new();
    let read = open_regular(directory, name, OFlags::RDONLY)
        .and_then(|file| file.take(OWNER_BYTES_MAX).read_to_end(&mut text));
    match read {
        Ok(_) => String::from_utf8_lossy(&text).trim().to_owned(),
        Err(_) => String::new(),
    }
}
