//! What a disk holds: names, files, and their sectors, where a sector of zeros takes no memory.
//!
//! Copies share their sectors, so that one costs little. What always holds: a sector that is kept has a byte that is
//! not zero, and none lies at or behind the end of its file.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::random::splitmix;

/// The bytes that are written whole or not at all.
pub const SECTOR_BYTES: usize = 512;

/// A number that tells contents apart: 128 bits, so that two of many million do not meet by accident.
pub(super) type Digest = u128;

/// The bytes of a sector, and their digest. `None` stands for zeros.
pub(super) type Sector = Option<Arc<SectorBytes>>;

#[derive(Debug)]
pub(super) struct SectorBytes {
    pub(super) bytes: [u8; SECTOR_BYTES],
    digest: Digest,
}

/// The digest of a sector's bytes; that of zeros is 0.
pub(super) fn sector_digest(sector: &Sector) -> Digest {
    sector.as_ref().map_or(0, |sector| sector.digest)
}

/// Whether two sectors hold the same.
pub(super) fn same_sector(one: &Sector, other: &Sector) -> bool {
    sector_digest(one) == sector_digest(other)
}

/// A sector of these bytes.
pub(super) fn sector_of(bytes: [u8; SECTOR_BYTES]) -> Sector {
    if bytes == [0; SECTOR_BYTES] {
        return None;
    }
    let (mut low, mut high) = (1_u64, 2_u64);
    for word in bytes.as_chunks::<8>().0 {
        let word = u64::from_le_bytes(*word);
        low = splitmix(low ^ word);
        high = splitmix(high.wrapping_add(word.rotate_left(32)));
    }
    Some(Arc::new(SectorBytes { bytes, digest: u128::from(low) << 64 | u128::from(high) }))
}

/// The sector with nothing but zeros from `size` on.
pub(super) fn cut_sector(sector: &Sector, size: usize) -> Sector {
    let sector = sector.as_ref()?;
    let mut bytes = sector.bytes;
    bytes[size.min(SECTOR_BYTES)..].fill(0);
    sector_of(bytes)
}

/// What a sector adds to the digest of its file.
pub(super) fn sector_share(number: u64, sector: &Sector) -> Digest {
    match sector_digest(sector) {
        0 => 0,
        digest => mix(digest, number.wrapping_add(0x5ec7)),
    }
}

/// What a size adds to the digest of its file.
pub(super) fn size_share(size: u64) -> Digest {
    mix(3, size)
}

/// What a file adds to the digest of its directory.
pub(super) fn name_share(name: &str, file: Digest) -> Digest {
    let name = name.bytes().fold(0, |sum, byte| splitmix(sum ^ u64::from(byte)));
    mix(file, name)
}

fn mix(value: Digest, with: u64) -> Digest {
    #[expect(clippy::cast_possible_truncation, reason = "the halves of a number")]
    let (low, high) = (value as u64, (value >> 64) as u64);
    let low_mixed = splitmix(low ^ splitmix(with)).wrapping_add(high);
    let high_mixed = splitmix(high.rotate_left(17) ^ with).wrapping_add(splitmix(low_mixed));
    u128::from(splitmix(low_mixed)) << 64 | u128::from(high_mixed)
}

/// A file: its size, and its sectors that are not all zeros.
#[derive(Debug, Clone, Default)]
pub(super) struct FileContents {
    pub(super) size: u64,
    pub(super) sectors: BTreeMap<u64, Arc<SectorBytes>>,
}

impl FileContents {
    pub(super) fn sector(&self, number: u64) -> Sector {
        self.sectors.get(&number).cloned()
    }

    pub(super) fn set_sector(&mut self, number: u64, sector: Sector) {
        match sector {
            Some(bytes) => self.sectors.insert(number, bytes),
            None => self.sectors.remove(&number),
        };
    }

    /// Changes the size; what lies behind a smaller one is gone.
    pub(super) fn set_size(&mut self, size: u64) {
        if size < self.size {
            let edge = size / SECTOR_BYTES as u64;
            self.sectors.split_off(&size.div_ceil(SECTOR_BYTES as u64));
            if !size.is_multiple_of(SECTOR_BYTES as u64) {
                let kept = cut_sector(&self.sector(edge), within_sector(size));
                self.set_sector(edge, kept);
            }
        }
        self.size = size;
    }

    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let end = self.size.min(offset.saturating_add(buffer.len() as u64));
        let count = usize::try_from(end.saturating_sub(offset)).unwrap_or_default();
        let buffer = &mut buffer[..count];
        buffer.fill(0);
        if count == 0 {
            return 0;
        }
        let first = offset / SECTOR_BYTES as u64;
        let last = (end - 1) / SECTOR_BYTES as u64;
        for (number, sector) in self.sectors.range(first..=last) {
            let start = number * SECTOR_BYTES as u64;
            let from = start.max(offset);
            let to = end.min(start + SECTOR_BYTES as u64);
            let source = &sector.bytes[index(from - start)..index(to - start)];
            buffer[index(from - offset)..index(to - offset)].copy_from_slice(source);
        }
        count
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; index(self.size)];
        self.read(&mut bytes, 0);
        bytes
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        let mut contents = Self { size: bytes.len() as u64, sectors: BTreeMap::new() };
        for (number, chunk) in bytes.chunks(SECTOR_BYTES).enumerate() {
            let mut sector = [0; SECTOR_BYTES];
            sector[..chunk.len()].copy_from_slice(chunk);
            contents.set_sector(number as u64, sector_of(sector));
        }
        contents
    }

    pub(super) fn digest(&self) -> Digest {
        let share =
            |(number, sector): (&u64, &Arc<SectorBytes>)| mix(sector.digest, number.wrapping_add(0x5ec7));
        self.sectors.iter().map(share).fold(size_share(self.size), Digest::wrapping_add)
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("files of tests fit into memory")
}

/// Where in its sector a byte lies.
pub(super) fn within_sector(offset: u64) -> usize {
    index(offset % SECTOR_BYTES as u64)
}

/// What a disk holds after a loss of power: every name, with the bytes behind it.
#[derive(Debug, Clone, Default)]
pub struct DiskImage {
    pub(super) files: BTreeMap<String, FileContents>,
}

impl DiskImage {
    /// The names with their bytes.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.files.iter().map(|(name, contents)| (name.clone(), contents.bytes())).collect()
    }

    /// A number that tells what two disks hold apart. Names for which `ignored` is true do not count.
    pub fn digest(&self, ignored: impl Fn(&str) -> bool) -> u128 {
        let files = self.files.iter().filter(|(name, _)| !ignored(name));
        files.map(|(name, contents)| name_share(name, contents.digest())).fold(0, Digest::wrapping_add)
    }
}

impl From<BTreeMap<String, Vec<u8>>> for DiskImage {
    fn from(files: BTreeMap<String, Vec<u8>>) -> Self {
        let contents = |(name, bytes): (String, Vec<u8>)| (name, FileContents::of_bytes(&bytes));
        Self { files: files.into_iter().map(contents).collect() }
    }
}
