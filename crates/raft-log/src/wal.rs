//! What the log needs of the thing that stores its records: an ordered stream with a durable end.
//!
//! [`RaftLogWal`](crate::RaftLogWal) keeps the stream in chunk files; the test kit has one in memory. Rules, cache and
//! visibility are not its business.

use raft_log_chunk::{ChunkId, OFFSET_UNIT};
use raft_log_codec::{RaftLogState, Record, Types};

use crate::{AcceptError, Entry, FlushCallback, FlushError, ReadError, WalStats};

/// A place in the stream of records: the chunk's id and the offset in the chunk, added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(u64);

impl Position {
    /// The place this many bytes from the beginning of the log.
    pub const fn new(offset: u64) -> Self {
        Self(offset)
    }

    /// The bytes from the beginning of the log.
    pub const fn offset(self) -> u64 {
        self.0
    }
}

/// Where a record's frame lies. Frames follow each other, and begin at multiples of 8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The chunk.
    pub chunk: ChunkId,
    /// Where the frame begins, from the chunk's first byte.
    pub offset: u64,
    /// The bytes of the frame.
    pub size: u32,
}

impl Place {
    /// The place in the whole stream.
    pub fn position(&self) -> Position {
        Position(self.chunk.offset() + self.offset)
    }
}

/// Neighbouring entries in one chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// The chunk.
    pub chunk: ChunkId,
    /// The index of the first entry.
    pub first: u64,
    /// How many entries there are.
    pub count: usize,
    /// Where their frames begin, and where the frame behind them does if it is known, in units of 8 bytes; `None`
    /// where only the chunk itself can tell, because the entries were not given to this log with their places.
    pub offsets: Option<Vec<u32>>,
    /// The terms of the entries: each from an index on. What is read must agree with it.
    pub terms: Vec<(u64, u64)>,
}

impl Extent {
    /// Where the frame of the entry at this position of the extent begins in the chunk, if it is known.
    pub fn offset(&self, position: usize) -> Option<u64> {
        self.offsets.as_ref()?.get(position).map(|unit| u64::from(*unit) * OFFSET_UNIT)
    }

    /// The term that the entry `index` has.
    #[inline]
    pub fn term(&self, index: u64) -> Option<u64> {
        let behind = self.terms.partition_point(|(from, _)| *from <= index);
        self.terms.get(behind.checked_sub(1)?).map(|(_, term)| *term)
    }
}

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryPlace {
    /// Its chunk.
    pub chunk: ChunkId,
    /// Its index.
    pub index: u64,
    /// Where its frame begins in the chunk, and where the frame behind it does if that is known; `None` where only the
    /// chunk itself can tell.
    pub offsets: Option<(u64, Option<u64>)>,
    /// Its term. What is read must agree with it.
    pub term: Option<u64>,
}

impl EntryPlace {
    /// The same as neighbouring entries, of which there is one.
    pub fn to_extent(&self) -> Extent {
        let unit = |offset: u64| u32::try_from(offset / OFFSET_UNIT).unwrap_or(u32::MAX);
        Extent {
            chunk: self.chunk,
            first: self.index,
            count: 1,
            offsets: self
                .offsets
                .map(|(begin, end)| [Some(begin), end].into_iter().flatten().map(unit).collect()),
            terms: self.term.map(|term| (self.index, term)).into_iter().collect(),
        }
    }
}

/// An ordered stream of records.
pub trait Wal<T: Types>: Send + 'static {
    /// Reads entries beside the writer.
    type Reader: WalReader<T>;

    /// Whether it takes records.
    ///
    /// # Errors
    /// When a write or a sync has failed, or it was closed.
    fn check_usable(&self) -> Result<(), FlushError>;

    /// Takes records at the end of the stream, all or none of them: encodes them, claims their space, and gives the
    /// place of each in `places`. `before` is the state of the log before the first of them. Records that follow the
    /// first are entries.
    ///
    /// Nothing is durable yet. May wait for disk I/O when much is unsynced.
    ///
    /// # Errors
    /// When they cannot be encoded, there is no space, or an earlier write failed. Nothing is in the stream then.
    fn accept(
        &mut self,
        before: &RaftLogState<T>,
        records: &[Record<T>],
        places: &mut Vec<Place>,
    ) -> Result<(), AcceptError>;

    /// Makes everything that was accepted durable before it returns.
    ///
    /// # Errors
    /// When a write or a sync fails, now or earlier.
    fn sync(&mut self) -> Result<(), FlushError>;

    /// Makes everything that was accepted durable, and tells `done` when it is. Callbacks run exactly once, in the
    /// order of these calls, on any thread.
    fn flush(&mut self, done: FlushCallback);

    /// A callback that was called, if one was kept: the next may use its memory.
    fn spent_callback(&mut self) -> Option<FlushCallback> {
        None
    }

    /// Everything before this position is durable.
    fn durable(&self) -> Position;

    /// A handle for reading.
    fn reader(&self) -> Self::Reader;

    /// Syncs, and ends the stream in an orderly way; `state` is the state of the log at its end. Called again, it does
    /// nothing.
    ///
    /// # Errors
    /// The last error: a write or sync that failed, now or earlier.
    fn close(&mut self, state: &RaftLogState<T>) -> Result<(), FlushError>;
}

/// Reads entries of a [`Wal`], from any thread.
pub trait WalReader<T: Types>: Clone + Send + Sync + 'static {
    /// Reads entries of an extent in order and appends them to `entries` until all are read or their frames reach
    /// `bytes_max`, but at least one. Gives the bytes of the frames, or `None` if the chunk has been removed.
    ///
    /// # Errors
    /// At the first entry that cannot be read; those before it are in `entries`.
    fn read(
        &self,
        extent: &Extent,
        bytes_max: u64,
        entries: &mut Vec<(T::LogId, T::Payload)>,
    ) -> Result<Option<u64>, ReadError>;

    /// Reads one entry; `None` if its chunk has been removed.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read_one(&self, place: &EntryPlace) -> Result<Option<Entry<T>>, ReadError> {
        let mut entries = Vec::with_capacity(1);
        let read = self.read(&place.to_extent(), u64::MAX, &mut entries)?;
        Ok(read.and_then(|_| entries.pop()))
    }

    /// Everything before this position is durable.
    fn durable(&self) -> Position;

    /// What it has counted; all zero where it does not count. It must not wait for a sync.
    fn stats(&self) -> WalStats {
        WalStats::default()
    }
}
