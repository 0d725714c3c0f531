//! The two steps in which a state changes, check and apply, and the rule between the entries of one batch.
//!
//! The rules themselves are in `machine`; another implementation of the trait, plain and slow, is in the test kit.

use raft_log_codec::{LogId, RaftLogState, Types};

use crate::{Change, StateError};

/// What a legal change does. Exhaustive: a change is written or it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The state will differ: a record is written, and the change applied.
    Writes,
    /// The state is already as asked: nothing is written, nothing is applied.
    Nothing,
}

/// The state of a log, and the rules by which it changes.
///
/// A change is checked, then written, then applied, so that a refused one leaves no trace. The state after each step
/// depends on nothing but the changes that were applied.
pub trait StateMachine<T: Types> {
    /// Whether `change` is legal now, and whether it does anything.
    ///
    /// # Errors
    /// When a rule of Raft or of the log forbids it; the error holds the values.
    fn check(&self, change: Change<'_, T>) -> Result<Effect, StateError<T>>;

    /// Makes `change`, which [`check`](Self::check) has just said [`Effect::Writes`] of.
    ///
    /// # Panics
    /// When the marks are not in order afterwards: `change` had not been checked.
    fn apply(&mut self, change: Change<'_, T>);

    /// The state now.
    fn state(&self) -> &RaftLogState<T>;

    /// The id at `index`: of a live entry, or of one of the marks. `None` where nothing is known, as below the purged
    /// mark and behind the last entry.
    fn log_id(&self, index: u64) -> Option<T::LogId>;
}

/// The largest index of an entry: one less than `u64::MAX`, so that a half-open range can name every entry.
const INDEX_MAX: u64 = u64::MAX - 1;

/// Whether `next` may stand directly behind `previous` in one batch.
///
/// The first entry of a batch is checked with [`StateMachine::check`], each later one with this, so that a batch is
/// accepted as a whole before any of it is applied.
///
/// # Errors
/// [`StateError::IndexOutOfRange`] for the index `u64::MAX`, [`StateError::LogIdReversal`] when `next` is not greater
/// than `previous` in id and in index, [`StateError::LogIdNonConsecutive`] when it leaves a gap.
pub fn check_next<T: Types>(previous: &T::LogId, next: &T::LogId) -> Result<(), StateError<T>> {
    check_index::<T>(next)?;
    if next <= previous || next.index() <= previous.index() {
        return Err(StateError::LogIdReversal { last: previous.clone(), given: next.clone() });
    }
    if next.index() - previous.index() != 1 {
        return Err(StateError::LogIdNonConsecutive { last: previous.clone(), given: next.clone() });
    }
    Ok(())
}

/// Whether an entry may have this index.
pub(crate) fn check_index<T: Types>(id: &T::LogId) -> Result<(), StateError<T>> {
    match id.index() {
        ..=INDEX_MAX => Ok(()),
        index => Err(StateError::IndexOutOfRange { index }),
    }
}

#[cfg(test)]
mod tests {
    use raft_log_codec::{PlainTypes, TermIndex};

    use super::*;

    fn next(previous: (u64, u64), next: (u64, u64)) -> Result<(), StateError<PlainTypes>> {
        check_next(&TermIndex::new(previous.0, previous.1), &TermIndex::new(next.0, next.1))
    }

    #[test]
    fn the_next_entry_of_a_batch_is_one_index_on_and_greater() {
        next((1, 4), (1, 5)).unwrap();
        next((1, 4), (9, 5)).unwrap();
        next((1, u64::MAX - 2), (1, u64::MAX - 1)).unwrap();
    }

    #[test]
    fn an_entry_that_is_not_greater_in_id_and_index_is_a_reversal() {
        for (previous, given) in [((2, 4), (1, 5)), ((2, 4), (2, 4)), ((2, 4), (3, 4)), ((2, 4), (3, 1))] {
            assert_eq!(
                next(previous, given),
                Err(StateError::LogIdReversal {
                    last: TermIndex::new(previous.0, previous.1),
                    given: TermIndex::new(given.0, given.1),
                })
            );
        }
    }

    #[test]
    fn an_entry_behind_a_gap_is_refused() {
        assert_eq!(
            next((1, 4), (1, 6)),
            Err(StateError::LogIdNonConsecutive { last: TermIndex::new(1, 4), given: TermIndex::new(1, 6) })
        );
    }

    #[test]
    fn the_index_that_no_range_could_name_is_refused() {
        assert_eq!(
            next((1, u64::MAX - 1), (1, u64::MAX)),
            Err(StateError::IndexOutOfRange { index: u64::MAX })
        );
    }
}
