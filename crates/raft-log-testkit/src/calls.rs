//! The calls on a storage of this crate: how many there were, and which of the next ones fail.
//!
//! What a call does when it does not fail is elsewhere. What always holds: a call that is to fail is counted, and
//! fails before it has done anything.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use rustix::io::Errno;

/// The kinds of call that are counted and can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `Storage::lock`.
    Lock,
    /// `LockGuard::name_owner`.
    NameOwner,
    /// `Storage::list`.
    List,
    /// `Storage::open` and `Storage::open_writable`.
    Open,
    /// `Storage::create`.
    Create,
    /// `Storage::rename`.
    Rename,
    /// `Storage::remove`.
    Remove,
    /// `Storage::sync_directory`.
    SyncDirectory,
    /// `Storage::sync_parent`.
    SyncParent,
    /// `Storage::random`.
    Random,
    /// `StorageFile::size`.
    Size,
    /// `StorageFile::links`.
    Links,
    /// `StorageFile::read_at`.
    Read,
    /// `StorageFile::write_at`.
    Write,
    /// `StorageFile::truncate`.
    Truncate,
    /// `StorageFile::sync`.
    Sync,
    /// `StorageFile::drop_cache`.
    DropCache,
}

impl Operation {
    /// Every kind there is, for tests that make each of them fail.
    pub const ALL: [Self; 17] = [
        Self::Lock,
        Self::NameOwner,
        Self::List,
        Self::Open,
        Self::Create,
        Self::Rename,
        Self::Remove,
        Self::SyncDirectory,
        Self::SyncParent,
        Self::Random,
        Self::Size,
        Self::Links,
        Self::Read,
        Self::Write,
        Self::Truncate,
        Self::Sync,
        Self::DropCache,
    ];
}

/// The error that a failing call gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// An error of this kind, without a system error number.
    Kind(io::ErrorKind),
    /// The system's error of this number (`raw_os_error()`), with the kind that belongs to it.
    Errno(i32),
}

impl From<io::ErrorKind> for Failure {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Kind(kind)
    }
}

impl From<i32> for Failure {
    fn from(errno: i32) -> Self {
        Self::Errno(errno)
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno.raw_os_error())
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Kind(kind) => kind.into(),
            Failure::Errno(errno) => Self::from_raw_os_error(errno),
        }
    }
}

/// Which calls of one kind fail.
#[derive(Debug)]
struct Plan {
    pass: u64,
    count: u64,
    failure: Failure,
}

/// Counters, planned failures and limits.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    counts: BTreeMap<Operation, u64>,
    plans: BTreeMap<Operation, Plan>,
    pub(crate) bytes_read: u64,
    pub(crate) bytes_written: u64,
    pub(crate) sync_delay: Duration,
    pub(crate) write_limit: Option<usize>,
    pub(crate) read_limit: Option<usize>,
}

impl Calls {
    /// Counts a call, and fails it if that is planned.
    pub(crate) fn begin(&mut self, operation: Operation) -> io::Result<()> {
        *self.counts.entry(operation).or_default() += 1;
        let Some(plan) = self.plans.get_mut(&operation) else {
            return Ok(());
        };
        if plan.pass > 0 {
            plan.pass -= 1;
            return Ok(());
        }
        if plan.count == 0 {
            return Ok(());
        }
        if plan.count != u64::MAX {
            plan.count -= 1;
        }
        Err(plan.failure.into())
    }

    pub(crate) fn plan(&mut self, operation: Operation, pass: u64, failure: Failure, count: u64) {
        self.plans.insert(operation, Plan { pass, count, failure });
    }

    pub(crate) fn clear_plans(&mut self) {
        self.plans.clear();
    }

    pub(crate) fn count(&self, operation: Operation) -> u64 {
        self.counts.get(&operation).copied().unwrap_or_default()
    }

    pub(crate) fn reset_counters(&mut self) {
        self.counts.clear();
        self.bytes_read = 0;
        self.bytes_written = 0;
    }
}
