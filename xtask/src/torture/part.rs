//! What a part of the torture is: a name, what it needs, and a function that plays it and gives a tally.
//!
//! A part is given a share of the time, a seed and a directory. Whatever it finds goes into its tally; an error means
//! that it could not be played.

use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

use crate::Outcome;

/// One part.
pub(super) struct Part {
    /// The name for `--only`, and in the table.
    pub(super) name: &'static str,
    /// What it does, in a few words.
    pub(super) about: &'static str,
    /// What must be there; where one is missing, the part is skipped.
    pub(super) needs: &'static [Need],
    /// Plays it.
    pub(super) play: fn(&Share<'_>) -> Outcome<Tally>,
}

/// What a part needs of the machine, or of the person who starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// That `--real` was said: it takes hold of the machine (traces processes, mounts file systems).
    Real,
    /// To be root on Linux.
    Root,
    /// Loop devices.
    LoopDevices,
    /// A program, and the package it comes with.
    Program(&'static str, &'static str),
}

impl Need {
    /// Why it is not there; `None` if it is.
    pub(super) fn missing(self, is_real: bool) -> Option<String> {
        let is_there = match self {
            Self::Real => is_real,
            Self::Root => cfg!(target_os = "linux") && rustix::process::geteuid().is_root(),
            Self::LoopDevices => Path::new("/dev/loop-control").exists(),
            Self::Program(name, _) => find_program(name).is_some(),
        };
        (!is_there).then(|| match self {
            Self::Real => "it takes hold of the machine: say --real".into(),
            Self::Root => "it needs root, on Linux".into(),
            Self::LoopDevices => "there are no loop devices (/dev/loop-control)".into(),
            Self::Program(name, package) => format!("{name} is missing: install the package {package}"),
        })
    }
}

/// Where a program lies on the path. Programs of the system are found also where the path leaves them out.
fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(system).map(|directory| directory.join(name)).find(|path| path.is_file())
}

/// What a part gets.
pub(super) struct Share<'a> {
    /// What all its choices follow from.
    pub(super) seed: u64,
    /// It ends soon after this, but not before it has done its least.
    pub(super) deadline: Instant,
    /// A directory of its own. It is kept if the tally is not clean.
    pub(super) directory: &'a Path,
}

impl Share<'_> {
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }
}

/// What a part found.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How many of `counted` were made.
    pub(super) count: u64,
    /// What is counted, in plural.
    pub(super) counted: &'static str,
    /// Acknowledged records that were not there.
    pub(super) lost: u64,
    /// Acknowledgements of what had failed, was refused, or was not synced.
    pub(super) false_acks: u64,
    /// Anything else that is not as it must be: contents that no prefix explains, a panic, a hang.
    pub(super) silent: u64,
    /// The first few failures, in words.
    pub(super) examples: Vec<String>,
    /// What else was counted, for the line at the part's end.
    pub(super) figures: Vec<(&'static str, u64)>,
}

/// More failures than this are not described, and no more evidence is kept.
const EXAMPLES_MAX: usize = 5;

/// A part that has failed so often is ended: the next failure says nothing new.
const FAILURES_MAX: u64 = 5;

impl Tally {
    pub(super) fn of(counted: &'static str) -> Self {
        Self { counted, ..Self::default() }
    }

    pub(super) fn failures(&self) -> u64 {
        self.lost + self.false_acks + self.silent
    }

    pub(super) fn is_clean(&self) -> bool {
        self.failures() == 0
    }

    /// Adds what another tally of the same part holds.
    pub(super) fn join(&mut self, other: Self) {
        self.count += other.count;
        self.lost += other.lost;
        self.false_acks += other.false_acks;
        self.silent += other.silent;
        self.counted = other.counted;
        other.examples.into_iter().for_each(|what| self.describe(what));
        other.figures.into_iter().for_each(|(what, count)| self.add(what, count));
    }

    /// Counts something else.
    pub(super) fn add(&mut self, what: &'static str, count: u64) {
        match self.figures.iter_mut().find(|(name, _)| *name == what) {
            Some((_, sum)) => *sum += count,
            None => self.figures.push((what, count)),
        }
    }

    /// Whether the part should end before its time.
    pub(super) fn is_hopeless(&self) -> bool {
        self.examples.len() as u64 >= FAILURES_MAX
    }

    pub(super) fn lost(&mut self, records: u64, what: String) {
        self.lost += records.max(1);
        self.describe(what);
    }

    pub(super) fn false_ack(&mut self, what: String) {
        self.false_acks += 1;
        self.describe(what);
    }

    pub(super) fn silent(&mut self, what: String) {
        self.silent += 1;
        self.describe(what);
    }

    fn describe(&mut self, what: String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(what);
        }
    }

    /// Copies the files of a log into the part's directory, while they are as they were found.
    pub(super) fn keep_evidence(&self, log: &Path, share: &Share<'_>) -> Outcome {
        let target = share.directory.join(format!("evidence-{}", self.examples.len()));
        if self.examples.len() < EXAMPLES_MAX && log.is_dir() {
            copy_directory(log, &target)?;
        }
        Ok(())
    }
}

/// Copies the files of a directory into a new one, or over an old one.
pub(super) fn copy_directory(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        let missing = Need::Program("no-such-program-anywhere", "a-package").missing(true).unwrap();
        assert!(missing.contains("no-such-program-anywhere") && missing.contains("a-package"), "{missing}");
        assert_eq!(Need::Program("sh", "bash").missing(false), None);
        assert_eq!(Need::Real.missing(true), None);
        assert!(Need::Real.missing(false).unwrap().contains("--real"));
    }

    #[test]
    fn tallies_of_lanes_are_added_up() {
        let mut sum = Tally::default();
        for _ in 0..3 {
            let mut lane = Tally { count: 2, ..Tally::of("kills") };
            lane.add("torn tails", 4);
            lane.lost(1, "gone".into());
            lane.false_ack("told too early".into());
            lane.silent("changed".into());
            sum.join(lane);
        }
        assert_eq!((sum.count, sum.counted), (6, "kills"));
        assert_eq!((sum.lost, sum.false_acks, sum.silent), (3, 3, 3));
        assert_eq!(sum.figures, [("torn tails", 12)]);
        assert_eq!(sum.examples.len(), EXAMPLES_MAX);
    }

    #[test]
    fn a_loss_of_nothing_in_particular_is_still_one() {
        let mut tally = Tally::of("cases");
        assert!(tally.is_clean());
        tally.lost(0, "it does not open".into());
        assert_eq!((tally.lost, tally.failures()), (1, 1));
    }
}
