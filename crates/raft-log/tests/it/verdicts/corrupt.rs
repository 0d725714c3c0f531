//! Damage to what was acknowledged, for which a directory is refused.

use raft_log::{ChunkId, CorruptKind, PlainVote, Record, RecoveryError};
use raft_log_chunk::{ChunkHeader, HEADER_SIZE, HeaderFault, StopCause};
use raft_log_codec::{HeadFault, group_frame};

use super::made::*;
use crate::support::*;

fn corrupt(made: &Made) -> (ChunkId, u64, CorruptKind) {
    match made.refused() {
        RecoveryError::Corrupt { chunk, offset, kind } => (chunk, offset, kind),
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_damaged_header_or_state_is_corrupt() {
    for which in 0..made(true).chunks().len() {
        let mut header = made(true);
        let id = header.chunks()[which];
        header.chunk(id)[20] ^= 1;
        assert_eq!(corrupt(&header), (id, 0, CorruptKind::Header(HeaderFault::Damaged)));

        for flipped in [HEADER_SIZE + 1, HEADER_SIZE + 17] {
            let mut state = made(true);
            let id = state.chunks()[which];
            state.chunk(id)[flipped] ^= 1;
            let (chunk, offset, kind) = corrupt(&state);
            assert_eq!((chunk, offset), (id, HEADER_SIZE as u64));
            let is_told = match kind {
                CorruptKind::State(StopCause::Head(HeadFault::Checksum { .. })) => flipped == HEADER_SIZE + 1,
                CorruptKind::State(StopCause::Body(_)) => flipped == HEADER_SIZE + 17,
                _ => false,
            };
            assert!(is_told, "{flipped}");
        }
    }
}

#[test]
fn a_renamed_chunk_is_told_by_its_header() {
    let mut made = made(true);
    let newest = made.newest();
    let elsewhere = ChunkId::new(newest.offset() + 8);
    let bytes = made.files.remove(&newest.file_name()).unwrap();
    made.files.insert(elsewhere.file_name(), bytes);
    assert_eq!(corrupt(&made), (elsewhere, 0, CorruptKind::OtherChunk { found: newest }));
    let kind = CorruptKind::OtherChunk { found: newest };
    let said = RecoveryError::Corrupt { chunk: elsewhere, offset: 0, kind }.to_string();
    assert!(said.contains("give the file its name back"), "{said}");
}

#[test]
fn broken_framing_below_the_end_is_corrupt() {
    let mut made = made(false).without_footers();
    let (chunk, entry) = made.find(|frame| frame.head.index() == Some(15));
    made.chunk(chunk)[at(entry.offset) + 9] ^= 1;
    let end = made.chunks().into_iter().find(|id| *id > chunk).unwrap().offset() - chunk.offset();
    let (found, offset, kind) = corrupt(&made);
    assert_eq!((found, offset), (chunk, entry.offset));
    assert!(
        matches!(kind, CorruptKind::Frame { cause: StopCause::Head(_), needed } if needed == end),
        "{kind:?}"
    );
}

#[test]
fn damage_before_the_durable_end_is_corrupt_whoever_vouches() {
    // `DURABLE` vouches for everything.
    let mut by_mark = made(false);
    let (newest, end) = (by_mark.newest(), by_mark.end as u64);
    let last = by_mark.frames(newest).pop().unwrap();
    by_mark.chunk(newest)[at(last.offset) + 40] ^= 1;
    let (chunk, offset, kind) = corrupt(&by_mark);
    assert_eq!((chunk, offset), (newest, last.offset));
    assert!(
        matches!(kind, CorruptKind::Frame { cause: StopCause::Body(_), needed } if needed == end),
        "{kind:?}"
    );

    // Without it, a group behind the damage does, though the frame between them is gone.
    by_mark.files.remove("DURABLE");
    let header = by_mark.header(newest);
    let vouched = last.offset + 8;
    put(by_mark.chunk(newest), at(end), &group_frame(header.seed(), end, vouched));
    let (chunk, offset, kind) = corrupt(&by_mark);
    assert_eq!((chunk, offset), (newest, last.offset));
    assert!(matches!(kind, CorruptKind::Frame { needed, .. } if needed == vouched), "{kind:?}");

    // A mark ahead of the last frame.
    let mut ahead = made(false);
    let newest = ahead.newest();
    let (header, end) = (ahead.header(newest), ahead.end as u64);
    ahead.files.insert("DURABLE".to_owned(), durable(1, header.log_id, newest, header.salt, end + 8));
    let (chunk, offset, kind) = corrupt(&ahead);
    assert_eq!((chunk, offset), (newest, end));
    let cause = StopCause::Head(HeadFault::Empty);
    assert_eq!(kind, CorruptKind::Frame { cause, needed: end + 8 });
}

#[test]
fn records_that_contradict_the_log_are_corrupt() {
    let mut gap = made(false);
    let (newest, end) = (gap.newest(), gap.end);
    let entry = Record::Append(id(2, 99), payload(99));
    let frame = record_of(&gap.header(newest), end as u64, &entry);
    put(gap.chunk(newest), end, &frame);
    let (chunk, offset, kind) = corrupt(&gap);
    assert_eq!((chunk, offset), (newest, end as u64));
    let CorruptKind::Contradiction { reason } = kind else { panic!("{kind:?}") };
    assert!(reason.contains("2:99 leaves a gap behind 2:43"), "{reason}");

    // A State that the records before it do not lead to.
    let mut state = made(true);
    let newest = state.newest();
    let before = state.header(newest);
    let id = ChunkId::new(newest.offset() + state.end as u64);
    let header = ChunkHeader { chunk_id: id, salt: 1, previous_salt: before.salt, ..before };
    let mut other = state.state.clone();
    other.vote = Some(PlainVote::new(9, 9));
    let mut bytes = header.encode().to_vec();
    bytes.extend(record_of(&header, HEADER_SIZE as u64, &Record::State(Box::new(other))));
    state.files.insert(id.file_name(), bytes);
    let (chunk, offset, kind) = corrupt(&state);
    assert_eq!((chunk, offset), (id, HEADER_SIZE as u64));
    let CorruptKind::Contradiction { reason } = kind else { panic!("{kind:?}") };
    assert!(reason.contains("vote"), "{reason}");
}
