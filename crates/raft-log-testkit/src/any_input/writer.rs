//! Chunks as a log writes them, but for what the input asks to be otherwise.
//!
//! The log's own writer is not involved. What always holds: `machine` is what the records so far come to by the rules,
//! as far as they keep to them, so that what follows can fit.

use bytes::Bytes;
use raft_log_chunk::{ChunkHeader, ChunkId, ChunkSummary, HEADER_SIZE, Space, SummaryBuilder, encode_footer};
use raft_log_codec::{
    Encode, Frame, PlainTypes, PlainVote, RaftLogState, Record, TermIndex, group_frame, push_frame,
};
use raft_log_state::{Change, Effect, RaftLogSM, StateMachine};

use super::forge::{self, ForgedFrame};
use super::input::Input;

const LOG_ID: u128 = 0x10_6d;

pub(super) struct WrittenChunk {
    /// What the file is named after.
    pub(super) id: ChunkId,
    pub(super) header: ChunkHeader,
    /// The header and all frames, and what is put behind them.
    pub(super) bytes: Vec<u8>,
    builder: SummaryBuilder,
    /// Where the newest group begins.
    last_group: u64,
    /// Where the frames end, once a footer stands there.
    sealed_at: Option<u64>,
}

impl WrittenChunk {
    fn end(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(super) fn frames_end(&self) -> u64 {
        self.sealed_at.unwrap_or(self.end())
    }
}

pub(super) struct Writer {
    pub(super) chunks: Vec<WrittenChunk>,
    machine: RaftLogSM<PlainTypes>,
    /// Whether a footer says what is not so, under good checksums.
    pub(super) has_false_footer: bool,
    /// Whether a frame was written that `machine` did not follow: footers do not know of it.
    has_strayed: bool,
}

impl Writer {
    /// A log that begins with nothing, or where the input says.
    pub(super) fn begin(input: &mut Input<'_>) -> Self {
        let mut state = RaftLogState::default();
        let mut chunk_id = 0;
        if input.u8() & 7 == 7 {
            chunk_id = input.number() & !7;
            // The one index that no log accepts, and no state machine begins with.
            let purged = TermIndex::new(input.number(), input.number().min(u64::MAX - 1));
            (state.purged, state.committed, state.last) = (Some(purged), Some(purged), Some(purged));
        }
        let header = ChunkHeader {
            log_id: LOG_ID,
            chunk_id: ChunkId::new(chunk_id),
            salt: 100,
            previous_salt: 0,
            space: Space::Fresh,
        };
        let mut writer = Self {
            chunks: Vec::new(),
            machine: RaftLogSM::restore(state),
            has_false_footer: false,
            has_strayed: false,
        };
        writer.push_chunk(header.chunk_id, header, header.encode().to_vec(), None);
        writer
    }

    pub(super) fn newest(&self) -> &WrittenChunk {
        self.chunks.last().expect("a writer begins with a chunk")
    }

    fn newest_mut(&mut self) -> &mut WrittenChunk {
        self.chunks.last_mut().expect("a writer begins with a chunk")
    }

    fn push_chunk(
        &mut self,
        id: ChunkId,
        header: ChunkHeader,
        mut bytes: Vec<u8>,
        first: Option<ForgedFrame>,
    ) {
        let first = first.unwrap_or_else(|| ForgedFrame {
            kind: 6,
            payload: self.encoded_state(),
            ..ForgedFrame::default()
        });
        first.push(&mut bytes, header.seed(), HEADER_SIZE as u64);
        let builder = SummaryBuilder::new();
        self.chunks.push(WrittenChunk { id, header, bytes, builder, last_group: 0, sealed_at: None });
    }

    fn encoded_state(&self) -> Vec<u8> {
        let mut state = Vec::new();
        self.machine.state().encode(&mut state).expect("small values");
        state
    }

    /// Entries behind the last.
    pub(super) fn append(&mut self, input: &mut Input<'_>) {
        let what = input.u8();
        let last = self.machine.state().last;
        let mut term = last.map_or(1, |id| id.term).saturating_add(u64::from(what & 1));
        let mut index = last.map_or(u64::from(what >> 4), |id| id.index.saturating_add(1));
        if what & 14 == 14 {
            (term, index) = (input.number(), input.number());
        }
        let payload = Bytes::copy_from_slice(input.bytes());
        for _ in 0..=(what >> 1) % 4 {
            self.write(&Record::Append(TermIndex::new(term, index), payload.clone()));
            index = index.saturating_add(1);
        }
    }

    pub(super) fn vote(&mut self, input: &mut Input<'_>) {
        let term = self.machine.state().vote.map_or(0, |vote| vote.term);
        let vote = PlainVote { term: term.saturating_add(input.number()), voted_for: Some(input.number()) };
        self.write(&Record::SaveVote(vote));
    }

    /// An id so many entries before the last.
    fn before_last(&self, back: u64) -> Option<TermIndex> {
        let last = self.machine.state().last?;
        self.machine.log_id(last.index.checked_sub(back)?)
    }

    pub(super) fn commit(&mut self, input: &mut Input<'_>) {
        if let Some(upto) = self.before_last(input.number()) {
            self.write(&Record::Commit(upto));
        }
    }

    pub(super) fn truncate(&mut self, input: &mut Input<'_>) {
        let after = self.before_last(input.number());
        self.write(&Record::TruncateAfter(after));
    }

    pub(super) fn purge(&mut self, input: &mut Input<'_>) {
        let back = input.number();
        let beyond = || {
            let last = self.machine.state().last.unwrap_or_default();
            TermIndex::new(last.term.saturating_add(1), last.index.saturating_add(input.number()))
        };
        let upto = self.before_last(back).unwrap_or_else(beyond);
        self.write(&Record::PurgeUpto(upto));
    }

    pub(super) fn user_data(&mut self, input: &mut Input<'_>) {
        let data = Bytes::copy_from_slice(input.bytes());
        self.write(&Record::SaveUserData(Some(data).filter(|data| !data.is_empty())));
    }

    /// A record that the rules allow; any other is left out.
    fn write(&mut self, record: &Record<PlainTypes>) {
        let change = Change::of(record).expect("an operation");
        if !matches!(self.machine.check(change), Ok(Effect::Writes)) {
            return;
        }
        self.machine.apply(change);
        let chunk = self.newest_mut();
        let offset = chunk.end();
        push_frame(&mut chunk.bytes, chunk.header.seed(), offset, record).expect("small values");
        match record {
            Record::Append(id, _) => chunk.builder.append(id.term, id.index, b"", offset),
            Record::TruncateAfter(after) => {
                chunk.builder.truncate_from(after.map_or(0, |id| id.index.saturating_add(1)));
            }
            Record::PurgeUpto(upto) => chunk.builder.purge_upto(upto.index),
            _ => chunk.builder.other(),
        }
    }

    /// A group that vouches for all before the group before it, or for whatever the input says.
    pub(super) fn group(&mut self, input: &mut Input<'_>) {
        let what = input.u8();
        let chunk = self.newest_mut();
        let offset = chunk.end();
        if what & 7 == 7 {
            let payload = input.number().to_le_bytes().to_vec();
            let group = ForgedFrame { kind: 8, payload, ..ForgedFrame::default() };
            group.push(&mut chunk.bytes, chunk.header.seed(), offset);
        } else {
            let durable_end = if what & 1 == 0 { chunk.last_group } else { offset };
            chunk.bytes.extend(group_frame(chunk.header.seed(), offset, durable_end));
        }
        chunk.last_group = offset;
    }

    /// Any frame. Where it is an operation that the rules allow, the state follows.
    pub(super) fn forged_frame(&mut self, input: &mut Input<'_>) {
        let forged = ForgedFrame::of(input);
        let chunk = self.newest_mut();
        let (seed, offset) = (chunk.header.seed(), chunk.end());
        forged.push(&mut chunk.bytes, seed, offset);
        let bytes = Bytes::copy_from_slice(&chunk.bytes[usize::try_from(offset).expect("a small file")..]);
        let Ok(frame) = Frame::parse(&bytes, seed, offset) else { return };
        chunk.builder.watch(&frame);
        if let Ok(record) = frame.record::<PlainTypes>()
            && let Some(change) = Change::of(&record)
            && matches!(self.machine.check(change), Ok(Effect::Writes))
        {
            self.machine.apply(change);
        } else {
            self.has_strayed = true;
        }
    }

    /// Bytes that are no frame, as a write that was cut short leaves them.
    pub(super) fn raw(&mut self, input: &mut Input<'_>) {
        let chunk = self.newest_mut();
        chunk.bytes.extend(input.bytes());
        chunk.bytes.resize(chunk.bytes.len().next_multiple_of(8), 0);
    }

    /// The chunk behind the newest one, right in every way.
    pub(super) fn begin_chunk(&mut self) {
        let header = self.next_header();
        self.push_chunk(header.chunk_id, header, header.encode().to_vec(), None);
    }

    /// The chunk behind the newest one, wrong in some way.
    pub(super) fn begin_forged_chunk(&mut self, input: &mut Input<'_>) {
        let right = self.next_header();
        let mut header = right;
        let mut id = header.chunk_id;
        let what = input.u8();
        if what & 1 == 1 {
            id = ChunkId::new(id.offset().wrapping_add(input.number()) & !7);
            header.chunk_id = id;
        }
        if what & 2 == 2 {
            header.chunk_id = ChunkId::new(input.number());
        }
        if what & 4 == 4 {
            header.previous_salt = input.number();
        }
        if what & 8 == 8 {
            header.log_id = input.number().into();
        }
        if what & 16 == 16 {
            header.space = Space::Reused;
        }
        let flags = u32::from(header.space == Space::Reused);
        let bytes = match what & 0x60 {
            0x60 => forge::header(&header, u32::from(input.u8()), flags | u32::from(input.u8())),
            _ => header.encode().to_vec(),
        };
        let first = (what & 0x80 == 0x80).then(|| ForgedFrame::of(input));
        self.push_chunk(id, header, bytes, first);
    }

    fn next_header(&self) -> ChunkHeader {
        let newest = self.newest();
        ChunkHeader {
            log_id: LOG_ID,
            chunk_id: ChunkId::new(newest.id.offset().wrapping_add(newest.frames_end())),
            salt: newest.header.salt.wrapping_add(1),
            previous_salt: newest.header.salt,
            space: Space::Fresh,
        }
    }

    /// A footer behind the newest chunk's frames, true or not. What follows goes into the next chunk.
    pub(super) fn seal(&mut self, input: &mut Input<'_>) {
        let state = self.encoded_state();
        let what = input.u8();
        self.has_false_footer |= what & 1 == 1 || what & 0x18 == 0x18 || self.has_strayed;
        let chunk = self.newest_mut();
        if chunk.sealed_at.is_some() {
            return;
        }
        let end = chunk.end();
        let mut summary: ChunkSummary = chunk.builder.summary().clone();
        let mut offsets = chunk.builder.offsets().to_vec();
        if what & 1 == 1 {
            match what >> 1 & 3 {
                0 => summary.truncated_from = Some(input.number()),
                1 => summary.records = input.number(),
                2 => summary.runs.iter_mut().for_each(|run| run.term = input.number()),
                _ => {
                    if let Some(offset) = offsets.last_mut() {
                        *offset = u32::try_from(input.number()).unwrap_or(u32::MAX);
                    }
                }
            }
        }
        if summary.entries() != offsets.len() as u64 {
            // An entry at the very last index, which no log accepts.
            return;
        }
        let mut footer = encode_footer(chunk.header.seed(), end, &summary, &offsets, &state);
        if what & 0x18 == 0x18
            && let Some(head) = claiming(&footer, input.number())
        {
            // The place that says behind which index the entries end.
            footer = forge::footer_head(chunk.header.seed(), end, &head);
        }
        chunk.bytes.extend(footer);
        // What comes behind it, though none should, begins where a frame may.
        chunk.bytes.resize(chunk.bytes.len().next_multiple_of(8), 0);
        chunk.sealed_at = Some(end);
        self.begin_chunk_if(what & 0x60 != 0x60);
    }

    fn begin_chunk_if(&mut self, is_wanted: bool) {
        if is_wanted {
            self.begin_chunk();
        }
    }
}

/// The fields of a footer's head, with another end of its entries.
fn claiming(footer: &[u8], end_index: u64) -> Option<Vec<u8>> {
    const END_INDEX_AT: usize = 8 + 8 + 1 + 8;
    let size = u32::from_le_bytes(*footer.get(8..)?.first_chunk::<4>()?);
    let mut fields = footer.get(12..usize::try_from(size).ok()? - 4)?.to_vec();
    fields.get_mut(END_INDEX_AT..END_INDEX_AT + 8)?.copy_from_slice(&end_index.to_le_bytes());
    Some(fields)
}
