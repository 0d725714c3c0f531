//! Every part has a limit: what is at it is stored and read, what is one byte beyond is refused both ways.

use bytes::Bytes;
use raft_log_codec::{
    Decode, DecodeError, EncodeError, Frame, PAYLOAD_BYTES_MAX, REST_BYTES_MAX, RaftLogState, RawLogId,
    RawTypes, Record, RecordKind, USER_DATA_BYTES_MAX, VOTE_BYTES_MAX, push_frame,
};

use crate::by_hand::{Fields, stored_id};
use crate::encoders::{Told, ToldId, ToldTypes, state_with};
use crate::samples::{OFFSET, framed, seed};

/// Records with a part of `size` bytes, and what the part is called.
type Sized = (&'static str, usize, fn(usize) -> Record<ToldTypes>);

const PARTS: [Sized; 8] = [
    ("rest of the log id", REST_BYTES_MAX, |size| Record::Commit(ToldId(Told::Write(size)))),
    ("rest of the log id", REST_BYTES_MAX, |size| Record::Append(ToldId(Told::Write(size)), Told::Write(0))),
    ("rest of the log id", REST_BYTES_MAX, |size| {
        state_with(|state| state.purged = Some(ToldId(Told::Write(size))))
    }),
    ("vote", VOTE_BYTES_MAX, |size| Record::SaveVote(Told::Write(size))),
    ("vote", VOTE_BYTES_MAX, |size| state_with(|state| state.vote = Some(Told::Write(size)))),
    ("user data", USER_DATA_BYTES_MAX, |size| Record::SaveUserData(Some(Told::Write(size)))),
    ("user data", USER_DATA_BYTES_MAX, |size| state_with(|state| state.user_data = Some(Told::Write(size)))),
    ("payload", PAYLOAD_BYTES_MAX, |size| Record::Append(ToldId(Told::Write(0)), Told::Write(size))),
];

#[test]
fn a_part_at_its_limit_is_stored_and_read() {
    for (what, max, record) in PARTS {
        let record = record(max);
        let frame = Frame::parse(&framed(&record), seed(), OFFSET).unwrap();
        assert_eq!(frame.fault, None, "{what}");
        assert_eq!(frame.record::<ToldTypes>().unwrap(), record, "{what}");
    }
}

#[test]
fn a_part_beyond_its_limit_is_refused_and_leaves_no_trace() {
    for (part, limit, record) in PARTS {
        let mut out = b"the frames before".to_vec();
        match push_frame(&mut out, seed(), OFFSET, &record(limit + 1)) {
            Err(EncodeError::TooLarge { what, size, max }) => {
                assert_eq!((what, size, max), (part, limit as u64 + 1, limit as u64));
            }
            other => panic!("{part}: {other:?}"),
        }
        assert_eq!(out, b"the frames before", "{part}");
    }
}

#[test]
fn a_stored_part_beyond_its_limit_is_not_read() {
    let state = |flag: u8, part: &[u8]| {
        let size = u16::try_from(part.len()).unwrap().to_le_bytes();
        [&[flag], &size[..], part].concat()
    };
    let vote = vec![b'v'; VOTE_BYTES_MAX + 1];
    let data = vec![b'd'; USER_DATA_BYTES_MAX + 1];
    let id = stored_id(1, 2, &[b'r'; REST_BYTES_MAX + 1]);
    for (kind, payload, expected) in [
        (RecordKind::SaveVote, vote.clone(), "vote"),
        (RecordKind::State, state(1, &vote), "vote"),
        (RecordKind::SaveUserData, [&[1], &data[..]].concat(), "user data"),
        (RecordKind::State, state(16, &data), "user data"),
        (RecordKind::State, state(2, &id), "rest of the log id"),
        (RecordKind::State, state(4, &id), "rest of the log id"),
        (RecordKind::State, state(8, &id), "rest of the log id"),
    ] {
        let fields = Fields { kind: kind.byte(), flags: 0, id: b"", payload: &payload };
        let frame = Frame::parse(&fields.frame(), seed(), OFFSET).unwrap();
        assert_eq!(frame.fault, None);
        assert_too_large(frame.record::<RawTypes>(), expected);
        let frameless = [&[kind.byte(), 0, 0], &payload[..]].concat();
        assert_too_large(Record::<RawTypes>::decode(frameless.into()), expected);
    }
    let size = u16::try_from(id.len()).unwrap().to_le_bytes();
    let commit = [&[RecordKind::Commit.byte()], &size[..], &id].concat();
    assert_too_large(Record::<RawTypes>::decode(commit.into()), "rest of the log id");
}

#[test]
fn a_frameless_payload_beyond_its_limit_is_not_read() {
    let mut bytes = vec![RecordKind::Append.byte(), 16, 0];
    bytes.resize(3 + 16 + PAYLOAD_BYTES_MAX + 1, 0);
    let bytes = Bytes::from(bytes);
    assert!(Record::<RawTypes>::decode(bytes.slice(..bytes.len() - 1)).is_ok());
    assert_too_large(Record::<RawTypes>::decode(bytes), "payload");
}

fn assert_too_large(read: Result<Record<RawTypes>, DecodeError>, expected: &str) {
    match read {
        Err(DecodeError::TooLarge { what, size, max }) => {
            assert_eq!((what, size), (expected, max + 1));
        }
        other => panic!("{expected}: {other:?}"),
    }
}

#[test]
fn a_raw_id_holds_no_more_rest_than_a_log_stores() {
    assert!(RawLogId::from_typed(&ToldId(Told::Write(REST_BYTES_MAX))).is_ok());
    let error = RawLogId::from_typed(&ToldId(Told::Write(REST_BYTES_MAX + 1))).unwrap_err();
    assert!(matches!(error, EncodeError::TooLarge { .. }), "{error}");
}

#[test]
fn the_highest_index_has_an_end() {
    let state = |last| RaftLogState::<ToldTypes> { last, ..RaftLogState::default() };
    assert_eq!((state(None).first_index(), state(None).end_index()), (0, 0));
    assert_eq!(state(Some(ToldId(Told::Write(0)))).end_index(), 3);

    let highest = RawLogId { term: 1, index: u64::MAX, rest: Bytes::new() };
    let state = RaftLogState::<RawTypes> {
        last: Some(highest.clone()),
        purged: Some(highest),
        ..RaftLogState::default()
    };
    assert_eq!((state.first_index(), state.end_index()), (u64::MAX, u64::MAX));
}
