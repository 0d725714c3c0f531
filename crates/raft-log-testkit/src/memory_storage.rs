//! Storage in memory: a directory that tests can look into, fill up, slow down and make fail.
//!
//! What persists after a crash is not simulated here: a write is there at once, and a sync only counts. What
//! always holds: clones are the same directory, so a clone stands for reopening it; and an error carries the
//! number that a Unix system gives for it.

mod memory_file;
mod tree;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use raft_log_chunk::{
    DirectoryEntry, EntryKind, LockAttempt, LockGuard, Storage, StorageFile, check_file_name,
};
use rustix::io::Errno;

use crate::calls::Calls;
use crate::random::splitmix;
use crate::{Failure, Operation};
use memory_file::{Access, MemoryFile};
use tree::{NodeId, Tree};

/// How much of a lock file is read at most, as in a real directory.
const OWNER_BYTES_MAX: usize = 4096;

/// A directory in memory; clones share it.
///
/// Space is counted in blocks of 4 KiB, at least one for each file, for as long as the file has a name or an
/// open handle.
#[derive(Debug, Clone)]
pub struct MemoryStorage {
    shared: Arc<Shared>,
}

/// What all clones, open files and held locks of one directory share.
#[derive(Debug, Default)]
struct Shared {
    tree: Mutex<Tree>,
    calls: Mutex<Calls>,
    random: AtomicU64,
}

impl MemoryStorage {
    /// An empty directory of unlimited size.
    pub fn new() -> Self {
        // Each directory draws other numbers, so that two logs never share an id by accident.
        static DIRECTORIES: AtomicU64 = AtomicU64::new(0);
        let storage = Self { shared: Arc::default() };
        storage.set_random_seed(DIRECTORIES.fetch_add(1, Ordering::Relaxed));
        storage
    }

    /// A new directory that holds copies of these files, each under one name.
    pub fn from_snapshot(files: BTreeMap<String, Vec<u8>>) -> Self {
        let storage = Self::new();
        for (name, bytes) in files {
            storage.put_file(&name, bytes);
        }
        storage
    }

    /// A copy of every file, as it is now.
    pub fn snapshot(&self) -> BTreeMap<String, Vec<u8>> {
        let tree = self.shared.tree.lock();
        let copy = |(name, id): (&String, &NodeId)| (name.clone(), tree.bytes(*id).to_vec());
        tree.names().map(copy).collect()
    }

    /// All names, in ascending order.
    pub fn names(&self) -> Vec<String> {
        self.shared.tree.lock().names().map(|(name, _)| name.clone()).collect()
    }

    /// What the file of this name holds, or `None` if there is none.
    pub fn file_bytes(&self, name: &str) -> Option<Vec<u8>> {
        let tree = self.shared.tree.lock();
        tree.find(name).map(|id| tree.bytes(id).to_vec())
    }

    /// Puts a new file behind the name, whatever the capacity; handles of a file that had it stay with that.
    ///
    /// # Panics
    ///
    /// If the name is not a plain file name.
    pub fn put_file(&self, name: &str, bytes: impl Into<Vec<u8>>) {
        check_file_name(name).expect("a name for a file");
        let mut tree = self.shared.tree.lock();
        tree.remove(name);
        let id = tree.insert(name);
        *tree.bytes_mut(id) = bytes.into();
    }

    /// Changes a file where it stands, whatever the capacity; handles that are open see the change.
    ///
    /// # Panics
    ///
    /// If there is no such file.
    pub fn edit_file<R>(&self, name: &str, edit: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let mut tree = self.shared.tree.lock();
        let id = tree.find(name).expect("a file to edit");
        edit(tree.bytes_mut(id))
    }

    /// Removes a name; false if there was none.
    pub fn remove_file(&self, name: &str) -> bool {
        self.shared.tree.lock().remove(name)
    }

    /// Gives the file `from` a second name, in place of what `to` named.
    ///
    /// # Panics
    ///
    /// If there is no file `from`, or `to` is not a plain file name.
    pub fn hard_link(&self, from: &str, to: &str) {
        check_file_name(to).expect("a name for a file");
        let mut tree = self.shared.tree.lock();
        let id = tree.find(from).expect("a file to link");
        tree.link(id, to);
    }

    /// Limits the space in bytes; `None` lifts the limit. What is there already stays, even above it.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.shared.tree.lock().set_capacity(bytes);
    }

    /// The space that all files take, in whole blocks of 4 KiB.
    pub fn used_bytes(&self) -> u64 {
        self.shared.tree.lock().used_bytes()
    }

    /// Makes the next `count` calls of this kind fail before they do anything; `u64::MAX` is for good.
    pub fn fail_next(&self, operation: Operation, failure: impl Into<Failure>, count: u64) {
        self.fail_after(0, operation, failure, count);
    }

    /// Lets `pass` calls of this kind through, and makes the `count` calls after them fail.
    ///
    /// One plan for each kind of call: a new one takes the place of the one before.
    pub fn fail_after(&self, pass: u64, operation: Operation, failure: impl Into<Failure>, count: u64) {
        self.shared.calls.lock().plan(operation, pass, failure.into(), count);
    }

    /// Forgets what was to fail.
    pub fn clear_failures(&self) {
        self.shared.calls.lock().clear_plans();
    }

    /// Makes every [`StorageFile::sync`] take at least this long. Other calls go on meanwhile.
    pub fn set_sync_delay(&self, delay: Duration) {
        self.shared.calls.lock().sync_delay = delay;
    }

    /// Makes every write take at most this many bytes; `None` lifts the limit.
    pub fn set_write_limit(&self, bytes: Option<usize>) {
        self.shared.calls.lock().write_limit = bytes;
    }

    /// Makes every read give at most this many bytes; `None` lifts the limit. Zero would look like the end of
    /// the file, and counts as one.
    pub fn set_read_limit(&self, bytes: Option<usize>) {
        self.shared.calls.lock().read_limit = bytes.map(|limit| limit.max(1));
    }

    /// Makes [`Storage::random`] give the numbers of this seed, for a test that must be repeatable. Without it,
    /// every directory of a process gives other numbers.
    pub fn set_random_seed(&self, seed: u64) {
        self.shared.random.store(splitmix(seed), Ordering::Relaxed);
    }

    /// How many calls of this kind there were, failed ones too, since the start or the last reset.
    pub fn calls(&self, operation: Operation) -> u64 {
        self.shared.calls.lock().count(operation)
    }

    /// How many bytes were read from files since the start or the last reset.
    pub fn bytes_read(&self) -> u64 {
        self.shared.calls.lock().bytes_read
    }

    /// How many bytes were written to files since the start or the last reset.
    pub fn bytes_written(&self) -> u64 {
        self.shared.calls.lock().bytes_written
    }

    /// How many times a file was synced since the start or the last reset, failed syncs too.
    pub fn syncs(&self) -> u64 {
        self.calls(Operation::Sync)
    }

    /// Sets all counters to zero. Failures that are planned stay.
    pub fn reset_counters(&self) {
        self.shared.calls.lock().reset_counters();
    }

    fn open_handle(&self, name: &str, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        self.begin(Operation::Open)?;
        check_file_name(name)?;
        let mut tree = self.shared.tree.lock();
        let id = tree.find(name).ok_or(Errno::NOENT)?;
        tree.add_handle(id);
        drop(tree);
        Ok(Arc::new(MemoryFile::new(self.shared.clone(), id, access)))
    }

    fn begin(&self, operation: Operation) -> io::Result<()> {
        self.shared.calls.lock().begin(operation)
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl Storage for MemoryStorage {
    fn path(&self) -> &Path {
        Path::new("memory")
    }

    fn lock(&self, name: &str) -> io::Result<LockAttempt> {
        self.begin(Operation::Lock)?;
        check_file_name(name)?;
        let mut tree = self.shared.tree.lock();
        let found = tree.find(name);
        if tree.is_locked {
            let text = found.map_or(&[][..], |id| tree.bytes(id));
            let text = &text[..text.len().min(OWNER_BYTES_MAX)];
            return Ok(LockAttempt::Busy(String::from_utf8_lossy(text).trim().to_owned()));
        }
        let id = match found {
            Some(id) => id,
            None => tree.create(name)?,
        };
        tree.is_locked = true;
        tree.add_handle(id);
        drop(tree);
        let file = MemoryFile::new(self.shared.clone(), id, Access::Write);
        Ok(LockAttempt::Held(Box::new(MemoryLock { file })))
    }

    fn list(&self) -> io::Result<Vec<DirectoryEntry>> {
        self.begin(Operation::List)?;
        let entry = |name| DirectoryEntry { name, kind: EntryKind::File };
        Ok(self.names().into_iter().map(entry).collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.open_handle(name, Access::Read)
    }

    fn open_writable(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.open_handle(name, Access::Write)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.begin(Operation::Create)?;
        check_file_name(name)?;
        let mut tree = self.shared.tree.lock();
        let id = tree.create(name)?;
        tree.add_handle(id);
        drop(tree);
        Ok(Arc::new(MemoryFile::new(self.shared.clone(), id, Access::Write)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.begin(Operation::Rename)?;
        check_file_name(from)?;
        check_file_name(to)?;
        let mut tree = self.shared.tree.lock();
        let id = tree.find(from).ok_or(Errno::NOENT)?;
        // Two names of one file: rename(2) leaves both, and says that all is well.
        if tree.find(to) != Some(id) {
            tree.link(id, to);
            tree.remove(from);
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.begin(Operation::Remove)?;
        check_file_name(name)?;
        match self.shared.tree.lock().remove(name) {
            true => Ok(()),
            false => Err(Errno::NOENT.into()),
        }
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.begin(Operation::SyncDirectory)
    }

    fn sync_parent(&self) -> io::Result<()> {
        self.begin(Operation::SyncParent)
    }

    fn random(&self) -> io::Result<u64> {
        self.begin(Operation::Random)?;
        Ok(splitmix(self.shared.random.fetch_add(1, Ordering::Relaxed)))
    }
}

/// The held lock of the directory, with a handle of the file that was locked.
#[derive(Debug)]
struct MemoryLock {
    file: MemoryFile,
}

impl LockGuard for MemoryLock {
    fn name_owner(&self, owner: &str) -> io::Result<()> {
        self.file.name_owner(owner.as_bytes())
    }
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.file.release_lock();
    }
}
