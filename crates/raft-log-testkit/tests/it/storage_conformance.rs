//! That the conformance suite can fail: a storage with one fault breaks the promise that rules it out.

use std::io;
use std::path::Path;
use std::sync::Arc;

use raft_log_chunk::{DirectoryEntry, LockAttempt, Storage, StorageFile, check_file_name};
use raft_log_testkit::{MemoryStorage, broken_promises};

/// What a faulty storage does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    CreateTakesOver,
    OpenCreates,
    OpenIsWritable,
    ListForgetsTheLast,
    RenameCopies,
    RenameKeepsTheReplaced,
    RemoveDoesNothing,
    NamesAreNotChecked,
    RandomRepeats,
    RandomIsNarrow,
    LockIsShared,
    LockGoesByName,
    LockEmptiesTheFile,
    ReadIgnoresTheOffset,
    ReadEndsEarly,
    WriteIgnoresTheOffset,
    WriteLosesAByte,
    WriteClaimsTooMuch,
    TruncateDoesNothing,
    TruncateGrows,
    SyncFails,
    DropCacheDrops,
    LinksAreAlwaysOne,
}

const FAULTS: [(Fault, &str); 23] = [
    (Fault::CreateTakesOver, "creating a name that exists is refused and leaves the file alone"),
    (Fault::OpenCreates, "opening creates nothing"),
    (Fault::OpenIsWritable, "a handle for reading changes nothing"),
    (Fault::ListForgetsTheLast, "a created file is listed once, as a file"),
    (Fault::RenameCopies, "a renamed file is found under its new name only"),
    (Fault::RenameKeepsTheReplaced, "renaming replaces the file that had the name"),
    (Fault::RemoveDoesNothing, "a removed name is free again"),
    (Fault::NamesAreNotChecked, "what is not a plain file name is refused"),
    (Fault::RandomRepeats, "random numbers differ, in every bit"),
    (Fault::RandomIsNarrow, "random numbers differ, in every bit"),
    (Fault::LockIsShared, "a lock is refused while it is held, each time"),
    (Fault::LockGoesByName, "a lock is refused under any other name too"),
    (Fault::LockEmptiesTheFile, "locking does not change the lock file"),
    (Fault::ReadIgnoresTheOffset, "a read ends at the end of the file, and only there"),
    (Fault::ReadEndsEarly, "what was written is read"),
    (Fault::WriteIgnoresTheOffset, "writing in the middle leaves the rest alone"),
    (Fault::WriteLosesAByte, "what was written is read"),
    (Fault::WriteClaimsTooMuch, "an empty read and an empty write do nothing"),
    (Fault::TruncateDoesNothing, "truncating cuts the end off, for good"),
    (Fault::TruncateGrows, "truncating never makes a file longer"),
    (Fault::SyncFails, "syncing and dropping the cache lose nothing"),
    (Fault::DropCacheDrops, "syncing and dropping the cache lose nothing"),
    (Fault::LinksAreAlwaysOne, "the links are the names of the file"),
];

#[test]
fn memory_storage_keeps_every_promise_behind_a_wrapper_without_fault() {
    assert_eq!(broken_by(Fault::None), Vec::<&str>::new());
}

#[test]
fn each_fault_breaks_the_promise_that_rules_it_out() {
    for (fault, promise) in FAULTS {
        let broken = broken_by(fault);
        assert!(broken.contains(&promise), "{fault:?} should break {promise:?}, but broke {broken:?}");
    }
}

fn broken_by(fault: Fault) -> Vec<&'static str> {
    let make = || -> Arc<dyn Storage> { Arc::new(Faulty { inner: MemoryStorage::new(), fault }) };
    broken_promises(make).into_iter().map(|broken| broken.promise).collect()
}

#[derive(Debug)]
struct Faulty {
    inner: MemoryStorage,
    fault: Fault,
}

impl Faulty {
    fn wrap(&self, inner: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        Arc::new(FaultyFile { inner, fault: self.fault })
    }
}

impl Storage for Faulty {
    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn lock(&self, name: &str) -> io::Result<LockAttempt> {
        match self.fault {
            Fault::LockIsShared => {
                check_file_name(name)?;
                MemoryStorage::new().lock(name)
            }
            Fault::LockGoesByName if name == "OTHER" => MemoryStorage::new().lock(name),
            Fault::LockEmptiesTheFile => {
                let attempt = self.inner.lock(name)?;
                if self.inner.file_bytes(name).is_some() {
                    self.inner.edit_file(name, Vec::clear);
                }
                Ok(attempt)
            }
            _ => self.inner.lock(name),
        }
    }

    fn list(&self) -> io::Result<Vec<DirectoryEntry>> {
        let mut entries = self.inner.list()?;
        if self.fault == Fault::ListForgetsTheLast {
            entries.pop();
        }
        Ok(entries)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let file = match self.fault {
            Fault::OpenIsWritable => self.inner.open_writable(name)?,
            Fault::OpenCreates => self.inner.create(name).or_else(|_| self.inner.open(name))?,
            _ => self.inner.open(name)?,
        };
        Ok(self.wrap(file))
    }

    fn open_writable(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let name = match self.fault {
            Fault::NamesAreNotChecked => name.trim_start_matches("./"),
            _ => name,
        };
        Ok(self.wrap(self.inner.open_writable(name)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        if self.fault == Fault::CreateTakesOver && check_file_name(name).is_ok() {
            self.inner.remove_file(name);
        }
        Ok(self.wrap(self.inner.create(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        match self.fault {
            Fault::RenameCopies if from != to && self.inner.file_bytes(from).is_some() => {
                check_file_name(to)?;
                self.inner.put_file(to, self.inner.file_bytes(from).unwrap());
                Ok(())
            }
            Fault::RenameKeepsTheReplaced if self.inner.file_bytes(to).is_some() && from != to => {
                self.inner.remove(from)
            }
            _ => self.inner.rename(from, to),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match self.fault {
            Fault::RemoveDoesNothing => Ok(()),
            _ => self.inner.remove(name),
        }
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.inner.sync_directory()
    }

    fn sync_parent(&self) -> io::Result<()> {
        self.inner.sync_parent()
    }

    fn random(&self) -> io::Result<u64> {
        match self.fault {
            Fault::RandomRepeats => Ok(4),
            Fault::RandomIsNarrow => Ok(self.inner.random()? >> 1),
            _ => self.inner.random(),
        }
    }
}

#[derive(Debug)]
struct FaultyFile {
    inner: Arc<dyn StorageFile>,
    fault: Fault,
}

impl StorageFile for FaultyFile {
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn links(&self) -> io::Result<u64> {
        match self.fault {
            Fault::LinksAreAlwaysOne => Ok(1),
            _ => self.inner.links(),
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.fault {
            Fault::ReadIgnoresTheOffset => self.inner.read_at(buffer, 0),
            Fault::ReadEndsEarly if offset >= 4096 => Ok(0),
            Fault::ReadEndsEarly => {
                let end = buffer.len().min(4096 - offset as usize);
                self.inner.read_at(&mut buffer[..end], offset)
            }
            _ => self.inner.read_at(buffer, offset),
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        match self.fault {
            Fault::WriteIgnoresTheOffset => self.inner.write_at(bytes, 0),
            Fault::WriteLosesAByte => {
                self.inner.write_at(&bytes[..bytes.len() - usize::from(bytes.len() > 100)], offset)?;
                Ok(bytes.len())
            }
            Fault::WriteClaimsTooMuch if bytes.is_empty() => Ok(1),
            _ => self.inner.write_at(bytes, offset),
        }
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        match self.fault {
            Fault::TruncateDoesNothing if size <= self.inner.size()? => Ok(()),
            Fault::TruncateGrows if size > self.inner.size()? => {
                self.inner.write_at(&[0], size - 1).map(drop)
            }
            _ => self.inner.truncate(size),
        }
    }

    fn sync(&self) -> io::Result<()> {
        match self.fault {
            Fault::SyncFails => Err(io::ErrorKind::Other.into()),
            _ => self.inner.sync(),
        }
    }

    fn drop_cache(&self) -> io::Result<()> {
        match self.fault {
            Fault::DropCacheDrops => self.inner.truncate(0),
            _ => self.inner.drop_cache(),
        }
    }
}
