//! Why a change was refused: one variant for each rule, with the values it was held against.
//!
//! Where the rules are checked is not here; see `machine`. A refused change has changed nothing.

use std::fmt::{self, Debug};

use raft_log_codec::{DisplayLogId, LogId, Types};

/// A change that the state of the log does not allow.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum StateError<T: Types> {
    /// The vote is neither equal to the current one nor greater: saving it would be voting twice, or going back.
    #[error("vote {given:?} may not replace {current:?}: vote again in a later term")]
    VoteReversal {
        /// The vote that was saved last.
        current: T::Vote,
        /// The one that was refused.
        given: T::Vote,
    },
    /// The entry does not come after the last one, by id or by index.
    #[error(
        "entry {} does not come after {}: truncate first what it is to replace",
        shown(.given),
        shown(.last)
    )]
    LogIdReversal {
        /// The id before it.
        last: T::LogId,
        /// The one that was refused.
        given: T::LogId,
    },
    /// The entry is greater than the last one, but indexes are missing between them.
    #[error(
        "entry {} leaves a gap behind {}: index {} is next",
        shown(.given),
        shown(.last),
        .last.index().saturating_add(1)
    )]
    LogIdNonConsecutive {
        /// The id before it.
        last: T::LogId,
        /// The one that was refused.
        given: T::LogId,
    },
    /// The index is `u64::MAX`: no half-open range could name such an entry.
    #[error("index {index} is too large: a log goes up to {}", u64::MAX - 1)]
    IndexOutOfRange {
        /// The index that was refused.
        index: u64,
    },
    /// The log holds another id at that index, or none at all where it begins above it.
    #[error(
        "log id {} contradicts the log's own at that index, {}",
        shown(.given),
        DisplayLogId(.own.as_ref())
    )]
    LogIdMismatch {
        /// What the log holds there. `None`: nothing was purged, and the log's first entry is above that index.
        own: Option<T::LogId>,
        /// The one that was refused.
        given: T::LogId,
    },
    /// Entries that are purged cannot be truncated any more.
    #[error("cannot truncate after {}: the log is purged up to {}", shown(.given), shown(.purged))]
    TruncateBelowPurged {
        /// The purged mark.
        purged: T::LogId,
        /// The id that was to be the last.
        given: T::LogId,
    },
    /// Entries that are committed are never truncated.
    #[error(
        "cannot truncate after {}: the log is committed up to {}",
        DisplayLogId(.given.as_ref()),
        shown(.committed)
    )]
    TruncateBelowCommitted {
        /// The committed mark.
        committed: T::LogId,
        /// The id that was to be the last; `None` if only what is purged was to be kept.
        given: Option<T::LogId>,
    },
    /// The committed mark only moves forward. A purge beyond the last entry moves it too.
    #[error("cannot commit or purge {}: {} is committed", shown(.given), shown(.committed))]
    CommitReversal {
        /// The committed mark.
        committed: T::LogId,
        /// The one that was refused.
        given: T::LogId,
    },
    /// Only what the log holds can be committed.
    #[error(
        "cannot commit {}: the last entry is {}; append first",
        shown(.given),
        DisplayLogId(.last.as_ref())
    )]
    CommitBeyondLast {
        /// The last id, if there is one.
        last: Option<T::LogId>,
        /// The one that was refused.
        given: T::LogId,
    },
}

fn shown<L>(id: &L) -> DisplayLogId<'_, L> {
    DisplayLogId(Some(id))
}

// By hand: derived ones would ask the application's `T` itself for the same.
impl<T: Types> Debug for StateError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, own_name, own, given): (&str, &str, &dyn Debug, &dyn Debug) = match self {
            Self::VoteReversal { current, given } => ("VoteReversal", "current", current, given),
            Self::LogIdReversal { last, given } => ("LogIdReversal", "last", last, given),
            Self::LogIdNonConsecutive { last, given } => ("LogIdNonConsecutive", "last", last, given),
            Self::IndexOutOfRange { index } => {
                return f.debug_struct("IndexOutOfRange").field("index", index).finish();
            }
            Self::LogIdMismatch { own, given } => ("LogIdMismatch", "own", own, given),
            Self::TruncateBelowPurged { purged, given } => ("TruncateBelowPurged", "purged", purged, given),
            Self::TruncateBelowCommitted { committed, given } => {
                ("TruncateBelowCommitted", "committed", committed, given)
            }
            Self::CommitReversal { committed, given } => ("CommitReversal", "committed", committed, given),
            Self::CommitBeyondLast { last, given } => ("CommitBeyondLast", "last", last, given),
        };
        f.debug_struct(name).field(own_name, own).field("given", given).finish()
    }
}

impl<T: Types> Clone for StateError<T> {
    fn clone(&self) -> Self {
        match self {
            Self::VoteReversal { current, given } => {
                Self::VoteReversal { current: current.clone(), given: given.clone() }
            }
            Self::LogIdReversal { last, given } => {
                Self::LogIdReversal { last: last.clone(), given: given.clone() }
            }
            Self::LogIdNonConsecutive { last, given } => {
                Self::LogIdNonConsecutive { last: last.clone(), given: given.clone() }
            }
            Self::IndexOutOfRange { index } => Self::IndexOutOfRange { index: *index },
            Self::LogIdMismatch { own, given } => {
                Self::LogIdMismatch { own: own.clone(), given: given.clone() }
            }
            Self::TruncateBelowPurged { purged, given } => {
                Self::TruncateBelowPurged { purged: purged.clone(), given: given.clone() }
            }
            Self::TruncateBelowCommitted { committed, given } => {
                Self::TruncateBelowCommitted { committed: committed.clone(), given: given.clone() }
            }
            Self::CommitReversal { committed, given } => {
                Self::CommitReversal { committed: committed.clone(), given: given.clone() }
            }
            Self::CommitBeyondLast { last, given } => {
                Self::CommitBeyondLast { last: last.clone(), given: given.clone() }
            }
        }
    }
}

impl<T: Types> PartialEq for StateError<T> {
    fn eq(&self, other: &Self) -> bool {
        use StateError::{
            CommitBeyondLast, CommitReversal, IndexOutOfRange, LogIdMismatch, LogIdNonConsecutive,
            LogIdReversal, TruncateBelowCommitted, TruncateBelowPurged, VoteReversal,
        };
        match (self, other) {
            (VoteReversal { current: a, given: x }, VoteReversal { current: b, given: y }) => {
                a == b && x == y
            }
            (LogIdReversal { last: a, given: x }, LogIdReversal { last: b, given: y })
            | (LogIdNonConsecutive { last: a, given: x }, LogIdNonConsecutive { last: b, given: y })
            | (TruncateBelowPurged { purged: a, given: x }, TruncateBelowPurged { purged: b, given: y })
            | (CommitReversal { committed: a, given: x }, CommitReversal { committed: b, given: y }) => {
                a == b && x == y
            }
            (LogIdMismatch { own: a, given: x }, LogIdMismatch { own: b, given: y })
            | (CommitBeyondLast { last: a, given: x }, CommitBeyondLast { last: b, given: y }) => {
                a == b && x == y
            }
            (
                TruncateBelowCommitted { committed: a, given: x },
                TruncateBelowCommitted { committed: b, given: y },
            ) => a == b && x == y,
            (IndexOutOfRange { index: a }, IndexOutOfRange { index: b }) => a == b,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use raft_log_codec::{PlainTypes, PlainVote, TermIndex};

    use super::*;

    type E = StateError<PlainTypes>;

    /// One of each, whose values are `one` and `two`.
    fn all(one: TermIndex, two: TermIndex) -> Vec<E> {
        vec![
            E::VoteReversal { current: PlainVote::new(one.term, 1), given: PlainVote::new(two.term, 2) },
            E::LogIdReversal { last: one, given: two },
            E::LogIdNonConsecutive { last: one, given: two },
            E::IndexOutOfRange { index: two.index },
            E::LogIdMismatch { own: Some(one), given: two },
            E::LogIdMismatch { own: None, given: two },
            E::TruncateBelowPurged { purged: one, given: two },
            E::TruncateBelowCommitted { committed: one, given: Some(two) },
            E::TruncateBelowCommitted { committed: one, given: None },
            E::CommitReversal { committed: one, given: two },
            E::CommitBeyondLast { last: Some(one), given: two },
            E::CommitBeyondLast { last: None, given: two },
        ]
    }

    #[test]
    fn an_error_equals_its_clone_and_no_other() {
        let errors = all(TermIndex::new(1, 2), TermIndex::new(3, 4));
        let others = all(TermIndex::new(5, 6), TermIndex::new(7, 8));
        for (i, a) in errors.iter().enumerate() {
            for (k, b) in errors.iter().enumerate() {
                assert_eq!(*a == b.clone(), i == k, "{a:?}, {b:?}");
            }
            assert!(!others.contains(a), "{a:?}");
        }
    }

    #[test]
    fn a_message_is_lower_case_and_names_ids_as_term_and_index() {
        let messages: Vec<_> =
            all(TermIndex::new(1, 2), TermIndex::new(3, 9)).iter().map(ToString::to_string).collect();
        assert_eq!(
            messages[1..],
            [
                "entry 3:9 does not come after 1:2: truncate first what it is to replace",
                "entry 3:9 leaves a gap behind 1:2: index 3 is next",
                "index 9 is too large: a log goes up to 18446744073709551614",
                "log id 3:9 contradicts the log's own at that index, 1:2",
                "log id 3:9 contradicts the log's own at that index, none",
                "cannot truncate after 3:9: the log is purged up to 1:2",
                "cannot truncate after 3:9: the log is committed up to 1:2",
                "cannot truncate after none: the log is committed up to 1:2",
                "cannot commit or purge 3:9: 1:2 is committed",
                "cannot commit 3:9: the last entry is 1:2; append first",
                "cannot commit 3:9: the last entry is none; append first",
            ]
        );
        assert!(
            messages[0].starts_with("vote PlainVote { term: 3, voted_for: Some(2) } may not replace"),
            "{}",
            messages[0]
        );
    }

    #[test]
    fn debug_names_the_variant_and_its_values() {
        for (error, name) in all(TermIndex::new(1, 2), TermIndex::new(3, 9)).iter().zip([
            "VoteReversal { current",
            "LogIdReversal { last",
            "LogIdNonConsecutive { last",
            "IndexOutOfRange { index",
            "LogIdMismatch { own",
            "LogIdMismatch { own",
            "TruncateBelowPurged { purged",
            "TruncateBelowCommitted { committed",
            "TruncateBelowCommitted { committed",
            "CommitReversal { committed",
            "CommitBeyondLast { last",
            "CommitBeyondLast { last",
        ]) {
            assert!(format!("{error:?}").starts_with(name), "{error:?}");
        }
    }
}
