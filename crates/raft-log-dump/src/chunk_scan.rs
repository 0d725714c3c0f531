//! One chunk from its header to what lies behind its frames, whatever happens to it meanwhile.
//!
//! Where the frames of a sealed chunk end is known from its successor's name, so anything else below that is a gap. In
//! the newest chunk the first place without a valid frame is the end, unless bytes behind it are known to have been
//! durable; and as it may be growing, it is looked at again before anything is said about it. Old chunks may be purged
//! and reused while they are read: at every fault the header is read again.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use raft_log_chunk::{
    Behind, ChunkHeader, ChunkId, DurableFacts, FrameScan, HEADER_SIZE, HeaderFault, Scanned, Space, Storage,
    StorageFile, find_frame, look_behind, read_footer,
};
use raft_log_codec::{FRAME_ALIGNMENT, Frame, FrameHead, HeadFault, RecordKind};

use crate::good_frames::{GoodFrame, GoodFrames};
use crate::seed_search::{Surroundings, find_header, read_header_bytes};
use crate::{ChunkStart, Gap, GapCause, Item, StoredFooter, StoredRecord, Tail};

/// How often the end of the newest chunk is looked at again before bytes there are called torn.
const LOOKS: u32 = 5;
/// How long is waited between two looks: longer than any write of a group takes to become visible.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
/// How many records are read ahead to find the first entry.
const FIRST_RECORDS: usize = 8;

/// What a chunk's scan needs to know of the directory.
pub(crate) struct Context<'a> {
    pub(crate) storage: &'a Arc<dyn Storage>,
    pub(crate) chunks: &'a [ChunkId],
    pub(crate) durable: DurableFacts,
    pub(crate) window_bytes: usize,
    pub(crate) is_leftover: bool,
}

/// Reads one chunk.
#[derive(Debug)]
pub(crate) struct ChunkScan {
    storage: Arc<dyn Storage>,
    file: Arc<dyn StorageFile>,
    id: ChunkId,
    /// The bytes of the header when the scan began: others there mean that the file was reused.
    header_bytes: Vec<u8>,
    header: ChunkHeader,
    /// Where the frames must end; `None` in the newest chunk.
    end: Option<u64>,
    window_bytes: usize,
    /// `None` once there is nothing more to read.
    frames: Option<FrameScan>,
    /// The highest end that `DURABLE` or a `Group` frame so far vouches for.
    durable_end: u64,
    /// Whether the end of the log was passed.
    is_behind_end: bool,
    queue: VecDeque<Item>,
}

impl Iterator for ChunkScan {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.queue.pop_front() {
                return Some(item);
            }
            self.frames.as_ref()?;
            if let Err(source) = self.step() {
                self.frames = None;
                self.queue.push_back(Item::Unreadable { file: self.id.file_name(), source });
            }
        }
    }
}

impl ChunkScan {
    /// Opens a chunk; `next` is the one behind it.
    pub(crate) fn begin(context: &Context<'_>, id: ChunkId, next: Option<ChunkId>) -> io::Result<Self> {
        let file = context.storage.open(&id.file_name())?;
        let header_bytes = read_header_bytes(&*file)?;
        let decoded = ChunkHeader::decode(&header_bytes);
        let found = match &decoded {
            Ok(header) => Some(*header),
            Err(HeaderFault::Unsupported { .. }) => None,
            Err(_) => {
                let surroundings = Surroundings { chunks: context.chunks, durable: context.durable };
                find_header(&**context.storage, &*file, id, &header_bytes, surroundings)?
            }
        };
        let file_size = file.size()?;
        let end = next.map(|next| next.offset().saturating_sub(id.offset()));
        let mut start = ChunkStart {
            id,
            header: decoded,
            is_readable: found.is_some(),
            file_size,
            end,
            is_closed: false,
            is_leftover: context.is_leftover,
            first: None,
        };
        // Without a header there is nothing to read, and any will do.
        let header = found.unwrap_or(ChunkHeader {
            log_id: 0,
            chunk_id: id,
            salt: 0,
            previous_salt: 0,
            space: Space::Fresh,
        });
        let mut durable_end = 0;
        if let DurableFacts::Mark(mark) = context.durable
            && end.is_none()
            && found.is_some()
            && (mark.log_id, mark.chunk_id, mark.salt) == (header.log_id, id, header.salt)
        {
            durable_end = mark.end;
            start.is_closed = read_footer(&*file, header.seed(), mark.end)?.is_some();
        }
        let mut scan = Self {
            storage: context.storage.clone(),
            id,
            header_bytes,
            header,
            end,
            window_bytes: context.window_bytes,
            frames: None,
            durable_end,
            is_behind_end: false,
            queue: VecDeque::new(),
            file,
        };
        if start.is_readable {
            scan.frames = Some(scan.frames_from(HEADER_SIZE as u64)?);
            start.first = scan.read_ahead()?;
        } else if let Err(fault) = &start.header
            && !matches!(fault, HeaderFault::Unsupported { .. })
        {
            if scan.is_gone()? {
                scan.queue.push_back(Item::Purged(id));
                return Ok(scan);
            }
            let to = end.unwrap_or(file_size).max(file_size.min(HEADER_SIZE as u64));
            let cause = GapCause::Header(fault.clone());
            scan.queue.push_back(Item::Gap(Gap { chunk: id, from: 0, to, cause, next: None }));
        }
        scan.queue.push_front(Item::Chunk(start));
        Ok(scan)
    }

    /// Reads the first records, in search of the first entry. Whatever is not a good record ends the search.
    fn read_ahead(&mut self) -> io::Result<Option<raft_log_codec::RawLogId>> {
        while self.frames.is_some() && self.queue.len() < FIRST_RECORDS {
            if let Err(source) = self.step() {
                self.frames = None;
                self.queue.push_back(Item::Unreadable { file: self.id.file_name(), source });
            }
            match self.queue.back() {
                Some(Item::Record(record)) if !record.is_behind_end => {
                    if record.frame.head.kind() == Some(RecordKind::Append) {
                        return Ok(record.frame.id.clone());
                    }
                }
                _ => break,
            }
        }
        Ok(None)
    }

    /// Takes the good records that come next; gives how many, and how many of them are entries. Whatever stops it, an
    /// I/O error, too, is met again and told by `next`.
    pub(crate) fn take_good(
        &mut self,
        mut visit: impl FnMut(ChunkId, &GoodFrame<'_>) -> ControlFlow<()>,
    ) -> (u64, u64) {
        let (mut records, mut entries) = (0, 0);
        if !self.queue.is_empty() || self.is_behind_end {
            return (0, 0);
        }
        let Some(frames) = &self.frames else { return (0, 0) };
        let (file, seed) = (self.file.clone(), self.header.seed());
        let Ok(mut good) = GoodFrames::new(file, seed, self.end, frames.offset(), self.window_bytes) else {
            return (0, 0);
        };
        while let Ok(Some(frame)) = good.next_frame() {
            match frame.kind {
                None => break,
                Some(RecordKind::Group) => {
                    self.durable_end = self.durable_end.max(frame.durable_end().unwrap_or(0));
                }
                Some(RecordKind::Append) => entries += 1,
                Some(_) => {}
            }
            let flow = visit(self.id, &frame);
            records += 1;
            good.accept();
            if flow.is_break() {
                break;
            }
        }
        let offset = good.offset();
        self.frames = self.frames.take().map(|frames| frames.starting_at(offset));
        (records, entries)
    }

    fn frames_from(&self, offset: u64) -> io::Result<FrameScan> {
        let frames = FrameScan::new(self.file.clone(), self.header.seed(), self.end, self.window_bytes)?;
        Ok(frames.starting_at(offset))
    }

    /// Reads on by one frame, or past one fault.
    fn step(&mut self) -> io::Result<()> {
        let Some(frames) = &mut self.frames else { return Ok(()) };
        match frames.next_frame()? {
            Scanned::Frame(frame) if frame.fault.is_some() && !self.is_behind_end => {
                if self.end.is_none() {
                    return self.newest_fault(frame.offset, GapCause::Head(HeadFault::Empty), Some(frame));
                }
                if self.is_gone()? {
                    return self.end_as_gone();
                }
                self.push_record(frame);
            }
            Scanned::Frame(frame) => self.push_record(frame),
            Scanned::End { offset, fault } => {
                let cause = self.cause(offset, fault)?;
                match self.end {
                    Some(end) if offset >= end => self.finish_sealed(end)?,
                    Some(end) => self.sealed_gap(offset, end, cause)?,
                    None if self.is_behind_end => {
                        let next = self.find_next(offset + FRAME_ALIGNMENT, self.file.size()?)?;
                        self.go_on_at(next);
                    }
                    None => self.newest_fault(offset, cause, None)?,
                }
            }
        }
        Ok(())
    }

    fn push_record(&mut self, frame: Frame) {
        let record = StoredRecord { chunk: self.id, frame, is_behind_end: self.is_behind_end };
        if let Some(durable_end) = record.durable_end() {
            self.durable_end = self.durable_end.max(durable_end);
        }
        self.queue.push_back(Item::Record(record));
    }

    fn cause(&self, offset: u64, fault: HeadFault) -> io::Result<GapCause> {
        let file_size = self.file.size()?;
        Ok(match fault {
            HeadFault::Incomplete { needed } if offset.saturating_add(needed as u64) > file_size => {
                GapCause::FileEnds { file_size }
            }
            HeadFault::Incomplete { needed } => GapCause::CrossesEnd { size: needed as u64 },
            fault => GapCause::Head(fault),
        })
    }

    fn finish_sealed(&mut self, end: u64) -> io::Result<()> {
        self.frames = None;
        if let Some(footer) = read_footer(&*self.file, self.header.seed(), end)? {
            self.queue.push_back(Item::Footer(StoredFooter { chunk: self.id, at: end, footer }));
        }
        Ok(())
    }

    fn sealed_gap(&mut self, from: u64, end: u64, cause: GapCause) -> io::Result<()> {
        if self.is_gone()? {
            return self.end_as_gone();
        }
        let next = self.find_next(from + FRAME_ALIGNMENT, end)?;
        let to = next.map_or(end, |(offset, _)| offset);
        self.queue.push_back(Item::Gap(Gap { chunk: self.id, from, to, cause, next }));
        self.go_on_at(next);
        if next.is_none() {
            self.finish_sealed(end)?;
        }
        Ok(())
    }

    /// The first place in the newest chunk that holds no valid frame: its end, damage, or a frame being written.
    fn newest_fault(&mut self, at: u64, cause: GapCause, bad: Option<Frame>) -> io::Result<()> {
        let mut looks = 0;
        let behind = loop {
            let behind = self.look_behind(at)?;
            // What is vouched for behind was written since, unless the fault is still there.
            if self.is_valid_now(at)? {
                self.frames = Some(self.frames_from(at)?);
                return Ok(());
            }
            let is_unsettled = !behind.is_footer
                && (bad.is_some()
                    || behind.durable_end > at
                    || (self.header.space == Space::Fresh && behind.first_nonzero.is_some()));
            if !is_unsettled || looks == LOOKS || self.durable_end > at {
                break behind;
            }
            looks += 1;
            thread::sleep(BETWEEN_LOOKS);
        };
        if self.is_gone()? {
            return self.end_as_gone();
        }
        if self.end_by_successor()?.is_some_and(|end| end <= at) {
            // It was sealed meanwhile; what lies behind its frames is not judged.
            return self.finish_sealed(at);
        }
        let next_from = bad.as_ref().map_or(at + FRAME_ALIGNMENT, Frame::end);
        let size = self.file.size()?;
        let durable_end = self.durable_end.max(behind.durable_end);
        if durable_end > at {
            self.durable_end = durable_end;
            if let Some(frame) = bad {
                self.push_record(frame);
                return Ok(());
            }
            let next = self.find_next(next_from, size)?;
            let to = next.map_or(durable_end, |(offset, _)| offset);
            self.queue.push_back(Item::Gap(Gap { chunk: self.id, from: at, to, cause, next }));
            self.go_on_at(next);
            if next.is_none() {
                self.push_footer(durable_end)?;
            }
            return Ok(());
        }
        self.is_behind_end = true;
        let next = match (&bad, behind.first_nonzero) {
            (None, None) => None,
            _ if behind.is_footer => None,
            _ => self.find_next(next_from, size)?,
        };
        if behind.is_footer {
            self.push_footer(at)?;
        }
        let (chunk, space, body_fault) = (self.id, self.header.space, bad.is_some());
        self.queue.push_back(Item::Tail(Tail { chunk, at, behind, space, body_fault, next }));
        if let Some(frame) = bad {
            self.push_record(frame);
        }
        self.go_on_at(next);
        Ok(())
    }

    fn push_footer(&mut self, at: u64) -> io::Result<()> {
        if let Some(footer) = read_footer(&*self.file, self.header.seed(), at)? {
            self.queue.push_back(Item::Footer(StoredFooter { chunk: self.id, at, footer }));
        }
        Ok(())
    }

    fn look_behind(&self, at: u64) -> io::Result<Behind> {
        let mut behind = look_behind(&*self.file, self.header.seed(), at, self.window_bytes)?;
        behind.is_footer = read_footer(&*self.file, self.header.seed(), at)?.is_some();
        Ok(behind)
    }

    fn is_valid_now(&self, at: u64) -> io::Result<bool> {
        let found = self.frames_from(at)?.next_frame()?;
        Ok(matches!(found, Scanned::Frame(frame) if frame.fault.is_none()))
    }

    /// Where this chunk's frames end, if a newer chunk was made meanwhile.
    fn end_by_successor(&self) -> io::Result<Option<u64>> {
        let names = self.storage.list()?;
        let ids = names.iter().filter_map(|entry| ChunkId::from_file_name(&entry.name).ok().flatten());
        let next = ids.filter(|id| *id > self.id).min();
        Ok(next.map(|next| next.offset() - self.id.offset()))
    }

    /// The next frame from `from` on. Near places are looked at first, so that many small gaps cost little.
    fn find_next(&self, from: u64, limit: u64) -> io::Result<Option<(u64, FrameHead)>> {
        const NEAR_BYTES: usize = 2048;
        let near = limit.min(from.saturating_add(NEAR_BYTES as u64));
        let seed = self.header.seed();
        match find_frame(&*self.file, seed, from, near, NEAR_BYTES)? {
            Some(found) => Ok(Some(found)),
            None => find_frame(&*self.file, seed, near, limit, self.window_bytes),
        }
    }

    fn go_on_at(&mut self, next: Option<(u64, FrameHead)>) {
        let frames = self.frames.take();
        self.frames = next.and_then(|(offset, _)| Some(frames?.starting_at(offset)));
    }

    /// Whether the chunk was purged: its name is gone, or its file is already used for something else.
    fn is_gone(&self) -> io::Result<bool> {
        match self.storage.open(&self.id.file_name()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
            Ok(_) => Ok(read_header_bytes(&*self.file)? != self.header_bytes),
        }
    }

    fn end_as_gone(&mut self) -> io::Result<()> {
        self.frames = None;
        self.queue.push_back(Item::Purged(self.id));
        Ok(())
    }
}
