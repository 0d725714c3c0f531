//! An open file of a simulated disk, and the held lock.
//!
//! What always holds: a handle of a process that was killed does nothing any more.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use raft_log_chunk::{LockGuard, StorageFile};
use rustix::io::Errno;

use super::state::FileId;
use super::{FailedSync, Process, Shared};
use crate::Operation;

#[derive(Debug)]
pub(super) struct Handle {
    pub(super) process: Process,
    pub(super) file: FileId,
    pub(super) is_writable: bool,
}

impl Handle {
    fn shared(&self) -> &Shared {
        &self.process.shared
    }
}

impl StorageFile for Handle {
    fn size(&self) -> io::Result<u64> {
        let disk = self.process.begin(Operation::Size)?;
        Ok(disk.state.file(self.file).cached.size)
    }

    fn links(&self) -> io::Result<u64> {
        let disk = self.process.begin(Operation::Links)?;
        Ok(disk.state.links(self.file))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let disk = self.process.begin(Operation::Read)?;
        let limit = self.shared().calls.lock().read_limit.unwrap_or(usize::MAX).min(buffer.len());
        Ok(disk.state.file(self.file).cached.read(&mut buffer[..limit], offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.process.begin_change(Operation::Write)?;
        if !self.is_writable {
            return Err(Errno::BADF.into());
        }
        let count = self.shared().calls.lock().write_limit.unwrap_or(usize::MAX).min(bytes.len());
        disk.state.file_mut(self.file).write(&bytes[..count], offset)?;
        Ok(count)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        let mut disk = self.process.begin_change(Operation::Truncate)?;
        if !self.is_writable {
            return Err(Errno::INVAL.into());
        }
        disk.state.file_mut(self.file).truncate(size)
    }

    fn sync(&self) -> io::Result<()> {
        match self.process.begin_change(Operation::Sync) {
            Ok(mut disk) => {
                disk.state.file_mut(self.file).sync();
                Ok(())
            }
            Err(error) => {
                let disk = &mut *self.shared().disk.lock();
                if disk.failed_sync == FailedSync::Drops && disk.life == self.process.life {
                    disk.state.file_mut(self.file).drop_pending(&mut disk.random);
                }
                Err(error)
            }
        }
    }

    fn drop_cache(&self) -> io::Result<()> {
        let mut disk = self.process.begin(Operation::DropCache)?;
        disk.state.file_mut(self.file).drop_cache();
        Ok(())
    }
}

/// The held lock of the directory. Losing the name of its owner does no harm, so writing it is no place for a crash.
#[derive(Debug)]
pub(super) struct Lock {
    pub(super) process: Process,
    pub(super) file: FileId,
    pub(super) is_named: AtomicBool,
}

impl LockGuard for Lock {
    fn name_owner(&self, owner: &str) -> io::Result<()> {
        let mut disk = self.process.begin(Operation::NameOwner)?;
        self.is_named.store(true, Ordering::Relaxed);
        let file = disk.state.file_mut(self.file);
        file.truncate(0)?;
        file.write(owner.as_bytes(), 0)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut disk = self.process.shared.disk.lock();
        if disk.life != self.process.life {
            return;
        }
        disk.state.is_locked = false;
        if self.is_named.load(Ordering::Relaxed) {
            // A file can always be cut to nothing.
            let _ = disk.state.file_mut(self.file).truncate(0);
        }
    }
}

/// Whoever is alive may go on.
pub(super) fn check_alive(process: &Process, life: u64) -> io::Result<()> {
    if process.life == life { Ok(()) } else { Err(Errno::IO.into()) }
}

/// A handle of a file.
pub(super) fn handle(process: &Process, file: FileId, is_writable: bool) -> Arc<dyn StorageFile> {
    Arc::new(Handle { process: process.clone(), file, is_writable })
}
