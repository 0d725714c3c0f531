//! The one procedure that makes a chunk, and the prepared files it takes.
//!
//! A file is prepared, with its space claimed, before an operation that needs it is accepted; it becomes a chunk when
//! the operations are written. A full disk is met in the first step and fails nothing but that operation.

use std::io;
use std::sync::Arc;

use raft_log_codec::{FrameSeed, SeededBug};

use crate::name::temporary_file_name;
use crate::reuse::{ReusableFile, ReusableFiles, discard};
use crate::space::{RESERVE_BYTES, SPARE_BYTES, lay_zeros};
use crate::storage::{Storage, StorageFile, is_no_space, write_all_at};
use crate::{Chunk, ChunkHeader, DurableFile, DurableMark, Space};

/// A file under a temporary name, written up to `laid_end`, that will become a chunk.
#[derive(Debug)]
pub struct PreparedFile {
    name: String,
    file: Arc<dyn StorageFile>,
    laid_end: u64,
    origin: Origin,
}

/// Where a prepared file comes from, and so where it goes if it is not needed.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// It was made for the chunk.
    New,
    /// It belongs to the reserve for a full disk.
    Spare,
    /// It was a chunk before, with frames of this seed.
    Reused(FrameSeed),
}

impl PreparedFile {
    /// What the space holds: zeros, or what a purged chunk left.
    pub fn space(&self) -> Space {
        match self.origin {
            Origin::New | Origin::Spare => Space::Fresh,
            Origin::Reused(_) => Space::Reused,
        }
    }

    /// The end of the space that is laid.
    pub fn laid_end(&self) -> u64 {
        self.laid_end
    }

    /// The open file.
    pub fn file(&self) -> &Arc<dyn StorageFile> {
        &self.file
    }
}

/// The spare files of a directory: space that is kept so that a log can go on voting and purging on a full disk; and
/// the files of purged chunks, of which new ones are made.
///
/// On a full disk the latter are given up before anything is refused, and before the former are used.
#[derive(Debug)]
pub struct Spares {
    storage: Arc<dyn Storage>,
    /// How many are kept.
    count: usize,
    /// Zeroed by this process, largest last.
    ready: Vec<PreparedFile>,
    /// What other processes left: zeroed before use.
    stale: Vec<String>,
    /// Purged chunks of this process.
    reusable: ReusableFiles,
}

/// A spare smaller than this is not worth keeping.
const SPARE_BYTES_MIN: u64 = 16 * 1024;

impl Spares {
    /// Keeps `count` spares, first of all what other processes left under `stale`.
    pub fn new(storage: Arc<dyn Storage>, count: usize, stale: Vec<String>) -> Self {
        Self { storage, count, ready: Vec::new(), stale, reusable: ReusableFiles::default() }
    }

    /// Prepares a file with room for `needed` bytes, and the reserve behind them, laid up to a multiple of `step`; a
    /// purged chunk's, if there is one. `seed` is that of the chunk to be made: what the file holds already must not pass
    /// for its frames.
    ///
    /// Where the disk is full and `may_use_spare` is set, a spare with room for `needed` is given up for it, or what
    /// is left of the disk. Without it, all spares must be there or find their room first: nothing is taken from a
    /// disk that has no room for the reserve.
    ///
    /// # Errors
    /// When no file can be made; nothing but spares is left behind then.
    pub fn prepare(
        &mut self,
        needed: u64,
        step: u64,
        may_use_spare: bool,
        seed: FrameSeed,
    ) -> io::Result<PreparedFile> {
        let end = (needed + RESERVE_BYTES).next_multiple_of(step.max(1));
        if !may_use_spare {
            while self.ready.len() + self.stale.len() < self.count {
                let spare = self.giving_way(Self::make_spare)?;
                self.keep(spare);
            }
        }
        while let Some(file) = self.reusable.take(seed) {
            match self.lay_behind(file, end) {
                // The space of this file is free now, for the next one or for a new one.
                Err(error) if is_no_space(&error) => {}
                laid => return laid,
            }
        }
        match self.giving_way(|spares| spares.make(end, end)) {
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
            let spare = match self.giving_way(Self::make_spare) {
                Ok(spare) => spare,
                Err(error) if is_no_space(&error) => return Ok(()),
                Err(error) => return Err(error),
            };
            spare.file.sync()?;
            self.keep(spare);
        }
        while let Some(spare) = self.ready.iter_mut().find(|spare| spare.laid_end < SPARE_BYTES) {
            let laid = lay_zeros(&*spare.file, spare.laid_end, SPARE_BYTES);
            spare.laid_end = laid.as_ref().map_or_else(|(reached, _)| *reached, |()| SPARE_BYTES);
            match laid {
                Ok(()) => spare.file.sync()?,
                Err((_, error)) if is_no_space(&error) => {
                    if !self.give_up_one() {
                        break;
                    }
                }
                Err((_, error)) => return Err(error),
            }
        }
        self.ready.sort_by_key(|spare| spare.laid_end);
        Ok(())
    }

    /// How many more files of purged chunks may be kept.
    pub fn reuse_room(&self) -> usize {
        self.reusable.room()
    }

    /// Keeps the file of a purged chunk for a new one; removes it if there are enough.
    pub fn reuse(&mut self, file: ReusableFile) {
        self.reusable.put(&*self.storage, file);
    }

    /// Gives the space of one file back that is kept to be reused. `false` if there is none.
    pub fn give_up_one(&mut self) -> bool {
        self.reusable.give_up_one(&*self.storage)
    }

    /// Makes a file; where the disk is full, files that are kept to be reused give way one by one.
    fn giving_way(&mut self, make: impl Fn(&Self) -> io::Result<PreparedFile>) -> io::Result<PreparedFile> {
        loop {
            match make(self) {
                Err(error) if is_no_space(&error) && self.give_up_one() => {}
                made => return made,
            }
        }
    }

    fn make_spare(&self) -> io::Result<PreparedFile> {
        // Rather a small spare than none; but a full-sized one where a reusable file can give way for it.
        let enough = if self.reusable.is_empty() { SPARE_BYTES_MIN } else { SPARE_BYTES };
        Ok(PreparedFile { origin: Origin::Spare, ..self.make(SPARE_BYTES, enough)? })
    }

    /// Lays zeros behind what a reusable file holds, if that does not reach to `end`. A file that cannot be used is
    /// removed.
    fn lay_behind(&self, file: ReusableFile, end: u64) -> io::Result<PreparedFile> {
        let ReusableFile { name, file, size, former } = file;
        if let Err((_, error)) = lay_zeros(&*file, size, end) {
            drop(file);
            discard(&*self.storage, &name);
            return Err(error);
        }
        Ok(PreparedFile { name, file, laid_end: size.max(end), origin: Origin::Reused(former) })
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
                discard(&*self.storage, &name);
                return Err(error);
            }
        };
        Ok(PreparedFile { name, file, laid_end, origin: Origin::New })
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
            self.keep(PreparedFile { name, file, laid_end, origin: Origin::Spare });
        }
        Ok(())
    }

    fn keep(&mut self, spare: PreparedFile) {
        let position = self.ready.partition_point(|other| other.laid_end < spare.laid_end);
        self.ready.insert(position, spare);
    }

    /// Gives a prepared file back that was not needed in the end: a spare and the file of a purged chunk are kept, and
    /// the space of any other is free again.
    pub fn give_back(&mut self, prepared: PreparedFile) {
        let PreparedFile { name, file, laid_end, origin } = prepared;
        match origin {
            Origin::Spare => self.keep(PreparedFile { name, file, laid_end, origin }),
            Origin::Reused(former) => self.reuse(ReusableFile { name, file, size: laid_end, former }),
            Origin::New => {
                drop(file);
                discard(&*self.storage, &name);
            }
        }
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
    if let Some(previous) = previous
        && !SeededBug::RotateBeforeSync.is_on()
    {
        previous.file().sync()?;
    }
    write_all_at(&*prepared.file, head, 0).map_err(|(_, error)| error)?;
    prepared.file.sync()?;
    storage.rename(&prepared.name, &header.chunk_id.file_name())?;
    if !SeededBug::NoDirectorySyncAfterRename.is_on() {
        storage.sync_directory()?;
    }
    durable.write(mark_at(&header, head.len() as u64))?;
    if !SeededBug::MarkNotSyncedWithChunk.is_on() {
        durable.sync()?;
    }
    Ok(Chunk::new(prepared.file, header))
}

/// The mark that the chunk with this header is durable up to `end`.
pub fn mark_at(header: &ChunkHeader, end: u64) -> DurableMark {
    DurableMark { log_id: header.log_id, chunk_id: header.chunk_id, salt: header.salt, end }
}
