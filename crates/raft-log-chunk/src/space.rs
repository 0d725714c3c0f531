//! Laying space: zeros written ahead of the frames, so that a sync overwrites blocks that are there and a full disk
//! is met before an operation is accepted.

use std::io;

use crate::storage::{StorageFile, is_no_space, write_all_at};

/// The end of a chunk's laid space that is kept for votes, commits, truncations and purges: 64 KiB.
pub const RESERVE_BYTES: u64 = 64 * 1024;

/// The size of a spare that is kept for making a chunk on a full disk: 128 KiB.
pub const SPARE_BYTES: u64 = 128 * 1024;

/// As much as a step has by default: the system keeps a file in memory in pieces as large as they were written in, and reads
/// fewer large ones faster.
const ZEROS: &[u8] = &[0; 1 << 20];

/// What a full disk is asked for at least.
const PIECE_BYTES_MIN: usize = 4096;

/// Writes zeros from `from` to `to`. On a full disk, all that there is room for.
///
/// # Errors
/// With the end that was reached; what was laid before it stays.
pub fn lay_zeros(file: &dyn StorageFile, from: u64, to: u64) -> Result<(), (u64, io::Error)> {
    let mut at = from;
    let mut piece = ZEROS.len();
    while at < to {
        let size = usize::try_from(to - at).unwrap_or(usize::MAX).min(piece);
        match write_all_at(file, ZEROS.get(..size).unwrap_or_default(), at) {
            Ok(()) => at += size as u64,
            // A file system may refuse a large write as a whole although there is room for a part of it: ext4 does.
            Err((written, error)) if is_no_space(&error) && size > PIECE_BYTES_MIN => {
                at += written;
                piece = (size / 2).max(PIECE_BYTES_MIN);
            }
            Err((written, error)) => return Err((at + written, error)),
        }
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
        /// Whether a write that does not fit is refused whole, and not cut.
        refuses_whole: bool,
        interruptions: AtomicUsize,
    }

    impl Room {
        fn new(size: usize, per_write: usize) -> Self {
            let bytes = std::sync::Mutex::new(vec![0xee; size]);
            Self {
                bytes,
                per_write,
                full: io::ErrorKind::StorageFull,
                refuses_whole: false,
                interruptions: AtomicUsize::new(0),
            }
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
            if self.refuses_whole && bytes.len() > room.len() - start {
                return Err(self.full.into());
            }
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

    #[test]
    fn where_large_writes_are_refused_whole_the_room_is_laid_all_the_same() {
        for size in [0, 4096, 31 * 4096, ZEROS.len() + 4096, ZEROS.len() * 2 + 5 * 4096] {
            for from in [0, 3 * 4096].into_iter().filter(|from| *from <= size) {
                let room = Room { refuses_whole: true, ..Room::new(size, usize::MAX) };
                let (reached, error) = lay_zeros(&room, from as u64, 1 << 30).unwrap_err();
                assert_eq!((reached, error.kind()), (size as u64, io::ErrorKind::StorageFull));
                assert_eq!(room.zeros().1, size - from, "{size} from {from}");
            }
        }
    }
}
