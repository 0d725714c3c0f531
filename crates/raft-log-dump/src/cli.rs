//! The command line: what is asked, what is written where, and the exit code. The same for `raft-log-dump` and for
//! `cargo xtask dump`.
//!
//! What always holds: data goes to standard output, all else to standard error, and a closed pipe ends it quietly.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser};
use raft_log_chunk::{ChunkId, DirectoryStorage};

use crate::filter::parse_chunk_id;
use crate::opening::full_text;
use crate::{
    Counts, Filter, IndexRange, KindSet, Listing, OpenAnswer, PayloadMode, PayloadView, ScanOptions,
    ask_open, escape, scan_storage,
};

/// How a run ended. The numbers are a stable interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing is wrong.
    Clean,
    /// Something is, and the next `open()` passes over it: a torn tail, or damage that leaves the log usable.
    PassedOver,
    /// `open()` would refuse the directory.
    Refused,
    /// It cannot be read: an I/O error, no log there, an unsupported version.
    CannotRead,
}

impl Outcome {
    /// The exit code. 2 is for wrong usage, and given before there is an outcome.
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::PassedOver => 1,
            Self::Refused => 3,
            Self::CannotRead => 4,
        }
    }
}

/// Show what a raft-log directory holds; a live one, too. Nothing is locked or changed
#[derive(Debug, Args)]
pub struct DumpArguments {
    /// The directory of the log
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// How payloads are shown; they may hold secrets [default: preview, or the tool's own way]
    #[arg(long, value_name = "HOW")]
    payload: Option<PayloadMode>,

    /// Only this chunk: r-00_000_000_000_000_004_096, or 4096
    #[arg(long, value_name = "ID", value_parser = parse_chunk_id)]
    chunk: Option<ChunkId>,

    /// Only records with an index in this range: 930..=940, 5.., ..9
    #[arg(long, value_name = "RANGE")]
    index: Option<IndexRange>,

    /// Only records of these kinds: append,vote|bad
    #[arg(long, value_name = "LIST")]
    kind: Option<KindSet>,

    /// Only the first N lines of records and faults; what is behind them is not looked at
    #[arg(short = 'n', value_name = "N", conflicts_with = "tail")]
    first: Option<u64>,

    /// Only the last N lines of records and faults
    #[arg(long, value_name = "N")]
    tail: Option<usize>,

    /// Say only what is wrong
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Parser)]
#[command(name = "raft-log-dump", version, after_help = EXIT_CODES)]
#[command(about = "Show what a raft-log directory holds; a live one, too. Nothing is locked or changed")]
struct Cli {
    #[command(flatten)]
    dump: DumpArguments,
}

/// The exit codes, for help texts.
pub const EXIT_CODES: &str = "Exit codes: 0 clean; 1 a torn tail, or damage that open() passes over; 2 usage; \
    3 open() would refuse; 4 cannot read (I/O, no log here, unsupported version)";

/// The program, over the arguments of this process.
pub fn main() -> ExitCode {
    ExitCode::from(Cli::parse().dump.run().code())
}

/// The same program, with payloads shown in an application's own way unless `--payload` asks for another.
pub fn main_with(view: &dyn PayloadView) -> ExitCode {
    ExitCode::from(Cli::parse().dump.run_with(view).code())
}

impl DumpArguments {
    /// Lists the directory on standard output.
    pub fn run(&self) -> Outcome {
        self.run_with(&PayloadMode::default())
    }

    /// As [`DumpArguments::run`], with an own way to show payloads.
    pub fn run_with(&self, view: &dyn PayloadView) -> Outcome {
        let stdout = io::stdout();
        let mut out = BufWriter::with_capacity(1 << 16, stdout.lock());
        self.write(view, &mut out, &mut io::stderr())
    }

    fn write(&self, view: &dyn PayloadView, out: &mut dyn Write, messages: &mut dyn Write) -> Outcome {
        // Standard error may be closed as well; there is nobody to tell then.
        let mut say = |text: &str| drop(writeln!(messages, "{}", escape(text)));
        let path = self.directory.display();
        let storage = match DirectoryStorage::open(&self.directory) {
            Ok(storage) => Arc::new(storage),
            Err(error) => {
                say(&format!("cannot read {path}: {}", full_text(&error)));
                return Outcome::CannotRead;
            }
        };
        let options = ScanOptions { only_chunk: self.chunk, ..ScanOptions::default() };
        let mut scan = match scan_storage(storage.clone(), options) {
            Ok(scan) => scan,
            Err(error) => {
                say(&full_text(&error));
                return Outcome::CannotRead;
            }
        };
        let answer = ask_open(&*storage);
        let mut listing = self.listing(out, view);
        let written: io::Result<()> = (|| {
            for item in scan.by_ref() {
                if let ControlFlow::Break(()) = listing.show(&item)? {
                    break;
                }
            }
            Ok(())
        })()
        .and_then(|()| out.flush());
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            say(&format!("cannot write: {error}"));
            return Outcome::CannotRead;
        }
        let counts = scan.counts();
        if let OpenAnswer::Refuses(error) = &answer {
            say(&format!("open() would refuse: {}", full_text(error)));
        }
        if let Some(chunk) = self.chunk
            && !scan.has_chunk(chunk)
        {
            say(&format!("there is no {chunk} in {path}"));
            return Outcome::CannotRead;
        }
        outcome(&answer, counts)
    }

    fn listing<'a>(&'a self, out: &'a mut dyn Write, view: &'a dyn PayloadView) -> Listing<'a> {
        let view = self.payload.as_ref().map_or(view, |mode| mode as &dyn PayloadView);
        let filter = Filter { index: self.index, kinds: self.kind.clone() };
        let mut listing = Listing::new(out, view).filter(filter);
        if self.quiet {
            listing = listing.quiet();
        }
        if let Some(count) = self.first {
            listing = listing.first(count);
        }
        if let Some(count) = self.tail {
            listing = listing.last(count);
        }
        listing
    }
}

fn outcome(answer: &OpenAnswer, counts: Counts) -> Outcome {
    match answer {
        OpenAnswer::Refuses(_) if !answer.cannot_read() => Outcome::Refused,
        OpenAnswer::Refuses(_) => Outcome::CannotRead,
        _ if counts.unreadable > 0 => Outcome::CannotRead,
        _ if counts.damaged > 0 || counts.is_torn => Outcome::PassedOver,
        _ => Outcome::Clean,
    }
}
