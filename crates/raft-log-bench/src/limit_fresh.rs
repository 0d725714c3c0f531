//! What the disk allows in a file that grows: the bytes of `limit`, behind each other. It shares no code with the log.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::fs::{FallocateFlags, fallocate};

/// How space is made: by each write; allocated in steps, its blocks unwritten; or laid with zeros in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    Extended,
    Allocated,
    Laid,
}

/// A file of a chunk's size, and the next one when it is full.
pub(crate) struct FreshLimit {
    path: PathBuf,
    file: File,
    space: Space,
    buffer: Vec<u8>,
    offset: u64,
    laid: u64,
}

const FILE_BYTES: u64 = 64 << 20;
const STEP: u64 = 1 << 20;

impl FreshLimit {
    pub(crate) fn new(path: PathBuf, space: Space) -> io::Result<Self> {
        Ok(Self { file: File::create(&path)?, path, space, buffer: Vec::new(), offset: 0, laid: 0 })
    }

    /// Makes some entries durable, all at once.
    pub(crate) fn write(&mut self, entries: u64, payload: &[u8]) -> io::Result<()> {
        self.buffer.clear();
        for index in 0..entries {
            for field in [0, payload.len() as u64, 1, index] {
                self.buffer.extend_from_slice(&field.to_le_bytes());
            }
            self.buffer.extend_from_slice(payload);
        }
        let checksum = crc32c::crc32c(&self.buffer);
        self.buffer.splice(..4, checksum.to_le_bytes());
        if self.offset >= FILE_BYTES {
            std::fs::remove_file(&self.path)?;
            (self.file, self.offset, self.laid) = (File::create(&self.path)?, 0, 0);
        }
        let end = self.offset + self.buffer.len() as u64;
        while self.space != Space::Extended && self.laid < end {
            match self.space {
                Space::Laid => self.file.write_all_at(&[0; STEP as usize], self.laid)?,
                _ => fallocate(&self.file, FallocateFlags::empty(), self.laid, STEP)?,
            }
            self.laid += STEP;
        }
        self.file.write_all_at(&self.buffer, std::mem::replace(&mut self.offset, end))?;
        self.file.sync_data()
    }
}
