//! `info`: one screen about a directory.

use std::io;
use std::path::PathBuf;

use clap::Args;
use raft_log_codec::Grouped;

use super::console::{Console, open_directory, scan_failure};
use super::flags::{Form, OutputForm};
use super::outcome::{Ended, Outcome, Stop};
use crate::listing::{Ink, count};
use crate::opening::full_text;
use crate::overview::{LockState, OpenState, Overview};
use crate::{OpenAnswer, ScanOptions, ask_open, escape, scan_storage};

/// Show on one screen what a directory is, and what open() will do with it
#[derive(Debug, Args)]
pub(super) struct Info {
    /// The directory of the log
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    #[command(flatten)]
    form: Form,
}

impl Info {
    pub(super) fn run(&self, console: &mut Console) -> Ended {
        let storage = open_directory(&self.directory)?;
        // Whether there is a log at all.
        scan_storage(storage.clone(), ScanOptions::default()).map_err(|error| scan_failure(&error))?;
        let answer = ask_open(&*storage);
        let outcome = match &answer {
            OpenAnswer::Refuses(_) if answer.cannot_read() => Outcome::CannotRead,
            OpenAnswer::Refuses(_) => Outcome::Refused,
            OpenAnswer::Opens(_) | OpenAnswer::Unsteady => Outcome::Clean,
        };
        let overview =
            Overview::of(&storage, answer).map_err(|error| Stop::cannot_read(full_text(&error)))?;
        let outcome = match &overview.open {
            OpenState::Opens { torn_at, damaged_records, .. } => {
                let is_live = matches!(overview.lock, LockState::Held { .. });
                // Behind a living writer the end is in flight.
                let is_torn = torn_at.is_some() && !is_live;
                if is_torn || *damaged_records > 0 { Outcome::PassedOver } else { outcome }
            }
            OpenState::Refused { .. } | OpenState::Unsteady => outcome,
        };
        match self.form.output {
            OutputForm::Text => self.text(&overview, console)?,
            OutputForm::Json => {
                console.line(&serde_json::to_string(&overview).map_err(io::Error::from)?)?;
            }
            OutputForm::Csv => {
                console.line("field,value")?;
                let object = serde_json::to_value(&overview).map_err(io::Error::from)?;
                for (name, value) in object.as_object().into_iter().flatten() {
                    console.line(&format!("{name},{}", crate::listing::csv_cell(value)))?;
                }
            }
        }
        Ok(outcome)
    }

    fn text(&self, overview: &Overview, console: &mut Console) -> io::Result<()> {
        let paint = self.form.color.paint();
        let none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        let mut row = |name: &str, text: &str| {
            console.line(&format!("{}  {}", paint.paint(Ink::Heading, &format!("{name:<10}")), escape(text)))
        };
        row("directory", &overview.directory)?;
        row("format", &format!("version {}, log id {}", overview.format_version, none(&overview.log_id)))?;
        row("lock", &lock_text(&overview.lock))?;
        row("vote", &none(&overview.vote))?;
        row("first", &none(&overview.first))?;
        row("last", &none(&overview.last))?;
        row("committed", &none(&overview.committed))?;
        row("purged", &none(&overview.purged))?;
        let data = overview.user_data_bytes.map(|bytes| count(bytes, "byte", "bytes"));
        row("user data", &none(&data))?;
        let entries = count(overview.entries, "entry", "entries");
        let terms = match overview.terms {
            0 => String::new(),
            terms => format!(" in {}", count(terms, "run of one term", "runs of one term")),
        };
        row("entries", &format!("{entries}{terms}"))?;
        let chunks = count(overview.chunks, "chunk", "chunks");
        let leftovers = match overview.leftovers {
            0 => String::new(),
            left => format!(", {} left of a purge", Grouped(left)),
        };
        row("files", &format!("{chunks}{leftovers}, {}", count(overview.spares, "spare", "spares")))?;
        let used = count(overview.bytes_used, "byte", "bytes");
        row("size", &format!("{used} used, {} on the disk", Grouped(overview.bytes_allocated)))?;
        row("durable", &none(&overview.durable))?;
        let (ink, lines) = open_text(&overview.open);
        for (number, line) in lines.iter().enumerate() {
            let name = if number == 0 { "open()" } else { "" };
            let name = paint.paint(Ink::Heading, &format!("{name:<10}"));
            console.line(&format!("{name}  {}", paint.paint(ink, &escape(line))))?;
        }
        Ok(())
    }
}

fn lock_text(lock: &LockState) -> String {
    match lock {
        LockState::Absent => "never taken here: there is no LOCK".to_owned(),
        LockState::Free => "free: nobody is named in LOCK".to_owned(),
        LockState::Held { owner } => format!("held by {owner}"),
        LockState::Gone { owner } => format!("free: {owner} is named in LOCK and does not run here"),
        LockState::Named { owner } => format!("{owner} is named in LOCK"),
    }
}

fn open_text(open: &OpenState) -> (Ink, Vec<String>) {
    match open {
        OpenState::Refused { reason } => (Ink::Bad, vec![format!("refuses: {reason}")]),
        OpenState::Unsteady => (
            Ink::Warning,
            vec!["cannot be told: the directory changes too fast, somebody writes to it".to_owned()],
        ),
        OpenState::Opens { chunks, scanned, torn_at, damaged_records, warnings } => {
            let mut lines = vec![format!(
                "opens {}, {} of them by reading every record",
                count(*chunks, "chunk", "chunks"),
                Grouped(*scanned)
            )];
            if let Some(at) = torn_at {
                lines
                    .push(format!("ends the log at {at}; behind it are bytes of a write that was cut short"));
            }
            if *damaged_records > 0 {
                let records = count(*damaged_records, "damaged record", "damaged records");
                lines.push(format!("passes over {records}; reading such an entry says so"));
            }
            lines.extend(warnings.iter().map(|warning| format!("warns: {warning}")));
            let ink = if lines.len() == 1 { Ink::Good } else { Ink::Warning };
            (ink, lines)
        }
    }
}
