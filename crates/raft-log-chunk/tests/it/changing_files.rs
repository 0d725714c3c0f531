//! Files that do not stay as they are while they are read.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use raft_log_chunk::{
    DURABLE_FILE, DirectoryEntry, FrameScan, HEADER_SIZE, LockAttempt, RecoveryError, Storage, StorageFile,
    find_frame, look_behind,
};
use raft_log_state::StateMachine;
use raft_log_testkit::MemoryStorage;

use crate::scanning::scan_all;
use crate::written_log::{WrittenLog, entry, recover_with};

/// A file of which the size or the bytes are not what they were.
#[derive(Debug)]
struct ChangingFile {
    inner: Arc<dyn StorageFile>,
    /// The size that it says it has, as one does that is cut meanwhile.
    claimed: Option<u64>,
    /// After so many reads there is nothing but zeros.
    reads_left: Arc<AtomicI64>,
}

impl StorageFile for ChangingFile {
    fn size(&self) -> io::Result<u64> {
        self.claimed.map_or_else(|| self.inner.size(), Ok)
    }

    fn links(&self) -> io::Result<u64> {
        self.inner.links()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let count = self.inner.read_at(buffer, offset)?;
        if self.reads_left.fetch_sub(1, Ordering::Relaxed) <= 0 {
            buffer[..count].fill(0);
        }
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.inner.write_at(bytes, offset)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.inner.truncate(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }

    fn drop_cache(&self) -> io::Result<()> {
        self.inner.drop_cache()
    }
}

/// A directory whose files turn into zeros after some reads.
#[derive(Debug)]
struct Forgetful {
    inner: MemoryStorage,
    reads_left: Arc<AtomicI64>,
}

impl Storage for Forgetful {
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
        let inner = self.inner.open(name)?;
        Ok(Arc::new(ChangingFile { inner, claimed: None, reads_left: self.reads_left.clone() }))
    }

    fn open_writable(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.inner.open_writable(name)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.inner.create(name)
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

#[test]
fn a_file_that_shrinks_under_a_scan_ends_it() {
    let mut log = WrittenLog::new();
    (1..9).for_each(|index| log.must_write(&entry(1, index)));
    let chunk = log.newest();
    for size in 0..chunk.bytes.len() {
        let storage = MemoryStorage::new();
        storage.put_file("file", &chunk.bytes[..size]);
        for claimed in [chunk.end(), 1 << 40, u64::MAX] {
            let file: Arc<dyn StorageFile> = Arc::new(ChangingFile {
                inner: storage.open("file").unwrap(),
                claimed: Some(claimed),
                reads_left: Arc::new(AtomicI64::new(i64::MAX)),
            });
            let scan = FrameScan::new(file.clone(), chunk.header.seed(), None, 100).unwrap();
            let (offsets, end, _) = scan_all(scan);
            assert!(
                end <= (size as u64).max(HEADER_SIZE as u64) && offsets[..] == chunk.frames[..offsets.len()]
            );
            look_behind(&*file, chunk.header.seed(), end, 100).unwrap();
            // The head of the frame that is cut may still be there.
            let found = find_frame(&*file, chunk.header.seed(), end, u64::MAX, 100).unwrap();
            assert!(found.is_none_or(|(at, _)| at == end), "{found:?}");
        }
    }
}

#[test]
fn a_newest_chunk_that_changes_between_two_looks_is_not_a_shorter_log() {
    let mut log = WrittenLog::new();
    (1..9).for_each(|index| log.must_write(&entry(1, index)));
    let mut refused = 0;
    for reads in 0..200 {
        let reads_left = Arc::new(AtomicI64::new(reads));
        // Without DURABLE nothing vouches for the frames but the first look itself.
        let inner = log.store(false);
        inner.remove_file(DURABLE_FILE);
        let storage = Forgetful { inner, reads_left: reads_left.clone() };
        match recover_with(&storage, true) {
            Ok((recovered, machine)) => {
                let newest = &recovered.chunks[0];
                assert_eq!(newest.summary.end_index, machine.state().end_index(), "after {reads} reads");
                let behind = recovered.behind;
                assert_eq!(newest.chunk.end() + behind.bytes, log.newest().end(), "after {reads} reads");
            }
            Err(RecoveryError::Io { source, .. }) => {
                assert_eq!(source.kind(), io::ErrorKind::InvalidData);
                refused += 1;
            }
            Err(error) => assert!(matches!(error, RecoveryError::Corrupt { .. }), "{error:?}"),
        }
        if reads_left.load(Ordering::Relaxed) > 0 {
            assert!(refused > 0, "no look was long enough");
            return;
        }
    }
    panic!("the reads never sufficed");
}
