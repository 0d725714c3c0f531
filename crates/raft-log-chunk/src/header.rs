//! The first 64 bytes of a chunk: which log and which place of it, and the salt that ties its frames to it.

use raft_log_codec::{ChecksumReader, ChecksumWriter, DecodeError, FrameSeed, OffsetReader};

use crate::ChunkId;

/// The version of the format that this crate reads and writes.
pub const FORMAT_VERSION: u32 = 1;

/// The bytes of a header; the same in every version, so that a newer one is told from damage.
pub const HEADER_SIZE: usize = 64;

const MAGIC: &[u8; 8] = b"RAFTLOG\n";
const FLAG_REUSED: u32 = 1;

/// What a chunk begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkHeader {
    /// The id of the log, random, the same in all its chunks.
    pub log_id: u128,
    /// Where the chunk begins in the log.
    pub chunk_id: ChunkId,
    /// Random, and different each time a chunk is made.
    pub salt: u64,
    /// The salt of the chunk before it; 0 for the first.
    pub previous_salt: u64,
    /// What the space behind the frames held when the chunk was made.
    pub space: Space,
}

/// What a chunk's space held when the chunk was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// Zeros: what is not zero there was written by the chunk's own process.
    Fresh,
    /// The bytes of a purged chunk.
    Reused,
}

/// Why the first bytes of a file are not a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderFault {
    /// The file ends before the header does.
    #[error("the file ends after {found} bytes, inside the header")]
    Short {
        /// How many bytes there are.
        found: u64,
    },
    /// The magic bytes or the checksum do not match.
    #[error("the chunk header is damaged")]
    Damaged,
    /// A version or a flag that this crate does not know, under a good checksum.
    #[error("format version {version} with flags {flags:#x} is not supported; version {FORMAT_VERSION} is")]
    Unsupported {
        /// The version.
        version: u32,
        /// The flags.
        flags: u32,
    },
}

impl ChunkHeader {
    /// The header's bytes.
    pub fn encode(&self) -> [u8; HEADER_SIZE] {
        let flags = match self.space {
            Space::Fresh => 0,
            Space::Reused => FLAG_REUSED,
        };
        let mut writer = ChecksumWriter::new();
        writer
            .bytes(MAGIC)
            .u32(FORMAT_VERSION)
            .u32(flags)
            .bytes(&self.log_id.to_le_bytes())
            .u64(self.chunk_id.offset())
            .u64(self.salt)
            .u64(self.previous_salt)
            .u32(0);
        let bytes = writer.finish();
        let mut header = [0; HEADER_SIZE];
        header.copy_from_slice(&bytes);
        header
    }

    /// Reads a header from the first bytes of a file.
    ///
    /// # Errors
    /// When they are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let bytes =
            bytes.first_chunk::<HEADER_SIZE>().ok_or(HeaderFault::Short { found: bytes.len() as u64 })?;
        Self::fields(bytes).map_err(|_| HeaderFault::Damaged)?
    }

    fn fields(bytes: &[u8]) -> Result<Result<Self, HeaderFault>, DecodeError> {
        let mut fields = ChecksumReader::new(bytes)?.into_fields();
        if &fields.array::<8>()? != MAGIC {
            return Ok(Err(HeaderFault::Damaged));
        }
        let version = fields.u32()?;
        let flags = fields.u32()?;
        if version != FORMAT_VERSION || flags & !FLAG_REUSED != 0 {
            return Ok(Err(HeaderFault::Unsupported { version, flags }));
        }
        Ok(Ok(Self {
            log_id: u128::from_le_bytes(fields.array()?),
            chunk_id: ChunkId::new(fields.u64()?),
            salt: fields.u64()?,
            previous_salt: fields.u64()?,
            space: if flags & FLAG_REUSED == 0 { Space::Fresh } else { Space::Reused },
        }))
    }

    /// The fields as they stand in the first bytes of a file, with neither checksum nor version asked; `None` if there
    /// are too few bytes. For tools that look into a damaged chunk: a hint, which only a good frame can confirm.
    pub fn decode_unchecked(bytes: &[u8]) -> Option<Self> {
        let mut fields = OffsetReader::new(bytes.first_chunk::<HEADER_SIZE>()?);
        fields.take(MAGIC.len() + 4).ok()?;
        let is_reused = fields.u32().ok()? & FLAG_REUSED != 0;
        Some(Self {
            log_id: u128::from_le_bytes(fields.array().ok()?),
            chunk_id: ChunkId::new(fields.u64().ok()?),
            salt: fields.u64().ok()?,
            previous_salt: fields.u64().ok()?,
            space: if is_reused { Space::Reused } else { Space::Fresh },
        })
    }

    /// The seed of the chunk's frames.
    pub fn seed(&self) -> FrameSeed {
        FrameSeed::new(self.log_id, self.chunk_id.offset(), self.salt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> ChunkHeader {
        ChunkHeader {
            log_id: 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
            chunk_id: ChunkId::new(4096),
            salt: 17,
            previous_salt: 16,
            space: Space::Reused,
        }
    }

    #[test]
    fn it_is_read_back() {
        assert_eq!(ChunkHeader::decode(&sample().encode()), Ok(sample()));
        assert_eq!(ChunkHeader::decode_unchecked(&sample().encode()), Some(sample()));
    }

    #[test]
    fn every_flipped_bit_and_every_prefix_is_refused() {
        let good = sample().encode();
        for bit in 0..good.len() * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(ChunkHeader::decode(&bytes), Err(HeaderFault::Damaged), "bit {bit}");
        }
        for length in 0..good.len() {
            assert_eq!(
                ChunkHeader::decode(&good[..length]),
                Err(HeaderFault::Short { found: length as u64 })
            );
        }
    }

    #[test]
    fn another_version_is_unsupported_and_not_damaged() {
        let mut writer = ChecksumWriter::new();
        writer.bytes(MAGIC).u32(2).u32(0).bytes(&[0; 44]);
        assert_eq!(
            ChunkHeader::decode(&writer.finish()),
            Err(HeaderFault::Unsupported { version: 2, flags: 0 })
        );
    }
}
