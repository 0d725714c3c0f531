//! Stored things with any values in them, under good checksums: what damage does not make, and no fuzzer can guess.
//!
//! The crates' own writers are not used: they refuse such values.

use raft_log_chunk::{ChunkHeader, HEADER_SIZE};
use raft_log_codec::{ChecksumWriter, FrameSeed};

use super::input::Input;

/// The fields of a frame that its checksums do not follow from.
#[derive(Debug, Clone, Default)]
pub(super) struct ForgedFrame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    /// Term, index and rest as they are stored; empty for none.
    pub(super) id: Vec<u8>,
    pub(super) payload: Vec<u8>,
    /// The length that the head states, where it is not the right one.
    pub(super) stated_len: Option<u32>,
}

impl ForgedFrame {
    /// Mostly what a frame may be.
    pub(super) fn of(input: &mut Input<'_>) -> Self {
        let what = input.u8();
        let kind = if what & 1 == 0 { 1 + input.u8() % 8 } else { input.u8().max(1) };
        let flags = if what & 0x0e == 0x0e { input.u8() } else { 0 };
        let mut id = Vec::new();
        if what & 0x10 == 0 {
            id.extend(input.number().to_le_bytes());
            id.extend(input.number().to_le_bytes());
            if what & 0x60 == 0x60 {
                id.extend(input.bytes());
            }
        }
        let stated_len = (what & 0x81 == 0x81).then(|| u32::try_from(input.number()).unwrap_or(u32::MAX));
        Self { kind, flags, id, payload: input.bytes().to_vec(), stated_len }
    }

    /// Appends the frame as it stands at `offset`.
    pub(super) fn push(&self, out: &mut Vec<u8>, seed: FrameSeed, offset: u64) {
        let len = self.id.len() + self.payload.len();
        let padding = len.next_multiple_of(8) - len;
        let mut body = ChecksumWriter::new();
        body.bytes(&self.payload).bytes(&[0; 8][..padding]);
        let body = body.finish();
        let (body, body_crc) = body.split_last_chunk::<4>().expect("a checksum");

        let mut covered = seed.writer_at(offset);
        covered
            .bytes(body_crc)
            .u32(self.stated_len.unwrap_or(u32::try_from(len).expect("a short frame")))
            .u8(self.kind)
            .u8(self.flags)
            .u16(u16::try_from(self.id.len()).unwrap_or(u16::MAX))
            .bytes(&self.id);
        let mut head = covered.finish();
        // The checksum stands in front of what it covers.
        head.rotate_right(4);
        out.extend(head);
        out.extend(body);
    }
}

/// A header of any version and with any flags.
pub(super) fn header(header: &ChunkHeader, version: u32, flags: u32) -> Vec<u8> {
    let mut bytes = header.encode()[..HEADER_SIZE - 4].to_vec();
    bytes[8..12].copy_from_slice(&version.to_le_bytes());
    bytes[12..16].copy_from_slice(&flags.to_le_bytes());
    let mut writer = ChecksumWriter::new();
    writer.bytes(&bytes);
    writer.finish()
}

/// Any 56 bytes as a slot of `DURABLE`.
pub(super) fn durable_slot(version: u32, fields: &[u8]) -> Vec<u8> {
    let mut writer = ChecksumWriter::new();
    writer.bytes(b"RAFTDUR\n").u32(version).bytes(fields);
    writer.finish()
}

/// Any bytes behind the magic and the size of a footer's head.
pub(super) fn footer_head(seed: FrameSeed, end: u64, fields: &[u8]) -> Vec<u8> {
    let mut writer = seed.writer_at(end);
    let size = u32::try_from(12 + fields.len() + 4).expect("a short footer");
    writer.bytes(b"RLFOOTER").u32(size).bytes(fields);
    writer.finish()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use raft_log_chunk::{ChunkId, Space};
    use raft_log_codec::{Frame, RawLogId, RawTypes, Record, push_frame};

    use super::*;

    #[test]
    fn an_honest_forgery_is_what_the_crates_write() {
        let seed = FrameSeed::new(1, 2, 3);
        let id = RawLogId { term: 4, index: 5, rest: Bytes::from_static(b"node") };
        let record = Record::<RawTypes>::Append(id, Bytes::from_static(b"payload"));
        let mut written = Vec::new();
        push_frame(&mut written, seed, 640, &record).unwrap();
        let stored = [&4_u64.to_le_bytes(), &5_u64.to_le_bytes(), &b"node"[..]].concat();
        let forged = ForgedFrame { kind: 2, id: stored, payload: b"payload".to_vec(), ..Default::default() };
        let mut bytes = Vec::new();
        forged.push(&mut bytes, seed, 640);
        assert_eq!(bytes, written);

        let good = ChunkHeader {
            log_id: 1,
            chunk_id: ChunkId::new(2),
            salt: 3,
            previous_salt: 4,
            space: Space::Fresh,
        };
        assert_eq!(header(&good, 1, 0), good.encode());
    }

    #[test]
    fn a_forged_length_stands_under_a_good_checksum() {
        let seed = FrameSeed::new(1, 2, 3);
        let forged = ForgedFrame { kind: 2, stated_len: Some(1 << 28), ..Default::default() };
        let mut bytes = Vec::new();
        forged.push(&mut bytes, seed, 64);
        let fault = Frame::parse(&bytes.into(), seed, 64).unwrap_err();
        assert!(
            matches!(fault, raft_log_codec::HeadFault::Incomplete { needed } if needed > 1 << 28),
            "{fault}"
        );
    }
}
