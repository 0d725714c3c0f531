//! Windows: what is read at once of a chunk, in memory that is used again when nobody holds an entry of it any more.
//!
//! New memory costs the system more than the reading does where the file is in its cache.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use raft_log_chunk::Chunk;

use crate::sync::Latch;

/// Smaller windows get memory of their own, and just enough.
const POOLED_FROM: usize = 64 << 10;
/// Larger ones are not kept.
const KEPT_UPTO: usize = 1 << 20;
/// So many are kept.
const KEPT: usize = 2;

/// Windows that nobody holds.
#[derive(Debug, Default)]
pub(super) struct Windows {
    free: Latch<Vec<Vec<u8>>>,
}

/// A window that entries are held of.
struct Window {
    buffer: Vec<u8>,
    size: usize,
    windows: Arc<Windows>,
}

impl Windows {
    /// Reads `size` bytes at `offset` of a chunk; fewer if the file ends first.
    pub(super) fn read(self: &Arc<Self>, chunk: &Chunk, offset: u64, size: usize) -> io::Result<Bytes> {
        if size < POOLED_FROM {
            return chunk.read(offset, size);
        }
        let free = self.free.lock().pop();
        let mut buffer = free.unwrap_or_default();
        if buffer.len() < size {
            buffer = vec![0; size];
        }
        let mut window = Window { buffer, size: 0, windows: self.clone() };
        window.size = chunk.read_into(window.buffer.get_mut(..size).unwrap_or_default(), offset)?;
        Ok(Bytes::from_owner(window))
    }
}

impl AsRef<[u8]> for Window {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.size).unwrap_or_default()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let mut free = self.windows.free.lock();
        if self.buffer.len() <= KEPT_UPTO && free.len() < KEPT {
            free.push(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use raft_log_chunk::{ChunkHeader, ChunkId, Space, Storage};
    use raft_log_testkit::MemoryStorage;

    use super::*;

    #[test]
    fn memory_is_used_again_but_not_while_an_entry_of_it_is_held() {
        let storage = MemoryStorage::new();
        let file = storage.create("a").unwrap();
        let bytes: Vec<u8> = (0..300_000_u32).map(|at| at as u8).collect();
        file.write_at(&bytes, 0).unwrap();
        let header = ChunkHeader {
            log_id: 1,
            chunk_id: ChunkId::new(0),
            salt: 2,
            previous_salt: 0,
            space: Space::Fresh,
        };
        let chunk = Chunk::new(file, header);
        let windows = Arc::new(Windows::default());
        let free = || windows.free.lock().len();

        let first = windows.read(&chunk, 7, 100_000).unwrap();
        assert_eq!(first, bytes[7..100_007]);
        let held = first.slice(5..6);
        let place = first.as_ptr();
        drop(first);
        assert_eq!(free(), 0);
        drop(held);
        assert_eq!(free(), 1);

        let shorter = windows.read(&chunk, 250_000, 90_000).unwrap();
        assert_eq!((shorter.as_ptr(), &shorter[..]), (place, &bytes[250_000..]), "as much as the file has");
        let larger = windows.read(&chunk, 0, 200_000).unwrap();
        let third = windows.read(&chunk, 0, 200_000).unwrap();
        assert_eq!((&larger[..], &third[..]), (&bytes[..200_000], &bytes[..200_000]));
        drop((shorter, larger, third));
        assert_eq!(free(), KEPT);
        drop(windows.read(&chunk, 0, KEPT_UPTO + 1).unwrap());
        assert_eq!(free(), KEPT - 1, "one was too small, and the new one is too large to be kept");
        drop(windows.read(&chunk, 0, 10).unwrap());
        assert_eq!(free(), KEPT - 1);
    }
}
