//! The stored unit: what changes a log, and the state a chunk begins with.
//!
//! A record's parts are an id and a payload; here they are put together without a frame, for sending. With a frame,
//! for storing, they are in `frame`.

use std::fmt::{self, Debug};

use bytes::Bytes;

use crate::frame::{appended, check_size, check_stored_size, push_id, read_id};
use crate::{
    Decode, DecodeError, Encode, EncodeError, OffsetReader, PAYLOAD_BYTES_MAX, RaftLogState, RecordKind,
    Types, USER_DATA_BYTES_MAX, VOTE_BYTES_MAX,
};

/// One operation on a log, or the state at a place of its stream.
///
/// `Encode` writes it without a frame and without a checksum: kind, size of the id (16 bits), id, payload.
#[non_exhaustive]
pub enum Record<T: Types> {
    /// The node's vote.
    SaveVote(T::Vote),
    /// An entry behind the last.
    Append(T::LogId, T::Payload),
    /// Entries up to this one are committed.
    Commit(T::LogId),
    /// Entries behind this one are dropped; with `None`, all that is not purged.
    TruncateAfter(Option<T::LogId>),
    /// Entries up to this one are dropped.
    PurgeUpto(T::LogId),
    /// The whole state here; never an operation. In a box, so that entries, which come by the
    /// million, take less than half the memory.
    State(Box<RaftLogState<T>>),
    /// The application's own small state.
    SaveUserData(Option<T::UserData>),
}

impl<T: Types> Record<T> {
    /// Its kind.
    pub fn kind(&self) -> RecordKind {
        match self {
            Self::SaveVote(_) => RecordKind::SaveVote,
            Self::Append(..) => RecordKind::Append,
            Self::Commit(_) => RecordKind::Commit,
            Self::TruncateAfter(_) => RecordKind::TruncateAfter,
            Self::PurgeUpto(_) => RecordKind::PurgeUpto,
            Self::State(_) => RecordKind::State,
            Self::SaveUserData(_) => RecordKind::SaveUserData,
        }
    }

    /// The log id it is about, if it is about one.
    pub fn log_id(&self) -> Option<&T::LogId> {
        match self {
            Self::Append(id, _) | Self::Commit(id) | Self::PurgeUpto(id) => Some(id),
            Self::TruncateAfter(id) => id.as_ref(),
            Self::SaveVote(_) | Self::State(_) | Self::SaveUserData(_) => None,
        }
    }

    /// Appends what stands behind the id, and refuses what is over its limit.
    #[inline]
    pub(crate) fn encode_payload(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        match self {
            Self::SaveVote(vote) => {
                vote.encode(out)?;
                check_size("vote", appended(out, start), VOTE_BYTES_MAX)
            }
            Self::Append(_, payload) => {
                payload.encode(out)?;
                check_size("payload", appended(out, start), PAYLOAD_BYTES_MAX)
            }
            Self::State(state) => state.encode(out),
            Self::SaveUserData(Some(data)) => {
                out.push(1);
                data.encode(out)?;
                check_size("user data", appended(out, start + 1), USER_DATA_BYTES_MAX)
            }
            Self::SaveUserData(None) => {
                out.push(0);
                Ok(())
            }
            Self::Commit(_) | Self::TruncateAfter(_) | Self::PurgeUpto(_) => Ok(()),
        }
    }

    /// Puts a record together from its stored parts.
    ///
    /// # Errors
    /// When a part does not decode, is missing, is over its limit, or has no place in a record of this kind.
    pub fn from_parts(kind: RecordKind, id: Option<T::LogId>, payload: Bytes) -> Result<Self, DecodeError> {
        let needed = |id: Option<T::LogId>| id.ok_or(DecodeError::Invalid { what: "log id" });
        if id.is_some() && matches!(kind, RecordKind::SaveVote | RecordKind::State | RecordKind::SaveUserData)
        {
            return Err(DecodeError::Invalid { what: "log id" });
        }
        let record = match kind {
            RecordKind::SaveVote => {
                check_stored_size("vote", payload.len(), VOTE_BYTES_MAX)?;
                Self::SaveVote(T::Vote::decode(payload)?)
            }
            RecordKind::Append => {
                check_stored_size("payload", payload.len(), PAYLOAD_BYTES_MAX)?;
                Self::Append(needed(id)?, T::Payload::decode(payload)?)
            }
            RecordKind::State => Self::State(Box::new(RaftLogState::decode(payload)?)),
            RecordKind::SaveUserData => Self::SaveUserData(match payload.split_first() {
                Some((0, [])) => None,
                Some((1, data)) => {
                    check_stored_size("user data", data.len(), USER_DATA_BYTES_MAX)?;
                    Some(T::UserData::decode(payload.slice(1..))?)
                }
                _ => return Err(DecodeError::Invalid { what: "user data" }),
            }),
            RecordKind::Commit | RecordKind::TruncateAfter | RecordKind::PurgeUpto => {
                OffsetReader::new(&payload).finish()?;
                match kind {
                    RecordKind::Commit => Self::Commit(needed(id)?),
                    RecordKind::TruncateAfter => Self::TruncateAfter(id),
                    _ => Self::PurgeUpto(needed(id)?),
                }
            }
            RecordKind::Group => return Err(DecodeError::Invalid { what: "record kind" }),
        };
        Ok(record)
    }
}

impl<T: Types> Encode for Record<T> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.push(self.kind().byte());
        let size_at = out.len();
        out.extend_from_slice(&[0; 2]);
        let id_size = match self.log_id() {
            Some(id) => push_id(out, id)?,
            None => 0,
        };
        if let Some(place) = out.get_mut(size_at..size_at + 2) {
            place.copy_from_slice(&id_size.to_le_bytes());
        }
        self.encode_payload(out)
    }
}

impl<T: Types> Decode for Record<T> {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut reader = OffsetReader::new(&bytes);
        let kind = RecordKind::from_byte(reader.u8()?).ok_or(DecodeError::Invalid { what: "record kind" })?;
        let id_size = usize::from(reader.u16()?);
        let id = match reader.take(id_size)? {
            [] => None,
            id => Some(read_id(id)?),
        };
        let payload = bytes.slice(reader.offset()..);
        Self::from_parts(kind, id, payload)
    }
}

impl<T: Types> Clone for Record<T> {
    fn clone(&self) -> Self {
        match self {
            Self::SaveVote(vote) => Self::SaveVote(vote.clone()),
            Self::Append(id, payload) => Self::Append(id.clone(), payload.clone()),
            Self::Commit(id) => Self::Commit(id.clone()),
            Self::TruncateAfter(id) => Self::TruncateAfter(id.clone()),
            Self::PurgeUpto(id) => Self::PurgeUpto(id.clone()),
            Self::State(state) => Self::State(state.clone()),
            Self::SaveUserData(data) => Self::SaveUserData(data.clone()),
        }
    }
}

impl<T: Types> PartialEq for Record<T>
where
    T::Payload: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::SaveVote(a), Self::SaveVote(b)) => a == b,
            (Self::Append(a, x), Self::Append(b, y)) => a == b && x == y,
            (Self::Commit(a), Self::Commit(b)) | (Self::PurgeUpto(a), Self::PurgeUpto(b)) => a == b,
            (Self::TruncateAfter(a), Self::TruncateAfter(b)) => a == b,
            (Self::State(a), Self::State(b)) => a == b,
            (Self::SaveUserData(a), Self::SaveUserData(b)) => a == b,
            _ => false,
        }
    }
}

impl<T: Types> Debug for Record<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SaveVote(vote) => f.debug_tuple("SaveVote").field(vote).finish(),
            Self::Append(id, payload) => f.debug_tuple("Append").field(id).field(payload).finish(),
            Self::Commit(id) => f.debug_tuple("Commit").field(id).finish(),
            Self::TruncateAfter(id) => f.debug_tuple("TruncateAfter").field(id).finish(),
            Self::PurgeUpto(id) => f.debug_tuple("PurgeUpto").field(id).finish(),
            Self::State(state) => f.debug_tuple("State").field(state).finish(),
            Self::SaveUserData(data) => f.debug_tuple("SaveUserData").field(data).finish(),
        }
    }
}
