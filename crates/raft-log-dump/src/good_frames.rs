//! The good frames of a chunk one after the other, in one buffer that is used again and again.
//!
//! What always holds: a frame is given only if its head and its body are good; the first that is not ends it, and why is
//! for others to find out. Nothing is allocated for a frame.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use raft_log_chunk::{StorageFile, read_full_at};
use raft_log_codec::{FRAME_FIXED_SIZE, Frame, FrameHead, FrameSeed, HeadFault, RawLogId, RecordKind};

/// Where a frame's head has the checksum of its body: behind its own.
const BODY_CHECKSUM_AT: usize = 4;

/// No more is read at once, so that the bytes are still near when they are summed up.
const WINDOW_BYTES_MAX: usize = 256 * 1024;

/// Term and index.
const ID_SIZE: usize = 16;

/// A frame in the buffer, verified.
#[derive(Debug)]
pub(crate) struct GoodFrame<'a> {
    pub(crate) offset: u64,
    pub(crate) head: FrameHead,
    /// The head's kind, found once: it is asked for several times.
    pub(crate) kind: Option<RecordKind>,
    bytes: &'a [u8],
}

impl GoodFrame<'_> {
    /// What its id holds beyond term and index.
    pub(crate) fn rest(&self) -> &[u8] {
        self.bytes.get(FRAME_FIXED_SIZE + ID_SIZE..self.head.head_size()).unwrap_or_default()
    }

    fn payload(&self) -> &[u8] {
        let start = self.head.head_size();
        self.bytes.get(start..start + self.head.payload_size()).unwrap_or_default()
    }

    /// What a `Group` record says.
    pub(crate) fn durable_end(&self) -> Option<u64> {
        if self.kind != Some(RecordKind::Group) {
            return None;
        }
        let end = u64::from_le_bytes(self.payload().try_into().ok()?);
        (end <= self.offset).then_some(end)
    }

    /// The same frame for keeps.
    pub(crate) fn to_frame(&self) -> Frame {
        self.to_frame_with(usize::MAX)
    }

    /// The same frame for keeps; of an entry's payload no more than `payload_bytes`.
    pub(crate) fn to_frame_with(&self, payload_bytes: usize) -> Frame {
        let id = self.head.term().zip(self.head.index());
        let payload = match self.kind {
            Some(RecordKind::Append) => self.payload().get(..payload_bytes).unwrap_or(self.payload()),
            _ => self.payload(),
        };
        Frame {
            offset: self.offset,
            head: self.head,
            id: id.map(|(term, index)| RawLogId { term, index, rest: Bytes::copy_from_slice(self.rest()) }),
            payload: Bytes::copy_from_slice(payload),
            fault: None,
        }
    }
}

/// Reads them.
#[derive(Debug)]
pub(crate) struct GoodFrames {
    file: Arc<dyn StorageFile>,
    seed: FrameSeed,
    limit: u64,
    offset: u64,
    /// The size of the frame at `offset`, once it was given.
    given: usize,
    buffer: Vec<u8>,
    /// Where the buffer's first byte stands in the file.
    buffer_at: u64,
    window_bytes: usize,
}

impl GoodFrames {
    pub(crate) fn new(
        file: Arc<dyn StorageFile>,
        seed: FrameSeed,
        end: Option<u64>,
        offset: u64,
        window_bytes: usize,
    ) -> io::Result<Self> {
        let size = file.size()?;
        let limit = end.map_or(size, |end| end.min(size));
        Ok(Self {
            file,
            seed,
            limit,
            offset,
            given: 0,
            buffer: Vec::new(),
            buffer_at: offset,
            window_bytes: window_bytes.clamp(FRAME_FIXED_SIZE, WINDOW_BYTES_MAX),
        })
    }

    /// Where the next frame is looked for: behind those that were accepted.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The frame that was given is done with.
    pub(crate) fn accept(&mut self) {
        self.offset += self.given as u64;
        self.given = 0;
    }

    /// The frame at the offset; `None` if there is no good one.
    pub(crate) fn next_frame(&mut self) -> io::Result<Option<GoodFrame<'_>>> {
        let mut needed = FRAME_FIXED_SIZE;
        let head = loop {
            match FrameHead::parse(self.bytes(), self.seed, self.offset) {
                Ok(head) if head.size() <= self.bytes().len() => break head,
                Ok(head) => needed = head.size(),
                Err(HeadFault::Incomplete { needed: more }) => needed = needed.max(more),
                Err(_) => return Ok(None),
            }
            if !self.fill(needed)? {
                return Ok(None);
            }
        };
        self.given = head.size();
        let start = usize::try_from(self.offset - self.buffer_at).unwrap_or(usize::MAX);
        let bytes = self.buffer.get(start..start.saturating_add(head.size())).unwrap_or_default();
        let body = bytes.get(head.head_size()..).unwrap_or_default();
        let stored = bytes.get(BODY_CHECKSUM_AT..).and_then(|rest| rest.first_chunk::<4>());
        if stored.map(|stored| u32::from_le_bytes(*stored)) != Some(crc32c::crc32c(body)) {
            return Ok(None);
        }
        Ok(Some(GoodFrame { offset: self.offset, kind: head.kind(), head, bytes }))
    }

    fn bytes(&self) -> &[u8] {
        let start = usize::try_from(self.offset - self.buffer_at).unwrap_or(usize::MAX);
        self.buffer.get(start..).unwrap_or_default()
    }

    /// Reads on from the offset; whether there are `needed` bytes now.
    fn fill(&mut self, needed: usize) -> io::Result<bool> {
        let left = self.limit.saturating_sub(self.offset);
        if needed as u64 > left {
            return Ok(false);
        }
        let size = (needed.max(self.window_bytes) as u64).min(left);
        self.buffer.resize(usize::try_from(size).unwrap_or(usize::MAX), 0);
        let found = read_full_at(&*self.file, &mut self.buffer, self.offset)?;
        self.buffer.truncate(found);
        self.buffer_at = self.offset;
        Ok(found >= needed)
    }
}
