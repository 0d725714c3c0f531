//! The entries that are alive after a replay, in the order of their indexes, wherever they are stored.
//!
//! Where the directory opens, they are those that opening finds. Where it is refused, they are what the chunks that can
//! be read lead to, without a promise that nothing is missing between them.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use raft_log_chunk::{
    Chunk, ChunkHeader, ChunkId, ChunkSummary, FrameScan, OFFSET_UNIT, Scanned, SealedChunk, Storage,
    SummaryBuilder, find_frame,
};
use raft_log_codec::{
    Decode, FRAME_ALIGNMENT, Frame, LogId, RaftLogState, RawLogId, RawTypes, RawVote, RecordKind,
};
use raft_log_state::StateMachine;

use crate::chunk_names::chunk_ids;
use crate::seed_search::{read_header, read_header_bytes};
use crate::{ChunkStart, Counts, Gap, GapCause, Item, OpenAnswer, StoredRecord};

/// How much is read at once.
const WINDOW_BYTES: usize = 1 << 20;

/// A log as a replay leaves it.
#[derive(Debug)]
pub(crate) struct LogicalLog {
    /// Vote, marks and user data.
    pub(crate) state: RaftLogState<RawTypes>,
    /// The chunks with living entries, in the order of these.
    pub(crate) chunks: Vec<LiveChunk>,
    storage: Arc<dyn Storage>,
}

/// A chunk, and which of its entries are alive.
#[derive(Debug)]
pub(crate) struct LiveChunk {
    chunk: SealedChunk,
    summary: ChunkSummary,
    live: Range<u64>,
    is_newest: bool,
}

impl LiveChunk {
    pub(crate) fn id(&self) -> ChunkId {
        self.chunk.chunk().id()
    }

    /// The id of its first entry that is alive.
    pub(crate) fn first_id(&self) -> Option<RawLogId> {
        run_id(&self.summary, self.live.start)
    }

    pub(crate) fn live(&self) -> Range<u64> {
        self.live.clone()
    }
}

impl LogicalLog {
    /// The log that the answer leads to. The answer is used up.
    pub(crate) fn of(storage: &Arc<dyn Storage>, answer: OpenAnswer) -> io::Result<Self> {
        let opening = match answer {
            OpenAnswer::Opens(opening) => *opening,
            OpenAnswer::Refuses(_) | OpenAnswer::Unsteady => return Self::salvage(storage),
        };
        let chunks = opening.recovered.chunks.into_iter();
        let chunks = chunks.map(|found| LiveChunk {
            chunk: found.chunk,
            summary: found.summary,
            live: found.live,
            is_newest: false,
        });
        let mut chunks: Vec<LiveChunk> = chunks.collect();
        mark_newest(&mut chunks);
        Ok(Self {
            storage: storage.clone(),
            state: opening.machine.state().clone(),
            chunks: chunks.into_iter().filter(|chunk| !chunk.live.is_empty()).collect(),
        })
    }

    /// What can be read, without asking whether it is a log.
    fn salvage(storage: &Arc<dyn Storage>) -> io::Result<Self> {
        let ids = chunk_ids(&**storage)?;
        let mut state = RaftLogState::<RawTypes>::default();
        let mut chunks = Vec::new();
        for (position, id) in ids.iter().enumerate() {
            let Ok(Ok(header)) = read_header(&**storage, *id) else { continue };
            let Ok(file) = storage.open(&id.file_name()) else { continue };
            let end = ids.get(position + 1).map(|next| next.offset() - id.offset());
            let Ok((end, parts)) = read_chunk(&file, &header, end, &mut state) else { continue };
            for (summary, offsets) in parts {
                let chunk = Chunk::new(file.clone(), header);
                let chunk = SealedChunk::new(chunk, end, None, Some(offsets.into()));
                chunks.push(LiveChunk { chunk, summary, live: 0..0, is_newest: false });
            }
        }
        mark_newest(&mut chunks);
        let first = state.first_index();
        let mut cut = u64::MAX;
        for chunk in chunks.iter_mut().rev() {
            let start = chunk.summary.first_index().unwrap_or(0).max(first);
            let end = chunk.summary.end_index.min(cut);
            if chunk.summary.entries() > 0 && start < end {
                chunk.live = start..end;
                // What a later chunk holds as well is the later one's.
                cut = cut.min(start);
            }
            cut = cut.min(chunk.summary.truncated_from.unwrap_or(u64::MAX));
        }
        chunks.retain(|chunk| !chunk.live.is_empty());
        Ok(Self { storage: storage.clone(), state, chunks })
    }

    /// Leaves out the entries with an index below `first` or above `last`.
    pub(crate) fn restrict(&mut self, first: u64, last: u64) {
        for chunk in &mut self.chunks {
            chunk.live = chunk.live.start.max(first)..chunk.live.end.min(last.saturating_add(1));
        }
        self.chunks.retain(|chunk| !chunk.live.is_empty());
    }

    /// The entries as items, and the headings of their chunks.
    pub(crate) fn items(self) -> LogicalItems {
        LogicalItems {
            storage: self.storage,
            chunks: self.chunks.into(),
            current: None,
            queue: VecDeque::new(),
            counts: Counts::default(),
            is_ended: false,
        }
    }
}

fn mark_newest(chunks: &mut [LiveChunk]) {
    if let Some(newest) = chunks.last_mut() {
        newest.is_newest = true;
    }
}

/// The end of a chunk, and its stretches of entries without a break, with where each entry lies.
type ReadChunk = (u64, Vec<(ChunkSummary, Vec<u32>)>);

/// Sums a chunk up, and follows its records as far as they can be read.
fn read_chunk(
    file: &Arc<dyn raft_log_chunk::StorageFile>,
    header: &ChunkHeader,
    end: Option<u64>,
    state: &mut RaftLogState<RawTypes>,
) -> io::Result<ReadChunk> {
    let mut scan = FrameScan::new(file.clone(), header.seed(), end, WINDOW_BYTES)?;
    let mut builder = SummaryBuilder::new();
    let mut parts = Vec::new();
    let stop = loop {
        match scan.next_frame()? {
            Scanned::End { offset, .. } => {
                let Some(end) = end.filter(|end| offset < *end) else { break offset };
                match find_frame(&**file, header.seed(), offset + FRAME_ALIGNMENT, end, WINDOW_BYTES)? {
                    Some((next, _)) => scan = scan.starting_at(next),
                    None => break offset,
                }
            }
            Scanned::Frame(frame) => {
                if end.is_none() && frame.fault.is_some() {
                    break frame.offset;
                }
                let summary = builder.summary();
                let is_break = frame.head.kind() == Some(RecordKind::Append)
                    && summary.entries() > 0
                    && frame.head.index() != Some(summary.end_index);
                if is_break {
                    parts.push(std::mem::take(&mut builder).finish());
                }
                builder.watch(&frame);
                follow(state, &frame);
            }
        }
    };
    parts.push(builder.finish());
    Ok((end.unwrap_or(stop), parts))
}

/// What a record says of the state, without asking whether it may.
pub(crate) fn follow(state: &mut RaftLogState<RawTypes>, frame: &Frame) {
    let id = frame.id.clone();
    match frame.head.kind() {
        Some(RecordKind::Append) => state.last = id,
        Some(RecordKind::Commit) => state.committed = id,
        Some(RecordKind::TruncateAfter) => state.last = id.or_else(|| state.purged.clone()),
        Some(RecordKind::PurgeUpto) => {
            let index = id.as_ref().map(LogId::index);
            for mark in [&mut state.committed, &mut state.last] {
                if mark.as_ref().map(LogId::index) < index {
                    mark.clone_from(&id);
                }
            }
            state.purged = id;
        }
        _ if frame.fault.is_some() => {}
        Some(RecordKind::SaveVote) => state.vote = Some(RawVote(frame.payload.clone())),
        Some(RecordKind::SaveUserData) => {
            state.user_data = (frame.payload.first() == Some(&1)).then(|| frame.payload.slice(1..));
        }
        Some(RecordKind::State) => {
            if let Ok(given) = RaftLogState::decode(frame.payload.clone()) {
                *state = given;
            }
        }
        Some(_) | None => {}
    }
}

/// The entries of a [`LogicalLog`], one item each.
#[derive(Debug)]
pub(crate) struct LogicalItems {
    storage: Arc<dyn Storage>,
    chunks: VecDeque<LiveChunk>,
    current: Option<Reading>,
    queue: VecDeque<Item>,
    counts: Counts,
    is_ended: bool,
}

#[derive(Debug)]
struct Reading {
    chunk: LiveChunk,
    offsets: Arc<[u32]>,
    next: u64,
    frames: FrameScan,
}

impl LogicalItems {
    /// Whether the chunk was purged: its name is gone, or its file holds another chunk by now.
    fn is_gone(&self, chunk: &LiveChunk) -> io::Result<bool> {
        let inner = chunk.chunk.chunk();
        match self.storage.open(&inner.id().file_name()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
            Ok(_) => {
                let found = ChunkHeader::decode(&read_header_bytes(&**inner.file())?);
                Ok(found.as_ref() != Ok(inner.header()))
            }
        }
    }

    /// What was found so far.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    fn begin(&mut self, chunk: LiveChunk) -> io::Result<()> {
        let inner = chunk.chunk.chunk();
        let id = inner.id();
        let file = inner.file().clone();
        self.counts.chunks += 1;
        let offsets = chunk.chunk.offsets(WINDOW_BYTES)?.clone();
        let frames = FrameScan::new(file.clone(), inner.seed(), Some(chunk.chunk.end()), WINDOW_BYTES)?;
        let first = chunk.live.start;
        self.queue.push_back(Item::Chunk(ChunkStart {
            id,
            // As it was found: by now the file may be another chunk's, which shows when its entries are read.
            header: Ok(*inner.header()),
            is_readable: true,
            file_size: file.size()?,
            end: Some(chunk.chunk.end()).filter(|_| !chunk.is_newest),
            is_closed: false,
            is_leftover: false,
            first: run_id(&chunk.summary, first),
        }));
        self.current = Some(Reading { next: first, chunk, offsets, frames });
        Ok(())
    }

    fn step(&mut self) -> io::Result<()> {
        let Some(mut reading) = self.current.take() else { return Ok(()) };
        if reading.next >= reading.chunk.live.end {
            return Ok(());
        }
        let id = reading.chunk.id();
        let index = reading.next;
        reading.next += 1;
        let position = reading.chunk.summary.first_index().map_or(0, |first| index - first);
        let unit = usize::try_from(position).ok().and_then(|position| reading.offsets.get(position));
        let Some(offset) = unit.map(|unit| u64::from(*unit) * OFFSET_UNIT) else {
            self.current = Some(reading);
            return Ok(());
        };
        // The next entry most often follows the one before, or a small record behind it.
        const NEAR_BYTES: u64 = 4096;
        let mut frames = reading.frames;
        if frames.offset() > offset || offset - frames.offset() > NEAR_BYTES {
            frames = frames.starting_at(offset);
        }
        let scanned = loop {
            match frames.next_frame()? {
                Scanned::Frame(frame) if frame.offset < offset => {}
                Scanned::End { offset: at, .. } if at < offset => frames = frames.starting_at(offset),
                scanned => break scanned,
            }
        };
        let is_wanted = |frame: &Frame| {
            frame.offset == offset
                && frame.head.kind() == Some(RecordKind::Append)
                && frame.head.index() == Some(index)
        };
        match scanned {
            Scanned::Frame(frame) if is_wanted(&frame) => {
                self.counts.records += 1;
                self.counts.entries += 1;
                self.counts.damaged += u64::from(frame.fault.is_some());
                self.queue.push_back(Item::Record(StoredRecord { chunk: id, frame, is_behind_end: false }));
            }
            other => {
                if self.is_gone(&reading.chunk)? {
                    self.counts.purged += 1;
                    self.queue.push_back(Item::Purged(id));
                    return Ok(());
                }
                let cause = match other {
                    Scanned::End { fault, .. } => GapCause::Head(fault),
                    Scanned::Frame(frame) => {
                        let found = crate::item::head_name(&frame.head);
                        GapCause::Other { found }
                    }
                };
                self.counts.damaged += 1;
                self.queue.push_back(Item::Gap(Gap {
                    chunk: id,
                    from: offset,
                    to: offset,
                    cause,
                    next: None,
                }));
                frames = frames.starting_at(offset);
            }
        }
        reading.frames = frames;
        self.current = Some(reading);
        Ok(())
    }
}

fn run_id(summary: &ChunkSummary, index: u64) -> Option<RawLogId> {
    let run = summary.runs.iter().rfind(|run| run.index <= index)?;
    Some(RawLogId { term: run.term, index, rest: run.rest.clone() })
}

impl Iterator for LogicalItems {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.queue.pop_front() {
                return Some(item);
            }
            let current = self.current.as_ref().map(|reading| reading.chunk.id());
            let done = match current {
                Some(_) => self.step(),
                None => match self.chunks.pop_front() {
                    Some(chunk) => self.begin(chunk),
                    None if self.is_ended => return None,
                    None => {
                        self.is_ended = true;
                        return Some(Item::End(self.counts));
                    }
                },
            };
            if let Err(source) = done {
                let file = current.map_or_else(String::new, |id| id.file_name());
                self.current = None;
                self.counts.unreadable += 1;
                self.queue.push_back(Item::Unreadable { file, source });
            }
        }
    }
}
