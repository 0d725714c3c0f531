//! Bytes from outside give a value or a typed error, and never a panic; a value that was read is written as it was.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use raft_log_codec::{
    Decode, DecodeError, Encode, Frame, FrameHead, FrameSeed, GroupedFixed, PlainTypes, PlainVote,
    RaftLogState, RawLogId, RawTypes, Record, TermIndex, Types, parse_group,
};

use crate::by_hand::{Fields, stored_id};
use crate::own_types::example::KvTypes;
use crate::samples::{OFFSET, framed, frames, records, seed};

/// What was read at all gives the very same bytes when it is written again: nothing has two encodings, and no byte
/// is passed over.
fn assert_exact<T>(bytes: &Bytes)
where
    T: Encode + Decode,
{
    let Ok(value) = T::decode(bytes.clone()) else {
        return;
    };
    let mut out = Vec::new();
    value.encode(&mut out).unwrap();
    assert_eq!(out, bytes[..]);
}

/// The same for a record in its frame.
fn assert_frame_exact<T: Types>(frame: &Frame, bytes: &Bytes) {
    if let Ok(record) = frame.record::<T>() {
        assert_eq!(framed(&record), bytes);
    }
}

fn decode_as_everything(bytes: &Bytes) {
    fn with<T: Types>(bytes: &Bytes) {
        assert_exact::<Record<T>>(bytes);
        assert_exact::<RaftLogState<T>>(bytes);
    }
    with::<RawTypes>(bytes);
    with::<PlainTypes>(bytes);
    with::<KvTypes>(bytes);
    assert_exact::<PlainVote>(bytes);
    assert_exact::<String>(bytes);
    assert_exact::<u64>(bytes);
    assert_exact::<()>(bytes);
}

/// Bytes that begin like a record or a state, which arbitrary ones seldom do.
fn near_record() -> impl Strategy<Value = Bytes> {
    let sizes = prop_oneof![0..2_u16, 14..40_u16, 1_000..1_100_u16, any::<u16>()];
    let part = (sizes, vec(any::<u8>(), 0..1_100)).prop_map(|(size, mut part)| {
        part.splice(0..0, size.to_le_bytes());
        part
    });
    // A part whose size is its own.
    let honest = vec(any::<u8>(), 0..64).prop_map(|mut part| {
        let size = u16::try_from(part.len()).unwrap();
        part.splice(0..0, size.to_le_bytes());
        part
    });
    (0..34_u8, vec(prop_oneof![1 => part, 4 => honest], 0..6))
        .prop_map(|(first, parts)| [vec![first], parts.concat()].concat().into())
}

#[test]
fn a_byte_too_many_is_refused_where_no_value_takes_what_is_left() {
    let mut refused = 0;
    for (name, record) in records() {
        let open_ended =
            matches!(record, Record::SaveVote(_) | Record::Append(..) | Record::SaveUserData(Some(_)));
        let mut out = Vec::new();
        record.encode(&mut out).unwrap();
        out.push(0);
        let read = Record::<RawTypes>::decode(out.into());
        assert_eq!(read.is_ok(), open_ended, "{name}: {read:?}");
        refused += usize::from(!open_ended);
    }
    assert_eq!(refused, 7);
}

#[test]
fn a_state_with_a_field_of_a_later_version_is_refused() {
    for bit in 5..8 {
        let error = RaftLogState::<RawTypes>::decode(vec![1_u8 << bit].into()).unwrap_err();
        assert!(matches!(error, DecodeError::Invalid { .. }), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes_decode_or_are_refused(bytes in vec(any::<u8>(), 0..300)) {
        decode_as_everything(&bytes.into());
    }

    #[test]
    fn bytes_that_look_like_a_record_decode_or_are_refused(bytes in near_record()) {
        decode_as_everything(&bytes);
    }

    #[test]
    fn arbitrary_bytes_are_no_frame(
        bytes in vec(any::<u8>(), 0..1_200),
        kind in 0..12_u8,
        chunk in any::<(u128, u64, u64)>(),
        offset in any::<u64>(),
    ) {
        let seed = FrameSeed::new(chunk.0, chunk.1, chunk.2);
        let mut bytes = bytes;
        // A known kind, no flag and a plain id come further than arbitrary ones.
        if bytes.len() >= 16 && kind > 0 {
            bytes[8..16].copy_from_slice(&[64, 0, 0, 0, kind, 0, 16, 0]);
        }
        prop_assert!(FrameHead::parse(&bytes, seed, offset).is_err());
        prop_assert!(parse_group(&bytes, seed, offset).is_none());
        prop_assert!(Frame::parse(&bytes.into(), seed, offset).is_err());
    }

    #[test]
    fn a_frame_with_good_checksums_and_any_content_is_read_or_refused(
        kind in 1..12_u8,
        flags in prop_oneof![9 => Just(0_u8), 1 => any::<u8>()],
        id in proptest::option::of((any::<u64>(), any::<u64>(), vec(any::<u8>(), 0..40))),
        payload in prop_oneof![
            vec(any::<u8>(), 0..80),
            near_record().prop_map(|bytes| bytes.to_vec()),
        ],
    ) {
        let id = id.map_or(Vec::new(), |(term, index, rest)| stored_id(term, index, &rest));
        let bytes = Fields { kind, flags, id: &id, payload: &payload }.frame();
        let frame = Frame::parse(&bytes, seed(), OFFSET).unwrap();
        prop_assert_eq!(frame.fault, None);
        prop_assert_eq!(&frame.payload[..], &payload[..]);
        if flags != 0 || kind > 8 {
            prop_assert_eq!(frame.head.kind(), None);
            prop_assert!(frame.record::<RawTypes>().is_err());
        }
        assert_frame_exact::<RawTypes>(&frame, &bytes);
        assert_frame_exact::<PlainTypes>(&frame, &bytes);
        assert_frame_exact::<KvTypes>(&frame, &bytes);
        let _ = parse_group(&bytes, seed(), OFFSET);
        if let Some(id) = &frame.id {
            let plain = id.typed::<TermIndex>();
            prop_assert_eq!(plain.is_ok(), id.rest.is_empty());
            prop_assert_eq!(&RawLogId::from_typed(id).unwrap(), id);
        }
    }

    #[test]
    fn a_frame_with_any_bytes_overwritten_is_refused(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        new in vec(any::<u8>(), 1..40),
    ) {
        let frames = frames();
        let (_, good) = which.get(&frames);
        let mut bytes = good.to_vec();
        let start = at.index(bytes.len());
        for (place, byte) in bytes[start..].iter_mut().zip(&new) {
            *place = *byte;
        }
        let same = bytes == good[..];
        let accepted = Frame::parse(&bytes.into(), seed(), OFFSET).is_ok_and(|frame| frame.fault.is_none());
        prop_assert_eq!(accepted, same);
    }

    #[test]
    fn any_text_is_a_fixed_number_only_if_it_is_written_so(text in "[0-9_+]{26}|.{0,30}", number in any::<u64>()) {
        if let Some(read) = GroupedFixed::parse(&text) {
            prop_assert_eq!(read.to_string(), text);
        }
        prop_assert_eq!(GroupedFixed::parse(&GroupedFixed(number).to_string()), Some(GroupedFixed(number)));
    }
}
