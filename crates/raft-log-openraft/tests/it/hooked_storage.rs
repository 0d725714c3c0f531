//! A storage that calls somebody before each read of a file and before each sync, of a file or of the directory: to hold it
//! up, to count it, or to note the thread.

use std::io;
use std::path::Path;
use std::sync::Arc;

use raft_log::{Storage, StorageFile};
use raft_log_chunk::{DirectoryEntry, LockAttempt};

/// Called before a call on a file.
pub(crate) type Hook = Arc<dyn Fn() + Send + Sync>;

#[derive(Clone)]
pub(crate) struct HookedStorage {
    inner: Arc<dyn Storage>,
    pub(crate) before_read: Hook,
    pub(crate) before_sync: Hook,
}

struct HookedFile {
    inner: Arc<dyn StorageFile>,
    storage: HookedStorage,
}

impl HookedStorage {
    pub(crate) fn new(inner: impl Storage) -> Self {
        Self { inner: Arc::new(inner), before_read: Arc::new(|| {}), before_sync: Arc::new(|| {}) }
    }

    fn wrap(&self, inner: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        Arc::new(HookedFile { inner, storage: self.clone() })
    }
}

impl std::fmt::Debug for HookedStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl std::fmt::Debug for HookedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl Storage for HookedStorage {
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
        Ok(self.wrap(self.inner.open(name)?))
    }

    fn open_writable(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.wrap(self.inner.open_writable(name)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.wrap(self.inner.create(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        (self.before_sync)();
        self.inner.sync_directory()
    }

    fn sync_parent(&self) -> io::Result<()> {
        self.inner.sync_parent()
    }

    fn random(&self) -> io::Result<u64> {
        self.inner.random()
    }
}

impl StorageFile for HookedFile {
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn links(&self) -> io::Result<u64> {
        self.inner.links()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        (self.storage.before_read)();
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.inner.write_at(bytes, offset)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.inner.truncate(size)
    }

    fn sync(&self) -> io::Result<()> {
        (self.storage.before_sync)();
        self.inner.sync()
    }

    fn drop_cache(&self) -> io::Result<()> {
        self.inner.drop_cache()
    }
}
