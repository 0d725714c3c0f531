//! What the disk allows: entries encoded into a buffer, one checksum, one write and one sync, over and over the same
//! file; and reading and checksumming it. It shares no code with the log, finds nothing again, and stays this short.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The bare loop's file, its buffer and its place.
pub(crate) struct Limit {
    file: File,
    payload: Vec<u8>,
    buffer: Vec<u8>,
    offset: u64,
    index: u64,
    size: u64,
}

impl Limit {
    /// Lays a file of `size` bytes with zeros, and syncs it. It is written from end to end in a circle.
    pub(crate) fn new(path: &Path, payload: &[u8], size: u64) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create_new(true).open(path)?;
        let zeros = vec![0; 1 << 20];
        for offset in (0..size).step_by(zeros.len()) {
            file.write_all_at(&zeros, offset)?;
        }
        file.sync_all()?;
        Ok(Self { file, payload: payload.to_vec(), buffer: Vec::new(), offset: 0, index: 0, size })
    }

    /// Makes some entries durable, all at once.
    pub(crate) fn write(&mut self, entries: u64) -> io::Result<()> {
        self.buffer.clear();
        for _ in 0..entries {
            self.index += 1;
            // A head of 32 bytes.
            for field in [0, self.payload.len() as u64, 1, self.index] {
                self.buffer.extend_from_slice(&field.to_le_bytes());
            }
            self.buffer.extend_from_slice(&self.payload);
        }
        let checksum = crc32c::crc32c(&self.buffer);
        if let Some(place) = self.buffer.first_chunk_mut() {
            *place = checksum.to_le_bytes();
        }
        if self.offset + self.buffer.len() as u64 > self.size {
            self.offset = 0;
        }
        self.file.write_all_at(&self.buffer, self.offset)?;
        self.offset += self.buffer.len() as u64;
        self.file.sync_data()
    }
}
