//! The bytes of raft-log: records, frames and checksums.
//!
//! This crate knows how a Raft log's records are laid out in memory and under which checksum, and how an
//! application's own ids, votes and payloads take part ([`Types`]). It opens no file, starts no thread, reads no
//! clock and logs nothing, so a tool can depend on it alone: with [`RawTypes`] the records of any directory can be
//! read without the application's types.
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
