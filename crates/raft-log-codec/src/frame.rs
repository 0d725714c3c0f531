//! The frame around a stored record: its head, which is trusted only after its own checksum, and its body.
//!
//! Kind, term, index and payload size are in the head, so they are readable without the application's types and even
//! where the payload is damaged. Nothing here knows where a chunk ends.

use bytes::{Buf, Bytes};

use crate::{
    DecodeError, EncodeError, FrameSeed, LogId, OffsetReader, RawLogId, Record, RecordKind, SeededBug, Types,
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

/// The fields that every head has, as they stand there.
struct Fixed {
    head_crc: u32,
    body_crc: u32,
    len: u32,
    kind: u8,
    flags: u8,
    id_len: u16,
}

impl Fixed {
    #[inline]
    fn of(bytes: &[u8; FRAME_FIXED_SIZE]) -> Self {
        let [h0, h1, h2, h3, b0, b1, b2, b3, l0, l1, l2, l3, kind, flags, i0, i1] = *bytes;
        Self {
            head_crc: u32::from_le_bytes([h0, h1, h2, h3]),
            body_crc: u32::from_le_bytes([b0, b1, b2, b3]),
            len: u32::from_le_bytes([l0, l1, l2, l3]),
            kind,
            flags,
            id_len: u16::from_le_bytes([i0, i1]),
        }
    }
}

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
    #[inline]
    pub fn parse(bytes: &[u8], seed: FrameSeed, offset: u64) -> Result<Self, HeadFault> {
        let fixed = bytes.first_chunk().ok_or(HeadFault::Incomplete { needed: FRAME_FIXED_SIZE })?;
        let Fixed { head_crc: expected, body_crc, len, kind, flags, id_len } = Fixed::of(fixed);
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
        let id = bytes.get(FRAME_FIXED_SIZE..size).and_then(|id| {
            let [term, index] = [id.first_chunk()?, id.get(8..)?.first_chunk()?];
            Some((u64::from_le_bytes(*term), u64::from_le_bytes(*index)))
        });
        Ok(Self { kind, flags, id_len, len, body_crc, id })
    }

    /// Reads the head, and checks the body behind it, at the start of `bytes`, which stand at `offset` of a chunk with
    /// `seed`.
    ///
    /// # Errors
    /// As [`FrameHead::parse`]; [`HeadFault::Incomplete`] also when the body is not all there.
    #[inline]
    pub fn parse_whole(
        bytes: &[u8],
        seed: FrameSeed,
        offset: u64,
    ) -> Result<(Self, Option<FrameFault>), HeadFault> {
        let head = Self::parse(bytes, seed, offset)?;
        let size = head.size();
        let body = bytes.get(head.head_size()..size).ok_or(HeadFault::Incomplete { needed: size })?;
        let found = crc32c::crc32c(body);
        let fault = (found != head.body_crc).then_some(FrameFault { expected: head.body_crc, found });
        Ok((head, fault))
    }

    /// The kind, if this version knows it and every flag.
    #[inline]
    pub fn kind(&self) -> Option<RecordKind> {
        RecordKind::from_byte(self.kind).filter(|_| self.flags == 0)
    }

    /// The kind as it is stored.
    #[inline]
    pub fn kind_byte(&self) -> u8 {
        self.kind
    }

    /// The flags as they are stored; version 1 has none.
    #[inline]
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// The term of the id, if there is one.
    #[inline]
    pub fn term(&self) -> Option<u64> {
        self.id.map(|(term, _)| term)
    }

    /// The index of the id, if there is one.
    #[inline]
    pub fn index(&self) -> Option<u64> {
        self.id.map(|(_, index)| index)
    }

    /// The bytes of the head, which its checksum covers: 16 and those of the id.
    #[inline]
    pub fn head_size(&self) -> usize {
        FRAME_FIXED_SIZE + usize::from(self.id_len)
    }

    /// The bytes of the payload.
    #[inline]
    pub fn payload_size(&self) -> usize {
        (self.len - u32::from(self.id_len)) as usize
    }

    /// What its id holds beyond term and index, given the bytes of the frame.
    #[inline]
    pub fn id_rest<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        frame.get(FRAME_FIXED_SIZE + ID_SIZE..self.head_size()).unwrap_or_default()
    }

    /// All bytes of the frame with its padding: where the next frame begins.
    #[inline]
    pub fn size(&self) -> usize {
        frame_size(self.len)
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
    #[inline]
    pub fn parse(bytes: &Bytes, seed: FrameSeed, offset: u64) -> Result<Self, HeadFault> {
        Self::parse_at(bytes, 0, seed, offset)
    }

    /// As [`Frame::parse`], of the frame at position `at` of `bytes`: for one among many in the same buffer. Where
    /// `bytes` end before it, nothing is there.
    ///
    /// # Errors
    /// As [`Frame::parse`].
    #[inline]
    pub fn parse_at(bytes: &Bytes, at: usize, seed: FrameSeed, offset: u64) -> Result<Self, HeadFault> {
        let (head, fault) = FrameHead::parse_whole(bytes.get(at..).unwrap_or_default(), seed, offset)?;
        let payload_at = at + head.head_size();
        let payload = bytes.slice(payload_at..payload_at + head.payload_size());
        Ok(Self { offset, head, id: id_of(&head, bytes, at), payload, fault })
    }

    /// As [`Frame::parse`], of bytes that nobody else needs: where the payload is all that stands behind the head, it
    /// takes them over without a count of who holds them.
    ///
    /// # Errors
    /// As [`Frame::parse`].
    #[inline]
    pub fn parse_alone(bytes: Bytes, seed: FrameSeed, offset: u64) -> Result<Self, HeadFault> {
        let (head, fault) = FrameHead::parse_whole(&bytes, seed, offset)?;
        let id = id_of(&head, &bytes, 0);
        let mut payload = bytes;
        payload.advance(head.head_size());
        payload.truncate(head.payload_size());
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

/// How many bytes an encoder appended behind `start`.
///
/// # Panics
/// When there is less than before: what is missing belonged to others, and cannot be brought back.
#[inline]
pub(crate) fn appended(out: &[u8], start: usize) -> usize {
    assert!(out.len() >= start, "an encoder cut off bytes that stood before its own");
    out.len() - start
}

/// The id of the frame at position `at` of `bytes`, in its stored form.
#[inline]
fn id_of(head: &FrameHead, bytes: &Bytes, at: usize) -> Option<RawLogId> {
    let (term, index) = head.id?;
    let (from, to) = (at + FRAME_FIXED_SIZE + ID_SIZE, at + head.head_size());
    let rest = if from == to { Bytes::new() } else { bytes.slice(from..to) };
    Some(RawLogId { term, index, rest })
}

/// Writes the fields of a head, but not its checksums.
#[inline]
pub(crate) fn put_fields(head: &mut [u8], kind: RecordKind, id_len: u16, len: u32) {
    let [len, id_len] = [u64::from(len), u64::from(id_len)];
    let fields =
        len | u64::from(kind.byte()) << (8 * (KIND_AT - LEN_AT)) | id_len << (8 * (ID_LEN_AT - LEN_AT));
    if let Some(place) = head.get_mut(LEN_AT..FRAME_FIXED_SIZE) {
        place.copy_from_slice(&fields.to_le_bytes());
    }
}

/// Frames are sealed in parts of about so many bytes: few enough to be in the processor's nearest cache still.
const SEALED_AT_ONCE: usize = 16 << 10;

/// Writes the checksums of frames that [`push_unsealed`](crate::push_unsealed) appended one after the other, and the
/// first of which will stand at `offset` of a chunk with `seed`.
///
/// First those of the bodies, then those of the heads: the steps of one checksum wait for each other, but not for those
/// of the next frame, so that a processor that looks far enough ahead does several at a time where nothing else stands
/// between them.
///
/// # Panics
/// When `offset` is no multiple of 8, or the bytes are not whole frames.
pub fn seal_frames(frames: &mut [u8], seed: FrameSeed, offset: u64) {
    assert!(offset.is_multiple_of(FRAME_ALIGNMENT), "a frame begins at a multiple of 8");
    let (mut rest, mut offset) = (frames, offset);
    while !rest.is_empty() {
        let part = for_each_frame(rest, SEALED_AT_ONCE, |_, head, body| {
            let body_crc = crc32c::crc32c(body);
            if let Some(place) = head.get_mut(BODY_CRC_AT..LEN_AT) {
                place.copy_from_slice(&body_crc.to_le_bytes());
            }
        });
        for_each_frame(rest, part, |at, head, _| {
            let (head_crc, covered) = head.split_at_mut(BODY_CRC_AT);
            head_crc.copy_from_slice(&head_sum(seed, offset.wrapping_add(at as u64), covered).to_le_bytes());
        });
        rest = rest.split_at_mut(part).1;
        // Whoever asks may be far beyond any chunk.
        offset = offset.wrapping_add(part as u64);
    }
}

/// Calls `seal` with the place, the head and the body of each frame up to the one that reaches `bytes`. Gives where that
/// one ends.
fn for_each_frame(
    frames: &mut [u8],
    bytes: usize,
    mut seal: impl FnMut(usize, &mut [u8], &mut [u8]),
) -> usize {
    let mut rest = frames;
    let mut at = 0;
    while at < bytes && !rest.is_empty() {
        let Some(fixed) = rest.first_chunk() else { panic!("a frame has a head") };
        let Fixed { len, id_len, .. } = Fixed::of(fixed);
        let (head_size, size) = (FRAME_FIXED_SIZE + usize::from(id_len), frame_size(len));
        let (frame, behind) = rest.split_at_mut(size);
        let (head, body) = frame.split_at_mut(head_size);
        seal(at, head, body);
        at += size;
        rest = behind;
    }
    at
}

/// The bytes of a frame with its padding, given its length field.
#[inline]
pub(crate) fn frame_size(len: u32) -> usize {
    (FRAME_FIXED_SIZE + len as usize).next_multiple_of(FRAME_ALIGNMENT as usize)
}

/// The checksum of a head, given what it covers.
#[inline]
fn head_sum(seed: FrameSeed, offset: u64, covered: &[u8]) -> u32 {
    let start = seed.start_at(offset);
    if SeededBug::ChecksumWithoutLength.is_on() {
        let behind = covered.get(LEN_AT + 4 - BODY_CRC_AT..).unwrap_or_default();
        return crc32c::crc32c_append(start, behind);
    }
    crc32c::crc32c_append(start, covered)
}

/// Appends an id and gives its size.
#[inline]
pub(crate) fn push_id<L: LogId>(out: &mut Vec<u8>, id: &L) -> Result<u16, EncodeError> {
    let fields = u128::from(id.term()) | u128::from(id.index()) << 64;
    out.extend_from_slice(&fields.to_le_bytes());
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

#[inline]
pub(crate) fn check_size(what: &'static str, size: usize, max: usize) -> Result<(), EncodeError> {
    if size > max {
        return Err(EncodeError::TooLarge { what, size: size as u64, max: max as u64 });
    }
    Ok(())
}

/// The same limits for what is read, so that whatever decodes can also be encoded.
#[inline]
pub(crate) fn check_stored_size(what: &'static str, size: usize, max: usize) -> Result<(), DecodeError> {
    if size > max {
        return Err(DecodeError::TooLarge { what, size: size as u64, max: max as u64 });
    }
    Ok(())
}
