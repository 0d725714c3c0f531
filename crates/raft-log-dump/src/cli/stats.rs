//! `stats`: what a directory consists of, in tables and histograms.

use std::io;
use std::path::PathBuf;

use clap::Args;
use raft_log_codec::Grouped;
use serde::Serialize;

use super::console::{Console, open_directory, scan_failure};
use super::flags::{Form, OutputForm};
use super::outcome::{Ended, Outcome};
use super::size::total_bytes;
use crate::listing::{Ink, Paint, count};
use crate::progress::Progress;
use crate::statistics::{Class, Histogram, KindSum, Statistics};
use crate::{Item, SCHEMA_VERSION, ScanOptions, ask_open, scan_storage};

/// How wide the longest bar of a histogram is.
const BAR_WIDTH: u64 = 40;
/// How many runs of terms are listed.
const RUNS_MAX: usize = 20;

/// Count records by kind, sizes, terms and syncs
#[derive(Debug, Args)]
pub(super) struct Stats {
    /// The directory of the log
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    #[command(flatten)]
    form: Form,
}

#[derive(Serialize)]
struct StatsObject {
    v: u32,
    chunks: u64,
    kinds: Vec<KindRow>,
    total: KindSum,
    header_bytes: u64,
    gap_bytes: u64,
    terms: Vec<TermRun>,
    payload_bytes: Vec<Class>,
    entries_per_sync: Vec<Class>,
}

#[derive(Serialize)]
struct KindRow {
    kind: &'static str,
    #[serde(flatten)]
    sum: KindSum,
}

#[derive(Serialize)]
struct TermRun {
    term: u64,
    first: u64,
    last: u64,
}

impl Stats {
    pub(super) fn run(&self, console: &mut Console) -> Ended {
        let storage = open_directory(&self.directory)?;
        let mut scan =
            scan_storage(storage.clone(), ScanOptions::default()).map_err(|error| scan_failure(&error))?;
        let mut progress = Progress::new(total_bytes(&*storage, None));
        let mut statistics = Statistics::default();
        for item in scan.by_ref() {
            if let Item::Record(record) = &item {
                progress.add(record.frame.head.size() as u64);
            }
            statistics.take(&item);
        }
        progress.finish();
        let answer = ask_open(&*storage);
        let terms = answer.opening().map_or_else(Vec::new, |opening| {
            let runs = opening.machine.runs();
            let mut terms: Vec<TermRun> = Vec::new();
            for run in runs.runs(runs.indexes()) {
                let indexes = run.indexes();
                match terms.last_mut() {
                    Some(last) if last.term == run.term() => last.last = indexes.end - 1,
                    _ => {
                        terms.push(TermRun { term: run.term(), first: indexes.start, last: indexes.end - 1 })
                    }
                }
            }
            terms
        });
        match self.form.output {
            OutputForm::Text => self.text(&statistics, &terms, console)?,
            OutputForm::Json => {
                let object = StatsObject {
                    v: SCHEMA_VERSION,
                    chunks: statistics.chunks.len() as u64,
                    kinds: statistics
                        .by_kind()
                        .into_iter()
                        .map(|(kind, sum)| KindRow { kind, sum })
                        .collect(),
                    total: statistics.total(),
                    header_bytes: statistics.header_bytes,
                    gap_bytes: statistics.gap_bytes,
                    terms,
                    payload_bytes: statistics.payload_sizes.classes(),
                    entries_per_sync: statistics.entries_per_sync.classes(),
                };
                console.line(&serde_json::to_string(&object).map_err(io::Error::from)?)?;
            }
            OutputForm::Csv => {
                console.line("kind,records,bytes,payload_bytes")?;
                for (kind, KindSum { records, bytes, payload_bytes }) in statistics.by_kind() {
                    console.line(&format!("{kind},{records},{bytes},{payload_bytes}"))?;
                }
            }
        }
        console.say_refusal(&answer, false);
        Ok(Outcome::of(&answer, scan.counts()))
    }

    fn text(&self, statistics: &Statistics, terms: &[TermRun], console: &mut Console) -> io::Result<()> {
        let paint = self.form.color.paint();
        let heading = format!("{:<10}{:>12}{:>16}{:>16}", "KIND", "RECORDS", "BYTES", "PAYLOAD");
        console.line(&paint.paint(Ink::Heading, &heading))?;
        let mut row = |name: &str, sum: KindSum| {
            console.line(&format!(
                "{name:<10}{:>12}{:>16}{:>16}",
                Grouped(sum.records),
                Grouped(sum.bytes),
                Grouped(sum.payload_bytes)
            ))
        };
        for (kind, sum) in statistics.by_kind() {
            row(kind, sum)?;
        }
        let total = statistics.total();
        row("all", total)?;
        let bytes = total.bytes + statistics.header_bytes + statistics.gap_bytes;
        let payload = statistics.kinds.get(1).map_or(0, |appends| appends.payload_bytes);
        let overhead = bytes - payload;
        let percent = (overhead * 1000).checked_div(bytes).unwrap_or(0);
        console.line("")?;
        console.line(&format!(
            "overhead   {} of {} bytes ({}.{} %) are not payloads of entries; {} of headers in {}",
            Grouped(overhead),
            Grouped(bytes),
            percent / 10,
            percent % 10,
            Grouped(statistics.header_bytes),
            count(statistics.chunks.len() as u64, "chunk", "chunks")
        ))?;
        console.line("")?;
        console.line(
            &paint.paint(
                Ink::Heading,
                &format!("{:<10}{:>12}{:>16}{:>16}", "TERM", "FIRST", "LAST", "ENTRIES"),
            ),
        )?;
        let shown = terms.iter().rev().take(RUNS_MAX).rev();
        if terms.len() > RUNS_MAX {
            console.line(&format!("… {} earlier runs", Grouped((terms.len() - RUNS_MAX) as u64)))?;
        }
        for run in shown {
            let entries = Grouped(run.last - run.first + 1);
            console.line(&format!("{:<10}{:>12}{:>16}{entries:>16}", run.term, run.first, run.last))?;
        }
        histogram("bytes of payload", &statistics.payload_sizes, paint, console)?;
        histogram("entries per sync", &statistics.entries_per_sync, paint, console)
    }
}

fn histogram(name: &str, histogram: &Histogram, paint: Paint, console: &mut Console) -> io::Result<()> {
    console.line("")?;
    let heading = format!(
        "{name}: {}, mean {}, largest {}",
        Grouped(histogram.count()),
        Grouped(histogram.mean()),
        Grouped(histogram.max())
    );
    console.line(&paint.paint(Ink::Heading, &heading))?;
    let classes = histogram.classes();
    let highest = classes.iter().map(|class| class.count).max().unwrap_or(0);
    for class in classes {
        let range = if class.from == class.to {
            Grouped(class.from).to_string()
        } else {
            format!("{} to {}", Grouped(class.from), Grouped(class.to))
        };
        // A class that is not empty has at least a sliver.
        let eighths = match class.count {
            0 => 0,
            number => {
                let wide = u128::from(number) * u128::from(BAR_WIDTH * 8) / u128::from(highest.max(1));
                u64::try_from(wide).unwrap_or(BAR_WIDTH * 8).max(1)
            }
        };
        let line = format!("{range:>24}  {:>10}  {}", Grouped(class.count), bar(eighths));
        console.line(line.trim_end())?;
    }
    Ok(())
}

/// A bar of so many eighths of a character.
fn bar(eighths: u64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let whole = usize::try_from(eighths / 8).unwrap_or(0);
    let part =
        usize::try_from(eighths % 8).ok().and_then(|part| PARTS.get(part)).copied().unwrap_or_default();
    format!("{}{part}", "█".repeat(whole))
}
