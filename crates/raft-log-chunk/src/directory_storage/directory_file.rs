//! An open regular file: reads, writes and syncs at an offset.
//!
//! Names, and whether a file may be opened at all, are the directory's business. What always holds: an error is
//! the system's own, with its `raw_os_error()`, and the file never grows but by a write.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use crate::StorageFile;

#[derive(Debug)]
pub(super) struct DirectoryFile {
    file: File,
}

impl DirectoryFile {
    pub(super) fn new(file: File) -> Self {
        Self { file }
    }
}

impl StorageFile for DirectoryFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn links(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.nlink())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        // An error and not a panic: somebody else may have cut the file.
        if size > self.size()? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "truncating would make the file longer"));
        }
        self.file.set_len(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn drop_cache(&self) -> io::Result<()> {
        drop_cache(&self.file)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn drop_cache(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn drop_cache(_: &File) -> io::Result<()> {
    Ok(())
}
