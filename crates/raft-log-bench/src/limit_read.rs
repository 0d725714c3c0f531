//! What the disk and its cache allow a reader: reading everything in large pieces and checksumming it, and reading and
//! checksumming single places. It shares no code with the log, and finds no entries.

use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

const WINDOW: usize = 1 << 20;

/// Reads and checksums the first `size` bytes of a file; gives how many there were.
pub(crate) fn read_all(path: &Path, size: u64) -> io::Result<u64> {
    let file = File::open(path)?;
    let mut window = vec![0; WINDOW];
    let mut at = 0;
    while at < size {
        let wanted = usize::try_from(size - at).unwrap_or(WINDOW).min(WINDOW);
        let found = file.read_at(window.get_mut(..wanted).unwrap_or_default(), at)?;
        if found == 0 {
            break;
        }
        black_box(crc32c::crc32c(window.get(..found).unwrap_or_default()));
        at += found as u64;
    }
    Ok(at)
}

/// A file whose places are read one by one.
pub(crate) struct Places {
    file: File,
    buffer: Vec<u8>,
    count: u64,
}

impl Places {
    /// Places of `size` bytes in the first `file_size` bytes of a file.
    pub(crate) fn new(path: &Path, file_size: u64, size: usize) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, buffer: vec![0; size], count: file_size / size as u64 })
    }

    /// Reads and checksums the place that `number` falls on.
    pub(crate) fn read(&mut self, number: u64) -> io::Result<()> {
        let size = self.buffer.len() as u64;
        self.file.read_exact_at(&mut self.buffer, number % self.count * size)?;
        black_box(crc32c::crc32c(&self.buffer));
        Ok(())
    }
}
