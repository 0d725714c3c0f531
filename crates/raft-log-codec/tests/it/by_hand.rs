//! A frame put together field by field, without the crate's own writer: what only another version would write, and
//! a second opinion on the layout.

use bytes::Bytes;
use raft_log_codec::{
    DecodeError, Frame, FrameFault, HeadFault, PAYLOAD_BYTES_MAX, RawTypes, Record, RecordKind, group_frame,
};

use crate::samples::{CHUNK_ID, LOG_ID, OFFSET, SALT, framed, id, seed};

/// The fields of a head that the checksums do not follow from.
pub(crate) struct Fields<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) id: &'a [u8],
    pub(crate) payload: &'a [u8],
}

impl Fields<'_> {
    /// The frame at [`OFFSET`] under the samples' seed, with good checksums.
    pub(crate) fn frame(&self) -> Bytes {
        let len = u32::try_from(self.id.len() + self.payload.len()).unwrap();
        let mut body = self.payload.to_vec();
        body.resize(body.len() + (len as usize).wrapping_neg() % 8, 0);
        self.head(len, crc32c::crc32c(&body)).into_iter().chain(body).collect()
    }

    /// The head alone, with a good checksum over whatever it states.
    pub(crate) fn head(&self, len: u32, body_crc: u32) -> Vec<u8> {
        let mut covered = Vec::new();
        covered.extend(body_crc.to_le_bytes());
        covered.extend(len.to_le_bytes());
        covered.extend([self.kind, self.flags]);
        covered.extend(u16::try_from(self.id.len()).unwrap().to_le_bytes());
        covered.extend(self.id);

        let mut place = Vec::new();
        place.extend(LOG_ID.to_le_bytes());
        place.extend(CHUNK_ID.to_le_bytes());
        place.extend(SALT.to_le_bytes());
        let start = crc32c::crc32c(&place) ^ u32::try_from(OFFSET / 8).unwrap();
        let head_crc = crc32c::crc32c_append(start, &covered);
        head_crc.to_le_bytes().into_iter().chain(covered).collect()
    }
}

/// An id in its stored form.
pub(crate) fn stored_id(term: u64, index: u64, rest: &[u8]) -> Vec<u8> {
    [&term.to_le_bytes(), &index.to_le_bytes(), rest].concat()
}

#[test]
fn the_writer_and_the_documented_layout_agree() {
    let entry = Fields { kind: 2, flags: 0, id: &stored_id(7, 9, b"node-b"), payload: b"green" };
    let record = Record::<RawTypes>::Append(id(7, 9, b"node-b"), Bytes::from_static(b"green"));
    assert_eq!(entry.frame(), framed(&record));

    let group = Fields { kind: 8, flags: 0, id: b"", payload: &640_u64.to_le_bytes() };
    assert_eq!(group.frame(), group_frame(seed(), OFFSET, 640)[..]);
}

#[test]
fn an_unknown_kind_or_flag_is_no_damage() {
    let known = RecordKind::ALL.map(RecordKind::byte);
    let unknown_kinds = (1..=u8::MAX).filter(|kind| !known.contains(kind)).map(|kind| (kind, 0));
    let unknown_flags = (1..=u8::MAX).map(|flags| (RecordKind::Append.byte(), flags));
    let mut count = 0;
    for (kind, flags) in unknown_kinds.chain(unknown_flags) {
        let bytes =
            Fields { kind, flags, id: &stored_id(7, 9, b"node-b"), payload: b"of a later version" }.frame();
        let frame = Frame::parse(&bytes, seed(), OFFSET).unwrap();
        assert_eq!(frame.fault, None);
        assert_eq!(frame.head.kind(), None, "kind {kind}, flags {flags}");
        assert_eq!((frame.head.kind_byte(), frame.head.flags()), (kind, flags));
        // What stands behind it can still be found, and where it belongs is still told.
        assert_eq!(frame.head.size(), bytes.len());
        assert_eq!((frame.head.term(), frame.head.index()), (Some(7), Some(9)));
        assert!(matches!(frame.record::<RawTypes>(), Err(DecodeError::Invalid { what: "record kind" })));
        count += 1;
    }
    assert_eq!(count, 255 - 8 + 255);
}

#[test]
fn kind_zero_is_never_a_frame_even_with_good_checksums() {
    let bytes = Fields { kind: 0, flags: 0, id: &stored_id(7, 9, b""), payload: b"payload" }.frame();
    assert_eq!(Frame::parse(&bytes, seed(), OFFSET).unwrap_err(), HeadFault::Empty);
}

#[test]
fn a_length_over_its_limit_is_refused_even_with_a_good_checksum() {
    let max = u32::try_from(PAYLOAD_BYTES_MAX).unwrap();
    let id = stored_id(7, 9, b"");
    let parse = |id: &[u8], len| {
        let fields = Fields { kind: 2, flags: 0, id, payload: b"" };
        Frame::parse(&fields.head(len, 0).into(), seed(), OFFSET).unwrap_err()
    };
    let needed = 16 + 16 + PAYLOAD_BYTES_MAX;
    assert_eq!(parse(&id, 16 + max), HeadFault::Incomplete { needed });
    assert_eq!(parse(&id, 16 + max + 1), HeadFault::Limit);
    assert_eq!(parse(b"", max + 1), HeadFault::Limit);
    assert_eq!(parse(&id, u32::MAX), HeadFault::Limit);
    // An id that is larger than the frame, no whole id, and one with too much rest.
    assert_eq!(parse(&id, 15), HeadFault::Limit);
    assert_eq!(parse(&id[..15], 15), HeadFault::Limit);
    assert_eq!(parse(&stored_id(7, 9, &[0; 1025]), 16 + 1025), HeadFault::Limit);
}

#[test]
fn a_damaged_body_is_told_with_both_sums() {
    let good = framed(&Record::<RawTypes>::Append(id(7, 9, b""), Bytes::from_static(b"greenery")));
    let mut bytes = good.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let frame = Frame::parse(&bytes.into(), seed(), OFFSET).unwrap();
    let fault = FrameFault { expected: crc32c::crc32c(b"greenery"), found: crc32c::crc32c(b"greenerx") };
    assert_eq!(frame.fault, Some(fault));
    assert_eq!(frame.id, Some(id(7, 9, b"")));
}
