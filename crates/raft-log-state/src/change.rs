//! What a record changes in the state of a log: borrowed, and without the payload, which no rule looks at.
//!
//! Whether a change is legal is not said here; see `machine`.

use std::fmt::{self, Debug};

use raft_log_codec::{Record, Types};

/// A change of a log's state, as the rules see it.
///
/// There is one for each [`Record`] that is an operation. It is a few words large and `Copy`.
#[non_exhaustive]
pub enum Change<'a, T: Types> {
    /// The node's vote.
    SaveVote(&'a T::Vote),
    /// An entry behind the last.
    Append(&'a T::LogId),
    /// Entries up to this one are committed.
    Commit(&'a T::LogId),
    /// Entries behind this one are dropped; with `None`, all that is not purged.
    TruncateAfter(Option<&'a T::LogId>),
    /// Entries up to this one are dropped.
    PurgeUpto(&'a T::LogId),
    /// The application's own small state.
    SaveUserData(Option<&'a T::UserData>),
}

impl<'a, T: Types> Change<'a, T> {
    /// What `record` changes; `None` for a `State`, which is no operation.
    pub fn of(record: &'a Record<T>) -> Option<Self> {
        match record {
            Record::SaveVote(vote) => Some(Self::SaveVote(vote)),
            Record::Append(id, _) => Some(Self::Append(id)),
            Record::Commit(id) => Some(Self::Commit(id)),
            Record::TruncateAfter(id) => Some(Self::TruncateAfter(id.as_ref())),
            Record::PurgeUpto(id) => Some(Self::PurgeUpto(id)),
            Record::SaveUserData(data) => Some(Self::SaveUserData(data.as_ref())),
            // `State`, and whatever a later version adds that this one has no rule for.
            _ => None,
        }
    }
}

// By hand: derived ones would ask the application's `T` itself for the same.
impl<T: Types> Clone for Change<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Types> Copy for Change<'_, T> {}

impl<T: Types> PartialEq for Change<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::SaveVote(a), Self::SaveVote(b)) => a == b,
            (Self::Append(a), Self::Append(b))
            | (Self::Commit(a), Self::Commit(b))
            | (Self::PurgeUpto(a), Self::PurgeUpto(b)) => a == b,
            (Self::TruncateAfter(a), Self::TruncateAfter(b)) => a == b,
            (Self::SaveUserData(a), Self::SaveUserData(b)) => a == b,
            _ => false,
        }
    }
}

impl<T: Types> Debug for Change<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SaveVote(vote) => f.debug_tuple("SaveVote").field(vote).finish(),
            Self::Append(id) => f.debug_tuple("Append").field(id).finish(),
            Self::Commit(id) => f.debug_tuple("Commit").field(id).finish(),
            Self::TruncateAfter(id) => f.debug_tuple("TruncateAfter").field(id).finish(),
            Self::PurgeUpto(id) => f.debug_tuple("PurgeUpto").field(id).finish(),
            Self::SaveUserData(data) => f.debug_tuple("SaveUserData").field(data).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use raft_log_codec::{PlainTypes, PlainVote, TermIndex};

    use super::*;

    #[test]
    fn each_operation_has_its_change_and_a_state_has_none() {
        let id = TermIndex::new(1, 2);
        let vote = PlainVote::new(3, 4);
        let data = Bytes::from_static(b"data");
        type R = Record<PlainTypes>;
        for (record, change) in [
            (R::SaveVote(vote), Some(Change::SaveVote(&vote))),
            (R::Append(id, Bytes::new()), Some(Change::Append(&id))),
            (R::Commit(id), Some(Change::Commit(&id))),
            (R::TruncateAfter(None), Some(Change::TruncateAfter(None))),
            (R::TruncateAfter(Some(id)), Some(Change::TruncateAfter(Some(&id)))),
            (R::PurgeUpto(id), Some(Change::PurgeUpto(&id))),
            (R::SaveUserData(None), Some(Change::SaveUserData(None))),
            (R::SaveUserData(Some(data.clone())), Some(Change::SaveUserData(Some(&data)))),
            (R::State(Box::default()), None),
        ] {
            assert_eq!(Change::of(&record), change, "{record:?}");
        }
    }

    #[test]
    fn changes_of_different_kinds_differ() {
        let id = TermIndex::new(1, 2);
        let commit = Change::<PlainTypes>::Commit(&id);
        assert_ne!(commit, Change::PurgeUpto(&id));
        assert_ne!(commit, Change::Append(&id));
        assert_eq!(commit, commit.clone());
    }
}
