//! What was written is read, with and without a frame, with the application's types and without.

use bytes::Bytes;
use proptest::prelude::*;
use raft_log_codec::{
    Decode, Encode, Frame, FrameSeed, PlainTypes, RawTypes, Record, TermIndex, Types, push_frame,
    push_state_frame,
};

use crate::samples::{OFFSET, any_plain_record, any_raw_record, framed, records, seed};

/// The record comes back from its frame and from its frameless bytes, and the frame it came from is made again by
/// a reader that knows no types.
pub(crate) fn assert_round_trip<T: Types>(record: &Record<T>)
where
    T::Payload: PartialEq,
{
    let bytes = framed(record);
    let frame = Frame::parse(&bytes, seed(), OFFSET).unwrap();
    assert_eq!(frame.fault, None);
    assert_eq!(frame.end(), OFFSET + bytes.len() as u64);
    assert_eq!(bytes.len() % 8, 0);
    assert_eq!(frame.head.kind(), Some(record.kind()));
    assert_eq!(frame.record::<T>().unwrap(), *record);

    let raw = frame.record::<RawTypes>().unwrap();
    assert_eq!(framed(&raw), bytes);

    let mut out = Vec::new();
    record.encode(&mut out).unwrap();
    assert_eq!(Record::<T>::decode(out.into()).unwrap(), *record);
}

#[test]
fn every_sample_comes_back() {
    let records = records();
    assert!(records.len() > 10);
    for (_, record) in &records {
        assert_round_trip(record);
    }
}

proptest! {
    #[test]
    fn any_raw_record_comes_back(record in any_raw_record()) {
        assert_round_trip(&record);
    }

    #[test]
    fn any_plain_record_comes_back(record in any_plain_record()) {
        assert_round_trip(&record);
    }

    #[test]
    fn frames_in_a_row_are_found_one_behind_the_other(
        records in proptest::collection::vec(any_raw_record(), 0..8),
        chunk in any::<(u128, u64, u64)>(),
        start in (0..u64::MAX / 16).prop_map(|place| place * 8),
    ) {
        let seed = FrameSeed::new(chunk.0, chunk.1, chunk.2);
        let mut out = Vec::new();
        for record in &records {
            let offset = start + out.len() as u64;
            push_frame(&mut out, seed, offset, record).unwrap();
        }
        let bytes = Bytes::from(out);
        let mut at = start;
        for record in &records {
            let behind = bytes.slice(usize::try_from(at - start).unwrap()..);
            let frame = Frame::parse(&behind, seed, at).unwrap();
            prop_assert_eq!(frame.offset, at);
            prop_assert_eq!(&frame.record::<RawTypes>().unwrap(), record);
            at = frame.end();
        }
        prop_assert_eq!(at, start + bytes.len() as u64);
    }
}

#[test]
fn a_state_is_framed_alike_from_a_record_and_from_its_owners_hands() {
    let mut states = 0;
    for (_, record) in records() {
        let Record::State(state) = &record else { continue };
        let mut out = Vec::new();
        push_state_frame(&mut out, seed(), OFFSET, state).unwrap();
        assert_eq!(out, framed(&record));
        states += 1;
    }
    assert_eq!(states, 2);
}

#[test]
fn a_payload_is_read_without_a_copy() {
    let payload = Bytes::from(vec![7; 256]);
    let bytes = framed(&Record::<PlainTypes>::Append(TermIndex::new(1, 2), payload));
    let frame = Frame::parse(&bytes, seed(), OFFSET).unwrap();
    let Record::Append(_, payload) = frame.record::<PlainTypes>().unwrap() else { panic!("an entry") };
    assert!(bytes.as_ptr_range().contains(&payload.as_ptr()));
}

#[test]
fn a_frame_costs_at_most_36_bytes_around_a_plain_entry_of_256() {
    let payload = Bytes::from(vec![7; 256]);
    let bytes = framed(&Record::<PlainTypes>::Append(TermIndex::new(1, 2), payload));
    let overhead = bytes.len() - 256;
    println!("a frame adds {overhead} bytes to 256, its id of 16 among them");
    assert!(overhead <= 36, "{overhead}");
}

/// The value comes back from these bytes, and from no other number of them.
fn assert_written<V: Encode + Decode + PartialEq + std::fmt::Debug>(value: V, written: &[u8]) {
    let mut out = Vec::new();
    value.encode(&mut out).unwrap();
    assert_eq!(out, written);
    assert_eq!(V::decode(out.clone().into()).unwrap(), value);
    out.push(0);
    assert!(V::decode(out.into()).is_err(), "{value:?} and a byte");
    assert!(V::decode(Bytes::copy_from_slice(&written[1..])).is_err(), "{value:?} without a byte");
}

#[test]
fn integers_take_their_own_size_and_begin_with_the_lowest_byte() {
    assert_written(7_u8, &[7]);
    assert_written(-2_i8, &[0xfe]);
    assert_written(0x0102_u16, &[2, 1]);
    assert_written(-2_i16, &[0xfe, 0xff]);
    assert_written(0x0102_0304_u32, &[4, 3, 2, 1]);
    assert_written(i32::MIN, &[0, 0, 0, 0x80]);
    assert_written(0x0102_0304_0506_0708_u64, &[8, 7, 6, 5, 4, 3, 2, 1]);
    assert_written(-1_i64, &[0xff; 8]);
    assert_written(1_u128 << 120, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_written(-1_i128, &[0xff; 16]);
}
