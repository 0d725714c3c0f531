//! What is not exactly a frame in its place is refused: prefixes, flipped bits, moved and foreign bytes, zeros.

use bytes::Bytes;
use raft_log_codec::{Frame, FrameHead, FrameSeed, HeadFault, parse_group};

use crate::samples::{CHUNK_ID, LOG_ID, OFFSET, SALT, frames, seed};

#[test]
fn every_prefix_of_a_frame_is_incomplete_and_says_what_it_needs() {
    for (name, frame) in frames() {
        for length in 0..frame.len() {
            match Frame::parse(&frame.slice(..length), seed(), OFFSET) {
                Err(HeadFault::Incomplete { needed }) => {
                    assert!((length + 1..=frame.len()).contains(&needed), "{name}, {length}: {needed}");
                }
                other => panic!("{name}, {length} of {} bytes: {other:?}", frame.len()),
            }
        }
        Frame::parse(&frame, seed(), OFFSET).unwrap();
    }
}

#[test]
fn a_frame_is_read_by_asking_at_most_three_times_for_more() {
    for (name, frame) in frames() {
        let mut length = 0;
        let mut asked = 0;
        while let Err(fault) = Frame::parse(&frame.slice(..length), seed(), OFFSET) {
            let HeadFault::Incomplete { needed } = fault else { panic!("{name}: {fault}") };
            length = needed;
            asked += 1;
        }
        assert_eq!(length, frame.len(), "{name}");
        assert!((1..=3).contains(&asked), "{name}: {asked}");
    }
}

#[test]
fn every_flipped_bit_is_refused_by_the_checksum_that_covers_it() {
    // Other frames stand behind, as they do in a chunk, so that no flip gets away with asking for more.
    let behind: Vec<u8> = frames().into_iter().cycle().take(64).flat_map(|(_, frame)| frame).collect();
    let (mut by_head, mut by_body) = (0, 0);
    let (mut head_bits, mut body_bits) = (0, 0);
    for (name, frame) in frames() {
        let head_size = FrameHead::parse(&frame, seed(), OFFSET).unwrap().head_size();
        head_bits += head_size * 8;
        body_bits += (frame.len() - head_size) * 8;
        let good = [&frame[..], &behind].concat();
        for bit in 0..frame.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            match Frame::parse(&bytes.into(), seed(), OFFSET) {
                Err(HeadFault::Checksum { .. } | HeadFault::Limit | HeadFault::Empty) => {
                    assert!(bit / 8 < head_size, "{name}: bit {bit} is not the head's to refuse");
                    by_head += 1;
                }
                Ok(read) if read.fault.is_some() => {
                    assert!(bit / 8 >= head_size, "{name}: bit {bit} of the head was let through");
                    assert_eq!(read.end(), OFFSET + frame.len() as u64, "{name}: bit {bit}");
                    by_body += 1;
                }
                other => panic!("{name}: bit {bit}: {other:?}"),
            }
        }
    }
    println!("{by_head} flipped bits refused by the head's checksum, {by_body} by the body's");
    assert_eq!((by_head, by_body), (head_bits, body_bits));
    assert!(by_head > 2_000 && by_body > 1_000, "{by_head}, {by_body}");
}

#[test]
fn a_frame_is_refused_anywhere_but_in_its_place() {
    let others = [
        FrameSeed::new(LOG_ID + 1, CHUNK_ID, SALT),
        FrameSeed::new(LOG_ID, CHUNK_ID + 8, SALT),
        FrameSeed::new(LOG_ID, CHUNK_ID, SALT + 1),
    ];
    for (name, frame) in frames() {
        for offset in (0..2 * OFFSET).filter(|offset| *offset != OFFSET) {
            let fault = Frame::parse(&frame, seed(), offset).unwrap_err();
            assert!(matches!(fault, HeadFault::Checksum { .. }), "{name} at {offset}: {fault}");
        }
        for other in others {
            let fault = Frame::parse(&frame, other, OFFSET).unwrap_err();
            assert!(matches!(fault, HeadFault::Checksum { .. }), "{name}: {fault}");
        }
    }
}

#[test]
fn zeros_are_not_a_frame() {
    for length in 0..4_096 {
        let zeros = Bytes::from(vec![0; length]);
        let fault = Frame::parse(&zeros, seed(), OFFSET).unwrap_err();
        let expected = match length {
            0..16 => HeadFault::Incomplete { needed: 16 },
            _ => HeadFault::Empty,
        };
        assert_eq!(fault, expected, "{length}");
        assert_eq!(parse_group(&zeros, seed(), OFFSET), None);
    }
}

#[test]
fn only_a_group_is_read_as_a_group() {
    for (name, frame) in frames() {
        let expected = (name == "group").then_some(640);
        assert_eq!(parse_group(&frame, seed(), OFFSET), expected, "{name}");
    }
}
