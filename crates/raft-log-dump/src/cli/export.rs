//! `export`: a log as lines of JSON on standard output.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;

use super::console::{Console, open_directory, scan_failure};
use super::outcome::{Ended, Outcome, Stop};
use super::size::total_bytes;
use crate::export::{ExportFault, export};
use crate::logical::LogicalLog;
use crate::opening::full_text;
use crate::progress::Progress;
use crate::{IndexRange, OpenAnswer, ScanOptions, ask_open, scan_storage};

/// Write the log as lines of JSON: its state, then each entry
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The directory of the log
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Only entries with an index in this range; what is written so cannot be imported
    #[arg(long, value_name = "RANGE")]
    index: Option<IndexRange>,

    /// Leave out payloads and user data, but for their sizes; what is written so cannot be imported
    #[arg(long)]
    redact: bool,
}

impl Export {
    pub(super) fn run(&self, console: &mut Console) -> Ended {
        let storage = open_directory(&self.directory)?;
        scan_storage(storage.clone(), ScanOptions::default()).map_err(|error| scan_failure(&error))?;
        let answer = ask_open(&*storage);
        let outcome = match &answer {
            OpenAnswer::Opens(_) => Outcome::Clean,
            OpenAnswer::Refuses(_) if answer.cannot_read() => Outcome::CannotRead,
            OpenAnswer::Refuses(_) => Outcome::Refused,
            OpenAnswer::Unsteady => Outcome::CannotRead,
        };
        if outcome != Outcome::Clean {
            console.say_refusal(&answer, false);
            let hint = "only a whole log is exported; dump --logical shows what can be read of it".to_owned();
            return Err(Stop::Failed(outcome, hint));
        }
        let log = LogicalLog::of(&storage, answer).map_err(|error| Stop::cannot_read(full_text(&error)))?;
        let path = self.directory.display();
        if let Some(range) = self.index
            && !log
                .chunks
                .iter()
                .any(|chunk| chunk.live().start <= range.last() && chunk.live().end > range.first())
        {
            return Err(Stop::cannot_read(format!("no entry in {path} has an index in {range}")));
        }
        // Lines on a terminal show by themselves how far it has come.
        let mut progress = match std::io::stdout().is_terminal() {
            true => Progress::silent(),
            false => Progress::new(total_bytes(&*storage, None)),
        };
        let exported = export(log, self.index, self.redact, console.out(), &mut progress);
        progress.finish();
        let exported = exported.map_err(|fault| match fault {
            ExportFault::Output(error) => Stop::Output(error),
            ExportFault::Input(why) => Stop::cannot_read(why),
        })?;
        console.flush()?;
        if exported.damaged > 0 {
            console.say(&format!(
                "{} of the entries are damaged; their lines say so, and what was written cannot be imported",
                exported.damaged
            ));
            return Ok(Outcome::PassedOver);
        }
        Ok(Outcome::Clean)
    }
}
