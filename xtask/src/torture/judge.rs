//! The judgement after a crash: the log opens, holds what it must, opens a second time with the same, and can be
//! written to.
//!
//! This is the one oracle of all parts that leave a log behind. What it finds goes into the tally, with the files as
//! they were found beside it.

use std::path::Path;

use raft_log::{Config, OpenReport, RaftLog, RaftLogWriter};
use raft_log_testkit::write_records;

use super::child::Life;
use super::found::{self, Found, because};
use super::ledger::{Fault, Ledger};
use super::part::{Share, Tally};
use super::work::{Log, Step, Work};
use crate::Outcome;

/// What a judgement is about.
pub(super) struct Case<'a> {
    pub(super) share: &'a Share<'a>,
    /// The directory of the log.
    pub(super) log: &'a Path,
    /// What was done to the log, for the failure's text.
    pub(super) what: String,
}

impl Case<'_> {
    /// Enters what a writer said and how it ended.
    ///
    /// # Errors
    /// When the judge itself is wrong.
    pub(super) fn hear(&self, tally: &mut Tally, ledger: &mut Ledger, seed: u64, life: &Life) -> Outcome {
        let mut faults = ledger.hear(seed, &life.said)?;
        faults.extend(life.complaint().map(Fault::Silent));
        faults.into_iter().try_for_each(|fault| self.report(tally, fault))
    }

    /// Opens what is there and holds it against the ledger; then a second time; then, if asked for, writes to it.
    /// `None` if the log does not open.
    ///
    /// # Errors
    /// When evidence cannot be kept.
    pub(super) fn judge(
        &self,
        tally: &mut Tally,
        ledger: &mut Ledger,
        use_it: Option<u64>,
    ) -> Outcome<Option<OpenReport>> {
        if !self.log.is_dir() && ledger.is_empty() {
            // The writer died before it made the directory.
            return Ok(None);
        }
        let first = match found::open(self.log) {
            Ok(opened) => opened,
            Err(error) => {
                tally.keep_evidence(self.log, self.share)?;
                let (_, acknowledged) = ledger.figures();
                tally.lost(acknowledged as u64, format!("{}: {error}", self.what));
                return Ok(None);
            }
        };
        if let Some(fault) = ledger.settle_found(&first.found) {
            self.report(tally, fault)?;
        }
        match found::open(self.log) {
            Ok(second) if second.found == first.found => {}
            Ok(second) => {
                let what =
                    format!("opening twice gives {:?} and then {:?}", first.found.state, second.found.state);
                self.report(tally, Fault::Silent(what))?;
            }
            Err(error) => self.report(tally, Fault::Silent(format!("the second opening fails: {error}")))?,
        }
        if let Some(seed) = use_it
            && let Err(error) = self.use_it(ledger, seed)
        {
            self.report(tally, Fault::Silent(format!("the log is not usable afterwards: {error}")))?;
        }
        Ok(Some(first.report))
    }

    /// Writes a few steps, syncs, closes, and finds them again.
    fn use_it(&self, ledger: &mut Ledger, seed: u64) -> Outcome {
        let mut config = Config::new(self.log);
        config.chunk.space_step = 4096;
        let mut log: Log = RaftLog::open(config).map_err(|error| because("open", &error))?;
        let (mut work, mut model) = (Work::new(seed), ledger.base().clone());
        for _ in 0..USE_STEPS {
            match work.next(&model) {
                (_, Step::Write(records)) => {
                    write_records(&mut log, records.clone()).map_err(|error| because("write", &error))?;
                    model.record_all(&records)?;
                }
                _ => log.sync()?,
            }
        }
        log.close()?;
        let is_right = Found::of(&log)?.is(&model);
        drop(log);
        if !is_right || !found::open(self.log)?.found.is(&model) {
            return Err("what was written afterwards is not there".into());
        }
        ledger.go_on_from(model);
        Ok(())
    }

    /// Puts a fault into the tally, and the files beside it.
    ///
    /// # Errors
    /// When they cannot be copied.
    pub(super) fn report(&self, tally: &mut Tally, fault: Fault) -> Outcome {
        tally.keep_evidence(self.log, self.share)?;
        let what = &self.what;
        match fault {
            Fault::Lost(records) => {
                tally.lost(records as u64, format!("{what}: {records} acknowledged records are lost"));
            }
            Fault::FalseAck(why) => tally.false_ack(format!("{what}: {why}")),
            Fault::Silent(why) => tally.silent(format!("{what}: {why}")),
        }
        Ok(())
    }
}

const USE_STEPS: usize = 6;
