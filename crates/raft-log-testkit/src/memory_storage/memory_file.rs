//! An open file of a memory storage.
//!
//! The bytes themselves are in the tree. What always holds: a handle keeps its file, whatever happens to the
//! name, until it is dropped; and one for reading changes nothing.

use std::io;
use std::sync::Arc;

use raft_log_chunk::StorageFile;
use rustix::io::Errno;

use super::Shared;
use super::tree::NodeId;
use crate::Operation;

/// What a handle was opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

#[derive(Debug)]
pub(super) struct MemoryFile {
    shared: Arc<Shared>,
    id: NodeId,
    access: Access,
}

impl MemoryFile {
    /// Takes over a handle that the tree has counted already.
    pub(super) fn new(shared: Arc<Shared>, id: NodeId, access: Access) -> Self {
        Self { shared, id, access }
    }

    /// For the lock file: replaces the whole content.
    pub(super) fn name_owner(&self, owner: &[u8]) -> io::Result<()> {
        self.begin(Operation::NameOwner)?;
        let mut tree = self.shared.tree.lock();
        tree.is_owner_named = true;
        tree.bytes_mut(self.id).clear();
        match tree.write(self.id, owner, 0)? {
            count if count == owner.len() => Ok(()),
            _ => Err(Errno::NOSPC.into()),
        }
    }

    /// For the lock file: lets go of the directory's lock, and takes the owner's name out.
    pub(super) fn release_lock(&self) {
        let mut tree = self.shared.tree.lock();
        if tree.is_owner_named {
            tree.bytes_mut(self.id).clear();
        }
        tree.is_owner_named = false;
        tree.is_locked = false;
    }

    fn begin(&self, operation: Operation) -> io::Result<()> {
        self.shared.calls.lock().begin(operation)
    }
}

impl StorageFile for MemoryFile {
    fn size(&self) -> io::Result<u64> {
        self.begin(Operation::Size)?;
        Ok(self.shared.tree.lock().bytes(self.id).len() as u64)
    }

    fn links(&self) -> io::Result<u64> {
        self.begin(Operation::Links)?;
        Ok(self.shared.tree.lock().links(self.id))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.begin(Operation::Read)?;
        let limit = self.shared.calls.lock().read_limit.unwrap_or(usize::MAX);
        let tree = self.shared.tree.lock();
        let content = tree.bytes(self.id);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let count = buffer.len().min(limit).min(content.len() - start);
        buffer[..count].copy_from_slice(&content[start..start + count]);
        drop(tree);
        self.shared.calls.lock().bytes_read += count as u64;
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.begin(Operation::Write)?;
        if self.access == Access::Read {
            return Err(Errno::BADF.into());
        }
        let limit = self.shared.calls.lock().write_limit.unwrap_or(usize::MAX);
        let count = self.shared.tree.lock().write(self.id, &bytes[..bytes.len().min(limit)], offset)?;
        self.shared.calls.lock().bytes_written += count as u64;
        Ok(count)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.begin(Operation::Truncate)?;
        if self.access == Access::Read {
            return Err(Errno::INVAL.into());
        }
        let mut tree = self.shared.tree.lock();
        let content = tree.bytes_mut(self.id);
        let size = usize::try_from(size).ok().filter(|size| *size <= content.len()).ok_or(Errno::INVAL)?;
        content.truncate(size);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let (result, delay) = {
            let mut calls = self.shared.calls.lock();
            (calls.begin(Operation::Sync), calls.sync_delay)
        };
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
        result
    }

    fn drop_cache(&self) -> io::Result<()> {
        self.begin(Operation::DropCache)
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        self.shared.tree.lock().drop_handle(self.id);
    }
}
