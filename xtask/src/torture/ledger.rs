//! The judge's book: what was submitted since the log was last known to be durable, how much of it was acknowledged,
//! and whether what is found fits. Pure.
//!
//! What always holds: `base` is durable, and the log must be `base` behind some prefix of `records`, with every
//! acknowledged one in it.

use raft_log::{PlainTypes, RaftLogState, Record, StateMachine};
use raft_log_state::Effect;

use super::found::{Found, digest};
use super::said::Said;
use super::work::{Model, Step, Work};
use crate::Outcome;

/// The book of one log.
pub(super) struct Ledger {
    base: Model,
    records: Vec<Record<PlainTypes>>,
    acknowledged: usize,
}

/// What is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// So many acknowledged records are not there.
    Lost(usize),
    /// An acknowledgement that must not be.
    FalseAck(String),
    /// No prefix of what was submitted holds what is there, or the writer met something that must not be.
    Silent(String),
}

impl Ledger {
    /// For a log that never held anything.
    pub(super) fn new() -> Self {
        Self { base: Model::new(), records: Vec::new(), acknowledged: 0 }
    }

    /// How many records were submitted since the base, and how many of them acknowledged.
    pub(super) fn figures(&self) -> (usize, usize) {
        (self.records.len(), self.acknowledged)
    }

    /// Whether nothing is known to be durable.
    pub(super) fn is_empty(&self) -> bool {
        self.acknowledged == 0 && *self.base.state() == RaftLogState::default()
    }

    /// Enters what a writer with this seed said. Gives what it says is wrong.
    ///
    /// # Errors
    /// When it said what no writer can say.
    pub(super) fn hear(&mut self, seed: u64, said: &[Said]) -> Outcome<Vec<Fault>> {
        let mut faults = Vec::new();
        let mut session = None;
        for said in said {
            match said {
                Said::Opened(found) => {
                    // What an open returned is durable, and so is the base from here on.
                    let is_it = |model: &Model| digest(model.state(), model.entries()) == *found;
                    let fault = self.settle(is_it);
                    let is_lost = fault.is_some();
                    faults.extend(fault);
                    if is_lost {
                        // What follows was drawn for a log that is not known.
                        return Ok(faults);
                    }
                    session = Some(Session::new(seed, self.base.clone()));
                }
                Said::Issued(number) => {
                    let session = session.as_mut().ok_or("a step was issued before the log was open")?;
                    self.enter(session);
                    session.issue(*number)?;
                }
                Said::Limited(_, bytes) => {
                    let session = session.as_mut().ok_or("a limit was set before the log was open")?;
                    self.enter(session);
                    session.bulk = Some(*bytes);
                }
                Said::Refused(number, _) => {
                    let session = session.as_mut().ok_or("a step was refused before the log was open")?;
                    if session.pending.take().is_none_or(|(pending, _)| pending != *number) {
                        return Err(format!("step {number} was refused and is not the last one").into());
                    }
                }
                Said::Acknowledged(number) => {
                    let session = session.as_mut().ok_or("an acknowledgement before the log was open")?;
                    if session.pending.as_ref().is_some_and(|(pending, _)| pending == number) {
                        self.enter(session);
                    }
                    match session.ends.iter().rev().find(|(step, _)| step == number) {
                        Some((_, end)) => self.acknowledged = self.acknowledged.max(*end),
                        None => faults.push(Fault::FalseAck(format!(
                            "step {number} was acknowledged, and was refused or never issued"
                        ))),
                    }
                }
                Said::FalseAck(what) => faults.push(Fault::FalseAck(what.clone())),
                Said::Wrong(what) => faults.push(Fault::Silent(what.clone())),
                Said::Begun(_) | Said::Purges(_) | Said::NotOpened(_) | Said::Poisoned(_) | Said::Ended => {}
            }
        }
        if let Some(session) = &mut session {
            self.enter(session);
        }
        Ok(faults)
    }

    /// Puts the pending step behind the records.
    fn enter(&mut self, session: &mut Session) {
        let Some((number, records)) = session.pending.take() else { return };
        for record in records {
            match session.front.record(&record) {
                Ok(Effect::Writes) => self.records.push(record),
                Ok(_) => {}
                Err(error) => unreachable!("a step is legal where it was drawn: {error}"),
            }
        }
        session.ends.push((number, self.records.len()));
    }

    /// Looks for the longest prefix that is what was found, and goes on from there.
    pub(super) fn settle(&mut self, is_it: impl Fn(&Model) -> bool) -> Option<Fault> {
        let mut model = self.base.clone();
        let mut best = is_it(&model).then(|| (0, model.clone()));
        for (position, record) in self.records.iter().enumerate() {
            if let Err(error) = model.record(record) {
                unreachable!("the records were entered on the same model: {error}");
            }
            if is_it(&model) {
                best = Some((position + 1, model.clone()));
            }
        }
        let Some((kept, model)) = best else {
            let records = self.records.len();
            return Some(Fault::Silent(format!(
                "what is there is no prefix of the {records} records that were submitted ({} of them acknowledged)",
                self.acknowledged
            )));
        };
        let lost = self.acknowledged.saturating_sub(kept);
        self.go_on_from(model);
        (lost > 0).then_some(Fault::Lost(lost))
    }

    /// As [`settle`](Self::settle), with all of the bytes. Where nothing fits, goes on from what was found.
    pub(super) fn settle_found(&mut self, found: &Found) -> Option<Fault> {
        let fault = self.settle(|model| found.is(model));
        if matches!(fault, Some(Fault::Silent(_)))
            && let Ok(model) = found.model()
        {
            self.go_on_from(model);
        }
        fault
    }

    pub(super) fn go_on_from(&mut self, base: Model) {
        *self = Self { base, records: Vec::new(), acknowledged: 0 };
    }

    /// What is known to be durable.
    pub(super) fn base(&self) -> &Model {
        &self.base
    }
}

/// One writer, from its opening on.
struct Session {
    work: Work,
    front: Model,
    /// The step that was issued last, which may still be refused.
    pending: Option<(u64, Vec<Record<PlainTypes>>)>,
    /// How many records there are behind each step.
    ends: Vec<(u64, usize)>,
    /// The next step is of so many bytes.
    bulk: Option<u64>,
}

impl Session {
    fn new(seed: u64, front: Model) -> Self {
        Self { work: Work::new(seed), front, pending: None, ends: vec![(0, 0)], bulk: None }
    }

    fn issue(&mut self, wanted: u64) -> Outcome {
        loop {
            let (number, step) = match self.bulk {
                // Steps that write nothing may lie between.
                Some(bytes) if self.work.is_next(wanted) => self.work.bulk(&self.front, bytes),
                _ => self.work.next(&self.front),
            };
            match step {
                Step::Write(records) if number == wanted => {
                    self.pending = Some((number, records));
                    return Ok(());
                }
                Step::Write(_) => return Err(format!("step {number} was not issued").into()),
                _ if number >= wanted => return Err(format!("step {wanted} writes nothing").into()),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 11;

    /// What a writer of so many steps says, and the model behind each record.
    fn written(steps: usize) -> (Vec<Said>, Vec<Model>) {
        let mut model = Model::new();
        let mut said = vec![Said::Begun(1), Said::Opened(digest(model.state(), model.entries()))];
        let mut models = vec![model.clone()];
        let mut work = Work::new(SEED);
        for _ in 0..steps {
            let (number, step) = work.next(&model);
            if let Step::Write(records) = step {
                said.push(Said::Issued(number));
                for record in records {
                    if model.record(&record).unwrap() == Effect::Writes {
                        models.push(model.clone());
                    }
                }
            }
        }
        (said, models)
    }

    fn found(model: &Model) -> Found {
        Found { state: model.state().clone(), entries: model.entries().to_vec() }
    }

    fn last_issued(said: &[Said]) -> u64 {
        let issued = said.iter().rev().find_map(|said| match said {
            Said::Issued(number) => Some(*number),
            _ => None,
        });
        issued.unwrap()
    }

    #[test]
    fn every_prefix_is_well_before_anything_was_acknowledged() {
        let (said, models) = written(40);
        for model in &models {
            let mut ledger = Ledger::new();
            assert_eq!(ledger.hear(SEED, &said).unwrap(), []);
            assert_eq!(ledger.figures(), (models.len() - 1, 0));
            assert_eq!(ledger.settle_found(&found(model)), None);
            assert!(found(model).is(ledger.base()));
        }
    }

    #[test]
    fn a_record_that_was_acknowledged_and_is_not_there_is_lost() {
        let (mut said, models) = written(40);
        said.push(Said::Acknowledged(last_issued(&said)));
        for (kept, model) in models.iter().enumerate() {
            let mut ledger = Ledger::new();
            ledger.hear(SEED, &said).unwrap();
            let lost = models.len() - 1 - kept;
            let expected = (lost > 0).then_some(Fault::Lost(lost));
            assert_eq!(ledger.settle_found(&found(model)), expected, "{kept}");
        }
    }

    #[test]
    fn one_changed_byte_is_no_prefix() {
        let (said, models) = written(40);
        let mut changed = found(models.last().unwrap());
        let payload = changed.entries.iter_mut().find(|(_, payload)| !payload.is_empty()).unwrap();
        let mut bytes = payload.1.to_vec();
        bytes[0] ^= 1;
        payload.1 = bytes.into();
        let mut ledger = Ledger::new();
        ledger.hear(SEED, &said).unwrap();
        assert!(matches!(ledger.settle_found(&changed), Some(Fault::Silent(_))));
        // It goes on from what is there.
        assert_eq!(ledger.settle_found(&changed), None);
    }

    #[test]
    fn what_was_refused_must_not_be_there_and_must_not_be_acknowledged() {
        let (mut said, models) = written(40);
        let refused = last_issued(&said);
        said.push(Said::Refused(refused, "no space".into()));
        let mut ledger = Ledger::new();
        ledger.hear(SEED, &said).unwrap();
        assert!(matches!(ledger.settle_found(&found(models.last().unwrap())), Some(Fault::Silent(_))));

        said.push(Said::Acknowledged(refused));
        let faults = Ledger::new().hear(SEED, &said).unwrap();
        assert!(matches!(faults[..], [Fault::FalseAck(_)]), "{faults:?}");
    }

    #[test]
    fn what_an_open_returned_is_durable_from_then_on() {
        let (said, models) = written(40);
        let [.., before, last] = &models[..] else { unreachable!() };
        let opened = [Said::Begun(2), Said::Opened(found(last).digest())];
        let mut ledger = Ledger::new();
        ledger.hear(SEED, &said).unwrap();
        assert_eq!(ledger.hear(SEED + 1, &opened).unwrap(), []);
        assert!(matches!(ledger.settle_found(&found(before)), Some(Fault::Silent(_))));
    }
}
