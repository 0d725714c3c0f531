//! Where a run writes: data to standard output, all else to standard error.
//!
//! What always holds: nothing that came from a directory reaches standard error unescaped, and a closed standard error
//! ends nothing.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;
use raft_log_chunk::{DirectoryStorage, Storage};

use super::outcome::Stop;
use crate::listing::Paint;
use crate::opening::full_text;
use crate::{OpenAnswer, escape};

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorWhen {
    /// Whether standard output gets colour.
    pub(crate) fn is_on(self) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                !is_unwanted && io::stdout().is_terminal()
            }
        }
    }

    pub(crate) fn paint(self) -> Paint {
        Paint::new(self.is_on())
    }
}

/// Standard output and standard error.
pub(crate) struct Console {
    out: BufWriter<io::Stdout>,
}

impl Console {
    pub(crate) fn new() -> Self {
        Self { out: BufWriter::with_capacity(1 << 16, io::stdout()) }
    }

    pub(crate) fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// A line of data.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// A line for the person, on standard error.
    pub(crate) fn say(&mut self, text: &str) {
        // There is nobody to tell if it is closed.
        drop(writeln!(io::stderr(), "{}", escape(text)));
    }

    /// Says why the directory would be refused, if it would; unless `quiet`, also what to do.
    pub(crate) fn say_refusal(&mut self, answer: &OpenAnswer, quiet: bool) {
        match answer {
            OpenAnswer::Refuses(error) => {
                self.say(&format!("open() would refuse: {}", full_text(error)));
                if !quiet && !answer.cannot_read() {
                    self.say(REPAIR_HINT);
                }
            }
            OpenAnswer::Unsteady => {
                self.say(
                    "the directory changes too fast to tell what open() would do: somebody writes to it",
                );
            }
            OpenAnswer::Opens(_) => {}
        }
    }
}

/// What to do about a directory that is refused for what is in it.
pub(crate) const REPAIR_HINT: &str =
    "hint: raft-log-dump repair DIR changes nothing, and tells what can be mended and what that loses";

/// Opens the directory of a log for reading.
pub(crate) fn open_directory(path: &Path) -> Result<Arc<dyn Storage>, Stop> {
    match DirectoryStorage::open(path) {
        Ok(storage) => Ok(Arc::new(storage)),
        Err(error) => {
            Err(Stop::cannot_read(format!("cannot read {}: {}", path.display(), full_text(&error))))
        }
    }
}

/// Why a directory was not scanned.
pub(crate) fn scan_failure(error: &crate::ScanError) -> Stop {
    Stop::cannot_read(full_text(error))
}
