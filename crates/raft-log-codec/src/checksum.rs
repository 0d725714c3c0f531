//! CRC-32C over memory: the seed that ties bytes to their place, and a writer and a reader that keep a running sum.
//!
//! A sum is never computed around a file: a short write would make it wrong.

use crate::{DecodeError, OffsetReader, SeededBug};

/// Ties the frames of one chunk to that chunk: bytes that are stale, moved or copied from elsewhere never validate.
///
/// It is the CRC-32C of the log's id, the chunk's id and the chunk's salt. A frame's header checksum starts from it,
/// mixed with the frame's offset. A CRC maps different starts to different sums over the same bytes, and no two
/// offsets of the first 4 GiB of a chunk have the same start: there, a frame at another offset of its own chunk is
/// refused for certain. One from another chunk or log is refused unless two 32-bit sums happen to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameSeed(u32);

impl FrameSeed {
    /// The seed of the chunk `chunk_id` with `salt` in the log `log_id`. All three stand in the chunk's header.
    pub fn new(log_id: u128, chunk_id: u64, salt: u64) -> Self {
        let sum = crc32c::crc32c(&log_id.to_le_bytes());
        let sum = crc32c::crc32c_append(sum, &chunk_id.to_le_bytes());
        Self(crc32c::crc32c_append(sum, &salt.to_le_bytes()))
    }

    /// The value a checksum starts from at `offset` of the chunk.
    ///
    /// What counts is the offset in units of 8; the rotation puts what an offset has beyond a multiple of 8 on top.
    #[inline]
    pub(crate) fn start_at(self, offset: u64) -> u32 {
        let place = offset.rotate_right(3);
        #[expect(clippy::cast_possible_truncation, reason = "both halves are mixed in")]
        let mixed = (place as u32) ^ ((place >> 32) as u32);
        if SeededBug::UnseededChecksum.is_on() {
            return 0;
        }
        self.0 ^ mixed
    }

    /// A writer whose checksum is tied to `offset` of the chunk.
    pub fn writer_at(self, offset: u64) -> ChecksumWriter {
        // Enough for a mark, which is written after every sync.
        self.writer_behind(Vec::with_capacity(64), offset)
    }

    /// As [`FrameSeed::writer_at`], behind bytes that are there already and that its checksum does not cover.
    pub fn writer_behind(self, bytes: Vec<u8>, offset: u64) -> ChecksumWriter {
        ChecksumWriter { from: bytes.len(), bytes, start: self.start_at(offset) }
    }

    /// A reader for what [`FrameSeed::writer_at`] wrote.
    ///
    /// # Errors
    /// As [`ChecksumReader::new`].
    pub fn reader_at(self, offset: u64, bytes: &[u8]) -> Result<ChecksumReader<'_>, DecodeError> {
        ChecksumReader::with_start(bytes, self.start_at(offset))
    }
}

/// Gathers fields in memory and closes them with a CRC-32C of all of them.
#[derive(Debug, Clone, Default)]
pub struct ChecksumWriter {
    bytes: Vec<u8>,
    /// Where the fields begin.
    from: usize,
    start: u32,
}

impl ChecksumWriter {
    /// An empty writer without a seed.
    pub fn new() -> Self {
        Self { bytes: Vec::with_capacity(64), from: 0, start: 0 }
    }

    /// Appends bytes as they are.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends one byte.
    #[inline]
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    /// Appends a 16-bit number, little endian.
    #[inline]
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Appends a 32-bit number, little endian.
    #[inline]
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Appends a 64-bit number, little endian.
    #[inline]
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Appends 32-bit numbers, little endian: many at once, in memory that just holds them and a checksum.
    pub fn u32s(&mut self, values: &[u32]) -> &mut Self {
        let from = self.bytes.len();
        self.bytes.reserve_exact(size_of_val(values) + size_of::<u32>());
        self.bytes.resize(from + size_of_val(values), 0);
        let places = self.bytes.get_mut(from..).unwrap_or_default().as_chunks_mut().0;
        for (place, value) in places.iter_mut().zip(values) {
            *place = value.to_le_bytes();
        }
        self
    }

    /// How many bytes have been gathered.
    pub fn size(&self) -> usize {
        self.bytes.len() - self.from
    }

    /// What has been gathered.
    pub fn gathered(&self) -> &[u8] {
        self.bytes.get(self.from..).unwrap_or_default()
    }

    /// Appends the checksum of everything gathered so far and gives the bytes, those before it included.
    pub fn finish(mut self) -> Vec<u8> {
        let sum = crc32c::crc32c_append(self.start, self.gathered());
        self.bytes.extend_from_slice(&sum.to_le_bytes());
        self.bytes
    }
}

/// Reads fields that a [`ChecksumWriter`] closed; the checksum is verified before the first field is given out.
#[derive(Debug, Clone)]
pub struct ChecksumReader<'a> {
    fields: OffsetReader<'a>,
}

impl<'a> ChecksumReader<'a> {
    /// Verifies `bytes`, the last four of which are the checksum of those before.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when the checksum differs, [`DecodeError::Incomplete`] when there is none.
    pub fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Self::with_start(bytes, 0)
    }

    fn with_start(bytes: &'a [u8], start: u32) -> Result<Self, DecodeError> {
        let short = DecodeError::Incomplete { at: 0, needed: 4, found: bytes.len() as u64 };
        let (fields, sum) = bytes.split_last_chunk::<4>().ok_or(short)?;
        if crc32c::crc32c_append(start, fields) != u32::from_le_bytes(*sum) {
            return Err(DecodeError::Invalid { what: "checksum" });
        }
        Ok(Self { fields: OffsetReader::new(fields) })
    }

    /// The verified fields.
    pub fn into_fields(self) -> OffsetReader<'a> {
        self.fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut writer = FrameSeed::new(7, 8, 9).writer_at(64);
        writer.u8(1).u16(2).u32(3).u64(4).bytes(b"five");
        writer.finish()
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = sample();
        let mut fields = FrameSeed::new(7, 8, 9).reader_at(64, &bytes).unwrap().into_fields();
        assert_eq!(fields.u8().unwrap(), 1);
        assert_eq!(fields.u16().unwrap(), 2);
        assert_eq!(fields.u32().unwrap(), 3);
        assert_eq!(fields.u64().unwrap(), 4);
        assert_eq!(fields.rest(), b"five");
    }

    #[test]
    fn a_writer_behind_other_bytes_leaves_them_out() {
        let seed = FrameSeed::new(7, 8, 9);
        let mut alone = seed.writer_at(64);
        alone.u32(1).u32(2).u32(0xffff_fff0);
        let mut behind = seed.writer_behind(b"before".to_vec(), 64);
        behind.u32(1).u32s(&[2, 0xffff_fff0]).u32s(&[]);
        assert_eq!((behind.size(), behind.gathered()), (12, alone.gathered()));
        assert_eq!(behind.finish(), [b"before".to_vec(), alone.finish()].concat());
    }

    #[test]
    fn every_flipped_bit_and_every_prefix_is_refused() {
        let good = sample();
        let seed = FrameSeed::new(7, 8, 9);
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(seed.reader_at(64, &bytes).is_err(), "bit {bit}");
        }
        for length in 0..good.len() {
            assert!(seed.reader_at(64, &good[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn bytes_from_another_place_are_refused() {
        let bytes = sample();
        for offset in (0..512).filter(|offset| *offset != 64) {
            assert!(FrameSeed::new(7, 8, 9).reader_at(offset, &bytes).is_err(), "{offset}");
        }
        assert!(FrameSeed::new(7, 8, 10).reader_at(64, &bytes).is_err());
        assert!(FrameSeed::new(7, 9, 9).reader_at(64, &bytes).is_err());
        assert!(FrameSeed::new(6, 8, 9).reader_at(64, &bytes).is_err());
    }
}
