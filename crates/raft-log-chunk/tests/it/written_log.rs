//! A log that tests write by hand, chunk by chunk, with the codec and the functions of this crate alone.
//!
//! The writer of real logs is not involved, so that what is read back was not shaped by it. What always holds: every
//! record was accepted by the rules, and `machine` is the state behind the last one.

use std::ops::Range;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use raft_log_chunk::{
    ChunkHeader, ChunkId, ChunkSummary, DurableFile, DurableMark, HEADER_SIZE, Recovered, RecoveryError,
    Space, Storage, SummaryBuilder, SurveyOptions, encode_footer, mark_at, recover,
};
use raft_log_codec::{
    Encode, Frame, FrameSeed, PlainTypes, PlainVote, RaftLogState, Record, TermIndex, group_frame,
    push_frame, push_state_frame,
};
use raft_log_state::{Change, Effect, RaftLogSM, StateMachine};
use raft_log_testkit::MemoryStorage;

pub(crate) type Machine = RaftLogSM<PlainTypes>;

pub(crate) const LOG_ID: u128 = 0x10_6d;

pub(crate) fn id(term: u64, index: u64) -> TermIndex {
    TermIndex::new(term, index)
}

pub(crate) fn entry(term: u64, index: u64) -> Record<PlainTypes> {
    let size = 1 + index as usize * 7 % 90;
    Record::Append(id(term, index), Bytes::from(vec![index as u8; size]))
}

/// The head of a frame whose checksum is good, whatever it says.
pub(crate) fn frame_head(seed: FrameSeed, offset: u64, len: u32, kind: u8, flags: u8) -> Vec<u8> {
    let mut covered = seed.writer_at(offset);
    covered.u32(0).u32(len).u8(kind).u8(flags).u16(0);
    let mut head = covered.finish();
    head.rotate_right(4);
    head
}

pub(crate) struct WrittenChunk {
    pub(crate) header: ChunkHeader,
    /// The header and all frames.
    pub(crate) bytes: Vec<u8>,
    /// Where each frame begins, the `State` first.
    pub(crate) frames: Vec<u64>,
    builder: SummaryBuilder,
}

impl WrittenChunk {
    fn new(header: ChunkHeader, machine: &Machine) -> Self {
        let mut bytes = header.encode().to_vec();
        push_state_frame(&mut bytes, header.seed(), HEADER_SIZE as u64, machine.state()).unwrap();
        Self { header, bytes, frames: vec![HEADER_SIZE as u64], builder: SummaryBuilder::new() }
    }

    /// The header and the `State` frame.
    pub(crate) fn head(&self) -> &[u8] {
        &self.bytes[..self.frames.get(1).map_or(self.bytes.len(), |offset| *offset as usize)]
    }

    pub(crate) fn end(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn name(&self) -> String {
        self.header.chunk_id.file_name()
    }

    pub(crate) fn summary(&self) -> &ChunkSummary {
        self.builder.summary()
    }

    pub(crate) fn offsets(&self) -> &[u32] {
        self.builder.offsets()
    }
}

pub(crate) struct WrittenLog {
    pub(crate) chunks: Vec<WrittenChunk>,
    pub(crate) machine: Machine,
    /// The state at the end of each chunk but the newest.
    states: Vec<Vec<u8>>,
}

impl WrittenLog {
    pub(crate) fn new() -> Self {
        let machine = Machine::new();
        let header = ChunkHeader {
            log_id: LOG_ID,
            chunk_id: ChunkId::new(0),
            salt: 100,
            previous_salt: 0,
            space: Space::Fresh,
        };
        Self { chunks: vec![WrittenChunk::new(header, &machine)], machine, states: Vec::new() }
    }

    /// Three chunks with entries, votes and marks, of which the second truncates into the first.
    pub(crate) fn of_three_chunks() -> Self {
        let mut log = Self::new();
        (1..8).for_each(|index| log.must_write(&entry(1, index)));
        log.must_write(&Record::Commit(id(1, 2)));
        log.begin_chunk();
        log.must_write(&Record::SaveVote(PlainVote::new(2, 1)));
        log.must_write(&Record::TruncateAfter(Some(id(1, 5))));
        (6..12).for_each(|index| log.must_write(&entry(2 + index / 10, index)));
        log.begin_chunk();
        log.must_write(&Record::PurgeUpto(id(1, 1)));
        (12..15).for_each(|index| log.must_write(&entry(4, index)));
        log
    }

    pub(crate) fn newest(&self) -> &WrittenChunk {
        self.chunks.last().unwrap()
    }

    /// The header of the chunk that would come next.
    pub(crate) fn next_header(&self) -> ChunkHeader {
        let newest = self.newest();
        ChunkHeader {
            chunk_id: ChunkId::new(newest.header.chunk_id.offset() + newest.end()),
            salt: newest.header.salt + 1,
            previous_salt: newest.header.salt,
            ..newest.header
        }
    }

    pub(crate) fn begin_chunk(&mut self) {
        self.states.push(self.encoded_state());
        let header = self.next_header();
        self.chunks.push(WrittenChunk::new(header, &self.machine));
    }

    /// Writes a record if the rules allow it and it changes anything; false if not.
    pub(crate) fn write(&mut self, record: &Record<PlainTypes>) -> bool {
        let change = Change::of(record).unwrap();
        if !matches!(self.machine.check(change), Ok(Effect::Writes)) {
            return false;
        }
        self.machine.apply(change);
        let chunk = self.chunks.last_mut().unwrap();
        let offset = chunk.end();
        push_frame(&mut chunk.bytes, chunk.header.seed(), offset, record).unwrap();
        chunk.frames.push(offset);
        // By hand, and not as a scan does it.
        match record {
            Record::Append(id, _) => chunk.builder.append(id.term, id.index, b"", offset),
            Record::TruncateAfter(after) => chunk.builder.truncate_from(after.map_or(0, |id| id.index + 1)),
            Record::PurgeUpto(upto) => chunk.builder.purge_upto(upto.index),
            _ => chunk.builder.other(),
        }
        true
    }

    pub(crate) fn must_write(&mut self, record: &Record<PlainTypes>) {
        assert!(self.write(record), "{record:?}");
    }

    /// The head of a group, which vouches for everything before `durable_end`.
    pub(crate) fn group(&mut self, durable_end: u64) {
        let chunk = self.chunks.last_mut().unwrap();
        let offset = chunk.end();
        chunk.bytes.extend_from_slice(&group_frame(chunk.header.seed(), offset, durable_end));
        chunk.frames.push(offset);
    }

    pub(crate) fn encoded_state(&self) -> Vec<u8> {
        let mut state = Vec::new();
        self.machine.state().encode(&mut state).unwrap();
        state
    }

    pub(crate) fn footer(&self, position: usize) -> Vec<u8> {
        let state = self.states.get(position).cloned().unwrap_or_else(|| self.encoded_state());
        self.footer_with_state(position, &state)
    }

    pub(crate) fn footer_with_state(&self, position: usize, state: &[u8]) -> Vec<u8> {
        let chunk = &self.chunks[position];
        encode_footer(chunk.header.seed(), chunk.end(), chunk.summary(), chunk.offsets(), state)
    }

    /// What `DURABLE` says behind the last record.
    pub(crate) fn mark(&self) -> DurableMark {
        mark_at(&self.newest().header, self.newest().end())
    }

    /// The directory as a clean close leaves it, with its footers or without.
    pub(crate) fn store(&self, footers: bool) -> MemoryStorage {
        let storage = MemoryStorage::new();
        for (position, chunk) in self.chunks.iter().enumerate() {
            let mut bytes = chunk.bytes.clone();
            if footers {
                bytes.extend(self.footer(position));
            }
            storage.put_file(&chunk.name(), bytes);
        }
        DurableFile::open(&storage, self.mark()).unwrap();
        storage
    }

    /// What must be recovered of it.
    pub(crate) fn ids(&self) -> Vec<TermIndex> {
        ids(&self.machine)
    }
}

pub(crate) fn ids(machine: &Machine) -> Vec<TermIndex> {
    machine.runs().indexes().map(|index| machine.runs().get(index).unwrap()).collect()
}

pub(crate) fn options(use_footers: bool) -> SurveyOptions {
    SurveyOptions { window_bytes: 256, use_footers, ..SurveyOptions::default() }
}

pub(crate) fn recover_with(
    storage: &dyn Storage,
    use_footers: bool,
) -> Result<(Recovered, Machine), RecoveryError> {
    recover::<Machine>(storage, &options(use_footers))
}

/// A recovered chunk: its id, its end, its sum, which of its entries are alive, where all of them lie, and the last
/// index before it.
pub(crate) type ChunkView = (ChunkId, u64, ChunkSummary, Range<u64>, Vec<u32>, Option<u64>);

/// Everything of a recovery that must not depend on how it was done.
#[derive(Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) chunks: Vec<ChunkView>,
    pub(crate) leftovers: Vec<ChunkId>,
    pub(crate) state: RaftLogState<PlainTypes>,
    pub(crate) ids: Vec<TermIndex>,
}

impl View {
    pub(crate) fn of((recovered, machine): &(Recovered, Machine)) -> Self {
        let chunk = |found: &raft_log_chunk::RecoveredChunk| {
            let mut summary = found.summary.clone();
            if summary.runs.is_empty() {
                summary.end_index = 0;
            }
            let offsets = found.chunk.offsets(256).unwrap().to_vec();
            (
                found.chunk.chunk().id(),
                found.chunk.end(),
                summary,
                found.live.clone(),
                offsets,
                found.last_before,
            )
        };
        Self {
            chunks: recovered.chunks.iter().map(chunk).collect(),
            leftovers: recovered.leftovers.clone(),
            state: machine.state().clone(),
            ids: ids(machine),
        }
    }
}

/// One thing that happens to a log, in terms of where it stands then.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Append { count: u64, new_term: bool },
    Truncate { back: u64 },
    TruncateAll,
    Purge { ahead: i64 },
    Commit { back: u64 },
    Vote,
    UserData(u8),
    Group,
    BeginChunk,
}

pub(crate) fn any_history() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (1..5_u64, any::<bool>()).prop_map(|(count, new_term)| Step::Append { count, new_term }),
        3 => (0..9_u64).prop_map(|back| Step::Truncate { back }),
        1 => Just(Step::TruncateAll),
        2 => (-9..4_i64).prop_map(|ahead| Step::Purge { ahead }),
        1 => (0..9_u64).prop_map(|back| Step::Commit { back }),
        1 => Just(Step::Vote),
        1 => any::<u8>().prop_map(Step::UserData),
        1 => Just(Step::Group),
        4 => Just(Step::BeginChunk),
    ];
    vec(step, 0..40)
}

pub(crate) fn log_of(history: &[Step]) -> WrittenLog {
    let mut log = WrittenLog::new();
    for step in history {
        let state = log.machine.state();
        let last = state.last.unwrap_or(id(1, 4));
        let known =
            |index: u64| log.machine.runs().get(index).or(state.purged.filter(|id| id.index == index));
        match *step {
            Step::Append { count, new_term } => {
                let term = last.term + u64::from(new_term);
                (last.index + 1..=last.index + count).for_each(|index| log.must_write(&entry(term, index)));
            }
            Step::Truncate { back } => {
                if let Some(after) = last.index.checked_sub(back).and_then(known) {
                    log.write(&Record::TruncateAfter(Some(after)));
                }
            }
            Step::TruncateAll => drop(log.write(&Record::TruncateAfter(None))),
            Step::Purge { ahead } => {
                let index = last.index.saturating_add_signed(ahead);
                let upto = if ahead > 0 { Some(id(last.term + 1, index)) } else { known(index) };
                if let Some(upto) = upto {
                    log.write(&Record::PurgeUpto(upto));
                }
            }
            Step::Commit { back } => {
                if let Some(upto) = last.index.checked_sub(back).and_then(known) {
                    log.write(&Record::Commit(upto));
                }
            }
            Step::Vote => {
                let term = state.vote.map_or(1, |vote| vote.term + 1);
                log.must_write(&Record::SaveVote(PlainVote::new(term, 3)));
            }
            Step::UserData(byte) => {
                log.write(&Record::SaveUserData(Some(Bytes::from(vec![byte]))));
            }
            Step::Group => {
                let end = *log.newest().frames.last().unwrap();
                log.group(end);
            }
            Step::BeginChunk => log.begin_chunk(),
        }
    }
    log
}

/// The frames of a chunk, read one behind the other without a scan.
pub(crate) fn parse_all(chunk: &WrittenChunk) -> Vec<u64> {
    let bytes = Bytes::from(chunk.bytes.clone());
    let mut offsets = Vec::new();
    let mut offset = HEADER_SIZE as u64;
    while offset < chunk.end() {
        offsets.push(offset);
        offset = Frame::parse(&bytes.slice(offset as usize..), chunk.header.seed(), offset).unwrap().end();
    }
    offsets
}
