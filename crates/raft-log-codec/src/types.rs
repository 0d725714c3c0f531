//! What an application chooses: its log ids, votes, payloads and user data.
//!
//! Only the shape stands here; the ready-made choices are in `plain` and `raw`.

use std::fmt::{self, Debug, Display};

use crate::{Decode, DecodeError, Encode, EncodeError};

/// The types that one log stores.
///
/// Implement it on an empty struct; see [`PlainTypes`](crate::PlainTypes) for one that needs no work. Ready-made parts
/// and own ones go together:
///
/// ```
/// use bytes::Bytes;
/// use raft_log_codec::{PlainVote, TermIndex, Types};
///
/// struct TextTypes;
///
/// impl Types for TextTypes {
///     type LogId = TermIndex;
///     type Vote = PlainVote;
///     type Payload = String;
///     type UserData = Bytes;
/// }
/// ```
///
/// The example `own_types` has log ids, votes and payloads of its own.
pub trait Types: Sized + 'static {
    /// The id of an entry: a term, an index, and whatever else the engine keeps in it.
    type LogId: LogId;
    /// A node's vote.
    type Vote: Vote;
    /// What an entry carries.
    type Payload: Encode + Decode + Clone + Debug + Send + Sync + 'static;
    /// A small durable state of the application's own, stored beside the log.
    type UserData: Encode + Decode + Clone + Debug + PartialEq + Send + Sync + 'static;
}

/// The id of an entry.
///
/// The term and the index are stored by the log itself. What an id holds beyond them, a node id for instance, is
/// its *rest*: at most [`REST_BYTES_MAX`](crate::REST_BYTES_MAX) bytes. Neighbouring entries of one term usually
/// share their rest; the log keeps ids in memory as runs of equal (term, rest), so such an id costs nothing.
///
/// `Ord` must agree with Raft's order: first the term (and whatever refines it), then the index.
///
/// ```
/// use raft_log_codec::{DecodeError, EncodeError, LogId};
///
/// #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
/// struct ProposedId {
///     term: u64,
///     node: u64,
///     index: u64,
/// }
///
/// impl LogId for ProposedId {
///     fn term(&self) -> u64 {
///         self.term
///     }
///
///     fn index(&self) -> u64 {
///         self.index
///     }
///
///     fn encode_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
///         out.extend_from_slice(&self.node.to_le_bytes());
///         Ok(())
///     }
///
///     fn decode(term: u64, index: u64, rest: &[u8]) -> Result<Self, DecodeError> {
///         let node = rest.try_into().map_err(DecodeError::custom)?;
///         let node = u64::from_le_bytes(node);
///         Ok(Self { term, node, index })
///     }
/// }
/// ```
pub trait LogId: Clone + Ord + Debug + Send + Sync + 'static {
    /// The term in which the entry was proposed.
    fn term(&self) -> u64;

    /// The position of the entry in the Raft log.
    fn index(&self) -> u64;

    /// Appends what the id holds beyond term and index to `out`. Equal rests must give equal bytes.
    ///
    /// # Errors
    /// When the rest cannot be expressed; the operation is then refused as a whole.
    fn encode_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let _ = out;
        Ok(())
    }

    /// Makes an id from its parts.
    ///
    /// # Errors
    /// When `rest` is not what [`LogId::encode_rest`] writes.
    fn decode(term: u64, index: u64, rest: &[u8]) -> Result<Self, DecodeError>;
}

/// A node's vote.
pub trait Vote: Encode + Decode + Clone + PartialEq + Debug + Send + Sync + 'static {
    /// Whether this vote may be saved over `current`: it is equal or greater in the engine's (partial) order.
    ///
    /// A vote that is neither greater nor smaller must not replace the other: that would be voting twice.
    fn may_replace(&self, current: &Self) -> bool;
}

/// Shows a log id the way it is written everywhere: `term:index`, or `none`.
#[derive(Debug)]
pub struct DisplayLogId<'a, L>(pub Option<&'a L>);

impl<L: LogId> Display for DisplayLogId<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(id) => write!(f, "{}:{}", id.term(), id.index()),
            None => f.write_str("none"),
        }
    }
}
