//! Laying space: zeros written ahead of the frames, so that a sync overwrites blocks that are there and a full disk
//! is met before an operation is accepted.

use std::io;

use crate::storage::{StorageFile, write_all_at};

/// The end of a chunk's laid space that is kept for votes, commits, truncations and purges: 64 KiB.
pub const RESERVE_BYTES: u64 = 64 * 1024;

/// The size of a spare that is kept for making a chunk on a full disk: 128 KiB.
pub const SPARE_BYTES: u64 = 128 * 1024;

const ZEROS: &[u8] = &[0; 256 * 1024];

/// Writes zeros from `from` to `to`.
///
/// # Errors
/// With the end that was reached; what was laid before it stays.
pub fn lay_zeros(file: &dyn StorageFile, from: u64, to: u64) -> Result<(), (u64, io::Error)> {
    let mut at = from;
    while at < to {
        let size = usize::try_from(to - at).unwrap_or(usize::MAX).min(ZEROS.len());
        let zeros = ZEROS.get(..size).unwrap_or_default();
        write_all_at(file, zeros, at).map_err(|(written, error)| (at + written, error))?;
        at += size as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Room for so many bytes in all, taken a few at a time, over rubbish.
    #[derive(Debug)]
    struct Room {
        bytes: std::sync::Mutex<Vec<u8>>,
        per_write: usize,
        full: io::ErrorKind,
        interruptions: AtomicUsize,
    }

    impl Room {
        fn new(size: usize, per_write: usize) -> Self {
            let bytes = std::sync::Mutex::new(vec![0xee; size]);
            Self { bytes, per_write, full: io::ErrorKind::StorageFull, interruptions: AtomicUsize::new(0) }
        }

        fn zeros(&self) -> (Option<usize>, usize) {
            let bytes = self.bytes.lock().unwrap();
            let first = bytes.iter().position(|byte| *byte == 0);
            (first, bytes.iter().filter(|byte| **byte == 0).count())
        }
    }

    impl StorageFile for Room {
        fn size(&self) -> io::Result<u64> {
            Ok(self.bytes.lock().unwrap().len() as u64)
        }

        fn links(&self) -> io::Result<u64> {
            Ok(1)
        }

        fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
            unreachable!("laying reads nothing")
        }

        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
            if self.interruptions.load(Ordering::Relaxed) > 0 {
                self.interruptions.fetch_sub(1, Ordering::Relaxed);
                return Err(io::ErrorKind::Interrupted.into());
            }
            let mut room = self.bytes.lock().unwrap();
            let start = usize::try_from(offset).unwrap();
            let count = bytes.len().min(self.per_write).min(room.len() - start);
            if count == 0 && self.full != io::ErrorKind::WriteZero {
                return Err(self.full.into());
            }
            room[start..start + count].copy_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn truncate(&self, _: u64) -> io::Result<()> {
            unreachable!("laying cuts nothing")
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        fn drop_cache(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn zeros_are_laid_from_the_one_place_to_the_other_whatever_a_write_takes() {
        for per_write in [1, 7, 4096, usize::MAX] {
            for (from, to) in [(0, 0), (5, 5), (9, 3), (0, 1), (3, 2000), (100, 5000)] {
                let room = Room::new(6000, per_write);
                room.interruptions.store(3, Ordering::Relaxed);
                lay_zeros(&room, from as u64, to as u64).unwrap();
                let expected = if to > from { (Some(from), to - from) } else { (None, 0) };
                assert_eq!(room.zeros(), expected, "{from}..{to} by {per_write}");
            }
        }
        let room = Room::new(ZEROS.len() * 2 + 10, usize::MAX);
        lay_zeros(&room, 1, room.size().unwrap()).unwrap();
        assert_eq!(room.zeros(), (Some(1), ZEROS.len() * 2 + 9), "in several steps");
    }

    #[test]
    fn a_full_disk_tells_how_far_the_zeros_came() {
        for full in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::WriteZero] {
            for size in [0, 10, 1000, ZEROS.len(), ZEROS.len() + 1, ZEROS.len() * 2 + 77] {
                for from in [0, 10] {
                    let room = Room { full, ..Room::new(size, ZEROS.len() - 3) };
                    if from > size {
                        continue;
                    }
                    let (reached, error) = lay_zeros(&room, from as u64, 1 << 30).unwrap_err();
                    assert_eq!((reached, error.kind()), (size as u64, full));
                    assert_eq!(room.zeros().1, size - from, "{size} from {from}");
                }
            }
        }
    }
}
