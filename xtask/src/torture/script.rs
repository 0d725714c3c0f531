//! A short script of a writer, run below the tracer (`strace`) again and again, each time with another call of the
//! system tampered with.
//!
//! The script begins on a log that a killed writer left, or on none, so that opening is part of it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::child::{Life, Start};
use super::found;
use super::judge::Case;
use super::ledger::{Fault, Ledger};
use super::part::{Need, Share, Tally, copy_directory};
use super::said::Said;
use super::trace::{Call, parse, unproved};
use super::work::{Model, Style};
use crate::Outcome;
use crate::random::Random;

/// What the tracer needs.
pub(super) const NEEDS: &[Need] = &[Need::Real, Need::Program("strace", "strace")];

/// The beginning of a command that kills a writer before so many calls of a kind were done.
pub(super) fn kill_before(call: &str, number: u64) -> Vec<String> {
    let injection = format!("inject={call}:signal=SIGKILL:when={number}");
    let traced = format!("trace={call}");
    ["strace", "-f", "-qq", "-e", "signal=none", "-o", "/dev/null", "-e", &traced, "-e", &injection, "--"]
        .map(str::to_owned)
        .into()
}

/// Calls that change a log, and calls that reading and opening rest on.
pub(super) const CALLS: [&str; 11] = [
    "pwrite64",
    "fdatasync",
    "fsync",
    "renameat",
    "openat",
    "unlinkat",
    "ftruncate",
    "pread64",
    "getdents64",
    "flock",
    "mkdir",
];

/// The script of a writer, and what it begins with.
pub(super) struct Script<'a> {
    share: &'a Share<'a>,
    seed: u64,
    style: Style,
    steps: u64,
    /// The log it begins with.
    template: Option<PathBuf>,
    base: Model,
    /// Where it is run.
    log: PathBuf,
    trace: PathBuf,
}

/// A run that has ended.
pub(super) struct Run {
    pub(super) life: Life,
    pub(super) calls: Vec<Call>,
}

impl<'a> Script<'a> {
    /// Chooses a script, and makes the log it begins with.
    ///
    /// # Errors
    /// When no log can be made.
    pub(super) fn choose(share: &'a Share<'a>, random: &mut Random) -> Outcome<Self> {
        let template = share.directory.join("template");
        if template.exists() {
            fs::remove_dir_all(&template)?;
        }
        let is_fresh = random.once_in(4);
        let mut base = Model::new();
        if !is_fresh {
            let mut writer = Start::new(&template, random.next(), Style::Mixed, share).run()?;
            let enough = random.between(10, 60);
            writer.hear_until(|said| matches!(said, Said::Issued(number) if *number > enough));
            writer.kill()?;
            // Opening changes things, so that a copy is opened.
            let copy = share.directory.join("copy");
            copy_directory(&template, &copy)?;
            base = found::open(&copy)?.found.model()?;
            fs::remove_dir_all(copy)?;
        }
        // One thread: calls come in one order, and the n-th call is the same one each time.
        let style = if random.once_in(3) { Style::Mixed } else { Style::Serial };
        Ok(Self {
            share,
            seed: random.next(),
            style,
            steps: random.between(20, 50),
            template: (!is_fresh).then_some(template),
            base,
            log: share.directory.join("log"),
            trace: share.directory.join("trace"),
        })
    }

    /// Runs it to its end with this injected; with nothing if empty.
    ///
    /// # Errors
    /// When it cannot be run.
    pub(super) fn run(&self, injection: &str) -> Outcome<Run> {
        if self.log.exists() {
            fs::remove_dir_all(&self.log)?;
        }
        if let Some(template) = &self.template {
            copy_directory(template, &self.log)?;
        }
        let traced = format!("trace=write,{}", CALLS.join(","));
        let mut below: Vec<String> =
            ["strace", "-f", "-y", "-qq", "-s", "24", "-e", "signal=none", "-e"].map(str::to_owned).into();
        below.extend([traced, "-o".into(), self.trace.display().to_string()]);
        // Faster; but with it, signals that are injected never come.
        if !injection.contains("signal=") {
            below.push("--seccomp-bpf".into());
        }
        if !injection.is_empty() {
            below.extend(["-e".into(), format!("inject={injection}")]);
        }
        below.push("--".into());
        let start = Start {
            below,
            steps: Some(self.steps),
            ..Start::new(&self.log, self.seed, self.style, self.share)
        };
        let life = start.run()?.finish()?;
        // The bytes of other calls need not be UTF-8.
        let text = String::from_utf8_lossy(&fs::read(&self.trace)?).into_owned();
        Ok(Run { life, calls: parse(&text) })
    }

    /// Judges what a run said and left, and what its trace proves.
    ///
    /// # Errors
    /// When the judge itself is wrong.
    pub(super) fn judge(&self, tally: &mut Tally, what: &str, run: &Run, use_it: Option<u64>) -> Outcome {
        let case = self.case(what);
        let is_clean = tally.is_clean();
        let mut ledger = Ledger::new();
        ledger.go_on_from(self.base.clone());
        case.hear(tally, &mut ledger, self.seed, &run.life)?;
        for why in unproved(&run.calls, &absolute(&self.log)?) {
            case.report(tally, Fault::FalseAck(why))?;
        }
        let is_opened = run.life.said.iter().any(|said| matches!(said, Said::Opened(_)));
        if let Some(template) = self.template.as_ref().filter(|_| !is_opened)
            && let Some(changed) = changed_chunk(template, &self.log)?
        {
            case.report(tally, Fault::Silent(format!("an open that failed has changed {changed}")))?;
        }
        case.judge(tally, &mut ledger, use_it)?;
        if is_clean && !tally.is_clean() {
            let said: String = run.life.said.iter().map(Said::to_string).collect();
            fs::write(self.share.directory.join("said-by-the-first-failure"), said)?;
            fs::copy(&self.trace, self.share.directory.join("trace-of-the-first-failure"))?;
        }
        Ok(())
    }
}

impl Script<'_> {
    /// Reports something that only the part can see.
    ///
    /// # Errors
    /// When the evidence cannot be kept.
    pub(super) fn report(&self, tally: &mut Tally, what: &str, why: &str) -> Outcome {
        self.case(what).report(tally, Fault::Silent(why.to_owned()))
    }

    fn case(&self, what: &str) -> Case<'_> {
        let Self { seed, style, steps, .. } = self;
        let begin = if self.template.is_some() { "on a log" } else { "on none" };
        let what = format!("{what} of a writer with seed {seed}, {style:?}, {steps} steps, {begin}");
        Case { share: self.share, log: &self.log, what }
    }
}

impl Run {
    /// Which calls of a kind can be met: the first one behind the writer's beginning, and the last one.
    pub(super) fn numbers(&self, name: &str) -> std::ops::RangeInclusive<u64> {
        let main = self.calls.first().map_or(0, |call| call.thread);
        let begun = self.calls.iter().position(Call::is_begun).unwrap_or(0);
        let before =
            self.calls.iter().take(begun).filter(|call| call.name == name && call.thread == main).count();
        let mut per_thread: HashMap<u64, u64> = HashMap::new();
        for call in self.calls.iter().filter(|call| call.name == name) {
            *per_thread.entry(call.thread).or_default() += 1;
        }
        before as u64 + 1..=per_thread.into_values().max().unwrap_or(0)
    }

    /// Whether anything was injected.
    pub(super) fn is_hit(&self) -> bool {
        self.calls.iter().any(|call| call.is_injected)
    }

    pub(super) fn has_ended_well(&self) -> bool {
        let is_bad = |said: &Said| {
            matches!(said, Said::Refused(..) | Said::Poisoned(_) | Said::NotOpened(_) | Said::Wrong(_))
        };
        self.life.said.last() == Some(&Said::Ended) && !self.life.said.iter().any(is_bad)
    }
}

/// Draws cards from a list in an order that follows from the seed.
pub(super) fn shuffle<T>(cards: &mut [T], random: &mut Random) {
    for last in (1..cards.len()).rev() {
        if let Ok(other) = usize::try_from(random.between(0, last as u64)) {
            cards.swap(last, other);
        }
    }
}

fn absolute(path: &Path) -> Outcome<String> {
    let parent = path.parent().ok_or("a log lies in a directory")?.canonicalize()?;
    Ok(parent.join(path.file_name().unwrap_or_default()).display().to_string())
}

/// A chunk that is not as it was.
fn changed_chunk(before: &Path, after: &Path) -> Outcome<Option<String>> {
    for entry in fs::read_dir(before)? {
        let name = entry?.file_name();
        let is_chunk = name.to_string_lossy().starts_with("r-");
        if is_chunk && fs::read(before.join(&name))? != fs::read(after.join(&name)).unwrap_or_default() {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}
