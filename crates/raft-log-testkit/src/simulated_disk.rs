//! A disk that can lose its power: a directory of which each sector, size and name persists on its own until it is
//! synced, at every call of a log's life.
//!
//! - `contents`: what a disk holds
//! - `state`: what processes see of it, what is durable, and what is in between
//! - `power_loss`: what it may hold when the power goes
//! - `handle`: open files and the lock
//!
//! What always holds: only a sync that succeeds makes anything durable; and a process that was killed changes nothing
//! any more.

mod contents;
mod handle;
mod power_loss;
mod state;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::{Mutex, MutexGuard};
use raft_log_chunk::{DirectoryEntry, EntryKind, LockAttempt, Storage, StorageFile, check_file_name};

use crate::calls::Calls;
use crate::random::Random;
use crate::{Failure, Operation};
pub use contents::{DiskImage, SECTOR_BYTES};
use handle::{Lock, check_alive, handle};
pub use power_loss::{Outcome, PowerLoss};
use state::DiskState;

/// A directory on a disk that can lose its power, as one process sees it; clones are the same process.
///
/// A log of your own runs on it if it is written over [`Storage`]. A test has three ways to use it:
///
/// - [`watch`](Self::watch) every call that changes something, and at each of them go through what the disk may hold if
///   the power goes ([`PowerLoss::outcomes`]); open each on a disk of its own ([`SimulatedDisk::holding`]);
/// - [`kill`](Self::kill) the process: the next one finds all that was written, synced or not;
/// - make calls fail ([`fail_after`](Self::fail_after)), also with a sync that loses what it was to write and shows it
///   all the same ([`FailedSync::Drops`]).
///
/// ```
/// use std::sync::Arc;
/// use raft_log_chunk::{Storage, read_full_at, write_all_at};
/// use raft_log_testkit::{Random, SimulatedDisk};
///
/// let disk = SimulatedDisk::new(7);
/// let file = disk.create("notes")?;
/// disk.sync_directory()?;
/// write_all_at(&*file, b"unsynced", 0).unwrap();
///
/// // The bytes and the size persist on their own: nothing, a size without bytes, and both.
/// let mut found = Vec::new();
/// disk.if_power_goes(|loss| {
///     loss.outcomes(100, &mut Random::new(0), &mut |outcome| found.push(outcome.image().files()["notes"].clone()));
/// });
/// found.sort();
/// found.dedup();
/// assert_eq!(found, [b"".to_vec(), vec![0; 8], b"unsynced".to_vec()]);
///
/// file.sync()?;
/// disk.if_power_goes(|loss| assert_eq!(loss.synced_only().files()["notes"], b"unsynced"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct SimulatedDisk {
    process: Process,
}

/// Called before each call that changes something, with the disk as it is then. It must not call the disk.
pub type Watcher = Arc<dyn Fn(PowerLoss<'_>) + Send + Sync>;

/// What becomes of unsynced sectors when a sync fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FailedSync {
    /// They stay to be written: the next sync would make them durable.
    #[default]
    KeepsPending,
    /// The system gives them up, some of them written and some not: it goes on to show them from its cache, and the
    /// next sync succeeds without them.
    Drops,
}

/// What processes and lives of one disk share.
struct Shared {
    disk: Mutex<Disk>,
    calls: Mutex<Calls>,
}

struct Disk {
    state: DiskState,
    /// The number of the process that is alive.
    life: u64,
    random: Random,
    failed_sync: FailedSync,
    watcher: Option<Watcher>,
}

/// A process: it is the one that is alive, or it was killed.
#[derive(Clone)]
struct Process {
    shared: Arc<Shared>,
    life: u64,
}

impl Process {
    /// Begins a call that changes nothing.
    fn begin(&self, operation: Operation) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.shared.disk.lock();
        check_alive(self, disk.life)?;
        self.shared.calls.lock().begin(operation)?;
        Ok(disk)
    }

    /// Begins a call that changes something: this is where the power may go.
    fn begin_change(&self, operation: Operation) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.shared.disk.lock();
        check_alive(self, disk.life)?;
        if let Some(watcher) = &disk.watcher {
            watcher(PowerLoss { state: &disk.state });
        }
        self.shared.calls.lock().begin(operation)?;
        Ok(disk)
    }
}

impl SimulatedDisk {
    /// An empty directory. Its random numbers are those of the seed.
    pub fn new(seed: u64) -> Self {
        Self::holding(DiskImage::default(), seed)
    }

    /// A disk after the power came back. Its random numbers are those of the seed: a log that goes on needs others than
    /// those that it has drawn before.
    pub fn holding(image: DiskImage, seed: u64) -> Self {
        Self::of(DiskState::holding(image.files), seed)
    }

    fn of(state: DiskState, seed: u64) -> Self {
        let disk = Disk {
            state,
            life: 0,
            random: Random::new(seed.wrapping_mul(0x0123_4567_89ab_cdef)),
            failed_sync: FailedSync::default(),
            watcher: None,
        };
        let shared = Shared { disk: Mutex::new(disk), calls: Mutex::default() };
        Self { process: Process { shared: Arc::new(shared), life: 0 } }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.process.shared.disk.lock()
    }

    /// Kills the process: its handles fail from now on, and its lock is free. Gives the next process, which sees all that
    /// was written.
    #[must_use]
    pub fn kill(&self) -> Self {
        let mut disk = self.disk();
        disk.life += 1;
        disk.state.is_locked = false;
        Self { process: Process { shared: self.process.shared.clone(), life: disk.life } }
    }

    /// Shows what the disk may hold if the power goes now.
    pub fn if_power_goes<R>(&self, look: impl FnOnce(PowerLoss<'_>) -> R) -> R {
        look(PowerLoss { state: &self.disk().state })
    }

    /// What processes see: what is there after a kill.
    pub fn image(&self) -> DiskImage {
        let disk = self.disk();
        let contents =
            |(name, id): (&String, &state::FileId)| (name.clone(), disk.state.file(*id).cached.clone());
        DiskImage { files: disk.state.names.iter().map(contents).collect() }
    }

    /// Has `watcher` called before each call that changes something, or nobody.
    pub fn watch(&self, watcher: Option<Watcher>) {
        self.disk().watcher = watcher;
    }

    /// What a sync does that is made to fail.
    pub fn set_failed_sync(&self, failed_sync: FailedSync) {
        self.disk().failed_sync = failed_sync;
    }

    /// Lets `pass` calls of this kind through, and makes the `count` calls after them fail; `u64::MAX` is for good.
    pub fn fail_after(&self, pass: u64, operation: Operation, failure: impl Into<Failure>, count: u64) {
        self.process.shared.calls.lock().plan(operation, pass, failure.into(), count);
    }

    /// Forgets what was to fail.
    pub fn clear_failures(&self) {
        self.process.shared.calls.lock().clear_plans();
    }

    /// How many calls of this kind there were, failed ones too.
    pub fn calls(&self, operation: Operation) -> u64 {
        self.process.shared.calls.lock().count(operation)
    }

    /// Makes every read give at most this many bytes, and at least one; `None` lifts the limit.
    pub fn set_read_limit(&self, bytes: Option<usize>) {
        self.process.shared.calls.lock().read_limit = bytes.map(|limit| limit.max(1));
    }

    /// Makes every write take at most this many bytes; `None` lifts the limit.
    pub fn set_write_limit(&self, bytes: Option<usize>) {
        self.process.shared.calls.lock().write_limit = bytes;
    }

    /// Gives the file `from` a second name, which must be free.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk().state.link(from, to)
    }

    fn open_handle(&self, name: &str, is_writable: bool) -> io::Result<Arc<dyn StorageFile>> {
        check_file_name(name)?;
        let file = self.process.begin(Operation::Open)?.state.find(name)?;
        Ok(handle(&self.process, file, is_writable))
    }
}

impl Storage for SimulatedDisk {
    fn path(&self) -> &Path {
        Path::new("simulated")
    }

    fn lock(&self, name: &str) -> io::Result<LockAttempt> {
        check_file_name(name)?;
        let mut disk = self.process.begin_change(Operation::Lock)?;
        let found = disk.state.find(name);
        if disk.state.is_locked {
            let owner = found.map_or_else(|_| Vec::new(), |file| disk.state.file(file).cached.bytes());
            return Ok(LockAttempt::Busy(String::from_utf8_lossy(&owner).trim().to_owned()));
        }
        let file = found.or_else(|_| disk.state.create(name))?;
        disk.state.is_locked = true;
        let process = self.process.clone();
        Ok(LockAttempt::Held(Box::new(Lock { process, file, is_named: AtomicBool::new(false) })))
    }

    fn list(&self) -> io::Result<Vec<DirectoryEntry>> {
        let disk = self.process.begin(Operation::List)?;
        let entry = |name: &String| DirectoryEntry { name: name.clone(), kind: EntryKind::File };
        Ok(disk.state.names.keys().map(entry).collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.open_handle(name, false)
    }

    fn open_writable(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.open_handle(name, true)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        check_file_name(name)?;
        let file = self.process.begin_change(Operation::Create)?.state.create(name)?;
        Ok(handle(&self.process, file, true))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        check_file_name(from)?;
        check_file_name(to)?;
        self.process.begin_change(Operation::Rename)?.state.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        check_file_name(name)?;
        self.process.begin_change(Operation::Remove)?.state.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.process.begin_change(Operation::SyncDirectory)?.state.sync_directory();
        Ok(())
    }

    fn sync_parent(&self) -> io::Result<()> {
        self.process.begin(Operation::SyncParent).map(drop)
    }

    fn random(&self) -> io::Result<u64> {
        Ok(self.process.begin(Operation::Random)?.random.number())
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.process.fmt(f)
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedDisk").field("life", &self.life).finish_non_exhaustive()
    }
}
