//! What the files of a log, read in order, are told to: the side of recovery that knows the rules.
//!
//! The reader of the files does not know the application's types or Raft's rules, and the rules do not know files;
//! they meet in this trait.

use std::ops::Range;

use bytes::Bytes;

use crate::{DecodeError, Frame, RawLogId, RecordKind};

/// Follows a log from the oldest chunk that matters to the newest.
///
/// For each chunk it is told the chunk's `State` first ([`Replay::chunk_state`]) and then either every record in order or,
/// where a footer sums the chunk up, that sum ([`Replay::skip`]).
pub trait Replay {
    /// The `State` a chunk begins with. The first one is taken as it is; each later one must equal what the replay
    /// has come to, but for what records that were passed over may have changed.
    ///
    /// # Errors
    /// When it does not decode, or contradicts the replay.
    fn chunk_state(&mut self, state: Bytes) -> Result<(), ReplayFault>;

    /// One record. The body of an entry is not looked at, and may be damaged.
    ///
    /// # Errors
    /// When it does not decode, or breaks a rule.
    fn record(&mut self, frame: &Frame) -> Result<(), ReplayFault>;

    /// A record whose body is damaged and whose head alone does not tell what it did: the next `State` speaks for it.
    fn pass_over(&mut self, kind: RecordKind);

    /// A chunk as its footer sums it up: the lowest index that it dropped entries from, the ids of the entries that
    /// are alive at its end as runs (each id begins a run, `end` is the index behind the last), and the state at its
    /// end.
    ///
    /// # Errors
    /// When a part does not decode, or contradicts the replay.
    fn skip(
        &mut self,
        truncated_from: Option<u64>,
        runs: &[RawLogId],
        end: u64,
        state: Bytes,
    ) -> Result<(), ReplayFault>;

    /// The index of the purged mark so far.
    fn purged_index(&self) -> Option<u64>;

    /// The index of the last entry so far.
    fn last_index(&self) -> Option<u64>;

    /// The indexes above the purged mark whose entries it has not seen: it began in the middle, or was told of a footer
    /// that leaves out what a later record purges. Entries are missing if there are any when it is over. A replay that
    /// does not look at ids has seen all.
    fn unseen(&self) -> Range<u64> {
        0..0
    }

    /// The state so far, encoded; for the footer of a chunk that has none.
    ///
    /// # Errors
    /// When it cannot be encoded.
    fn encoded_state(&self) -> Result<Bytes, crate::EncodeError>;
}

/// Why a log's records do not make a log.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayFault {
    /// The bytes are what was written, but the application's types do not decode them.
    #[error("the record's checksum is good, but it does not decode")]
    Undecodable(#[source] DecodeError),
    /// The record breaks a rule of the log.
    #[error("the record contradicts those before it: {reason}")]
    Contradiction {
        /// Which rule, and the values.
        reason: String,
    },
}
