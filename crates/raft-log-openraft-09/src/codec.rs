//! How the values of an openraft application become bytes: the trait alone.
//!
//! Nothing is framed or checksummed here; that is the log's work. Terms and indexes are stored by the log itself.

use openraft::{LogId, RaftTypeConfig, Vote};
use raft_log::{DecodeError, EncodeError};

/// Writes and reads the votes, log ids and entries of an application.
///
/// [`SerdeCodec`](crate::SerdeCodec) is one for every application whose types implement serde's traits. An own one is
/// for who wants a format of their own. A directory is read with the codec that wrote it.
pub trait Codec<C: RaftTypeConfig>: Send + Sync + 'static {
    /// Appends what an id holds beyond term and index to `out`: at most 1,024 bytes, and equal ones for equal leaders.
    ///
    /// # Errors
    /// When it cannot be expressed; the operation is then refused as a whole.
    fn encode_rest(id: &LogId<C::NodeId>, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Makes an id from its parts.
    ///
    /// # Errors
    /// When `rest` is not what [`encode_rest`](Self::encode_rest) writes.
    fn decode_id(term: u64, index: u64, rest: &[u8]) -> Result<LogId<C::NodeId>, DecodeError>;

    /// Appends a vote to `out`.
    ///
    /// # Errors
    /// When it cannot be expressed; it is then not saved.
    fn encode_vote(vote: &Vote<C::NodeId>, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Reads a vote back.
    ///
    /// # Errors
    /// When `bytes` are not what [`encode_vote`](Self::encode_vote) writes.
    fn decode_vote(bytes: &[u8]) -> Result<Vote<C::NodeId>, DecodeError>;

    /// Appends an entry to `out`. Its id need not be in it.
    ///
    /// # Errors
    /// When it cannot be expressed; none of the entries of its batch is then appended.
    fn encode_entry(entry: &C::Entry, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Reads an entry back.
    ///
    /// # Errors
    /// When `bytes` are not what [`encode_entry`](Self::encode_entry) writes.
    fn decode_entry(id: LogId<C::NodeId>, bytes: &[u8]) -> Result<C::Entry, DecodeError>;
}
