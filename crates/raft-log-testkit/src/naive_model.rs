//! The rules of a Raft log a second time, written as plainly as possible: all ids in one vector, linear scans.
//!
//! It shares no code with `RaftLogSM`, so that a mistake in one shows against the other. It does not replay: it knows
//! every id. What always holds: the ids in it are those of the live entries, in order.

use raft_log_codec::{LogId, RaftLogState, Record, Types, Vote};
use raft_log_state::{Change, Effect, StateError, StateMachine};

/// A log in memory that is slow and easy to believe: the judge of `RaftLogSM` and of whole logs.
///
/// Changes come in through [`StateMachine`], without payloads, or through [`NaiveModel::record`], which keeps them.
pub struct NaiveModel<T: Types> {
    state: RaftLogState<T>,
    ids: Vec<T::LogId>,
    entries: Vec<(T::LogId, T::Payload)>,
}

impl<T: Types> Default for NaiveModel<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Types> NaiveModel<T> {
    /// A log that never held anything.
    pub fn new() -> Self {
        Self { state: RaftLogState::default(), ids: Vec::new(), entries: Vec::new() }
    }

    /// The ids of the live entries.
    pub fn ids(&self) -> &[T::LogId] {
        &self.ids
    }

    /// The live entries that came in with a payload.
    pub fn entries(&self) -> &[(T::LogId, T::Payload)] {
        &self.entries
    }

    /// Those of them with an index in `range`.
    pub fn read(&self, range: std::ops::Range<u64>) -> Vec<(T::LogId, T::Payload)> {
        let wanted = self.entries.iter().filter(|(id, _)| range.contains(&id.index()));
        wanted.cloned().collect()
    }

    /// Checks and applies a record, and keeps the payload of an entry. A `State` changes nothing.
    ///
    /// # Errors
    /// When a rule forbids it; nothing has changed then.
    pub fn record(&mut self, record: &Record<T>) -> Result<Effect, StateError<T>> {
        let Some(change) = Change::of(record) else {
            return Ok(Effect::Nothing);
        };
        let effect = self.check(change)?;
        if effect == Effect::Writes {
            self.apply(change);
            if let Record::Append(id, payload) = record {
                self.entries.push((id.clone(), payload.clone()));
            }
        }
        Ok(effect)
    }

    /// Checks and applies all records, or none of them: a batch.
    ///
    /// # Errors
    /// The first error; nothing has changed then.
    pub fn record_all(&mut self, records: &[Record<T>]) -> Result<(), StateError<T>> {
        let mut after = self.clone();
        for record in records {
            after.record(record)?;
        }
        *self = after;
        Ok(())
    }

    /// The log's own id at an index: of a live entry, or what was purged last.
    fn find(&self, index: u64) -> Option<&T::LogId> {
        self.ids.iter().chain(&self.state.purged).find(|id| id.index() == index)
    }

    fn contradicts(&self, given: &T::LogId) -> Result<(), StateError<T>> {
        let own = self.find(given.index());
        if own == Some(given) {
            return Ok(());
        }
        Err(StateError::LogIdMismatch { own: own.cloned(), given: given.clone() })
    }

    fn keep(&mut self, wanted: impl Fn(i128) -> bool) {
        self.ids.retain(|id| wanted(place(Some(id))));
        self.entries.retain(|(id, _)| wanted(place(Some(id))));
    }
}

/// An index as a number that has room for "none" below it.
fn place<L: LogId>(id: Option<&L>) -> i128 {
    match id {
        None => -1,
        Some(id) => i128::from(id.index()),
    }
}

impl<T: Types> StateMachine<T> for NaiveModel<T> {
    fn check(&self, change: Change<'_, T>) -> Result<Effect, StateError<T>> {
        let last = place(self.state.last.as_ref());
        let committed = place(self.state.committed.as_ref());
        let purged = place(self.state.purged.as_ref());
        let largest = i128::from(u64::MAX) - 1;

        match change {
            Change::SaveVote(given) => {
                let Some(current) = self.state.vote.clone() else {
                    return Ok(Effect::Writes);
                };
                if *given == current {
                    return Ok(Effect::Nothing);
                }
                if given.may_replace(&current) {
                    return Ok(Effect::Writes);
                }
                let given = given.clone();
                Err(StateError::VoteReversal { current, given })
            }

            Change::Append(given) => {
                let at = place(Some(given));
                if at > largest {
                    return Err(StateError::IndexOutOfRange { index: given.index() });
                }
                if let Some(before) = &self.state.last {
                    let (last_id, given_id) = (before.clone(), given.clone());
                    if at <= last || given <= before {
                        return Err(StateError::LogIdReversal { last: last_id, given: given_id });
                    }
                    if at != last + 1 {
                        return Err(StateError::LogIdNonConsecutive { last: last_id, given: given_id });
                    }
                }
                Ok(Effect::Writes)
            }

            Change::TruncateAfter(after) => {
                let at = match after {
                    Some(given) => place(Some(given)),
                    None => purged,
                };
                if at > last {
                    return Ok(Effect::Nothing);
                }
                if let Some(given) = after
                    && at == last
                {
                    self.contradicts(given)?;
                }
                if at == last {
                    return Ok(Effect::Nothing);
                }
                if let (Some(mark), Some(given)) = (&self.state.purged, after)
                    && at < purged
                {
                    return Err(StateError::TruncateBelowPurged {
                        purged: mark.clone(),
                        given: given.clone(),
                    });
                }
                if let Some(mark) = &self.state.committed
                    && at < committed
                {
                    return Err(StateError::TruncateBelowCommitted {
                        committed: mark.clone(),
                        given: after.cloned(),
                    });
                }
                if let Some(given) = after {
                    self.contradicts(given)?;
                }
                Ok(Effect::Writes)
            }

            Change::PurgeUpto(given) => {
                let at = place(Some(given));
                if at > largest {
                    return Err(StateError::IndexOutOfRange { index: given.index() });
                }
                if at < purged {
                    return Ok(Effect::Nothing);
                }
                if at <= last {
                    self.contradicts(given)?;
                    return Ok(if at == purged { Effect::Nothing } else { Effect::Writes });
                }
                match &self.state.committed {
                    Some(mark) if given <= mark => {
                        Err(StateError::CommitReversal { committed: mark.clone(), given: given.clone() })
                    }
                    _ => Ok(Effect::Writes),
                }
            }

            Change::Commit(given) => {
                let at = place(Some(given));
                if let Some(mark) = &self.state.committed
                    && at < committed
                {
                    return Err(StateError::CommitReversal { committed: mark.clone(), given: given.clone() });
                }
                if at > last {
                    return Err(StateError::CommitBeyondLast {
                        last: self.state.last.clone(),
                        given: given.clone(),
                    });
                }
                self.contradicts(given)?;
                Ok(if at == committed { Effect::Nothing } else { Effect::Writes })
            }

            Change::SaveUserData(_) => Ok(Effect::Writes),
            // A change that this model has no rule for must not pass for a legal one.
            _ => panic!("the naive model does not know {change:?}"),
        }
    }

    fn apply(&mut self, change: Change<'_, T>) {
        match change {
            Change::SaveVote(vote) => self.state.vote = Some(vote.clone()),
            Change::SaveUserData(data) => self.state.user_data = data.cloned(),
            Change::Append(id) => self.ids.push(id.clone()),
            Change::Commit(id) => self.state.committed = Some(id.clone()),
            Change::TruncateAfter(after) => {
                let at = place(after);
                self.keep(|index| index <= at);
            }
            Change::PurgeUpto(upto) => {
                let at = place(Some(upto));
                self.keep(|index| index > at);
                self.state.purged = Some(upto.clone());
                if place(self.state.committed.as_ref()) < at {
                    self.state.committed = Some(upto.clone());
                }
            }
            _ => panic!("the naive model does not know {change:?}"),
        }
        self.state.last = self.ids.last().or(self.state.purged.as_ref()).cloned();

        let marks = [&self.state.purged, &self.state.committed, &self.state.last];
        assert!(
            marks.map(|mark| place(mark.as_ref())).is_sorted(),
            "a change was applied that had not been checked: {:?}",
            self.state
        );
    }

    fn state(&self) -> &RaftLogState<T> {
        &self.state
    }

    fn log_id(&self, index: u64) -> Option<T::LogId> {
        self.find(index).cloned()
    }
}

impl<T: Types> Clone for NaiveModel<T> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), ids: self.ids.clone(), entries: self.entries.clone() }
    }
}

impl<T: Types> std::fmt::Debug for NaiveModel<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NaiveModel")
            .field("state", &self.state)
            .field("ids", &self.ids)
            .field("entries", &self.entries)
            .finish()
    }
}
