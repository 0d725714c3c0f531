//! A directory in memory in which every call is a scheduling point, and which knows what a loss of power would leave:
//! the bytes that were there when a sync began that came back well, under the names of the last directory sync.
//!
//! A sync that was made to fail drops what it should have stored, and a later one comes back well all the same, as
//! disks and systems do it: whoever asks twice is lied to.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use raft_log_chunk::{
    ChunkId, DURABLE_FILE, DirectoryEntry, EntryKind, LockAttempt, LockGuard, Storage, StorageFile,
};

/// The directory; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct StepStorage(Arc<Directory>);

#[derive(Debug, Default)]
struct Directory {
    names: Mutex<BTreeMap<String, Arc<Content>>>,
    durable_names: Mutex<BTreeMap<String, Arc<Content>>>,
    is_locked: Arc<AtomicBool>,
    random: AtomicU64,
    faults: Arc<Faults>,
}

/// What happens when: calls on files that are named as chunks, or of `DURABLE`, count down to a failure.
#[derive(Debug, Default)]
struct Faults {
    plan: Mutex<Option<Plan>>,
    has_failed: AtomicBool,
    syncs_after_failure: AtomicU64,
}

#[derive(Debug)]
struct Plan {
    call: Call,
    pass: u64,
}

/// A kind of call that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// A write of something else than zeros to a chunk that has its name.
    WriteChunk,
    /// A sync of a chunk that has its name.
    SyncChunk,
    /// A sync of `DURABLE`.
    SyncDurable,
}

/// A file's bytes.
#[derive(Debug, Default)]
struct Content {
    bytes: Mutex<Bytes>,
    syncs: AtomicU64,
    faults: Arc<Faults>,
    name: Mutex<String>,
}

#[derive(Debug, Default)]
struct Bytes {
    now: Vec<u8>,
    /// What a loss of power leaves.
    durable: Vec<u8>,
    /// Up to where something else than zeros was written, and synced.
    written_end: u64,
    durable_end: u64,
    is_lost: bool,
}

impl StepStorage {
    /// The `pass + 1`st call of this kind fails, once.
    pub(crate) fn fail(&self, call: Call, pass: u64) {
        *lock(&self.0.faults.plan) = Some(Plan { call, pass });
    }

    /// Whether the failure has happened.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.faults.has_failed.load(Relaxed)
    }

    /// How often something was synced after the failure.
    pub(crate) fn syncs_after_failure(&self) -> u64 {
        self.0.faults.syncs_after_failure.load(Relaxed)
    }

    /// Whether somebody has the directory open.
    pub(crate) fn is_locked(&self) -> bool {
        self.0.is_locked.load(Relaxed)
    }

    /// How often `DURABLE` was synced.
    pub(crate) fn syncs_of_durable(&self) -> u64 {
        lock(&self.0.names).get(DURABLE_FILE).map_or(0, |file| file.syncs.load(Relaxed))
    }

    /// Whether a loss of power would leave `DURABLE` as it was written last.
    pub(crate) fn is_durable_file_synced(&self) -> bool {
        lock(&self.0.names).get(DURABLE_FILE).is_some_and(|file| {
            let bytes = lock(&file.bytes);
            bytes.now == bytes.durable
        })
    }

    /// Whether a loss of power at this moment would leave these bytes in a chunk. No scheduling point.
    pub(crate) fn is_durable(&self, sought: &[u8]) -> bool {
        lock(&self.0.durable_names).values().any(|file| {
            let bytes = lock(&file.bytes);
            let end = usize::try_from(bytes.durable_end).unwrap().min(bytes.durable.len());
            bytes.durable[..end].windows(sought.len()).any(|window| window == sought)
        })
    }

    /// The end of the newest chunk's frames that are synced, from the log's first byte. No scheduling point.
    pub(crate) fn durable_end(&self) -> u64 {
        let names = lock(&self.0.durable_names);
        let ends = names.iter().filter_map(|(name, file)| {
            let chunk = ChunkId::from_file_name(name).ok()??;
            Some(chunk.offset() + lock(&file.bytes).durable_end)
        });
        ends.max().unwrap_or(0)
    }

    /// The directory as a loss of power at this moment would leave it.
    pub(crate) fn after_power_loss(&self) -> Self {
        let after = Self::default();
        // Other ids than before: what is opened writes, too.
        after.0.random.store(1 << 32, Relaxed);
        for (name, file) in &*lock(&self.0.durable_names) {
            let durable = lock(&file.bytes).durable.clone();
            let bytes = Bytes { now: durable.clone(), durable, ..Bytes::default() };
            let content = Arc::new(after.content(name, bytes));
            lock(&after.0.names).insert(name.clone(), content.clone());
            lock(&after.0.durable_names).insert(name.clone(), content);
        }
        after
    }

    fn content(&self, name: &str, bytes: Bytes) -> Content {
        Content {
            bytes: Mutex::new(bytes),
            name: Mutex::new(name.to_owned()),
            faults: self.0.faults.clone(),
            syncs: AtomicU64::new(0),
        }
    }

    fn find(&self, name: &str) -> io::Result<Arc<Content>> {
        lock(&self.0.names).get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Faults {
    fn begin(&self, call: Call) -> io::Result<()> {
        if call != Call::WriteChunk && self.has_failed.load(Relaxed) {
            self.syncs_after_failure.fetch_add(1, Relaxed);
        }
        let mut plan = lock(&self.plan);
        match &mut *plan {
            Some(planned) if planned.call == call && planned.pass == 0 => {
                *plan = None;
                self.has_failed.store(true, Relaxed);
                Err(io::Error::other("planned"))
            }
            Some(planned) if planned.call == call => {
                planned.pass -= 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Content {
    fn is_chunk(&self) -> bool {
        lock(&self.name).starts_with("r-")
    }
}

impl Storage for StepStorage {
    fn path(&self) -> &Path {
        Path::new("steps")
    }

    fn lock(&self, _: &str) -> io::Result<LockAttempt> {
        step();
        match self.0.is_locked.swap(true, Relaxed) {
            true => Ok(LockAttempt::Busy("a test".to_owned())),
            false => Ok(LockAttempt::Held(Box::new(Held(self.0.is_locked.clone())))),
        }
    }

    fn list(&self) -> io::Result<Vec<DirectoryEntry>> {
        step();
        let entry = |name: &String| DirectoryEntry { name: name.clone(), kind: EntryKind::File };
        Ok(lock(&self.0.names).keys().map(entry).collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        step();
        Ok(self.find(name)?)
    }

    fn open_writable(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.open(name)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        step();
        let mut names = lock(&self.0.names);
        if names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = Arc::new(self.content(name, Bytes::default()));
        names.insert(name.to_owned(), content.clone());
        Ok(content)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        step();
        let mut names = lock(&self.0.names);
        let content = names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        *lock(&content.name) = to.to_owned();
        names.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        step();
        lock(&self.0.names).remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_directory(&self) -> io::Result<()> {
        step();
        let names = lock(&self.0.names).clone();
        step();
        *lock(&self.0.durable_names) = names;
        Ok(())
    }

    fn sync_parent(&self) -> io::Result<()> {
        Ok(())
    }

    fn random(&self) -> io::Result<u64> {
        Ok(self.0.random.fetch_add(1, Relaxed).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

impl StorageFile for Content {
    fn size(&self) -> io::Result<u64> {
        Ok(lock(&self.bytes).now.len() as u64)
    }

    fn links(&self) -> io::Result<u64> {
        Ok(1)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        step();
        let bytes = lock(&self.bytes);
        let start = usize::try_from(offset).unwrap().min(bytes.now.len());
        let count = buffer.len().min(bytes.now.len() - start);
        buffer[..count].copy_from_slice(&bytes.now[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, written: &[u8], offset: u64) -> io::Result<usize> {
        step();
        let is_zero = written.iter().all(|byte| *byte == 0);
        if self.is_chunk() && !is_zero {
            self.faults.begin(Call::WriteChunk)?;
        }
        let mut bytes = lock(&self.bytes);
        let start = usize::try_from(offset).unwrap();
        let end = start + written.len();
        if bytes.now.len() < end {
            bytes.now.resize(end, 0);
        }
        bytes.now[start..end].copy_from_slice(written);
        if !is_zero {
            bytes.written_end = bytes.written_end.max(end as u64);
        }
        Ok(written.len())
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        step();
        lock(&self.bytes).now.truncate(usize::try_from(size).unwrap());
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        step();
        self.syncs.fetch_add(1, Relaxed);
        // What is written from here on is not part of it.
        let (covered, covered_end) = {
            let bytes = lock(&self.bytes);
            (bytes.now.clone(), bytes.written_end)
        };
        let call = match lock(&self.name).as_str() {
            DURABLE_FILE => Call::SyncDurable,
            _ => Call::SyncChunk,
        };
        step();
        let is_counted = call == Call::SyncDurable || self.is_chunk();
        let outcome = if is_counted { self.faults.begin(call) } else { Ok(()) };
        let mut bytes = lock(&self.bytes);
        bytes.is_lost |= outcome.is_err();
        if !bytes.is_lost {
            bytes.durable = covered;
            bytes.durable_end = covered_end;
        }
        outcome
    }

    fn drop_cache(&self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Held(Arc<AtomicBool>);

impl LockGuard for Held {
    fn name_owner(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

/// Another thread may go on here.
fn step() {
    shuttle::thread::sleep(Duration::ZERO);
}

/// Takes a lock of the system, which nobody holds at a scheduling point.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
