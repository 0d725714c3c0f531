//! The one procedure that makes a chunk, and the prepared files it takes.
//!
//! A file is prepared, with its space claimed, before an operation that needs it is accepted; it becomes a chunk when
//! the operations are written. A full disk is met in the first step and fails nothing but that operation.

use std::io;
use std::sync::Arc;

use crate::name::temporary_file_name;
use crate::space::{RESERVE_BYTES, SPARE_BYTES, lay_zeros};
use crate::storage::{Storage, StorageFile, is_no_space, write_all_at};
use crate::{Chunk, ChunkHeader, DurableFile, DurableMark};

/// A file under a temporary name, zeros up to `laid_end`, that will become a chunk.
#[derive(Debug)]
pub struct PreparedFile {
    name: String,
    file: Arc<dyn StorageFile>,
    laid_end: u64,
    /// It belongs to the reserve for a full disk.
    is_spare: bool,
}

impl PreparedFile {
    /// The end of the space that is laid.
    pub fn laid_end(&self) -> u64 {
        self.laid_end
    }

    /// The open file.
    pub fn file(&self) -> &Arc<dyn StorageFile> {
        &self.file
    }
}

/// The spare files of a directory: space that is kept so that a log can go on voting and purging on a full disk.
#[derive(Debug)]
pub struct Spares {
    storage: Arc<dyn Storage>,
    /// How many are kept.
    count: usize,
    /// Zeroed by this process, largest last.
    ready: Vec<PreparedFile>,
    /// What other processes left: zeroed before use.
    stale: Vec<String>,
}

/// A spare smaller than this is not worth keeping.
const SPARE_BYTES_MIN: u64 = 16 * 1024;

impl Spares {
    /// Keeps `count` spares, first of all what other processes left under `stale`.
    pub fn new(storage: Arc<dyn Storage>, count: usize, stale: Vec<String>) -> Self {
        Self { storage, count, ready: Vec::new(), stale }
    }

    /// Prepares a file with room for `needed` bytes, and the reserve behind them, laid up to a multiple of `step`.
    ///
    /// Where the disk is full and `may_use_spare` is set, a spare with room for `needed` is given up for it, or what
    /// is left of the disk. Without it, all spares must be there or find their room first: nothing is taken from a
    /// disk that has no room for the reserve.
    ///
    /// # Errors
    /// When no file can be made; nothing but spares is left behind then.
    pub fn prepare(&mut self, needed: u64, step: u64, may_use_spare: bool) -> io::Result<PreparedFile> {
        let end = (needed + RESERVE_BYTES).next_multiple_of(step.max(1));
        if !may_use_spare {
            while self.ready.len() + self.stale.len() < self.count {
                let spare = self.make_spare()?;
                self.keep(spare);
            }
        }
        match self.make(end, end) {
            Err(error) if is_no_space(&error) && may_use_spare => match self.take_spare(needed) {
                Some(spare) => Ok(spare),
                None => self.make(end, needed),
            },
            made => made,
        }
    }

    /// Makes sure that as many spares are kept as there should be, of full size, as far as the disk has room.
    ///
    /// # Errors
    /// When a file cannot be made for another reason than a full disk.
    pub fn refill(&mut self) -> io::Result<()> {
        self.adopt_stale()?;
        while self.ready.len() > self.count {
            // The smallest is the least useful.
            let spare = self.ready.remove(0);
            self.storage.remove(&spare.name)?;
        }
        while self.ready.len() < self.count {
            let spare = match self.make_spare() {
                Ok(spare) => spare,
                Err(error) if is_no_space(&error) => return Ok(()),
                Err(error) => return Err(error),
            };
            spare.file.sync()?;
            self.keep(spare);
        }
        for spare in self.ready.iter_mut().filter(|spare| spare.laid_end < SPARE_BYTES) {
            let laid = lay_zeros(&*spare.file, spare.laid_end, SPARE_BYTES);
            spare.laid_end = laid.as_ref().map_or_else(|(reached, _)| *reached, |()| SPARE_BYTES);
            match laid {
                Ok(()) => spare.file.sync()?,
                Err((_, error)) if is_no_space(&error) => break,
                Err((_, error)) => return Err(error),
            }
        }
        self.ready.sort_by_key(|spare| spare.laid_end);
        Ok(())
    }

    fn make_spare(&self) -> io::Result<PreparedFile> {
        Ok(PreparedFile { is_spare: true, ..self.make(SPARE_BYTES, SPARE_BYTES_MIN)? })
    }

    /// Makes a file of zeros up to `wanted`, or at least up to `needed` where the disk has no room for more.
    fn make(&self, wanted: u64, needed: u64) -> io::Result<PreparedFile> {
        let name = temporary_file_name(self.storage.random()?);
        let file = self.storage.create(&name)?;
        let laid_end = match lay_zeros(&*file, 0, wanted) {
            Ok(()) => wanted,
            Err((reached, error)) if is_no_space(&error) && reached >= needed => reached,
            Err((_, error)) => {
                drop(file);
                // A temporary file that cannot be removed is found again at the next open.
                let _ = self.storage.remove(&name);
                return Err(error);
            }
        };
        Ok(PreparedFile { name, file, laid_end, is_spare: false })
    }

    fn take_spare(&mut self, needed: u64) -> Option<PreparedFile> {
        // What cannot be adopted is no spare; the full disk is the error to report.
        let _ = self.adopt_stale();
        let position = self.ready.iter().rposition(|spare| spare.laid_end >= needed)?;
        Some(self.ready.remove(position))
    }

    /// Makes spares of what other processes left: cut to the size of one, as it may have been a whole chunk, and
    /// overwritten with zeros. A file with a second name may be part of a backup and is left alone.
    fn adopt_stale(&mut self) -> io::Result<()> {
        while let Some(name) = self.stale.pop() {
            let file = self.storage.open_writable(&name)?;
            let size = file.size()?;
            if file.links()? > 1 {
                continue;
            }
            if size < SPARE_BYTES_MIN {
                self.storage.remove(&name)?;
                continue;
            }
            let laid_end = size.min(SPARE_BYTES);
            if size > laid_end {
                file.truncate(laid_end)?;
            }
            lay_zeros(&*file, 0, laid_end).map_err(|(_, error)| error)?;
            file.sync()?;
            self.keep(PreparedFile { name, file, laid_end, is_spare: true });
        }
        Ok(())
    }

    fn keep(&mut self, spare: PreparedFile) {
        let position = self.ready.partition_point(|other| other.laid_end < spare.laid_end);
        self.ready.insert(position, spare);
    }

    /// Gives a prepared file back that was not needed in the end: a spare is kept, and the space of any other is free
    /// again.
    pub fn give_back(&mut self, prepared: PreparedFile) {
        if prepared.is_spare {
            return self.keep(prepared);
        }
        let PreparedFile { name, file, .. } = prepared;
        drop(file);
        // A temporary file that cannot be removed is found again at the next open.
        let _ = self.storage.remove(&name);
    }
}

/// Makes `DURABLE` for the first chunk of a log: it says that nothing is durable yet, and must be there before the
/// chunk is.
///
/// # Errors
/// When it cannot be made.
pub fn make_durable_file(storage: &dyn Storage, header: &ChunkHeader) -> io::Result<DurableFile> {
    DurableFile::open(storage, mark_at(header, 0))
}

/// Makes the next chunk of `prepared`: the chunk before it is durable first, then the new one with its header and
/// `State`, then its name, then `DURABLE` says so. `head` is the header and the `State` frame.
///
/// # Errors
/// When any step fails. The log can then not go on: what the disk holds is unknown.
pub fn make_chunk(
    storage: &dyn Storage,
    previous: Option<&Chunk>,
    prepared: PreparedFile,
    header: ChunkHeader,
    head: &[u8],
    durable: &mut DurableFile,
) -> io::Result<Chunk> {
    if let Some(previous) = previous {
        previous.file().sync()?;
    }
    write_all_at(&*prepared.file, head, 0).map_err(|(_, error)| error)?;
    prepared.file.sync()?;
    storage.rename(&prepared.name, &header.chunk_id.file_name())?;
    storage.sync_directory()?;
    durable.write(mark_at(&header, head.len() as u64))?;
    durable.sync()?;
    Ok(Chunk::new(prepared.file, header))
}

/// The mark that the chunk with this header is durable up to `end`.
pub fn mark_at(header: &ChunkHeader, end: u64) -> DurableMark {
    DurableMark { log_id: header.log_id, chunk_id: header.chunk_id, salt: header.salt, end }
}
