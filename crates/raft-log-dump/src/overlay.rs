//! A directory as it would be after a repair, without changing it: files hidden, files in memory beside those that are
//! there, and files under other names.
//!
//! What always holds: every writing call is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use raft_log_chunk::{DirectoryEntry, EntryKind, LockAttempt, Storage, StorageFile};

/// The view.
#[derive(Debug)]
pub(crate) struct Overlay {
    pub(crate) base: Arc<dyn Storage>,
    pub(crate) hidden: BTreeSet<String>,
    pub(crate) added: BTreeMap<String, Bytes>,
    /// The names that are shown, and the names of the files behind them.
    pub(crate) renamed: BTreeMap<String, String>,
}

impl Overlay {
    /// The directory as it is.
    pub(crate) fn over(base: Arc<dyn Storage>) -> Self {
        Self { base, hidden: BTreeSet::new(), added: BTreeMap::new(), renamed: BTreeMap::new() }
    }
}

fn refused<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "this view of a directory is only read"))
}

impl Storage for Overlay {
    fn path(&self) -> &Path {
        self.base.path()
    }

    fn lock(&self, _: &str) -> io::Result<LockAttempt> {
        refused()
    }

    fn list(&self) -> io::Result<Vec<DirectoryEntry>> {
        let mut entries = self.base.list()?;
        entries.retain(|entry| {
            let is_other = self.renamed.values().any(|real| *real == entry.name);
            !is_other && !self.hidden.contains(&entry.name) && !self.added.contains_key(&entry.name)
        });
        let names = self.added.keys().chain(self.renamed.keys());
        entries.extend(names.map(|name| DirectoryEntry { name: name.clone(), kind: EntryKind::File }));
        Ok(entries)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        if let Some(bytes) = self.added.get(name) {
            return Ok(Arc::new(BytesFile(bytes.clone())));
        }
        if self.hidden.contains(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.base.open(self.renamed.get(name).map_or(name, String::as_str))
    }

    fn open_writable(&self, _: &str) -> io::Result<Arc<dyn StorageFile>> {
        refused()
    }

    fn create(&self, _: &str) -> io::Result<Arc<dyn StorageFile>> {
        refused()
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        refused()
    }

    fn sync_directory(&self) -> io::Result<()> {
        refused()
    }

    fn sync_parent(&self) -> io::Result<()> {
        refused()
    }

    fn random(&self) -> io::Result<u64> {
        self.base.random()
    }
}

/// A file in memory.
#[derive(Debug)]
struct BytesFile(Bytes);

impl StorageFile for BytesFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn links(&self) -> io::Result<u64> {
        Ok(1)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = self.0.get(start..).unwrap_or_default();
        let size = bytes.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..size), bytes.get(..size)) {
            to.copy_from_slice(from);
        }
        Ok(size)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        refused()
    }

    fn truncate(&self, _: u64) -> io::Result<()> {
        refused()
    }

    fn sync(&self) -> io::Result<()> {
        refused()
    }

    fn drop_cache(&self) -> io::Result<()> {
        Ok(())
    }
}
