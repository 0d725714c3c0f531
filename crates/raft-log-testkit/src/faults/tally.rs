//! What came of a part of the suite, in numbers that can be added up.

use std::collections::BTreeMap;
use std::fmt;

/// Counts of one part. Nothing was wrong if [`faults`](Self::faults) is 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Lives of a log that were watched.
    pub histories: u64,
    /// Calls before and after which the power went.
    pub crash_points: u64,
    /// Different contents of a disk (by the digest of all names and bytes) that were opened after a crash.
    pub states: u64,
    /// Different contents that a disk had while a log was recovering from such a crash, or had just done so.
    pub recovery_states: u64,
    /// States of a disk that were opened in the course of long lives; some may be the same.
    pub clones: u64,
    /// Cases in which a call failed.
    pub failing_cases: u64,
    /// Directories as damage has left them.
    pub damages: u64,
    /// Crash points at which not everything was tried that a disk may hold, but a sample.
    pub sampled_points: u64,
    /// Acknowledged records that were not there, and crashes after which a log did not open.
    pub lost: u64,
    /// Acknowledgements after a failure that was to prevent them.
    pub false_acknowledgements: u64,
    /// Contents that a log never had.
    pub silent: u64,
    /// How many states ended in which way.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// The first few faults, with all that is needed to see them again.
    pub examples: Vec<String>,
}

const EXAMPLES_MAX: usize = 10;

impl Tally {
    /// How many things were wrong.
    pub fn faults(&self) -> u64 {
        self.lost + self.false_acknowledgements + self.silent
    }

    /// Adds what another worker counted.
    pub fn add(&mut self, other: Self) {
        self.histories += other.histories;
        self.crash_points += other.crash_points;
        self.states += other.states;
        self.recovery_states += other.recovery_states;
        self.clones += other.clones;
        self.failing_cases += other.failing_cases;
        self.damages += other.damages;
        self.sampled_points += other.sampled_points;
        self.lost += other.lost;
        self.false_acknowledgements += other.false_acknowledgements;
        self.silent += other.silent;
        for (verdict, count) in other.verdicts {
            *self.verdicts.entry(verdict).or_default() += count;
        }
        self.examples.extend(other.examples);
        self.examples.truncate(EXAMPLES_MAX);
    }

    pub(super) fn example(&mut self, example: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example());
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in [
            ("histories", self.histories),
            ("crash points", self.crash_points),
            ("of them sampled", self.sampled_points),
            ("distinct crash states", self.states),
            ("distinct states in recovery", self.recovery_states),
            ("states in long lives", self.clones),
            ("cases of failing calls", self.failing_cases),
            ("cases of damage", self.damages),
        ] {
            if count > 0 {
                writeln!(f, "{count:>12}  {what}")?;
            }
        }
        for (verdict, count) in &self.verdicts {
            writeln!(f, "{count:>12}  ended so: {verdict}")?;
        }
        for (what, count) in [
            ("lost", self.lost),
            ("false acknowledgements", self.false_acknowledgements),
            ("silent", self.silent),
        ] {
            writeln!(f, "{count:>12}  {what}")?;
        }
        self.examples.iter().try_for_each(|example| writeln!(f, "  WRONG: {example}"))
    }
}
