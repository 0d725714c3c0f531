//! A storage in memory that shows each call to a test before it happens: to note it, to hold it up, or to look at what
//! a crash at this moment would leave.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};

use raft_log::{Storage, StorageFile};
use raft_log_chunk::{DirectoryEntry, LockAttempt};
use raft_log_testkit::MemoryStorage;

/// A call that reads or changes something. A file has the name that it has by then.
#[derive(Debug, Clone)]
pub(crate) enum Call<'a> {
    Create(&'a str),
    Rename(&'a str, &'a str),
    Remove(&'a str),
    SyncDirectory,
    Links(&'a str),
    Read(&'a str),
    Write(&'a str, u64, &'a [u8]),
    Truncate(&'a str),
    Sync(&'a str),
}

type Watch = Arc<dyn Fn(&Call<'_>) + Send + Sync>;

/// What all files of one directory share.
struct Watched {
    memory: MemoryStorage,
    watch: RwLock<Watch>,
    names: Mutex<Vec<Arc<Mutex<String>>>>,
}

#[derive(Clone)]
pub(crate) struct WatchedStorage(Arc<Watched>);

struct WatchedFile {
    inner: Arc<dyn StorageFile>,
    name: Arc<Mutex<String>>,
    storage: WatchedStorage,
}

impl WatchedStorage {
    pub(crate) fn new(memory: &MemoryStorage) -> Self {
        let watch = RwLock::new(Arc::new(|_: &Call<'_>| {}) as Watch);
        Self(Arc::new(Watched { memory: memory.clone(), watch, names: Mutex::default() }))
    }

    /// Shows calls to `watch` from now on.
    pub(crate) fn watch(&self, watch: impl Fn(&Call<'_>) + Send + Sync + 'static) {
        *self.0.watch.write().unwrap() = Arc::new(watch);
    }

    fn show(&self, call: Call<'_>) {
        let watch = self.0.watch.read().unwrap().clone();
        watch(&call);
    }

    fn wrap(&self, inner: Arc<dyn StorageFile>, name: &str) -> Arc<dyn StorageFile> {
        let name = Arc::new(Mutex::new(name.to_owned()));
        self.0.names.lock().unwrap().push(name.clone());
        Arc::new(WatchedFile { inner, name, storage: self.clone() })
    }
}

impl std::fmt::Debug for WatchedStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.memory.fmt(f)
    }
}

impl std::fmt::Debug for WatchedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.name.fmt(f)
    }
}

impl Storage for WatchedStorage {
    fn path(&self) -> &Path {
        self.0.memory.path()
    }

    fn lock(&self, name: &str) -> io::Result<LockAttempt> {
        self.0.memory.lock(name)
    }

    fn list(&self) -> io::Result<Vec<DirectoryEntry>> {
        self.0.memory.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.wrap(self.0.memory.open(name)?, name))
    }

    fn open_writable(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.wrap(self.0.memory.open_writable(name)?, name))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.show(Call::Create(name));
        Ok(self.wrap(self.0.memory.create(name)?, name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.show(Call::Rename(from, to));
        self.0.memory.rename(from, to)?;
        for name in self.0.names.lock().unwrap().iter() {
            let mut name = name.lock().unwrap();
            if *name == from {
                to.clone_into(&mut name);
            }
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.show(Call::Remove(name));
        self.0.memory.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.show(Call::SyncDirectory);
        self.0.memory.sync_directory()
    }

    fn sync_parent(&self) -> io::Result<()> {
        self.0.memory.sync_parent()
    }

    fn random(&self) -> io::Result<u64> {
        self.0.memory.random()
    }
}

impl WatchedFile {
    fn name(&self) -> String {
        self.name.lock().unwrap().clone()
    }
}

impl StorageFile for WatchedFile {
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn links(&self) -> io::Result<u64> {
        self.storage.show(Call::Links(&self.name()));
        self.inner.links()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.storage.show(Call::Read(&self.name()));
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.storage.show(Call::Write(&self.name(), offset, bytes));
        self.inner.write_at(bytes, offset)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.storage.show(Call::Truncate(&self.name()));
        self.inner.truncate(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.storage.show(Call::Sync(&self.name()));
        self.inner.sync()
    }

    fn drop_cache(&self) -> io::Result<()> {
        self.inner.drop_cache()
    }
}
