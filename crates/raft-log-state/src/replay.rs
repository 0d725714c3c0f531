//! How a stored log comes back to its state: record by record, or a chunk at a time as its footer sums it up.
//!
//! Files and their verdict are not known here. What was read must keep to the same rules as what was written; where
//! it does not, the answer is a [`ReplayFault`], and the state machine is then of no more use.

use std::fmt::{self, Debug};
use std::ops::Range;

use bytes::Bytes;
use raft_log_codec::{
    Decode, DecodeError, DisplayLogId, Encode, EncodeError, Frame, LogId, RaftLogState, RawLogId, RecordKind,
    Replay, ReplayFault, Types,
};

use crate::machine::order;
use crate::{Change, Effect, RaftLogSM, StateMachine};

/// How far a replay has come, and what it could not see. Without meaning once it is over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// Something was taken in, so the next `State` is compared.
    began: bool,
    /// The kinds of the records that were passed over since the last `State`.
    passed: Vec<RecordKind>,
    /// Where the first entry of a log stands that was empty before, if a footer said it.
    begins_at: Option<u64>,
}

impl<T: Types> RaftLogSM<T> {
    /// Ends a replay, in which nothing is [`unseen`](Replay::unseen): from now on the log knows of every index below its
    /// first entry that nothing ever stood there, unless it was purged.
    pub fn end_replay(&mut self) {
        let progress = std::mem::take(&mut self.progress);
        if self.state.purged.is_none() && progress.begins_at == Some(self.runs.known_from()) {
            self.runs.know_all();
        }
    }

    /// Checks and applies what a record changes.
    fn follow(&mut self, change: Change<'_, T>) -> Result<(), ReplayFault> {
        match self.check(change) {
            Ok(Effect::Writes) => self.apply(change),
            // Never written by this version, but it breaks no rule.
            Ok(Effect::Nothing) => {}
            Err(error) => return Err(contradiction(error)),
        }
        Ok(())
    }

    /// Takes over from a `State` what records that were passed over may have changed.
    fn adopt(&mut self, given: &RaftLogState<T>) -> Result<(), ReplayFault> {
        let passed = std::mem::take(&mut self.progress.passed);
        if passed.contains(&RecordKind::SaveVote) {
            self.state.vote.clone_from(&given.vote);
        }
        if passed.contains(&RecordKind::SaveUserData) {
            self.state.user_data.clone_from(&given.user_data);
        }
        if let Some(purged) = &given.purged
            && passed.contains(&RecordKind::PurgeUpto)
        {
            self.follow(Change::PurgeUpto(purged))?;
        }
        if let Some(committed) = &given.committed
            && passed.contains(&RecordKind::Commit)
        {
            self.follow(Change::Commit(committed))?;
        }
        Ok(())
    }

    /// Whether `given` is the state that the records so far have led to.
    fn compare(&self, given: &RaftLogState<T>) -> Result<(), ReplayFault> {
        let differs = |field: &str, given: &dyn fmt::Display, own: &dyn fmt::Display| {
            Err(contradiction(format_args!(
                "the state's {field} is {given}, and the records before it lead to {own}"
            )))
        };
        let own = &self.state;
        for (field, given, own) in [
            ("last", &given.last, &own.last),
            ("committed", &given.committed, &own.committed),
            ("purged", &given.purged, &own.purged),
        ] {
            if given != own {
                return differs(field, &DisplayLogId(given.as_ref()), &DisplayLogId(own.as_ref()));
            }
        }
        if given.vote != own.vote {
            return differs("vote", &shortened(&given.vote), &shortened(&own.vote));
        }
        if given.user_data != own.user_data {
            return differs("user data", &shortened(&given.user_data), &shortened(&own.user_data));
        }
        Ok(())
    }

    /// Adds the ids that a chunk added, where `next` is the index behind what was there before.
    fn add_runs(&mut self, next: u64, runs: &[RawLogId], end: u64) -> Result<(), ReplayFault> {
        let Some(first) = runs.first() else {
            return Ok(());
        };
        if first.index < next {
            return Err(contradiction(format_args!(
                "the chunk's first entry is {first}, and the log already goes up to index {}",
                next - 1
            )));
        }
        let mut term = 0;
        if first.index > next {
            // What lies between was purged by this chunk or a later one, and so was all before it; or the log was
            // empty, and begins here.
            if next == 0 {
                self.progress.begins_at = Some(first.index);
            }
            self.runs.forget_below(first.index);
        } else if let Some(before) = next.checked_sub(1).and_then(|index| self.log_id(index)) {
            term = before.term();
        }
        let ends = runs.iter().skip(1).map(|run| run.index).chain([end]);
        for (run, end) in runs.iter().zip(ends) {
            if run.index >= end {
                return Err(contradiction(format_args!(
                    "a run of entries begins at {run} and ends before index {end}"
                )));
            }
            if run.term < term {
                return Err(contradiction(format_args!(
                    "a run of entries begins at {run}, behind an entry of term {term}"
                )));
            }
            term = run.term;
            let start = run.typed().map_err(ReplayFault::Undecodable)?;
            self.runs.push_run(&start, end);
        }
        Ok(())
    }

    /// Whether the marks of a state that a footer gives fit what is known of the ids, and did not move back.
    fn check_summed(&self, given: &RaftLogState<T>) -> Result<(), ReplayFault> {
        order(given).map_err(contradiction)?;
        for (field, given, own) in [
            ("committed", &given.committed, &self.state.committed),
            ("purged", &given.purged, &self.state.purged),
        ] {
            let went_back = match (given, own) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(given), Some(own)) => {
                    given.index() < own.index() || (given.index() == own.index() && given != own)
                }
            };
            if went_back {
                return Err(contradiction(format_args!(
                    "the footer's {field} is {}, behind {}",
                    DisplayLogId(given.as_ref()),
                    DisplayLogId(own.as_ref())
                )));
            }
        }
        for (field, given) in
            [("last", &given.last), ("committed", &given.committed), ("purged", &given.purged)]
        {
            if let Some(given) = given
                && let Some(own) = self.runs.get(given.index())
                && own != *given
            {
                return Err(contradiction(format_args!(
                    "the footer's {field} is {}, and its entries say {}",
                    DisplayLogId(Some(given)),
                    DisplayLogId(Some(&own))
                )));
            }
        }
        Ok(())
    }
}

impl<T: Types> Replay for RaftLogSM<T> {
    fn chunk_state(&mut self, state: Bytes) -> Result<(), ReplayFault> {
        let given = RaftLogState::<T>::decode(state).map_err(ReplayFault::Undecodable)?;
        order(&given).map_err(contradiction)?;
        if self.progress.began {
            self.adopt(&given)?;
            return self.compare(&given);
        }
        *self = Self::restore(given);
        self.progress.began = true;
        Ok(())
    }

    fn record(&mut self, frame: &Frame) -> Result<(), ReplayFault> {
        self.progress.began = true;
        let undecodable = |what| ReplayFault::Undecodable(DecodeError::Invalid { what });
        let kind = frame.head.kind().ok_or_else(|| undecodable("record kind"))?;
        match kind {
            RecordKind::Group => Ok(()),
            RecordKind::State => Err(contradiction("a State record in the middle of a chunk")),
            RecordKind::Append => {
                let id = frame.id.as_ref().ok_or_else(|| undecodable("log id"))?;
                let id = id.typed().map_err(ReplayFault::Undecodable)?;
                self.follow(Change::Append(&id))
            }
            RecordKind::SaveVote | RecordKind::SaveUserData if frame.fault.is_some() => {
                self.pass_over(kind);
                Ok(())
            }
            _ => {
                let record = frame.record::<T>().map_err(ReplayFault::Undecodable)?;
                let change = Change::of(&record).ok_or_else(|| undecodable("record kind"))?;
                self.follow(change)?;
                self.progress.passed.retain(|passed| *passed != kind);
                Ok(())
            }
        }
    }

    fn pass_over(&mut self, kind: RecordKind) {
        if !self.progress.passed.contains(&kind) {
            self.progress.passed.push(kind);
        }
    }

    fn skip(
        &mut self,
        truncated_from: Option<u64>,
        runs: &[RawLogId],
        end: u64,
        state: Bytes,
    ) -> Result<(), ReplayFault> {
        self.progress.began = true;
        let given = RaftLogState::<T>::decode(state).map_err(ReplayFault::Undecodable)?;
        let mut next = self.state.end_index();
        // "All" reaches down to what is purged, wherever that may be.
        if let Some(from) = truncated_from.map(|from| from.max(self.state.first_index()))
            && from < next
        {
            self.runs.truncate_from(from);
            next = from;
        }
        self.add_runs(next, runs, end)?;
        self.check_summed(&given)?;

        let known_end = if runs.is_empty() { next } else { end };
        let ends_elsewhere = match given.end_index() {
            given_end if given_end < known_end => true,
            given_end if given_end > known_end => !runs.is_empty(),
            // No entry was added or dropped, so it is still the same last one.
            given_end => {
                runs.is_empty() && given_end == self.state.end_index() && self.state.last != given.last
            }
        };
        if ends_elsewhere {
            return Err(contradiction(format_args!(
                "the footer's last is {}, and its entries end before index {known_end}",
                DisplayLogId(given.last.as_ref())
            )));
        }
        if given.end_index() > known_end {
            // The entries up to there were purged by this chunk or a later one.
            self.runs.forget_below(given.end_index());
        }
        if let Some(purged) = &given.purged {
            self.runs.drop_upto(purged.index());
        }
        self.state = given;
        self.progress.passed.clear();
        self.assert_order();
        Ok(())
    }

    fn purged_index(&self) -> Option<u64> {
        self.state.purged.as_ref().map(LogId::index)
    }

    fn last_index(&self) -> Option<u64> {
        self.state.last.as_ref().map(LogId::index)
    }

    fn unseen(&self) -> Range<u64> {
        let first = match &self.state.purged {
            Some(purged) => purged.index() + 1,
            None => self.progress.begins_at.unwrap_or(0),
        };
        first..self.runs.known_from().max(first)
    }

    fn encoded_state(&self) -> Result<Bytes, EncodeError> {
        let mut out = Vec::new();
        self.state.encode(&mut out)?;
        Ok(out.into())
    }
}

fn contradiction(reason: impl fmt::Display) -> ReplayFault {
    ReplayFault::Contradiction { reason: reason.to_string() }
}

/// Shows a value whose size is the application's choice, up to a limit.
fn shortened(value: &impl Debug) -> String {
    const CHARS_MAX: usize = 200;
    let mut text = format!("{value:?}");
    if let Some((at, _)) = text.char_indices().nth(CHARS_MAX) {
        text.truncate(at);
        text.push('…');
    }
    text
}
