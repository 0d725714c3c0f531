//! The rules: what each change needs to be legal, and what it does to the state.
//!
//! Nothing is read, written or logged here. What always holds: `purged ≤ committed ≤ last` by index, and the ids
//! above the purged mark are those of the runs.

use std::fmt::{self, Debug};

use raft_log_codec::{DisplayLogId, LogId, RaftLogState, Types, Vote};

use crate::replay::Progress;
use crate::state_machine::check_index;
use crate::{Change, Effect, LogIdRuns, StateError, StateMachine, check_next};

/// The state of a log with the ids of its live entries, and the rules by which both change.
///
/// | change | legal | does nothing | refused |
/// |---|---|---|---|
/// | vote | it may replace the current one | it equals the current one | [`VoteReversal`] |
/// | append | the index behind the last, and a greater id; any index if nothing was appended or purged | | [`LogIdReversal`], [`LogIdNonConsecutive`]; the index `u64::MAX`: [`IndexOutOfRange`] |
/// | truncate after an id | the log's own id at that index | its index is behind the last; it is the last | [`TruncateBelowPurged`], [`TruncateBelowCommitted`], [`LogIdMismatch`] |
/// | truncate all | nothing that is not purged is committed | nothing but purged entries is left | [`TruncateBelowCommitted`] |
/// | purge | the log's own id at that index; beyond the last any id above the committed one, and the log is then empty | its index is below purged; it is purged | [`LogIdMismatch`], [`CommitReversal`], [`IndexOutOfRange`] |
/// | commit | the log's own id at that index, above the committed one | it is committed | [`CommitReversal`], [`CommitBeyondLast`], [`LogIdMismatch`] |
/// | user data | always | | |
///
/// A purge beyond the committed mark moves that too. A purge beyond the last entry may even go to a lower term than
/// the last entry's: a snapshot replaces entries that were never committed.
///
/// Where the log's own id is not known, during a [replay](raft_log_codec::Replay) that began in the middle, an id
/// cannot contradict it.
///
/// The rules are those of Raft (Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm", sections
/// 5 and 7), of which a log can hold an engine to those that need no other node.
///
/// [`VoteReversal`]: StateError::VoteReversal
/// [`LogIdReversal`]: StateError::LogIdReversal
/// [`LogIdNonConsecutive`]: StateError::LogIdNonConsecutive
/// [`IndexOutOfRange`]: StateError::IndexOutOfRange
/// [`TruncateBelowPurged`]: StateError::TruncateBelowPurged
/// [`TruncateBelowCommitted`]: StateError::TruncateBelowCommitted
/// [`LogIdMismatch`]: StateError::LogIdMismatch
/// [`CommitReversal`]: StateError::CommitReversal
/// [`CommitBeyondLast`]: StateError::CommitBeyondLast
pub struct RaftLogSM<T: Types> {
    pub(crate) state: RaftLogState<T>,
    pub(crate) runs: LogIdRuns<T::LogId>,
    /// Read and written by the replay alone.
    pub(crate) progress: Progress,
}

/// What the log knows of its own id at an index.
enum Own<L> {
    /// This one.
    Known(L),
    /// The log begins above that index, and never purged.
    Absent,
    /// There is one, but a replay has not seen it.
    Unknown,
}

impl<T: Types> RaftLogSM<T> {
    /// A log that never held anything.
    pub fn new() -> Self {
        Self::restore(RaftLogState::default())
    }

    /// A log in this state, of whose entries nothing is known but the marks.
    ///
    /// # Panics
    /// When the marks are not in order, or one has the index `u64::MAX`.
    pub fn restore(state: RaftLogState<T>) -> Self {
        if let Err(disorder) = order(&state) {
            panic!("{disorder}");
        }
        Self { runs: LogIdRuns::new(state.end_index()), state, progress: Progress::default() }
    }

    /// The ids of the live entries.
    pub fn runs(&self) -> &LogIdRuns<T::LogId> {
        &self.runs
    }

    fn own(&self, index: u64) -> Own<T::LogId> {
        let marks = [&self.state.last, &self.state.committed, &self.state.purged];
        if let Some(mark) = marks.into_iter().flatten().find(|id| id.index() == index) {
            return Own::Known(mark.clone());
        }
        if index < self.runs.known_from() {
            return Own::Unknown;
        }
        if index < self.runs.indexes().start {
            return Own::Absent;
        }
        self.runs.get(index).map_or(Own::Unknown, Own::Known)
    }

    /// Whether `given`, at an index up to the last and above the purged one, is the log's own id there.
    fn check_own(&self, given: &T::LogId) -> Result<(), StateError<T>> {
        match self.own(given.index()) {
            Own::Known(own) => check_same(&own, given),
            Own::Unknown => Ok(()),
            Own::Absent => Err(StateError::LogIdMismatch { own: None, given: given.clone() }),
        }
    }

    fn check_vote(&self, given: &T::Vote) -> Result<Effect, StateError<T>> {
        match &self.state.vote {
            Some(current) if given == current => Ok(Effect::Nothing),
            Some(current) if !given.may_replace(current) => {
                Err(StateError::VoteReversal { current: current.clone(), given: given.clone() })
            }
            _ => Ok(Effect::Writes),
        }
    }

    fn check_append(&self, id: &T::LogId) -> Result<Effect, StateError<T>> {
        match &self.state.last {
            Some(last) => check_next(last, id)?,
            None => check_index(id)?,
        }
        Ok(Effect::Writes)
    }

    fn check_truncate(&self, after: &T::LogId) -> Result<Effect, StateError<T>> {
        let RaftLogState { last, committed, purged, .. } = &self.state;
        let Some(last) = last.as_ref().filter(|last| after.index() <= last.index()) else {
            return Ok(Effect::Nothing);
        };
        if after.index() == last.index() {
            return check_same(last, after).map(|()| Effect::Nothing);
        }
        if let Some(purged) = purged
            && after.index() < purged.index()
        {
            return Err(StateError::TruncateBelowPurged { purged: purged.clone(), given: after.clone() });
        }
        if let Some(committed) = committed
            && after.index() < committed.index()
        {
            return Err(StateError::TruncateBelowCommitted {
                committed: committed.clone(),
                given: Some(after.clone()),
            });
        }
        self.check_own(after)?;
        Ok(Effect::Writes)
    }

    fn check_truncate_all(&self) -> Result<Effect, StateError<T>> {
        let first = self.state.first_index();
        if let Some(committed) = &self.state.committed
            && committed.index() >= first
        {
            return Err(StateError::TruncateBelowCommitted { committed: committed.clone(), given: None });
        }
        Ok(if self.state.end_index() > first { Effect::Writes } else { Effect::Nothing })
    }

    fn check_purge(&self, upto: &T::LogId) -> Result<Effect, StateError<T>> {
        check_index(upto)?;
        if let Some(purged) = &self.state.purged {
            if upto.index() < purged.index() {
                return Ok(Effect::Nothing);
            }
            if upto.index() == purged.index() {
                return check_same(purged, upto).map(|()| Effect::Nothing);
            }
        }
        if upto.index() < self.state.end_index() {
            self.check_own(upto)?;
        } else if let Some(committed) = &self.state.committed
            && upto <= committed
        {
            return Err(StateError::CommitReversal { committed: committed.clone(), given: upto.clone() });
        }
        Ok(Effect::Writes)
    }

    fn check_commit(&self, id: &T::LogId) -> Result<Effect, StateError<T>> {
        if let Some(committed) = &self.state.committed {
            if id.index() < committed.index() {
                return Err(StateError::CommitReversal { committed: committed.clone(), given: id.clone() });
            }
            if id.index() == committed.index() {
                return check_same(committed, id).map(|()| Effect::Nothing);
            }
        }
        if id.index() >= self.state.end_index() {
            return Err(StateError::CommitBeyondLast { last: self.state.last.clone(), given: id.clone() });
        }
        self.check_own(id)?;
        Ok(Effect::Writes)
    }

    fn truncate(&mut self, after: Option<&T::LogId>) {
        let after = after.or(self.state.purged.as_ref()).cloned();
        self.runs.truncate_from(after.as_ref().map_or(0, |id| id.index() + 1));
        self.state.last = after;
    }

    fn purge(&mut self, upto: &T::LogId) {
        if upto.index() >= self.state.end_index() {
            self.state.last = Some(upto.clone());
        }
        let committed = self.state.committed.as_ref();
        if committed.is_none_or(|committed| committed.index() < upto.index()) {
            self.state.committed = Some(upto.clone());
        }
        self.state.purged = Some(upto.clone());
        self.runs.drop_upto(upto.index());
    }

    /// Asserts what must hold after each step.
    pub(crate) fn assert_order(&self) {
        if let Err(disorder) = order(&self.state) {
            panic!("a change was applied that had not been checked: {disorder}");
        }
        if !self.runs.is_empty() {
            let ids = self.runs.indexes();
            assert!(ids.start >= self.state.first_index(), "a purged entry's id is kept");
            assert_eq!(ids.end, self.state.end_index(), "the ids end where the log ends");
        }
    }
}

impl<T: Types> StateMachine<T> for RaftLogSM<T> {
    fn check(&self, change: Change<'_, T>) -> Result<Effect, StateError<T>> {
        match change {
            Change::SaveVote(vote) => self.check_vote(vote),
            Change::Append(id) => self.check_append(id),
            Change::Commit(id) => self.check_commit(id),
            Change::TruncateAfter(Some(after)) => self.check_truncate(after),
            Change::TruncateAfter(None) => self.check_truncate_all(),
            Change::PurgeUpto(upto) => self.check_purge(upto),
            Change::SaveUserData(_) => Ok(Effect::Writes),
        }
    }

    #[inline]
    fn apply(&mut self, change: Change<'_, T>) {
        match change {
            Change::SaveVote(vote) => self.state.vote = Some(vote.clone()),
            Change::Append(id) => {
                // All that an append could disturb, at the cost of one comparison: entries come by the million.
                let is_next = self.state.last.as_ref().is_none_or(|last| last.index() < id.index());
                assert!(is_next, "a change was applied that had not been checked: an entry below the last");
                self.runs.push(id);
                self.state.last = Some(id.clone());
                return;
            }
            Change::Commit(id) => self.state.committed = Some(id.clone()),
            Change::TruncateAfter(after) => self.truncate(after),
            Change::PurgeUpto(upto) => self.purge(upto),
            Change::SaveUserData(data) => self.state.user_data = data.cloned(),
        }
        self.assert_order();
    }

    fn state(&self) -> &RaftLogState<T> {
        &self.state
    }

    fn log_id(&self, index: u64) -> Option<T::LogId> {
        match self.own(index) {
            Own::Known(id) => Some(id),
            Own::Absent | Own::Unknown => None,
        }
    }
}

fn check_same<T: Types>(own: &T::LogId, given: &T::LogId) -> Result<(), StateError<T>> {
    if own == given {
        return Ok(());
    }
    Err(StateError::LogIdMismatch { own: Some(own.clone()), given: given.clone() })
}

/// Whether `purged ≤ committed ≤ last` by index, equal indexes have equal ids, and each mark has a successor.
pub(crate) fn order<T: Types>(state: &RaftLogState<T>) -> Result<(), String> {
    let marks = [("purged", &state.purged), ("committed", &state.committed), ("last", &state.last)];
    for (name, mark) in marks {
        if mark.as_ref().is_some_and(|id| id.index() == u64::MAX) {
            return Err(format!("the {name} mark has the index u64::MAX"));
        }
    }
    for ((low_name, low), (high_name, high)) in marks.into_iter().zip(marks.into_iter().skip(1)) {
        let ordered = match (low, high) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(low), Some(high)) => low.index() < high.index() || low == high,
        };
        if !ordered {
            return Err(format!(
                "{low_name} {} is beyond {high_name} {}",
                DisplayLogId(low.as_ref()),
                DisplayLogId(high.as_ref())
            ));
        }
    }
    Ok(())
}

impl<T: Types> Default for RaftLogSM<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Types> Clone for RaftLogSM<T> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), runs: self.runs.clone(), progress: self.progress.clone() }
    }
}

impl<T: Types> Debug for RaftLogSM<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaftLogSM")
            .field("state", &self.state)
            .field("runs", &self.runs)
            .finish_non_exhaustive()
    }
}
