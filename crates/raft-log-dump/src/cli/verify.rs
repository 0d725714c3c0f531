//! `verify`: every checksum and every rule, fault by fault.

use std::path::PathBuf;

use clap::Args;
use raft_log_chunk::ChunkId;
use raft_log_codec::Grouped;

use super::console::{Console, REPAIR_HINT, open_directory, scan_failure};
use super::flags::{Form, OutputForm};
use super::outcome::{Ended, Outcome};
use super::size::total_bytes;
use crate::filter::parse_chunk_id;
use crate::listing::{Ink, count};
use crate::progress::Progress;
use crate::verify::{Fault, Verdict, VerifyReport, check};
use crate::{ScanOptions, escape};

/// Check every checksum and every rule of sequence; tells each fault, where it is and what follows
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The directory of the log
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Only this chunk: r-00_000_000_000_000_004_096, or 4096
    #[arg(long, value_name = "ID", value_parser = parse_chunk_id)]
    chunk: Option<ChunkId>,

    #[command(flatten)]
    form: Form,

    /// Say only what is wrong
    #[arg(short, long)]
    quiet: bool,
}

impl Verify {
    pub(super) fn run(&self, console: &mut Console) -> Ended {
        let storage = open_directory(&self.directory)?;
        let options = ScanOptions { only_chunk: self.chunk, ..ScanOptions::default() };
        let mut progress = Progress::new(total_bytes(&*storage, self.chunk));
        let report = check(&storage, options, &mut progress).map_err(|error| scan_failure(&error))?;
        match self.form.output {
            OutputForm::Text => self.text(&report, console)?,
            OutputForm::Json => {
                let json = serde_json::to_string(&report).map_err(std::io::Error::from)?;
                console.line(&json)?;
            }
            OutputForm::Csv => csv(&report, console)?,
        }
        console.flush()?;
        if let Some(chunk) = self.chunk
            && report.chunks == 0
        {
            console.say(&format!("there is no {chunk} in {}", self.directory.display()));
            return Ok(Outcome::CannotRead);
        }
        if let Some(refusal) = &report.open_refuses {
            console.say(&format!("open() would refuse: {refusal}"));
            if !self.quiet && report.verdict == Verdict::Refused {
                console.say(REPAIR_HINT);
            }
        }
        Ok(match report.verdict {
            Verdict::Clean => Outcome::Clean,
            Verdict::PassedOver => Outcome::PassedOver,
            Verdict::Refused => Outcome::Refused,
            Verdict::CannotRead => Outcome::CannotRead,
        })
    }

    fn text(&self, report: &VerifyReport, console: &mut Console) -> std::io::Result<()> {
        let paint = self.form.color.paint();
        for fault in &report.faults {
            console.line(&paint.paint(Ink::Bad, &line(fault)))?;
            if let (Some(offset), Some(next)) = (fault.next_offset, &fault.next) {
                console.line(&format!("      next valid record at {} ({next})", Grouped(offset)))?;
            }
        }
        if report.faults_left_out > 0 {
            let more = count(report.faults_left_out, "fault more", "faults more");
            console.line(&paint.paint(Ink::Bad, &more))?;
        }
        if let Some(torn) = &report.torn {
            let text = format!(
                "{}  offset {}  TORN  the log ends here; behind it bytes of a write that was cut short",
                torn.chunk,
                Grouped(torn.offset)
            );
            console.line(&paint.paint(Ink::Warning, &text))?;
        }
        if self.quiet {
            return Ok(());
        }
        if report.purged_while_reading > 0 {
            let purged = count(report.purged_while_reading, "chunk was", "chunks were");
            console.line(&format!("-- {purged} purged while reading"))?;
        }
        for note in &report.notes {
            console.line(&format!("note: {note}"))?;
        }
        let faults = report.faults.len() as u64 + report.faults_left_out;
        let (ink, state) = match faults {
            0 => (Ink::Good, "all checksums and all rules good".to_owned()),
            faults => (Ink::Bad, count(faults, "FAULT", "FAULTS")),
        };
        console.line(&format!(
            "-- {}, {}, {}, {} checked: {}",
            count(report.chunks, "chunk", "chunks"),
            count(report.records, "record", "records"),
            count(report.entries, "entry", "entries"),
            count(report.bytes, "byte", "bytes"),
            paint.paint(ink, &state)
        ))?;
        let none = || "none".to_owned();
        console.line(&format!(
            "-- last {}, committed {}, purged {}",
            report.last.clone().unwrap_or_else(none),
            report.committed.clone().unwrap_or_else(none),
            report.purged.clone().unwrap_or_else(none)
        ))
    }
}

fn line(fault: &Fault) -> String {
    let what = match (&fault.kind, fault.term, fault.index) {
        (Some(kind), Some(term), Some(index)) => format!("{kind} {term}:{index}  "),
        (Some(kind), ..) => format!("{kind}  "),
        _ => String::new(),
    };
    let word = serde_json::to_value(fault.fault).ok();
    let word = word.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_uppercase();
    let expected = match (&fault.expected, &fault.found) {
        // The sentence of a checksum has both already.
        (Some(expected), Some(found)) if !fault.message.contains(expected.as_str()) => {
            format!("  found {found}, expected {expected}")
        }
        _ => String::new(),
    };
    let leftover = if fault.is_leftover { "  (in a chunk that is left of a purge)" } else { "" };
    format!(
        "{}  offset {}  {word}  {what}{}{expected}{leftover}",
        escape(fault.file.trim_end_matches(".wal")),
        Grouped(fault.offset),
        escape(&fault.message)
    )
}

fn csv(report: &VerifyReport, console: &mut Console) -> std::io::Result<()> {
    const COLUMNS: [&str; 11] = [
        "fault",
        "file",
        "offset",
        "kind",
        "term",
        "index",
        "expected",
        "found",
        "message",
        "next_offset",
        "next",
    ];
    console.line(&COLUMNS.join(","))?;
    for fault in &report.faults {
        let object = serde_json::to_value(fault).map_err(std::io::Error::from)?;
        let cell = |name: &&str| object.get(*name).map_or_else(String::new, crate::listing::csv_cell);
        console.line(&COLUMNS.iter().map(cell).collect::<Vec<String>>().join(","))?;
    }
    Ok(())
}
