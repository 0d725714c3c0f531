//! A storage that shows each call on another one before it happens: to count it, to hold it up, or to look at what a
//! crash at this moment would leave.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};

use raft_log_chunk::{DirectoryEntry, LockAttempt, Storage, StorageFile};

/// A call that reads or changes something. A file has the name that it has by then.
#[derive(Debug, Clone)]
pub enum Call<'a> {
    /// `Storage::create`.
    Create(&'a str),
    /// `Storage::rename`, from and to.
    Rename(&'a str, &'a str),
    /// `Storage::remove`.
    Remove(&'a str),
    /// `Storage::sync_directory`.
    SyncDirectory,
    /// `StorageFile::links`.
    Links(&'a str),
    /// `StorageFile::read_at`.
    Read(&'a str),
    /// `StorageFile::write_at`, with the offset and the bytes.
    Write(&'a str, u64, &'a [u8]),
    /// `StorageFile::truncate`.
    Truncate(&'a str),
    /// `StorageFile::sync`.
    Sync(&'a str),
}

type Watch = Arc<dyn Fn(&Call<'_>) + Send + Sync>;

/// What all files of one directory share.
struct Watched {
    inner: Arc<dyn Storage>,
    watch: RwLock<Watch>,
    names: Mutex<Vec<Arc<Mutex<String>>>>,
}

/// A storage, and whoever watches it. Clones watch together.
#[derive(Clone)]
pub struct WatchedStorage(Arc<Watched>);

struct WatchedFile {
    inner: Arc<dyn StorageFile>,
    name: Arc<Mutex<String>>,
    storage: WatchedStorage,
}

impl WatchedStorage {
    /// Nobody watches yet.
    pub fn new(inner: impl Storage) -> Self {
        let watch = RwLock::new(Arc::new(|_: &Call<'_>| {}) as Watch);
        Self(Arc::new(Watched { inner: Arc::new(inner), watch, names: Mutex::default() }))
    }

    /// Shows calls to `watch` from now on, on the thread that makes them. The call happens when `watch` returns.
    pub fn watch(&self, watch: impl Fn(&Call<'_>) + Send + Sync + 'static) {
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
        self.0.inner.fmt(f)
    }
}

impl std::fmt::Debug for WatchedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.name.fmt(f)
    }
}

impl Storage for WatchedStorage {
    fn path(&self) -> &Path {
        self.0.inner.path()
    }

    fn lock(&self, name: &str) -> io::Result<LockAttempt> {
        self.0.inner.lock(name)
    }

    fn list(&self) -> io::Result<Vec<DirectoryEntry>> {
        self.0.inner.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.wrap(self.0.inner.open(name)?, name))
    }

    fn open_writable(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.wrap(self.0.inner.open_writable(name)?, name))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.show(Call::Create(name));
        Ok(self.wrap(self.0.inner.create(name)?, name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.show(Call::Rename(from, to));
        self.0.inner.rename(from, to)?;
        for name in self.0.names.lock().unwrap().iter() {
            let mut name = name.lock().unwrap();
            if *name == from {
                to.clone_into(&mut name);
            }
        }
        Ok(())
    }

    fn link_into(&self, name: &str, directory: &dyn Storage) -> io::Result<()> {
        self.0.inner.link_into(name, directory)
    }

    fn directory_handle(&self) -> Option<BorrowedFd<'_>> {
        self.0.inner.directory_handle()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.show(Call::Remove(name));
        self.0.inner.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.show(Call::SyncDirectory);
        self.0.inner.sync_directory()
    }

    fn sync_parent(&self) -> io::Result<()> {
        self.0.inner.sync_parent()
    }

    fn random(&self) -> io::Result<u64> {
        self.0.inner.random()
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
