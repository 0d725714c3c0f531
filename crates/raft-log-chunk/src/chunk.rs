//! A chunk as an open file, and its two lives: active, while its process appends to it, and sealed.
//!
//! Whether its bytes are damaged is told at the place where they are read; nothing is repaired here.

use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use raft_log_codec::{Frame, FrameFault, FrameSeed, HeadFault, RecordKind};

use crate::footer::{Table, read_footer};
use crate::scan::{FrameScan, Scanned};
use crate::space::lay_zeros;
use crate::storage::{StorageFile, read_full_at, write_all_at};
use crate::{ChunkHeader, ChunkId, OFFSET_UNIT, SummaryBuilder};

/// What every chunk has: a file and the header that was read from it or written to it.
#[derive(Debug, Clone)]
pub struct Chunk {
    file: Arc<dyn StorageFile>,
    header: ChunkHeader,
    seed: FrameSeed,
}

/// The most bytes that are read onto the stack first.
const SMALL_READ: usize = 1024;

/// Why an entry cannot be read from its place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryFault {
    /// The file cannot be read.
    #[error("reading failed")]
    Io(#[from] io::Error),
    /// The head at this place is no frame's.
    #[error("{0}")]
    Head(HeadFault),
    /// The body does not match its checksum.
    #[error("{0}")]
    Body(FrameFault),
    /// A good frame stands here, of another record.
    #[error("another record stands here: {found}")]
    Other {
        /// Which.
        found: String,
    },
}

impl Chunk {
    /// The chunk in `file`, which begins with `header`.
    pub fn new(file: Arc<dyn StorageFile>, header: ChunkHeader) -> Self {
        Self { file, seed: header.seed(), header }
    }

    /// Its id.
    #[inline]
    pub fn id(&self) -> ChunkId {
        self.header.chunk_id
    }

    /// Its header.
    #[inline]
    pub fn header(&self) -> &ChunkHeader {
        &self.header
    }

    /// The seed of its frames.
    #[inline]
    pub fn seed(&self) -> FrameSeed {
        self.seed
    }

    /// Its file.
    #[inline]
    pub fn file(&self) -> &Arc<dyn StorageFile> {
        &self.file
    }

    /// Reads `size` bytes at `offset`; fewer if the file ends first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, offset: u64, size: usize) -> io::Result<Bytes> {
        // A small frame is copied: zeroed memory takes longer to get than it takes to copy so little.
        let mut small = [0; SMALL_READ];
        if let Some(small) = small.get_mut(..size) {
            let found = self.read_into(small, offset)?;
            return Ok(Bytes::copy_from_slice(small.get(..found).unwrap_or_default()));
        }
        let mut buffer = vec![0; size];
        let found = self.read_into(&mut buffer, offset)?;
        buffer.truncate(found);
        Ok(buffer.into())
    }

    /// Reads into all of `buffer`, and gives how many bytes there were: fewer if the file ends first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read_into(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_full_at(&*self.file, buffer, offset)
    }

    /// Takes the entry `index`, whose frame begins at `offset`, out of `bytes`, where it begins at position `at`. The
    /// payload is a slice of `bytes`; if they do not hold the whole frame, it is read.
    ///
    /// # Errors
    /// When the bytes cannot be read, do not match their checksums, or are another record.
    #[inline]
    pub fn entry_at(&self, bytes: &Bytes, at: usize, offset: u64, index: u64) -> Result<Frame, EntryFault> {
        self.entry_of(Frame::parse_at(bytes, at, self.seed, offset), offset, index)
    }

    /// Takes the entry `index`, whose frame begins at `offset`, out of `bytes` that begin there and hold nothing else.
    /// The payload keeps `bytes`; if they do not hold the whole frame, it is read.
    ///
    /// # Errors
    /// As [`Chunk::entry_at`].
    #[inline]
    pub fn entry(&self, bytes: Bytes, offset: u64, index: u64) -> Result<Frame, EntryFault> {
        self.entry_of(Frame::parse_alone(bytes, self.seed, offset), offset, index)
    }

    #[inline]
    fn entry_of(
        &self,
        mut parsed: Result<Frame, HeadFault>,
        offset: u64,
        index: u64,
    ) -> Result<Frame, EntryFault> {
        // The fixed fields say how long the id is, the head how long the body.
        for _ in 0..3 {
            let Err(HeadFault::Incomplete { needed }) = parsed else { break };
            // A head may state far more than the file holds: that much memory is not taken.
            if needed as u64 > self.file.size()?.saturating_sub(offset) {
                break;
            }
            parsed = Frame::parse_alone(self.read(offset, needed)?, self.seed, offset);
        }
        let frame = parsed.map_err(EntryFault::Head)?;
        if let Some(fault) = frame.fault {
            return Err(EntryFault::Body(fault));
        }
        if frame.head.kind() != Some(RecordKind::Append) || frame.head.index() != Some(index) {
            let kind = frame.head.kind().map_or("unknown", RecordKind::word);
            let id = frame.id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
            return Err(EntryFault::Other { found: format!("{kind}{id}") });
        }
        Ok(frame)
    }
}

/// The newest chunk while the process that made it appends to it.
#[derive(Debug)]
pub struct ActiveChunk {
    chunk: Chunk,
    /// The end of the space that is written, with frames or zeros: nothing before it can meet a full disk.
    laid_end: u64,
}

impl ActiveChunk {
    /// A chunk whose file has been written up to `laid_end`.
    pub fn new(chunk: Chunk, laid_end: u64) -> Self {
        Self { chunk, laid_end }
    }

    /// What it shares with every chunk.
    pub fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// The end of the space that is claimed.
    pub fn laid_end(&self) -> u64 {
        self.laid_end
    }

    /// Claims space up to `end`, and if that must be laid, up to the next multiple of `step` (0 for no more than
    /// needed).
    ///
    /// # Errors
    /// When zeros cannot be written; what was laid until then is kept.
    pub fn claim(&mut self, end: u64, step: u64) -> io::Result<()> {
        if end <= self.laid_end {
            return Ok(());
        }
        let to = if step == 0 { end } else { end.next_multiple_of(step) };
        match lay_zeros(&**self.chunk.file(), self.laid_end, to) {
            Ok(()) => {
                self.laid_end = to;
                Ok(())
            }
            Err((reached, error)) => {
                self.laid_end = self.laid_end.max(reached);
                if self.laid_end >= end { Ok(()) } else { Err(error) }
            }
        }
    }

    /// Writes frames at `offset`, inside the claimed space.
    ///
    /// # Errors
    /// When the write fails.
    pub fn write(chunk: &Chunk, bytes: &[u8], offset: u64) -> io::Result<()> {
        write_all_at(&**chunk.file(), bytes, offset).map_err(|(_, error)| error)
    }
}

/// A chunk that is not appended to any more.
#[derive(Debug)]
pub struct SealedChunk {
    chunk: Chunk,
    end: u64,
    table: Option<Table>,
    offsets: OnceLock<Arc<[u32]>>,
}

impl SealedChunk {
    /// A chunk whose frames end at `end`.
    pub fn new(chunk: Chunk, end: u64, table: Option<Table>, offsets: Option<Arc<[u32]>>) -> Self {
        Self { chunk, end, table, offsets: offsets.map(OnceLock::from).unwrap_or_default() }
    }

    /// What it shares with every chunk.
    pub fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// Where its frames end, from its first byte.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Where the footer ends that was found behind its frames.
    pub fn footer_end(&self) -> Option<u64> {
        self.table.map(|table| table.end())
    }

    /// Where the frame of each entry that was alive at the chunk's end begins, in units of [`OFFSET_UNIT`]: read
    /// from the footer the first time, and by a scan if the footer's table is damaged.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn offsets(&self, window_bytes: usize) -> io::Result<&Arc<[u32]>> {
        if let Some(offsets) = self.offsets.get() {
            return Ok(offsets);
        }
        let table = match self.table {
            Some(table) => Some(table),
            None => {
                read_footer(&**self.chunk.file(), self.chunk.seed(), self.end)?.map(|footer| footer.table())
            }
        };
        let read = match table {
            Some(table) => table.read(&**self.chunk.file())?,
            None => None,
        };
        let offsets: Arc<[u32]> = match read {
            Some(offsets) => offsets.into(),
            None => self.scan(window_bytes)?.finish().1.into(),
        };
        Ok(self.offsets.get_or_init(|| offsets))
    }

    /// Sums the chunk up from its frames, as far as their heads are good.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn scan(&self, window_bytes: usize) -> io::Result<SummaryBuilder> {
        let mut scan =
            FrameScan::new(self.chunk.file().clone(), self.chunk.seed(), Some(self.end), window_bytes)?;
        let mut builder = SummaryBuilder::new();
        while let Scanned::Frame(frame) = scan.next_frame()? {
            builder.watch(&frame);
        }
        Ok(builder)
    }

    /// Where the entry's frame begins, given its unit.
    #[inline]
    pub fn offset_of(unit: u32) -> u64 {
        u64::from(unit) * OFFSET_UNIT
    }
}
