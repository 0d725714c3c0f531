//! A directory in which the files of purged chunks are used again, so that readers who have one open see other bytes in
//! it: first zeros, then another chunk.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use raft_log_chunk::{ChunkId, DirectoryEntry, DirectoryStorage, LockAttempt, Storage, StorageFile};

#[derive(Debug)]
pub(crate) struct ReusingStorage {
    inner: DirectoryStorage,
    /// Files that held chunks, under other names.
    retired: Mutex<Vec<String>>,
    reused: AtomicUsize,
}

impl ReusingStorage {
    /// How often a file was used again.
    pub(crate) fn reused(&self) -> usize {
        self.reused.load(Ordering::Relaxed)
    }

    pub(crate) fn open(path: &Path) -> Self {
        Self {
            inner: DirectoryStorage::open(path).unwrap(),
            retired: Mutex::default(),
            reused: AtomicUsize::new(0),
        }
    }
}

impl Storage for ReusingStorage {
    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn lock(&self, name: &str) -> io::Result<LockAttempt> {
        self.inner.lock(name)
    }

    fn list(&self) -> io::Result<Vec<DirectoryEntry>> {
        self.inner.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.inner.open(name)
    }

    fn open_writable(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.inner.open_writable(name)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let Some(old) = self.retired.lock().unwrap().pop() else { return self.inner.create(name) };
        self.reused.fetch_add(1, Ordering::Relaxed);
        self.inner.rename(&old, name)?;
        let file = self.inner.open_writable(name)?;
        // The log counts on zeros; from the front, as it writes itself.
        let zeros = [0; 4096];
        let mut at = 0;
        while at < file.size()? {
            at += file.write_at(&zeros, at)? as u64;
        }
        Ok(file)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        if !matches!(ChunkId::from_file_name(name), Ok(Some(_))) {
            return self.inner.remove(name);
        }
        let other = format!("spare-{}.tmp", self.inner.random()?);
        self.inner.rename(name, &other)?;
        self.retired.lock().unwrap().push(other);
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.inner.sync_directory()
    }

    fn sync_parent(&self) -> io::Result<()> {
        self.inner.sync_parent()
    }

    fn random(&self) -> io::Result<u64> {
        self.inner.random()
    }
}
