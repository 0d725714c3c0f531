//! A storage for tests about the order in which things are done.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use raft_log_chunk::{DirectoryEntry, LockAttempt, Storage, StorageFile, is_temporary_file_name};
use raft_log_testkit::MemoryStorage;

/// A storage that notes each call which changes anything or looks at links, by the name its file has then.
#[derive(Debug)]
pub(crate) struct Recorder {
    inner: MemoryStorage,
    calls: Arc<Mutex<Vec<String>>>,
    names: Mutex<Vec<Arc<Mutex<String>>>>,
}

#[derive(Debug)]
struct RecordedFile {
    inner: Arc<dyn StorageFile>,
    name: Arc<Mutex<String>>,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    pub(crate) fn new(inner: MemoryStorage) -> Self {
        Self { inner, calls: Arc::default(), names: Mutex::default() }
    }

    fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn wrap(&self, inner: Arc<dyn StorageFile>, name: &str) -> Arc<dyn StorageFile> {
        let name = Arc::new(Mutex::new(name.to_owned()));
        self.names.lock().unwrap().push(name.clone());
        Arc::new(RecordedFile { inner, name, calls: self.calls.clone() })
    }
}

impl RecordedFile {
    fn note(&self, call: &str) {
        let name = self.name.lock().unwrap();
        let name = if is_temporary_file_name(&name) { "prepared" } else { &name };
        self.calls.lock().unwrap().push(format!("{call} {name}"));
    }
}

impl Storage for Recorder {
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
        Ok(self.wrap(self.inner.open(name)?, name))
    }

    fn open_writable(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.wrap(self.inner.open_writable(name)?, name))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.wrap(self.inner.create(name)?, name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)?;
        for name in self.names.lock().unwrap().iter() {
            let mut name = name.lock().unwrap();
            if *name == from {
                to.clone_into(&mut name);
            }
        }
        self.note(format!("rename to {to}"));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.note(format!("remove {name}"));
        self.inner.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.note("sync the directory".to_owned());
        self.inner.sync_directory()
    }

    fn sync_parent(&self) -> io::Result<()> {
        self.inner.sync_parent()
    }

    fn random(&self) -> io::Result<u64> {
        self.inner.random()
    }
}

impl StorageFile for RecordedFile {
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn links(&self) -> io::Result<u64> {
        self.note("links");
        self.inner.links()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.note("write");
        self.inner.write_at(bytes, offset)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.note("truncate");
        self.inner.truncate(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.note("sync");
        self.inner.sync()
    }

    fn drop_cache(&self) -> io::Result<()> {
        self.inner.drop_cache()
    }
}
