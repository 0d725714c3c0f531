//! Files that do not stay as they are while they are read.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use raft_log_chunk::{
    DURABLE_FILE, FrameScan, HEADER_SIZE, RecoveryError, Storage, StorageFile, find_frame, look_behind,
};
use raft_log_state::StateMachine;
use raft_log_testkit::{Call, MemoryStorage, WatchedStorage};

use crate::scanning::scan_all;
use crate::written_log::{WrittenLog, entry, recover_with};

/// A file that says it has another size than it has, as one does that is cut meanwhile.
#[derive(Debug)]
struct CutFile {
    inner: Arc<dyn StorageFile>,
    claimed: u64,
}

impl StorageFile for CutFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.claimed)
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
        self.inner.sync()
    }

    fn drop_cache(&self) -> io::Result<()> {
        self.inner.drop_cache()
    }
}

/// A directory whose chunks turn into zeros after some reads; what is left of these.
fn forgetful(inner: MemoryStorage, reads: i64) -> (WatchedStorage, Arc<AtomicI64>) {
    let storage = WatchedStorage::new(inner.clone());
    let reads_left = Arc::new(AtomicI64::new(reads));
    let left = reads_left.clone();
    storage.watch(move |call| {
        if matches!(call, Call::Read(_)) && left.fetch_sub(1, Ordering::Relaxed) <= 0 {
            inner.names().iter().for_each(|name| inner.edit_file(name, |bytes| bytes.fill(0)));
        }
    });
    (storage, reads_left)
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
            let file: Arc<dyn StorageFile> =
                Arc::new(CutFile { inner: storage.open("file").unwrap(), claimed });
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
        // Without DURABLE nothing vouches for the frames but the first look itself.
        let inner = log.store(false);
        inner.remove_file(DURABLE_FILE);
        let (storage, reads_left) = forgetful(inner, reads);
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
