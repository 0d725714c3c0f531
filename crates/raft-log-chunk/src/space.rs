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
