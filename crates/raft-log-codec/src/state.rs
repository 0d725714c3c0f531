//! The state a Raft log is in, as plain data and as the body of a `State` record.
//!
//! The rules that change it live in `raft-log-state`; here it only has a shape and bytes.

use std::fmt::{self, Debug};

use bytes::Bytes;

use crate::frame::{appended, check_size, check_stored_size, push_id, read_id};
use crate::{
    Decode, DecodeError, Encode, EncodeError, LogId, OffsetReader, Types, USER_DATA_BYTES_MAX, VOTE_BYTES_MAX,
};

/// Everything a log knows besides its entries.
///
/// `purged ≤ committed ≤ last` by index, where `None` is below every id.
pub struct RaftLogState<T: Types> {
    /// The vote that was saved last.
    pub vote: Option<T::Vote>,
    /// The id of the last entry; of the last purged one when no entry is left.
    pub last: Option<T::LogId>,
    /// The highest id that is known to be committed.
    pub committed: Option<T::LogId>,
    /// The highest id that was purged.
    pub purged: Option<T::LogId>,
    /// The application's own small state.
    pub user_data: Option<T::UserData>,
}

const HAS_VOTE: u8 = 1;
const HAS_LAST: u8 = 2;
const HAS_COMMITTED: u8 = 4;
const HAS_PURGED: u8 = 8;
const HAS_USER_DATA: u8 = 16;
const HAS_ALL: u8 = 31;

impl<T: Types> Encode for RaftLogState<T> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let flag = |is_there: bool, bit: u8| if is_there { bit } else { 0 };
        out.push(
            flag(self.vote.is_some(), HAS_VOTE)
                | flag(self.last.is_some(), HAS_LAST)
                | flag(self.committed.is_some(), HAS_COMMITTED)
                | flag(self.purged.is_some(), HAS_PURGED)
                | flag(self.user_data.is_some(), HAS_USER_DATA),
        );
        for id in [&self.last, &self.committed, &self.purged].into_iter().flatten() {
            push_sized(out, "log id", usize::from(u16::MAX), |out| push_id(out, id).map(drop))?;
        }
        if let Some(vote) = &self.vote {
            push_sized(out, "vote", VOTE_BYTES_MAX, |out| vote.encode(out))?;
        }
        if let Some(data) = &self.user_data {
            push_sized(out, "user data", USER_DATA_BYTES_MAX, |out| data.encode(out))?;
        }
        Ok(())
    }
}

/// Appends a value behind its size (16 bits).
fn push_sized(
    out: &mut Vec<u8>,
    what: &'static str,
    max: usize,
    push: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; 2]);
    push(out)?;
    let size = appended(out, start + 2);
    check_size(what, size, max.min(usize::from(u16::MAX)))?;
    #[expect(clippy::cast_possible_truncation, reason = "checked in the line before")]
    let size = size as u16;
    if let Some(place) = out.get_mut(start..start + 2) {
        place.copy_from_slice(&size.to_le_bytes());
    }
    Ok(())
}

impl<T: Types> Decode for RaftLogState<T> {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut reader = OffsetReader::new(&bytes);
        let flags = reader.u8()?;
        if flags & !HAS_ALL != 0 {
            return Err(DecodeError::Invalid { what: "set of state fields" });
        }
        let id = |reader: &mut OffsetReader<'_>, bit: u8| -> Result<Option<T::LogId>, DecodeError> {
            if flags & bit == 0 {
                return Ok(None);
            }
            let size = usize::from(reader.u16()?);
            read_id(reader.take(size)?).map(Some)
        };
        let last = id(&mut reader, HAS_LAST)?;
        let committed = id(&mut reader, HAS_COMMITTED)?;
        let purged = id(&mut reader, HAS_PURGED)?;
        let sized = |reader: &mut OffsetReader<'_>, bit, what, max| -> Result<Option<Bytes>, DecodeError> {
            if flags & bit == 0 {
                return Ok(None);
            }
            let size = usize::from(reader.u16()?);
            check_stored_size(what, size, max)?;
            let start = reader.offset();
            reader.take(size)?;
            Ok(Some(bytes.slice(start..start + size)))
        };
        let vote = sized(&mut reader, HAS_VOTE, "vote", VOTE_BYTES_MAX)?.map(T::Vote::decode).transpose()?;
        let user_data = sized(&mut reader, HAS_USER_DATA, "user data", USER_DATA_BYTES_MAX)?
            .map(T::UserData::decode)
            .transpose()?;
        reader.finish()?;
        Ok(Self { vote, last, committed, purged, user_data })
    }
}

impl<T: Types> Default for RaftLogState<T> {
    fn default() -> Self {
        Self { vote: None, last: None, committed: None, purged: None, user_data: None }
    }
}

impl<T: Types> Clone for RaftLogState<T> {
    fn clone(&self) -> Self {
        Self {
            vote: self.vote.clone(),
            last: self.last.clone(),
            committed: self.committed.clone(),
            purged: self.purged.clone(),
            user_data: self.user_data.clone(),
        }
    }
}

impl<T: Types> PartialEq for RaftLogState<T> {
    fn eq(&self, other: &Self) -> bool {
        self.vote == other.vote
            && self.last == other.last
            && self.committed == other.committed
            && self.purged == other.purged
            && self.user_data == other.user_data
    }
}

impl<T: Types> Debug for RaftLogState<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaftLogState")
            .field("vote", &self.vote)
            .field("last", &self.last)
            .field("committed", &self.committed)
            .field("purged", &self.purged)
            .field("user_data", &self.user_data)
            .finish()
    }
}

impl<T: Types> RaftLogState<T> {
    /// The index behind the purged mark, below which no entry is alive: 0 where nothing was purged.
    ///
    /// A log may begin at any index, so the first entry may have a higher one. Behind `u64::MAX` there is no index:
    /// that mark itself is given.
    pub fn first_index(&self) -> u64 {
        self.purged.as_ref().map_or(0, |id| id.index().saturating_add(1))
    }

    /// The index behind the last entry: 0 for a log that never held one, `u64::MAX` also behind `u64::MAX`.
    pub fn end_index(&self) -> u64 {
        self.last.as_ref().map_or(0, |id| id.index().saturating_add(1))
    }
}
