//! The directory of a log, with its syncs counted. Everything is passed on as it is.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use raft_log::{DirectoryStorage, Storage, StorageFile};
use raft_log_chunk::{DirectoryEntry, LockAttempt};

/// A real directory that counts the syncs of its files.
#[derive(Debug, Clone)]
pub(crate) struct CountingStorage {
    inner: Arc<DirectoryStorage>,
    syncs: Arc<AtomicU64>,
}

impl CountingStorage {
    /// Opens a directory, which is created if its parent exists.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { inner: Arc::new(DirectoryStorage::open_or_create(path)?), syncs: Arc::default() })
    }

    /// How many syncs of files have succeeded.
    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    fn count(&self, inner: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        Arc::new(CountingFile { inner, syncs: self.syncs.clone() })
    }
}

#[derive(Debug)]
struct CountingFile {
    inner: Arc<dyn StorageFile>,
    syncs: Arc<AtomicU64>,
}

impl Storage for CountingStorage {
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
        Ok(self.count(self.inner.open(name)?))
    }

    fn open_writable(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.count(self.inner.open_writable(name)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.count(self.inner.create(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
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

impl StorageFile for CountingFile {
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn links(&self) -> io::Result<u64> {
        self.inner.links()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.inner.write_at(bytes, offset)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.inner.truncate(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()?;
        self.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn drop_cache(&self) -> io::Result<()> {
        self.inner.drop_cache()
    }
}

#[cfg(test)]
mod tests {
    use raft_log::{PlainTypes, RaftLog, RaftLogWriter, TermIndex};

    use super::*;

    #[test]
    fn one_sync_of_the_log_is_counted_as_one() {
        let directory = tempfile::tempdir().unwrap();
        let storage = CountingStorage::open(directory.path()).unwrap();
        let mut log: RaftLog<PlainTypes> =
            RaftLog::open_on(raft_log::Config::new(directory.path()), Arc::new(storage.clone())).unwrap();
        log.append([(TermIndex::new(1, 1), "the first write makes a chunk".into())]).unwrap();
        log.sync().unwrap();
        let before = storage.syncs();
        log.append((2..=9).map(|index| (TermIndex::new(1, index), "one group".into()))).unwrap();
        log.sync().unwrap();
        assert_eq!(storage.syncs(), before + 1);
    }
}
