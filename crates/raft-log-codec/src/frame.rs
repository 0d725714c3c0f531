//! The frame around a stored record: its head, which is trusted only after its own checksum, and its body.
//!
//! Kind, term, index and payload size are in the head, so they are readable without the application's types and even
//! where the payload is damaged. Nothing here knows where a chunk ends.

use bytes::Bytes;

use crate::{
    DecodeError, EncodeError, FrameSeed, LogId, OffsetReader, RaftLogState, RawLogId, Record, RecordKind,
    SeededBug, Types,
};

/// Frames begin at multiples of this many bytes.
pub const FRAME_ALIGNMENT: u64 = 8;

/// The bytes of a head without an id.
pub const FRAME_FIXED_SIZE: usize = 16;

/// The most bytes that a log id may hold beyond term and index.
pub const REST_BYTES_MAX: usize = 1024;

/// The most bytes of an encoded vote.
pub const VOTE_BYTES_MAX: usize = 1024;

/// The most bytes of the encoded user data: 16 KiB.
pub const USER_DATA_BYTES_MAX: usize = 16 * 1024;

/// The most bytes of an encoded payload: 256 MiB.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The largest length that a head may state: that of the largest id and the largest payload.
pub const FRAME_LEN_MAX: u32 = {
    let len = ID_SIZE_MAX + PAYLOAD_BYTES_MAX;
    assert!(len <= u32::MAX as usize, "the head has 32 bits for it");
    len as u32
};

/// Term and index.
const ID_SIZE: usize = 16;

/// Term, index and the largest rest.
const ID_SIZE_MAX: usize = ID_SIZE + REST_BYTES_MAX;
const _: () = assert!(ID_SIZE_MAX <= u16::MAX as usize, "the head has 16 bits for it");

// Where the fields of a head stand; each follows the one before.
const HEAD_CRC_AT: usize = 0;
const BODY_CRC_AT: usize = HEAD_CRC_AT + 4;
const LEN_AT: usize = BODY_CRC_AT + 4;
pub(crate) const KIND_AT: usize = LEN_AT + 4;
const FLAGS_AT: usize = KIND_AT + 1;
const ID_LEN_AT: usize = FLAGS_AT + 1;
const _: () = assert!(ID_LEN_AT + 2 == FRAME_FIXED_SIZE);

/// The head of a frame, whose checksum was good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHead {
    kind: u8,
    flags: u8,
    id_len: u16,
    len: u32,
    body_crc: u32,
    id: Option<(u64, u64)>,
}

/// Why bytes are not the head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadFault {
    /// More bytes are needed to tell.
    #[error("{needed} bytes are needed to read a frame's head")]
    Incomplete {
        /// How many, from the start of the frame.
        needed: usize,
    },
    /// The kind is zero, as it is where nothing was ever written.
    #[error("no frame was written here")]
    Empty,
    /// A field is beyond its limit, so that its checksum need not be asked.
    #[error("a field of the frame's head is beyond its limit")]
    Limit,
    /// The checksum differs.
    #[error("head checksum {found:08x}, expected {expected:08x}")]
    Checksum {
        /// What the head says.
        expected: u32,
        /// What the bytes add up to.
        found: u32,
    },
}

impl FrameHead {
    /// Reads the head at the start of `bytes`, which stand at `offset` of a chunk with `seed`.
    ///
    /// # Errors
    /// When the bytes are no head, or too few to tell. At most 1,056 bytes are looked at.
    pub fn parse(bytes: &[u8], seed: FrameSeed, offset: u64) -> Result<Self, HeadFault> {
        let short = HeadFault::Incomplete { needed: FRAME_FIXED_SIZE };
        let fields = |bytes| -> Result<_, DecodeError> {
            let mut reader = OffsetReader::new(bytes);
            Ok((reader.u32()?, reader.u32()?, reader.u32()?, reader.u8()?, reader.u8()?, reader.u16()?))
        };
        let (expected, body_crc, len, kind, flags, id_len) = fields(bytes).map_err(|_| short)?;
        if kind == 0 {
            return Err(HeadFault::Empty);
        }
        let id_size = usize::from(id_len);
        let id_fits = id_size == 0 || (ID_SIZE..=ID_SIZE_MAX).contains(&id_size);
        let payload_fits =
            len.checked_sub(u32::from(id_len)).is_some_and(|size| size as usize <= PAYLOAD_BYTES_MAX);
        if !id_fits || !payload_fits {
            return Err(HeadFault::Limit);
        }
        let size = FRAME_FIXED_SIZE + id_size;
        let covered = bytes.get(BODY_CRC_AT..size).ok_or(HeadFault::Incomplete { needed: size })?;
        let found = head_sum(seed, offset, covered);
        if expected != found {
            return Err(HeadFault::Checksum { expected, found });
        }
        let mut id = OffsetReader::new(bytes.get(FRAME_FIXED_SIZE..size).unwrap_or_default());
        let id = match (id.u64(), id.u64()) {
            (Ok(term), Ok(index)) => Some((term, index)),
            _ => None,
        };
        Ok(Self { kind, flags, id_len, len, body_crc, id })
    }

    /// The kind, if this version knows it and every flag.
    pub fn kind(&self) -> Option<RecordKind> {
        RecordKind::from_byte(self.kind).filter(|_| self.flags == 0)
    }

    /// The kind as it is stored.
    pub fn kind_byte(&self) -> u8 {
        self.kind
    }

    /// The flags as they are stored; version 1 has none.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// The term of the id, if there is one.
    pub fn term(&self) -> Option<u64> {
        self.id.map(|(term, _)| term)
    }

    /// The index of the id, if there is one.
    pub fn index(&self) -> Option<u64> {
        self.id.map(|(_, index)| index)
    }

    /// The bytes of the head, which its checksum covers: 16 and those of the id.
    pub fn head_size(&self) -> usize {
        FRAME_FIXED_SIZE + usize::from(self.id_len)
    }

    /// The bytes of the payload.
    pub fn payload_size(&self) -> usize {
        (self.len - u32::from(self.id_len)) as usize
    }

    /// All bytes of the frame with its padding: where the next frame begins.
    pub fn size(&self) -> usize {
        (FRAME_FIXED_SIZE + self.len as usize).next_multiple_of(FRAME_ALIGNMENT as usize)
    }
}

/// A frame whose head is good; whether its body is, it says itself.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Where it begins in its chunk.
    pub offset: u64,
    /// Its head.
    pub head: FrameHead,
    /// The log id in its stored form, for the kinds that have one.
    pub id: Option<RawLogId>,
    /// The payload, a slice of what was read. Not to be trusted unless `fault` is `None`.
    pub payload: Bytes,
    /// What is wrong with the body.
    pub fault: Option<FrameFault>,
}

/// The body of a frame does not match its checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("body checksum {found:08x}, expected {expected:08x}")]
pub struct FrameFault {
    /// What the head says.
    pub expected: u32,
    /// What the bytes add up to.
    pub found: u32,
}

impl Frame {
    /// Reads the frame at the start of `bytes`, which stand at `offset` of a chunk with `seed`. The payload and the
    /// id's rest are slices of `bytes`.
    ///
    /// # Errors
    /// As [`FrameHead::parse`]; [`HeadFault::Incomplete`] also when the body is not all there.
    pub fn parse(bytes: &Bytes, seed: FrameSeed, offset: u64) -> Result<Self, HeadFault> {
        let head = FrameHead::parse(bytes, seed, offset)?;
        let size = head.size();
        let short = HeadFault::Incomplete { needed: size };
        let body = bytes.get(head.head_size()..size).ok_or(short)?;
        let found = crc32c::crc32c(body);
        let fault = (found != head.body_crc).then_some(FrameFault { expected: head.body_crc, found });
        let id = head.id.map(|(term, index)| {
            let rest = FRAME_FIXED_SIZE + ID_SIZE..head.head_size();
            let rest = if rest.is_empty() { Bytes::new() } else { bytes.slice(rest) };
            RawLogId { term, index, rest }
        });
        let payload = bytes.slice(head.head_size()..head.head_size() + head.payload_size());
        Ok(Self { offset, head, id, payload, fault })
    }

    /// Where the next frame begins.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.head.size() as u64)
    }

    /// The record in it, with the application's types.
    ///
    /// # Errors
    /// When the kind or a flag is unknown, the kind is `Group`, or a part does not decode. A damaged body may well
    /// decode, into something that was never written: the caller looks at `fault` first.
    pub fn record<T: Types>(&self) -> Result<Record<T>, DecodeError> {
        let kind = self.head.kind().ok_or(DecodeError::Invalid { what: "record kind" })?;
        let id = self.id.as_ref().map(RawLogId::typed).transpose()?;
        Record::from_parts(kind, id, self.payload.clone())
    }
}

/// Appends `record` in a frame that will stand at `offset`, a multiple of 8, of a chunk with `seed`.
///
/// # Errors
/// When the record cannot be encoded or is over a limit; `out` is then as it was before, also after a panic of an
/// application's encoder.
///
/// # Panics
/// When `offset` is no multiple of 8, or when an application's encoder cuts off bytes that stood in `out` before it.
pub fn push_frame<T: Types>(
    out: &mut Vec<u8>,
    seed: FrameSeed,
    offset: u64,
    record: &Record<T>,
) -> Result<(), EncodeError> {
    push_parts(out, seed, offset, record.kind(), record.log_id(), |out| record.encode_payload(out))
}

/// As [`push_frame`] with a `State` record, without taking the state out of its owner's hands.
///
/// # Errors
/// As [`push_frame`].
///
/// # Panics
/// As [`push_frame`].
pub fn push_state_frame<T: Types>(
    out: &mut Vec<u8>,
    seed: FrameSeed,
    offset: u64,
    state: &RaftLogState<T>,
) -> Result<(), EncodeError> {
    use crate::Encode;
    push_parts(out, seed, offset, RecordKind::State, None::<&T::LogId>, |out| state.encode(out))
}

pub(crate) fn push_parts<L: LogId>(
    out: &mut Vec<u8>,
    seed: FrameSeed,
    offset: u64,
    kind: RecordKind,
    id: Option<&L>,
    encode_payload: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let unfinished = Unfinished { out, start };
    let out = &mut *unfinished.out;
    out.extend_from_slice(&[0; FRAME_FIXED_SIZE]);
    let id_len = match id {
        Some(id) => push_id(out, id)?,
        None => 0,
    };
    encode_payload(out)?;

    let len = appended(out, start + FRAME_FIXED_SIZE);
    assert!(len <= FRAME_LEN_MAX as usize, "each part was held to its limit");
    #[expect(clippy::cast_possible_truncation, reason = "checked in the line before")]
    let len_field = len as u32;
    let padding = (FRAME_FIXED_SIZE + len).wrapping_neg() % FRAME_ALIGNMENT as usize;
    out.extend_from_slice([0; FRAME_ALIGNMENT as usize].get(..padding).unwrap_or_default());
    let frame = out.get_mut(start..).unwrap_or_default();
    seal_frame(frame, seed, offset, kind, id_len, len_field);
    unfinished.keep();
    Ok(())
}

/// A frame in the making: dropped before it is kept, on an error or a panic of an application's encoder, it leaves
/// no trace.
struct Unfinished<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl Unfinished<'_> {
    fn keep(mut self) {
        // Cutting back to here cuts nothing.
        self.start = usize::MAX;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.out.truncate(self.start);
    }
}

/// How many bytes an encoder appended behind `start`.
///
/// # Panics
/// When there is less than before: what is missing belonged to others, and cannot be brought back.
pub(crate) fn appended(out: &[u8], start: usize) -> usize {
    assert!(out.len() >= start, "an encoder cut off bytes that stood before its own");
    out.len() - start
}

/// Writes the head's fields and both checksums into a frame whose id and body stand.
pub(crate) fn seal_frame(
    frame: &mut [u8],
    seed: FrameSeed,
    offset: u64,
    kind: RecordKind,
    id_len: u16,
    len: u32,
) {
    assert!(offset.is_multiple_of(FRAME_ALIGNMENT), "a frame begins at a multiple of 8");
    let head_size = FRAME_FIXED_SIZE + usize::from(id_len);
    let (head, body) = frame.split_at_mut(head_size);
    let body_crc = crc32c::crc32c(body);
    let mut put = |at: usize, field: &[u8]| {
        if let Some(place) = head.get_mut(at..at + field.len()) {
            place.copy_from_slice(field);
        }
    };
    put(BODY_CRC_AT, &body_crc.to_le_bytes());
    put(LEN_AT, &len.to_le_bytes());
    put(KIND_AT, &[kind.byte()]);
    put(FLAGS_AT, &[0]);
    put(ID_LEN_AT, &id_len.to_le_bytes());
    let covered = head.get(BODY_CRC_AT..).unwrap_or_default();
    let head_crc = head_sum(seed, offset, covered);
    if let Some(place) = head.get_mut(HEAD_CRC_AT..BODY_CRC_AT) {
        place.copy_from_slice(&head_crc.to_le_bytes());
    }
}

/// The checksum of a head, given what it covers.
fn head_sum(seed: FrameSeed, offset: u64, covered: &[u8]) -> u32 {
    let start = seed.start_at(offset);
    if SeededBug::ChecksumWithoutLength.is_on() {
        let behind = covered.get(LEN_AT + 4 - BODY_CRC_AT..).unwrap_or_default();
        return crc32c::crc32c_append(start, behind);
    }
    crc32c::crc32c_append(start, covered)
}

/// Appends an id and gives its size.
pub(crate) fn push_id<L: LogId>(out: &mut Vec<u8>, id: &L) -> Result<u16, EncodeError> {
    out.extend_from_slice(&id.term().to_le_bytes());
    out.extend_from_slice(&id.index().to_le_bytes());
    let rest_at = out.len();
    id.encode_rest(out)?;
    let rest = appended(out, rest_at);
    check_size("rest of the log id", rest, REST_BYTES_MAX)?;
    #[expect(clippy::cast_possible_truncation, reason = "checked in the line before")]
    let size = (ID_SIZE + rest) as u16;
    Ok(size)
}

/// Reads an id that [`push_id`] wrote.
pub(crate) fn read_id<L: LogId>(bytes: &[u8]) -> Result<L, DecodeError> {
    let mut reader = OffsetReader::new(bytes);
    let (term, index, rest) = (reader.u64()?, reader.u64()?, reader.rest());
    check_stored_size("rest of the log id", rest.len(), REST_BYTES_MAX)?;
    L::decode(term, index, rest)
}

pub(crate) fn check_size(what: &'static str, size: usize, max: usize) -> Result<(), EncodeError> {
    if size > max {
        return Err(EncodeError::TooLarge { what, size: size as u64, max: max as u64 });
    }
    Ok(())
}

/// The same limits for what is read, so that whatever decodes can also be encoded.
pub(crate) fn check_stored_size(what: &'static str, size: usize, max: usize) -> Result<(), DecodeError> {
    if size > max {
        return Err(DecodeError::TooLarge { what, size: size as u64, max: max as u64 });
    }
    Ok(())
}
