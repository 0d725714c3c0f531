//! The one owner of a log: who holds the lock on `LOCK`, and its name in that file.

use raft_log_chunk::{LOCK_FILE, LockAttempt, LockGuard, Storage};
use raft_log_codec::SeededBug;

use crate::{LockedError, OpenError};

/// The held lock of a log's directory; dropping it releases the lock.
///
/// Tools that only read do not take it.
#[derive(Debug)]
pub struct LockFile {
    guard: Box<dyn LockGuard>,
}

impl LockFile {
    /// Takes the lock without waiting. The file `LOCK` is created if it is absent; what stands in it is not changed.
    ///
    /// # Errors
    /// When somebody else holds it, in this process or another, naming the owner; when it cannot be tried.
    pub fn acquire(storage: &dyn Storage) -> Result<Self, OpenError> {
        let attempt = storage.lock(LOCK_FILE);
        match attempt.map_err(|source| OpenError::Io { action: "lock", file: LOCK_FILE, source })? {
            LockAttempt::Held(_) if SeededBug::LockNotHeld.is_on() => Ok(Self { guard: Box::new(NotHeld) }),
            LockAttempt::Held(guard) => Ok(Self { guard }),
            LockAttempt::Busy(owner) => {
                let owner =
                    if owner.is_empty() { "a process that is still opening it".to_owned() } else { owner };
                Err(LockedError { directory: storage.path().display().to_string(), owner }.into())
            }
        }
    }

    /// Writes this process's name into the file, for whoever is refused.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn name_owner(&self) -> Result<(), OpenError> {
        let owner = format!("process {}", std::process::id());
        self.guard.name_owner(&owner).map_err(|source| OpenError::Io {
            action: "write",
            file: LOCK_FILE,
            source,
        })
    }
}

/// [`SeededBug::LockNotHeld`].
#[derive(Debug)]
struct NotHeld;

impl LockGuard for NotHeld {
    fn name_owner(&self, _: &str) -> std::io::Result<()> {
        Ok(())
    }
}
