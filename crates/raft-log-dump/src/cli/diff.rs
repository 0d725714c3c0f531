//! `diff`: two nodes' logs held against each other.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use raft_log_codec::Grouped;

use super::console::{Console, open_directory, scan_failure};
use super::flags::{Form, OutputForm};
use super::outcome::{Ended, Outcome, Stop};
use super::size::total_bytes;
use crate::diff::{Difference, Reading, Side, Span, compare};
use crate::listing::{Ink, count};
use crate::logical::LogicalLog;
use crate::opening::full_text;
use crate::progress::Progress;
use crate::{Counts, IndexRange, OpenAnswer, ScanOptions, ask_open, escape, scan_storage};

/// Compare the logs of two nodes: the first divergence, and what each has alone
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The directory of the one log
    #[arg(value_name = "A")]
    a: PathBuf,

    /// The directory of the other
    #[arg(value_name = "B")]
    b: PathBuf,

    /// Only entries with an index in this range: 930..=940, 5.., ..9
    #[arg(long, value_name = "RANGE")]
    index: Option<IndexRange>,

    /// Compare vote, marks and user data as well: is the one a copy of the other?
    #[arg(long)]
    state: bool,

    #[command(flatten)]
    form: Form,

    /// Say nothing; the exit code tells
    #[arg(short, long)]
    quiet: bool,
}

impl Diff {
    pub(super) fn run(&self, console: &mut Console) -> Ended {
        let mut total = 0;
        let (a, outcome_a) = self.read(&self.a, &mut total, console)?;
        let (b, outcome_b) = self.read(&self.b, &mut total, console)?;
        if let Some(range) = self.index
            && a.span().is_none()
            && b.span().is_none()
        {
            return Err(Stop::cannot_read(format!("neither log has an entry with an index in {range}")));
        }
        let mut progress = Progress::new(total);
        let found = compare(a, b, &mut progress).map_err(Stop::cannot_read)?;
        progress.finish();
        let is_same = found.is_same_log() && (!self.state || found.state.is_empty());
        if !self.quiet {
            match self.form.output {
                OutputForm::Text => self.text(&found, is_same, console)?,
                OutputForm::Json => console.line(&serde_json::to_string(&found).map_err(io::Error::from)?)?,
                OutputForm::Csv => csv(&found, console)?,
            }
        }
        let refused = [outcome_a, outcome_b].into_iter().find(|outcome| *outcome != Outcome::Clean);
        Ok(match refused {
            Some(outcome) => outcome,
            None if is_same => Outcome::Clean,
            None => Outcome::Differ,
        })
    }

    fn read(&self, path: &Path, total: &mut u64, console: &mut Console) -> Result<(Reading, Outcome), Stop> {
        let storage = open_directory(path)?;
        scan_storage(storage.clone(), ScanOptions::default()).map_err(|error| scan_failure(&error))?;
        let answer = ask_open(&*storage);
        if let OpenAnswer::Refuses(error) = &answer {
            console.say(&format!("{}: open() would refuse: {}", path.display(), full_text(error)));
        }
        let outcome = Outcome::of(&answer, Counts::default());
        *total += total_bytes(&*storage, None);
        let log = LogicalLog::of(&storage, answer).map_err(|error| Stop::cannot_read(full_text(&error)))?;
        Ok((Reading::new(path.display().to_string(), log, self.index), outcome))
    }

    fn text(&self, found: &Difference, is_same: bool, console: &mut Console) -> io::Result<()> {
        let paint = self.form.color.paint();
        let none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        let width = found.a.directory.chars().count().clamp(12, 60);
        let rows: [(&str, Cell); 6] = [
            ("", |side| Some(escape(&side.directory))),
            ("first", |side| side.first.map(|first| first.to_string())),
            ("last", |side| side.last.clone()),
            ("committed", |side| side.committed.clone()),
            ("purged", |side| side.purged.clone()),
            ("vote", |side| side.vote.clone()),
        ];
        for (name, cell) in rows {
            let (a, b) = (none(&cell(&found.a)), none(&cell(&found.b)));
            console.line(&format!("{name:<10}  {a:<width$}  {b}"))?;
        }
        match found.same {
            Some(span) => {
                let entries = count(span.last - span.first + 1, "entry", "entries");
                console.line(&format!("{:<10}  {}, {entries}", "the same", range(span)))?;
            }
            None => console.line(&format!("{:<10}  no entry", "the same"))?,
        }
        if let Some(divergence) = &found.divergence {
            let text = format!(
                "{:<10}  at index {}: A has {}, B has {}",
                "divergence", divergence.index, divergence.a, divergence.b
            );
            console.line(&paint.paint(Ink::Bad, &text))?;
            let is_committed = |side: &Side| side.committed_index >= Some(divergence.index);
            let what = match (divergence.same_id, is_committed(&found.a), is_committed(&found.b)) {
                (true, ..) => {
                    "one id stands for two entries: these are not logs of one cluster, or one is wrong"
                }
                (false, true, true) => "both call it committed: this must never be. Stop both and find out",
                (false, true, false) => "it is committed in A: B is to truncate there and take A's entries",
                (false, false, true) => "it is committed in B: A is to truncate there and take B's entries",
                (false, false, false) => "neither knows it as committed: the leader's entries will stay",
            };
            console.line(&format!("{:<10}  {what}", ""))?;
        }
        for (name, spans) in [("only in A", &found.only_a), ("only in B", &found.only_b)] {
            if !spans.is_empty() {
                let text = spans.iter().map(|span| range(*span)).collect::<Vec<String>>().join(", ");
                console.line(&format!("{name:<10}  {text}"))?;
            }
        }
        for unreadable in &found.unreadable {
            let side = unreadable.side.to_uppercase();
            let text = format!("{:<10}  index {} of {side}", "unreadable", unreadable.index);
            console.line(&paint.paint(Ink::Warning, &text))?;
        }
        if self.state && !found.state.is_empty() {
            console.line(&format!("{:<10}  {}", "state", found.state.join(", ")))?;
        }
        let (ink, verdict) = match (is_same, found.divergence.is_some()) {
            (true, _) => (Ink::Good, "-- the same"),
            (false, true) => (Ink::Bad, "-- they diverge"),
            (false, false) => (Ink::Warning, "-- they differ, and do not contradict each other"),
        };
        console.line(&paint.paint(ink, verdict))
    }
}

/// What stands in one row under one of the two logs.
type Cell = fn(&Side) -> Option<String>;

fn range(span: Span) -> String {
    if span.first == span.last {
        format!("index {}", Grouped(span.first))
    } else {
        format!("{} to {}", Grouped(span.first), Grouped(span.last))
    }
}

fn csv(found: &Difference, console: &mut Console) -> io::Result<()> {
    console.line("what,first,last")?;
    let mut row = |what: &str, first: u64, last: u64| console.line(&format!("{what},{first},{last}"));
    if let Some(span) = found.same {
        row("same", span.first, span.last)?;
    }
    if let Some(divergence) = &found.divergence {
        row("divergence", divergence.index, divergence.index)?;
    }
    for (what, spans) in [("only-a", &found.only_a), ("only-b", &found.only_b)] {
        for span in spans {
            row(what, span.first, span.last)?;
        }
    }
    for unreadable in &found.unreadable {
        row(&format!("unreadable-{}", unreadable.side), unreadable.index, unreadable.index)?;
    }
    Ok(())
}
