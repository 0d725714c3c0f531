//! `dump`: the records as they are stored, or with `--logical` the entries that are alive.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use raft_log_chunk::Storage;

use super::console::{ColorWhen, Console, open_directory, scan_failure};
use super::flags::{OutputForm, Selection};
use super::outcome::{Ended, Outcome, Stop};
use crate::decoder::Decoder;
use crate::logical::LogicalLog;
use crate::opening::full_text;
use crate::{
    Field, Followed, Item, Layout, Listing, PayloadMode, PayloadView, ScanOptions, StoredRecord, ask_open,
    follow, scan_storage,
};

/// How long is waited before one looks for new records.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// How many bytes of a payload `-x` shows, unless all of it is asked for.
const HEX_PREVIEW_BYTES: usize = 64;

/// Show the records of a directory one by one; a live one, too. Nothing is locked or changed
#[derive(Debug, Args)]
pub struct DumpArguments {
    /// The directory of the log
    // Optional in type only: beside a command there is none here.
    #[arg(value_name = "DIR", required = true)]
    directory: Option<PathBuf>,

    /// Show the entries that are alive after a replay, instead of all records
    #[arg(long)]
    logical: bool,

    #[command(flatten)]
    selection: Selection,

    /// Go on with what is written from now on, until somebody ends it
    #[arg(short, long, conflicts_with_all = ["reverse", "logical"])]
    follow: bool,

    /// How payloads are shown; they may hold secrets [default: preview, or the tool's own way]
    #[arg(long, value_name = "HOW", conflicts_with = "decoder")]
    payload: Option<PayloadMode>,

    /// A program that says what a payload means: for each line of base64 it gets, it writes one line
    #[arg(long, value_name = "CMD")]
    decoder: Option<String>,

    /// Show the bytes of each record, field by field
    #[arg(short = 'x', long = "hex")]
    bytes: bool,

    /// The form of the output
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    output: OutputForm,

    /// Only these fields, in this order: chunk,offset,index
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    fields: Vec<Field>,

    /// Colour in text
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColorWhen,

    /// Say only what is wrong
    #[arg(short, long)]
    quiet: bool,
}

impl DumpArguments {
    fn directory(&self) -> Result<&Path, Stop> {
        self.directory.as_deref().ok_or_else(|| Stop::usage("no directory is given; see --help"))
    }

    pub(super) fn run(&self, view: &dyn PayloadView, console: &mut Console) -> Ended {
        if self.bytes && (self.output != OutputForm::Text || !self.fields.is_empty()) {
            return Err(Stop::usage("-x shows bytes for people; it goes with no other form and no --fields"));
        }
        let storage = open_directory(self.directory()?)?;
        let decoder = self.decoder.as_deref().map(Decoder::start).transpose().map_err(Stop::cannot_read)?;
        let view = match (&decoder, &self.payload) {
            (Some(decoder), _) => decoder as &dyn PayloadView,
            (None, Some(mode)) => mode,
            (None, None) => view,
        };
        if self.follow {
            return self.run_following(&storage, view, console);
        }
        if self.logical {
            self.run_logical(&storage, view, console)
        } else {
            self.run_physical(&storage, view, console)
        }
    }

    fn run_physical(
        &self,
        storage: &Arc<dyn Storage>,
        view: &dyn PayloadView,
        console: &mut Console,
    ) -> Ended {
        let options = ScanOptions {
            only_chunk: self.selection.chunk,
            newest_first: self.selection.reverse,
            ..ScanOptions::default()
        };
        let mut scan = scan_storage(storage.clone(), options).map_err(|error| scan_failure(&error))?;
        let answer = ask_open(&**storage);
        let mut listing = self.listing(storage, view, console);
        let wanted = self.payload_bytes(view);
        let mut shown: Result<ControlFlow<()>, Stop> = Ok(ControlFlow::Continue(()));
        let mut show = |item: &Item| -> ControlFlow<()> {
            shown = listing.show(item).map_err(Stop::from);
            if let Err(stop) = check(view) {
                shown = Err(stop);
            }
            if let Ok(ControlFlow::Continue(())) = shown {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        loop {
            let mut flow = ControlFlow::Continue(());
            scan.take_good(|chunk, frame| {
                let frame = frame.to_frame_with(wanted);
                flow = show(&Item::Record(StoredRecord { chunk, frame, is_behind_end: false }));
                flow
            });
            if flow.is_break() {
                break;
            }
            let Some(item) = scan.next() else { break };
            if show(&item).is_break() {
                break;
            }
        }
        let is_complete = shown?.is_continue();
        listing.catch_up()?;
        let lines = listing.lines();
        drop(listing);
        console.say_refusal(&answer, self.quiet);
        self.check_found(is_complete, lines, console, |id| scan.has_chunk(id))?;
        Ok(Outcome::of(&answer, scan.counts()))
    }

    fn run_logical(
        &self,
        storage: &Arc<dyn Storage>,
        view: &dyn PayloadView,
        console: &mut Console,
    ) -> Ended {
        // Whether there is a log at all.
        scan_storage(storage.clone(), ScanOptions::default()).map_err(|error| scan_failure(&error))?;
        let answer = ask_open(&**storage);
        console.say_refusal(&answer, self.quiet);
        let outcome = Outcome::of(&answer, crate::Counts::default());
        let mut log =
            LogicalLog::of(storage, answer).map_err(|error| Stop::cannot_read(full_text(&error)))?;
        let all: Vec<_> = log.chunks.iter().map(|chunk| chunk.id()).collect();
        if let Some(only) = self.selection.chunk {
            log.chunks.retain(|chunk| chunk.id() == only);
        }
        if let Some(range) = self.selection.index {
            log.restrict(range.first(), range.last());
        }
        if self.selection.reverse {
            log.chunks.reverse();
        }
        let mut listing = self.listing(storage, view, console);
        let mut is_complete = true;
        let mut items = log.items();
        for item in items.by_ref() {
            let flow = listing.show(&item)?;
            check(view)?;
            if let ControlFlow::Break(()) = flow {
                is_complete = false;
                break;
            }
        }
        listing.catch_up()?;
        let lines = listing.lines();
        drop(listing);
        self.check_found(is_complete, lines, console, |id| all.contains(&id))?;
        let counts = items.counts();
        Ok(match outcome {
            Outcome::Clean if counts.unreadable > 0 => Outcome::CannotRead,
            Outcome::Clean if counts.damaged > 0 => Outcome::PassedOver,
            outcome => outcome,
        })
    }

    fn run_following(
        &self,
        storage: &Arc<dyn Storage>,
        view: &dyn PayloadView,
        console: &mut Console,
    ) -> Ended {
        scan_storage(storage.clone(), ScanOptions::default()).map_err(|error| scan_failure(&error))?;
        let mut following = follow(storage.clone());
        let mut listing = self.listing(storage, view, console);
        let mut is_wanted = true;
        loop {
            let followed = following.next_item();
            match followed.map_err(|error| Stop::cannot_read(full_text(&error)))? {
                Followed::Item(item) => {
                    if let Item::Chunk(start) = &item {
                        is_wanted = self.selection.chunk.is_none_or(|only| only == start.id);
                    }
                    if !is_wanted {
                        continue;
                    }
                    let flow = listing.show(&item)?;
                    check(view)?;
                    if let ControlFlow::Break(()) = flow {
                        break;
                    }
                }
                Followed::CaughtUp => {
                    listing.catch_up()?;
                    if is_output_closed() {
                        break;
                    }
                    let path = self.directory()?;
                    if !path.exists() {
                        let path = path.display();
                        return Err(Stop::cannot_read(format!("{path} is gone; nothing more will come")));
                    }
                    thread::sleep(BETWEEN_LOOKS);
                }
            }
        }
        listing.catch_up()?;
        Ok(if following.counts().damaged > 0 { Outcome::PassedOver } else { Outcome::Clean })
    }

    fn listing<'a>(
        &'a self,
        storage: &Arc<dyn Storage>,
        view: &'a dyn PayloadView,
        console: &'a mut Console,
    ) -> Listing<'a> {
        let mut listing = Listing::new(console.out(), view).filter(self.selection.filter());
        listing = listing.layout(self.output.layout(), &self.fields);
        if self.output.layout() == Layout::Text && self.fields.is_empty() && self.color.is_on() {
            listing = listing.colored();
        }
        if self.bytes {
            let payload_bytes = match &self.payload {
                Some(PayloadMode::None | PayloadMode::Len) => 0,
                Some(PayloadMode::Text | PayloadMode::Hex | PayloadMode::Base64) => usize::MAX,
                Some(PayloadMode::Preview) | None => HEX_PREVIEW_BYTES,
            };
            listing = listing.with_bytes(storage.clone(), payload_bytes);
        }
        if self.quiet {
            listing = listing.quiet();
        }
        if self.selection.reverse {
            listing = listing.reversed();
        } else if let Some(count) = self.selection.tail {
            listing = listing.last(count);
        }
        let newest = self.selection.tail.filter(|_| self.selection.reverse).map(|count| count as u64);
        match self.selection.first.or(newest) {
            Some(count) => listing.first(count),
            None => listing,
        }
    }

    /// How many bytes of a payload are looked at.
    fn payload_bytes(&self, view: &dyn PayloadView) -> usize {
        let in_bytes = if self.bytes { HEX_PREVIEW_BYTES } else { 0 };
        view.bytes_wanted().max(in_bytes)
    }

    /// Says it where what was asked for is not there.
    fn check_found(
        &self,
        is_complete: bool,
        lines: u64,
        console: &mut Console,
        has_chunk: impl FnOnce(raft_log_chunk::ChunkId) -> bool,
    ) -> Result<(), Stop> {
        let path = self.directory()?.display();
        if let Some(chunk) = self.selection.chunk
            && !has_chunk(chunk)
        {
            return Err(Stop::cannot_read(format!("there is no {chunk} in {path}")));
        }
        if let Some(range) = self.selection.index
            && is_complete
            && lines == 0
            && !self.quiet
        {
            console.flush()?;
            return Err(Stop::cannot_read(format!("no such record in {path} has an index in {range}")));
        }
        Ok(())
    }
}

/// Ends the run where payloads cannot be shown any more.
fn check(view: &dyn PayloadView) -> Result<(), Stop> {
    match view.failure() {
        Some(why) => Err(Stop::cannot_read(why)),
        None => Ok(()),
    }
}

/// Whether nobody reads standard output any more, which writing alone would tell too late.
fn is_output_closed() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let stdout = std::io::stdout();
    let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut watched, Some(&at_once)).is_ok()
        && watched.iter().any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::HUP))
}
