//! Following a log while it is written: record after record, across rotation, for as long as one likes.
//!
//! What always holds: each record is given once and in order; where chunks were purged before they were reached, a
//! [`Skip`] stands for them; and the end of what is written is never called damage, only waited at.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use raft_log_chunk::{
    ChunkHeader, ChunkId, FrameScan, HEADER_SIZE, HeaderFault, Scanned, Storage, StorageFile, find_frame,
};
use raft_log_codec::{
    Decode, FRAME_ALIGNMENT, HeadFault, LogId, RaftLogState, RawLogId, RawTypes, RecordKind,
};

use crate::chunk_names::chunk_ids;
use crate::seed_search::read_header_bytes;
use crate::{ChunkStart, Counts, Gap, GapCause, Item, Skip, StoredRecord};

/// How much is read at once while there is much.
const WINDOW_BYTES: usize = 256 * 1024;
/// How much is read to see whether there is anything new at all.
const PROBE_BYTES: usize = 4096;
/// How many records are looked at to find a chunk's first entry.
const FIRST_RECORDS: usize = 8;

/// What following gives.
#[derive(Debug)]
#[non_exhaustive]
pub enum Followed {
    /// As from a scan.
    Item(Item),
    /// All that is there was given. Ask again after a while.
    CaughtUp,
}

/// Follows a log. Made by [`follow`].
#[derive(Debug)]
pub struct Follow {
    storage: Arc<dyn Storage>,
    current: Option<Current>,
    /// Where the last chunk was left: at its end, or before it if it was purged meanwhile.
    left_at: Option<(ChunkId, u64)>,
    /// All chunks up to this one were given or skipped.
    after: Option<ChunkId>,
    last_seen: Option<u64>,
    queue: VecDeque<Item>,
    counts: Counts,
}

#[derive(Debug)]
struct Current {
    id: ChunkId,
    file: Arc<dyn StorageFile>,
    header: ChunkHeader,
    header_bytes: Vec<u8>,
    /// Where the next frame is looked for.
    offset: u64,
    /// Where the frames end, once there is a successor.
    end: Option<u64>,
    frames: Option<FrameScan>,
    /// Whether the last look found something.
    is_flowing: bool,
}

/// Follows the log in `storage` from its oldest record on.
pub fn follow(storage: Arc<dyn Storage>) -> Follow {
    Follow {
        storage,
        current: None,
        left_at: None,
        after: None,
        last_seen: None,
        queue: VecDeque::new(),
        counts: Counts::default(),
    }
}

impl Follow {
    /// What was found so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The next thing that is there.
    ///
    /// # Errors
    /// When the directory or a file in it cannot be read; asking again tries again.
    pub fn next_item(&mut self) -> io::Result<Followed> {
        loop {
            if let Some(item) = self.queue.pop_front() {
                return Ok(Followed::Item(item));
            }
            let is_waiting = match self.current.take() {
                None => self.begin_next()?,
                Some(mut current) => {
                    let stepped = self.step(&mut current);
                    match stepped {
                        Ok(Step::More) => {
                            self.current = Some(current);
                            false
                        }
                        Ok(Step::Wait) => {
                            self.current = Some(current);
                            true
                        }
                        Ok(Step::Leave) => false,
                        Err(error) => {
                            self.current = Some(current);
                            return Err(error);
                        }
                    }
                }
            };
            if is_waiting && self.queue.is_empty() {
                return Ok(Followed::CaughtUp);
            }
        }
    }

    /// Takes up the next chunk; `true` if there is none yet.
    fn begin_next(&mut self) -> io::Result<bool> {
        let ids = chunk_ids(&*self.storage)?;
        let Some(&id) = ids.iter().find(|id| self.after.is_none_or(|after| **id > after)) else {
            return Ok(true);
        };
        let file = match self.storage.open(&id.file_name()) {
            Ok(file) => file,
            // Purged since it was listed: the next attempt lists again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let header_bytes = read_header_bytes(&*file)?;
        if self.storage.open(&id.file_name()).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(false);
        }
        let decoded = ChunkHeader::decode(&header_bytes);
        let is_own = decoded.as_ref().is_ok_and(|header| header.chunk_id == id);
        let current = Current {
            id,
            header: match &decoded {
                Ok(header) if is_own => *header,
                // Nothing of it can be read, but what follows it can.
                Ok(_) | Err(_) => return self.pass_by(id, decoded, &*file, &ids),
            },
            file,
            header_bytes,
            offset: HEADER_SIZE as u64,
            end: None,
            frames: None,
            is_flowing: true,
        };
        let (first_state, first) = current.first_records()?;
        self.say_skip(id, first_state.as_ref());
        self.counts.chunks += 1;
        let end = ids.iter().find(|next| **next > id).map(|next| next.offset() - id.offset());
        self.queue.push_back(Item::Chunk(ChunkStart {
            id,
            header: Ok(current.header),
            is_readable: true,
            file_size: current.file.size()?,
            end,
            is_closed: false,
            is_leftover: false,
            first,
        }));
        self.after = Some(id);
        self.current = Some(current);
        Ok(false)
    }

    /// A chunk whose header says nothing: it is passed by as a whole.
    fn pass_by(
        &mut self,
        id: ChunkId,
        header: Result<ChunkHeader, HeaderFault>,
        file: &dyn StorageFile,
        ids: &[ChunkId],
    ) -> io::Result<bool> {
        let next = ids.iter().find(|next| **next > id);
        let Some(next) = next else {
            // It may be in the making.
            return Ok(true);
        };
        let to = next.offset() - id.offset();
        let cause = match header {
            Err(fault @ HeaderFault::Unsupported { .. }) => {
                self.counts.unreadable += 1;
                GapCause::Header(fault)
            }
            Err(fault) => GapCause::Header(fault),
            Ok(header) => GapCause::Other { found: format!("the header of {}", header.chunk_id) },
        };
        self.counts.damaged += 1;
        self.queue.push_back(Item::Chunk(ChunkStart {
            id,
            header: Err(HeaderFault::Damaged),
            is_readable: false,
            file_size: file.size()?,
            end: Some(to),
            is_closed: false,
            is_leftover: false,
            first: None,
        }));
        self.queue.push_back(Item::Gap(Gap { chunk: id, from: 0, to, cause, next: None }));
        self.after = Some(id);
        self.left_at = Some((id, to));
        Ok(false)
    }

    /// Ids are places in the log, so they tell whether anything lies between two chunks.
    fn say_skip(&mut self, to: ChunkId, state: Option<&RaftLogState<RawTypes>>) {
        // What was purged before anybody looked is no gap.
        let Some((chunk, offset)) = self.left_at.take() else { return };
        if chunk.offset().saturating_add(offset) == to.offset() {
            return;
        }
        let last_before = state.and_then(|state| state.last.as_ref().map(LogId::index));
        self.counts.purged += 1;
        let from = Some((chunk, offset));
        self.queue.push_back(Item::Skipped(Skip { from, to, last_seen: self.last_seen, last_before }));
        self.last_seen = self.last_seen.max(last_before);
    }

    fn step(&mut self, current: &mut Current) -> io::Result<Step> {
        if let Some(frame) = current.next_good()? {
            return Ok(self.give(current, frame));
        }
        // The successor is made when all frames are there; so it is looked for before they are looked for again.
        let ids = chunk_ids(&*self.storage)?;
        let is_there = ids.binary_search(&current.id).is_ok();
        current.end = ids.iter().find(|id| **id > current.id).map(|id| id.offset() - current.id.offset());
        current.frames = None;
        if let Some(frame) = current.next_good()? {
            return Ok(self.give(current, frame));
        }
        let is_reused = read_header_bytes(&*current.file)? != current.header_bytes;
        match current.end {
            Some(end) if current.offset == end => Ok(self.leave(current)),
            _ if is_reused || !is_there => Ok(self.leave(current)),
            Some(end) => self.damage(current, end),
            None => Ok(Step::Wait),
        }
    }

    fn leave(&mut self, current: &Current) -> Step {
        self.left_at = Some((current.id, current.offset));
        Step::Leave
    }

    fn give(&mut self, current: &mut Current, frame: raft_log_codec::Frame) -> Step {
        current.offset = frame.end();
        self.counts.records += 1;
        if frame.head.kind() == Some(RecordKind::Append) {
            self.counts.entries += 1;
            self.last_seen = frame.head.index();
        }
        self.counts.unknown += u64::from(frame.head.kind().is_none());
        let record = StoredRecord { chunk: current.id, frame, is_behind_end: false };
        self.queue.push_back(Item::Record(record));
        Step::More
    }

    /// Something that is no good record, in a chunk that is complete and still there.
    fn damage(&mut self, current: &mut Current, end: u64) -> io::Result<Step> {
        self.counts.damaged += 1;
        let mut frames = current.scan()?;
        let (from, cause) = match frames.next_frame()? {
            Scanned::Frame(frame) => {
                let record = StoredRecord { chunk: current.id, frame: frame.clone(), is_behind_end: false };
                current.offset = frame.end();
                current.frames = None;
                self.counts.records += 1;
                self.counts.entries += u64::from(record.frame.head.kind() == Some(RecordKind::Append));
                self.queue.push_back(Item::Record(record));
                return Ok(Step::More);
            }
            Scanned::End { offset, fault } => (offset, fault),
        };
        let cause = match cause {
            HeadFault::Incomplete { .. } => GapCause::FileEnds { file_size: current.file.size()? },
            fault => GapCause::Head(fault),
        };
        let search_from = from + FRAME_ALIGNMENT;
        let next = find_frame(&*current.file, current.header.seed(), search_from, end, WINDOW_BYTES)?;
        let to = next.as_ref().map_or(end, |(offset, _)| *offset);
        self.queue.push_back(Item::Gap(Gap { chunk: current.id, from, to, cause, next }));
        current.offset = to;
        current.frames = None;
        Ok(Step::More)
    }
}

enum Step {
    /// Something was given, or the place moved.
    More,
    /// Nothing more is there yet.
    Wait,
    /// The chunk is done with.
    Leave,
}

impl Current {
    fn scan(&self) -> io::Result<FrameScan> {
        let window_bytes = if self.is_flowing { WINDOW_BYTES } else { PROBE_BYTES };
        let frames = FrameScan::new(self.file.clone(), self.header.seed(), self.end, window_bytes)?;
        Ok(frames.starting_at(self.offset))
    }

    /// The next frame, if it is whole by now.
    fn next_good(&mut self) -> io::Result<Option<raft_log_codec::Frame>> {
        if self.end.is_some_and(|end| self.offset >= end) {
            return Ok(None);
        }
        let mut frames = match self.frames.take() {
            Some(frames) => frames,
            None => self.scan()?,
        };
        match frames.next_frame()? {
            Scanned::Frame(frame) if frame.fault.is_none() => {
                // A narrow window is for one look only.
                self.frames = Some(frames).filter(|_| self.is_flowing);
                self.is_flowing = true;
                Ok(Some(frame))
            }
            // What a window holds may be old by now, so the next look reads again.
            Scanned::Frame(_) | Scanned::End { .. } => {
                self.is_flowing = false;
                Ok(None)
            }
        }
    }

    /// The state that the chunk begins with, and its first entry if that stands near.
    fn first_records(&self) -> io::Result<(Option<RaftLogState<RawTypes>>, Option<RawLogId>)> {
        let mut frames = self.scan()?;
        let mut state = None;
        for number in 0..FIRST_RECORDS {
            let Scanned::Frame(frame) = frames.next_frame()? else { break };
            match frame.head.kind() {
                _ if frame.fault.is_some() => break,
                Some(RecordKind::State) if number == 0 => state = RaftLogState::decode(frame.payload).ok(),
                Some(RecordKind::Append) => return Ok((state, frame.id)),
                _ => {}
            }
        }
        Ok((state, None))
    }
}
