//! The bytes of raft-log: records, frames and checksums.
//!
//! This crate knows how a Raft log's records are laid out in memory and under which checksum, and how an
//! application's own ids, votes and payloads take part ([`Types`]). It opens no file, starts no thread, reads no
//! clock and logs nothing, so a tool can depend on it alone: with [`RawTypes`] the records of any chunk can be
//! read without the application's types ([below](#the-records-of-a-chunk)). Where a log ends and whether a directory
//! makes one is the business of `raft-log-chunk`.
//!
//! | what | where |
//! |---|---|
//! | what an application may choose | [`Types`], [`LogId`], [`Vote`], [`Encode`], [`Decode`] |
//! | a ready-made choice | [`PlainTypes`], [`TermIndex`], [`PlainVote`] |
//! | the choice that reads everything | [`RawTypes`], [`RawLogId`], [`RawVote`] |
//! | the stored unit, with and without its frame | [`Record`], [`RecordKind`], [`push_frame`], [`push_unsealed`], [`seal_frames`], [`FrameHead`], [`Frame`] |
//! | the head of what one flush wrote | [`reserve_group`], [`group_frame`], [`parse_group`] |
//! | the state a log is in | [`RaftLogState`] |
//! | what replays the records of a log | [`Replay`] |
//! | checksums and cursors over memory | [`FrameSeed`], [`ChecksumWriter`], [`ChecksumReader`], [`OffsetReader`] |
//! | numbers as people read them | [`Grouped`], [`GroupedFixed`] |
//!
//! An entry is framed, found again and read:
//!
//! ```
//! use bytes::Bytes;
//! use raft_log_codec::{Frame, FrameSeed, PlainTypes, Record, TermIndex, push_frame};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let entry = Record::<PlainTypes>::Append(TermIndex::new(3, 42), Bytes::from_static(b"x = 1"));
//!
//! // A frame is valid in its place alone: in this log, in this chunk, at this offset.
//! let seed = FrameSeed::new(0xfeed, 0, 0x5a17);
//! let mut out = Vec::new();
//! push_frame(&mut out, seed, 4096, &entry)?;
//!
//! let bytes = Bytes::from(out);
//! let frame = Frame::parse(&bytes, seed, 4096)?;
//! assert_eq!(frame.head.index(), Some(42)); // known without any types, and where the payload is damaged
//! assert_eq!(frame.fault, None);
//! assert_eq!(frame.record::<PlainTypes>()?, entry);
//!
//! assert!(Frame::parse(&bytes, seed, 4104).is_err());
//! # Ok(())
//! # }
//! ```
//!
//! # The records of a chunk
//!
//! A chunk's file begins with a header of 64 bytes, which has the seed's three numbers; frames follow it without a gap.
//! All of it is in `docs/format.md`. (`ChunkHeader` of `raft-log-chunk` reads the header, too, and tells an unknown version
//! from damage.)
//!
//! ```
//! use raft_log_codec::{Bytes, ChecksumReader, DecodeError, Frame, FrameSeed, RawTypes, Record, RecordKind};
//!
//! fn records(chunk: &Bytes) -> Result<Vec<Record<RawTypes>>, DecodeError> {
//!     let header = chunk.get(..64).ok_or_else(|| DecodeError::custom("no whole header"))?;
//!     let mut header = ChecksumReader::new(header)?.into_fields();
//!     if header.take(8)? != b"RAFTLOG\n" || header.u32()? != 1 {
//!         return Err(DecodeError::custom("no chunk of version 1"));
//!     }
//!     let _flags = header.u32()?;
//!     let log_id = u128::from_le_bytes(header.array()?);
//!     let (chunk_id, salt) = (header.u64()?, header.u64()?);
//!     let seed = FrameSeed::new(log_id, chunk_id, salt);
//!
//!     let (mut records, mut offset) = (Vec::new(), 64);
//!     // The first place that is no frame is where the frames end, or damage: the next chunk's id tells which.
//!     while let Ok(frame) = Frame::parse(&chunk.slice(offset as usize..), seed, offset) {
//!         // A `Group` says how far the log was durable, and is no record.
//!         if frame.fault.is_none() && frame.head.kind() != Some(RecordKind::Group) {
//!             records.push(frame.record()?);
//!         }
//!         offset = frame.end();
//!     }
//!     Ok(records)
//! }
//!
//! # fn main() -> Result<(), DecodeError> {
//! # let chunk = include_bytes!(concat!(
//! #     env!("CARGO_MANIFEST_DIR"),
//! #     "/../raft-log/tests/golden/v1-small/r-00_000_000_000_000_000_000.wal"
//! # ));
//! # let chunk = Bytes::from_static(chunk);
//! let records = records(&chunk)?; // of the log that `docs/format.md` works out
//! let kinds: Vec<_> = records.iter().map(|record| record.kind().to_string()).collect();
//! assert_eq!(kinds, ["state", "vote", "append", "commit"]);
//! # Ok(())
//! # }
//! ```

mod checksum;
mod encode;
mod format_number;
mod frame;
mod group;
mod kind;
mod offset_reader;
mod plain;
mod push;
mod raw;
mod record;
mod replay;
mod seeded_bug;
mod state;
mod types;

#[doc(no_inline)]
pub use bytes::Bytes;
pub use checksum::{ChecksumReader, ChecksumWriter, FrameSeed};
pub use encode::{Decode, DecodeError, Encode, EncodeError};
pub use format_number::{Grouped, GroupedFixed};
pub use frame::{
    FRAME_ALIGNMENT, FRAME_FIXED_SIZE, FRAME_LEN_MAX, Frame, FrameFault, FrameHead, HeadFault,
    PAYLOAD_BYTES_MAX, REST_BYTES_MAX, USER_DATA_BYTES_MAX, VOTE_BYTES_MAX, seal_frames,
};
pub use group::{GROUP_FRAME_SIZE, group_frame, parse_group, reserve_group};
pub use kind::RecordKind;
pub use offset_reader::OffsetReader;
pub use plain::{PlainTypes, PlainVote, TermIndex};
pub use push::{push_frame, push_state_frame, push_unsealed};
pub use raw::{RawLogId, RawTypes, RawVote};
pub use record::Record;
pub use replay::{Replay, ReplayFault};
#[doc(hidden)]
pub use seeded_bug::{SEEDED_BUG_VARIABLE, SeededBug};
pub use state::RaftLogState;
pub use types::{DisplayLogId, LogId, Types, Vote};
