//! `report`: one page for a browser.

use std::io;
use std::path::PathBuf;

use clap::Args;

use super::console::{Console, REPAIR_HINT, open_directory, scan_failure};
use super::outcome::{Ended, Outcome, Stop};
use super::size::total_bytes;
use crate::logical::LogicalLog;
use crate::opening::full_text;
use crate::progress::Progress;
use crate::report::{ReportData, page};
use crate::statistics::Statistics;
use crate::verify::Checker;
use crate::{ScanOptions, Verdict, ask_open, scan_storage};

/// Write one page for a browser: a map of the chunks, what is wrong, and how large things are
#[derive(Debug, Args)]
pub(super) struct Report {
    /// The directory of the log
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// The file to write; - is standard output
    #[arg(short, long, value_name = "FILE.html")]
    output: PathBuf,
}

impl Report {
    pub(super) fn run(&self, console: &mut Console) -> Ended {
        let storage = open_directory(&self.directory)?;
        let mut scan =
            scan_storage(storage.clone(), ScanOptions::default()).map_err(|error| scan_failure(&error))?;
        let mut progress = Progress::new(total_bytes(&*storage, None));
        let mut statistics = Statistics::default();
        let mut checker = Checker::default();
        for item in scan.by_ref() {
            checker.take(&item, &mut progress);
            statistics.take(&item);
        }
        progress.finish();
        let answer = ask_open(&*storage);
        let verify = checker.report(self.directory.display().to_string(), &answer, scan.counts());
        let log = LogicalLog::of(&storage, answer).map_err(|error| Stop::cannot_read(full_text(&error)))?;
        let data = ReportData {
            statistics,
            entries: log.chunks.iter().map(|chunk| chunk.live().end - chunk.live().start).sum(),
            first: log.chunks.first().map(|chunk| chunk.live().start),
            state: log.state,
            verify,
        };
        let html = page(&data);
        if self.output.as_os_str() == "-" {
            console.out().write_all(html.as_bytes())?;
        } else {
            let cannot = |error: io::Error| {
                Stop::cannot_read(format!("cannot write {}: {}", self.output.display(), full_text(&error)))
            };
            fs_err::write(&self.output, html).map_err(cannot)?;
        }
        if let Some(refusal) = &data.verify.open_refuses {
            console.say(&format!("open() would refuse: {refusal}"));
            if data.verify.verdict == Verdict::Refused {
                console.say(REPAIR_HINT);
            }
        }
        Ok(match data.verify.verdict {
            Verdict::Clean => Outcome::Clean,
            Verdict::PassedOver => Outcome::PassedOver,
            Verdict::Refused => Outcome::Refused,
            Verdict::CannotRead => Outcome::CannotRead,
        })
    }
}
