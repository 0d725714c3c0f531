//! The small frame at the head of what one flush writes: how far the last successful sync had come.
//!
//! Its place is reserved while the group gathers, and it is made just before the group is written, so that it
//! vouches for as much as possible. A later group thus says of the earlier ones that they were durable.

use crate::frame::{KIND_AT, put_fields, seal_frames};
use crate::{FRAME_FIXED_SIZE, FrameHead, FrameSeed, RecordKind};

/// The bytes of a `Group` frame.
pub const GROUP_FRAME_SIZE: usize = FRAME_FIXED_SIZE + 8;

/// Appends room for a `Group` frame.
pub fn reserve_group(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; GROUP_FRAME_SIZE]);
}

/// The `Group` frame for `offset` of a chunk with `seed`, saying that the bytes before `durable_end` of the same
/// chunk were covered by a successful sync.
///
/// # Panics
/// When `durable_end` lies behind the group's own beginning, or `offset` is no multiple of 8.
pub fn group_frame(seed: FrameSeed, offset: u64, durable_end: u64) -> [u8; GROUP_FRAME_SIZE] {
    assert!(durable_end <= offset, "a group cannot vouch for itself");
    let mut frame = [0; GROUP_FRAME_SIZE];
    let (_, body) = frame.split_at_mut(FRAME_FIXED_SIZE);
    body.copy_from_slice(&durable_end.to_le_bytes());
    put_fields(&mut frame, RecordKind::Group, 0, 8);
    seal_frames(&mut frame, seed, offset);
    frame
}

/// Reads a `Group` frame at `offset`; `None` if the bytes are anything else, damaged, or vouch for themselves.
pub fn parse_group(bytes: &[u8], seed: FrameSeed, offset: u64) -> Option<u64> {
    let frame = bytes.first_chunk::<GROUP_FRAME_SIZE>()?;
    // Cheap to refuse: this is asked at every multiple of 8 behind the end of a log.
    if frame.get(KIND_AT) != Some(&RecordKind::Group.byte()) {
        return None;
    }
    let head = FrameHead::parse(frame, seed, offset).ok()?;
    let durable_end = u64::from_le_bytes(*frame.last_chunk::<8>()?);
    (head.kind() == Some(RecordKind::Group)
        && durable_end <= offset
        && *frame == group_frame(seed, offset, durable_end))
    .then_some(durable_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_back_only_where_it_stands_and_only_whole() {
        let seed = FrameSeed::new(1, 2, 3);
        let frame = group_frame(seed, 4096, 640);
        assert_eq!(parse_group(&frame, seed, 4096), Some(640));
        assert_eq!(parse_group(&frame, seed, 4104), None);
        assert_eq!(parse_group(&frame, FrameSeed::new(1, 2, 4), 4096), None);
        for bit in 0..frame.len() * 8 {
            let mut bytes = frame;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse_group(&bytes, seed, 4096), None, "bit {bit}");
        }
        for length in 0..frame.len() {
            assert_eq!(parse_group(&frame[..length], seed, 4096), None, "length {length}");
        }
    }
}
