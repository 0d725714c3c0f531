//! The start of a chunk, header and `State`, which is read of every chunk that matters; and the way back from the
//! newest to the one from which a replay may begin. Where footers tell more, whether one can be believed.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use raft_log_codec::{
    Decode, Frame, FrameSeed, HeadFault, LogId, RaftLogState, RawTypes, RecordKind, ReplayFault,
};

use super::at;
use crate::error::RecoveryError;
use crate::footer::{Footer, read_footer};
use crate::scan::Behind;
use crate::storage::{Storage, StorageFile, read_full_at};
use crate::verdict::{ChunkFacts, StopCause};
use crate::{ChunkHeader, ChunkId, HEADER_SIZE};

/// The start of a chunk: what is read of every chunk that matters.
pub(super) struct ChunkStart {
    pub(super) file: Arc<dyn StorageFile>,
    pub(super) facts: ChunkFacts,
    /// The body of the `State` record, and where its frame ends.
    pub(super) state: Option<(Bytes, u64)>,
    pub(super) marks: RaftLogState<RawTypes>,
}

impl ChunkStart {
    pub(super) fn header(&self) -> Option<&ChunkHeader> {
        self.facts.header.as_ref().ok()
    }

    pub(super) fn last_before(&self) -> Option<u64> {
        self.marks.last.as_ref().map(LogId::index)
    }

    pub(super) fn read(file: Arc<dyn StorageFile>, id: ChunkId, end: Option<u64>) -> io::Result<Self> {
        const FIRST_READ: usize = 4096;
        let mut bytes = vec![0; FIRST_READ];
        let found = read_full_at(&*file, &mut bytes, 0)?;
        bytes.truncate(found);
        let bytes = Bytes::from(bytes);
        let header = ChunkHeader::decode(&bytes);
        let mut start = Self {
            facts: ChunkFacts {
                id,
                file_size: file.size()?,
                end,
                header: header.clone(),
                state_fault: None,
                stop: None,
                durable_end: 0,
                behind: Behind::default(),
                replay_fault: None,
            },
            file,
            state: None,
            marks: RaftLogState::default(),
        };
        let Ok(header) = header else { return Ok(start) };
        match start.read_state(&bytes, header.seed())? {
            Ok(frame) => match RaftLogState::<RawTypes>::decode(frame.payload.clone()) {
                Ok(marks) => {
                    start.marks = marks;
                    start.state = Some((frame.payload.clone(), frame.end()));
                }
                Err(error) => {
                    start.facts.replay_fault = Some((HEADER_SIZE as u64, ReplayFault::Undecodable(error)));
                }
            },
            Err(cause) => start.facts.state_fault = Some(cause),
        }
        Ok(start)
    }

    pub(super) fn read_state(&self, bytes: &Bytes, seed: FrameSeed) -> io::Result<Result<Frame, StopCause>> {
        let offset = HEADER_SIZE as u64;
        let limit = self.facts.end.unwrap_or(u64::MAX).min(self.facts.file_size);
        let mut parsed = Frame::parse(&bytes.slice(HEADER_SIZE..), seed, offset);
        for _ in 0..2 {
            let Err(HeadFault::Incomplete { needed }) = parsed else {
                break;
            };
            if offset + needed as u64 > limit {
                break;
            }
            let mut whole = vec![0; needed];
            let found = read_full_at(&*self.file, &mut whole, offset)?;
            whole.truncate(found);
            parsed = Frame::parse(&whole.into(), seed, offset);
        }
        let frame = match parsed {
            Ok(frame) if frame.end() <= limit => frame,
            Ok(frame) => {
                return Ok(Err(StopCause::Head(HeadFault::Incomplete { needed: frame.head.size() })));
            }
            Err(fault) => return Ok(Err(StopCause::Head(fault))),
        };
        Ok(match (frame.fault, frame.head.kind()) {
            (Some(fault), _) => Err(StopCause::Body(fault)),
            (None, Some(RecordKind::State)) => Ok(frame),
            (None, Some(_)) => Err(StopCause::NotState),
            (None, None) => Err(unknown(&frame)),
        })
    }
}

/// Reads the starts of older chunks until one has no entry before it that is not purged. `false` if the chunks run
/// out before, or one cannot be made out.
pub(super) fn walk_back(
    storage: &dyn Storage,
    older: &[ChunkId],
    purged: Option<u64>,
    starts: &mut Vec<ChunkStart>,
) -> Result<bool, RecoveryError> {
    let is_base = |start: &ChunkStart| start.last_before() <= purged;
    let mut older = older.iter().rev();
    while let Some(oldest) = starts.last() {
        if oldest.state.is_none() {
            return Ok(false);
        }
        if is_base(oldest) {
            return Ok(true);
        }
        let Some(&id) = older.next() else { return Ok(false) };
        let end = oldest.facts.id.offset() - id.offset();
        let name = id.file_name();
        let file = storage.open(&name).map_err(at("open", &name))?;
        starts.push(ChunkStart::read(file, id, Some(end)).map_err(at("read", &name))?);
    }
    Ok(false)
}

/// The footer of a chunk, if it is whole and leads to the state that the next chunk begins with.
pub(super) fn fitting_footer(start: &ChunkStart, next: &ChunkStart) -> Result<Option<Footer>, RecoveryError> {
    let (Some(header), Some(end), Some((state, _))) = (start.header(), start.facts.end, &next.state) else {
        return Ok(None);
    };
    let name = start.facts.id.file_name();
    let footer = read_footer(&*start.file, header.seed(), end).map_err(at("read", &name))?;
    Ok(footer.filter(|footer| footer.state == *state))
}

pub(super) fn unknown(frame: &Frame) -> StopCause {
    StopCause::Unsupported { kind: frame.head.kind_byte(), flags: frame.head.flags() }
}
