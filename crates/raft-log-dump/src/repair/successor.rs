//! The chunk that ends a log: what the log itself would make behind its end, and in it what of the rest can be saved.
//!
//! Its `State` is the state at the end, as the next open will check. The node's vote, its user data and its marks may be
//! later than that, and are then written as records of their own.

use bytes::Bytes;
use raft_log_chunk::{ChunkHeader, FrameScan, Scanned, Space, Storage};
use raft_log_codec::{
    LogId, RaftLogState, RawLogId, RawTypes, Record, RecordKind, Replay, group_frame, push_frame,
    push_state_frame,
};
use raft_log_state::{RaftLogSM, StateMachine};

use super::cut::Cut;
use super::loss::Behind;
use crate::opening::full_text;
use crate::seed_search::read_header;

const WINDOW_BYTES: usize = 1 << 20;

/// A chunk that is not written yet.
#[derive(Debug)]
pub(crate) struct Successor {
    pub(crate) header: ChunkHeader,
    /// Header, state, and what is carried along.
    pub(crate) bytes: Bytes,
    pub(crate) carries_vote: bool,
}

impl Successor {
    /// The chunk behind `cut`.
    pub(crate) fn make(storage: &dyn Storage, cut: Cut, salt: u64, behind: &Behind) -> Result<Self, String> {
        let before = read_header(storage, cut.chunk).map_err(|error| full_text(&error))?;
        let before = before.map_err(|fault| format!("{}: {fault}", cut.chunk))?;
        let header = ChunkHeader {
            log_id: before.log_id,
            chunk_id: raft_log_chunk::ChunkId::new(cut.place()),
            salt,
            previous_salt: before.salt,
            space: Space::Fresh,
        };
        let encoding = |error: raft_log_codec::EncodeError| full_text(&error);
        let mut bytes = header.encode().to_vec();
        let at = bytes.len() as u64;
        let seed = header.seed();
        push_state_frame(&mut bytes, seed, at, &behind.at_end).map_err(encoding)?;
        let carried = carried(behind);
        let carries_vote = carried.iter().any(|record| record.kind() == RecordKind::SaveVote);
        if !carried.is_empty() {
            let at = bytes.len() as u64;
            // Nothing of this chunk is synced yet; a group says so before its records.
            bytes.extend_from_slice(&group_frame(seed, at, 0));
        }
        for record in &carried {
            let at = bytes.len() as u64;
            push_frame(&mut bytes, seed, at, record).map_err(encoding)?;
        }
        Ok(Self { header, bytes: bytes.into(), carries_vote })
    }
}

/// What is later than the end, and can be had without the entries between.
fn carried(behind: &Behind) -> Vec<Record<RawTypes>> {
    let (at_end, after) = (&behind.at_end, &behind.after);
    let mut records = Vec::new();
    if let Some(vote) = behind.vote().filter(|vote| at_end.vote.as_ref() != Some(vote)) {
        records.push(Record::SaveVote(vote.clone()));
    }
    if after.user_data != at_end.user_data {
        records.push(Record::SaveUserData(after.user_data.clone()));
    }
    // What was dropped later must not come back.
    if let Some(truncation) = behind.truncation() {
        records.push(Record::TruncateAfter(truncation.after.clone()));
    }
    // A snapshot holds what is purged, and files before the mark may be gone already. Where it holds all that would be
    // kept, the log goes on behind it.
    let index = |id: &Option<RawLogId>| id.as_ref().map(LogId::index);
    let end = match behind.truncation() {
        Some(truncation) => truncation.from().checked_sub(1),
        None => index(&at_end.last),
    };
    if let Some(purged) = &after.purged
        && index(&after.purged) > index(&at_end.purged)
        && (index(&after.purged) > end || behind.is_own(purged.index))
    {
        records.push(Record::PurgeUpto(purged.clone()));
    }
    if let Some(committed) = &after.committed
        && index(&after.committed) > index(&at_end.committed).max(index(&after.purged))
        && index(&after.committed) <= end
        && behind.is_own(committed.index)
    {
        records.push(Record::Commit(committed.clone()));
    }
    records
}

/// The state at a cut, from the records of its chunk; and whether a vote was passed over whose bytes are damaged.
pub(crate) fn state_at(storage: &dyn Storage, cut: Cut) -> Result<(RaftLogState<RawTypes>, bool), String> {
    let chunk = cut.chunk;
    let header = read_header(storage, chunk).map_err(|error| full_text(&error))?;
    let header = header.map_err(|fault| format!("{chunk}: {fault}"))?;
    let file = storage.open(&chunk.file_name()).map_err(|error| full_text(&error))?;
    let mut scan = FrameScan::new(file, header.seed(), Some(cut.offset), WINDOW_BYTES)
        .map_err(|error| full_text(&error))?;
    let mut machine = RaftLogSM::<RawTypes>::default();
    let mut passed_vote = false;
    let mut is_begun = false;
    loop {
        let frame = match scan.next_frame().map_err(|error| full_text(&error))? {
            Scanned::Frame(frame) => frame,
            Scanned::End { offset, .. } if offset == cut.offset => break,
            Scanned::End { offset, fault } => return Err(format!("{chunk} at {offset}: {fault}")),
        };
        let done = if is_begun {
            if frame.head.kind() == Some(RecordKind::SaveVote) {
                passed_vote = frame.fault.is_some();
            }
            machine.record(&frame)
        } else {
            is_begun = true;
            match frame.fault {
                None => machine.chunk_state(frame.payload.clone()),
                Some(fault) => return Err(format!("{chunk}: the state it begins with is damaged: {fault}")),
            }
        };
        done.map_err(|fault| format!("{chunk} at {}: {}", frame.offset, full_text(&fault)))?;
    }
    Ok((machine.state().clone(), passed_vote))
}
