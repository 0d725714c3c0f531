//! `import`: a directory made of what `export` wrote.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

use clap::Args;

use super::console::Console;
use super::outcome::{Ended, Outcome, Stop};
use crate::import::{ImportFault, import};
use crate::listing::count;
use crate::opening::full_text;
use crate::progress::Progress;

/// Make a directory of what export wrote; it must be absent or empty
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The directory to make
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// What export wrote [default: standard input]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Say only what is wrong
    #[arg(short, long)]
    quiet: bool,
}

impl Import {
    pub(super) fn run(&self, console: &mut Console) -> Ended {
        let (mut input, size): (Box<dyn BufRead>, u64) = match &self.file {
            Some(path) => {
                let cannot = |error: io::Error| {
                    Stop::cannot_read(format!("cannot read {}: {}", path.display(), full_text(&error)))
                };
                let file = File::open(path).map_err(cannot)?;
                let size = file.metadata().map_err(cannot)?.len();
                (Box::new(BufReader::with_capacity(1 << 20, file)), size)
            }
            None => (Box::new(BufReader::with_capacity(1 << 20, io::stdin())), 0),
        };
        let mut progress = Progress::new(size);
        let imported = import(&mut *input, &self.directory, &mut progress);
        progress.finish();
        let path = self.directory.display();
        match imported {
            Ok(entries) => {
                if !self.quiet {
                    console.line(&format!("{path}: {} imported", count(entries, "entry", "entries")))?;
                }
                Ok(Outcome::Clean)
            }
            Err(ImportFault::Locked(why)) => Err(Stop::Failed(Outcome::Locked, why)),
            Err(ImportFault::NotEmpty) => {
                Err(Stop::usage(format!("{path} is not empty; import makes a directory of its own")))
            }
            Err(ImportFault::Line { number, why }) => {
                Err(Stop::cannot_read(format!("line {number}: {why}; nothing was imported")))
            }
            Err(ImportFault::Input(error)) => Err(Stop::cannot_read(format!(
                "cannot read the input: {}; nothing was imported",
                full_text(&error)
            ))),
            Err(ImportFault::Output(why)) => Err(Stop::cannot_read(format!("cannot make {path}: {why}"))),
        }
    }
}
