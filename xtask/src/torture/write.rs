//! The process that writes and is killed, starved or lied to: it does the steps of its seed, and says what it submits
//! and what was acknowledged.
//!
//! It checks what only it can see: that callbacks come once and in order, that none is told success after another
//! was told failure, and that what it reads is what the model holds.

use std::collections::VecDeque;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::thread;

use clap::Args;
use raft_log::{
    FlushTicket, PlainTypes, RaftLog, RaftLogWriter, ReadError, Record, StateMachine, WriteError,
};
use raft_log_state::Effect;
use raft_log_testkit::write_records;

use super::found::{Found, because};
use super::said::Said;
use super::work::{self, Log, Model, Step, Style, Work};
use crate::Outcome;
use crate::random::Random;
use crate::tear;

/// Write, and say so (the torture starts this)
#[derive(Args)]
pub(super) struct Write {
    #[arg(long)]
    pub(super) dir: PathBuf,
    #[arg(long)]
    pub(super) seed: u64,
    #[arg(long)]
    pub(super) style: Style,
    /// So many steps, and then an orderly end; in style `tear`, the kernel cuts a write after them. Otherwise without
    /// an end
    #[arg(long)]
    pub(super) steps: Option<u64>,
}

struct Writer {
    log: Log,
    model: Model,
    work: Work,
    style: Style,
    /// The last step that wrote something.
    written: u64,
    tickets: VecDeque<(FlushTicket, u64)>,
    callbacks_given: u64,
    told: Arc<Told>,
}

/// What callbacks were told.
#[derive(Default)]
struct Told {
    count: AtomicU64,
    has_failed: AtomicBool,
}

/// Whether to go on.
enum Next {
    Step,
    End,
}

impl Write {
    /// Writes until the steps are done, something fails, or it is killed.
    pub(super) fn run(&self) -> Outcome {
        tear::leave_no_core()?;
        tell_panics();
        Said::Begun(rustix::process::getpid().as_raw_nonzero().get()).say()?;
        let log = match RaftLog::open(work::config(&self.dir, self.seed, self.style)) {
            Ok(log) => log,
            Err(error) => return Said::NotOpened(because("open", &error).to_string()).say(),
        };
        let found = match Found::of(&log) {
            Ok(found) => found,
            Err(error) => return Said::NotOpened(error.to_string()).say(),
        };
        let model = match found.model() {
            Ok(model) => model,
            Err(error) => return Said::Wrong(error.to_string()).say(),
        };
        Said::Opened(found.digest()).say()?;
        let mut writer = Writer {
            log,
            model,
            work: Work::new(self.seed),
            style: self.style,
            written: 0,
            tickets: VecDeque::new(),
            callbacks_given: 0,
            told: Arc::default(),
        };
        let steps = self.steps.unwrap_or(u64::MAX);
        for _ in 0..steps {
            match writer.step()? {
                Next::Step => {}
                Next::End => return writer.end(),
            }
        }
        if self.style == Style::Tear {
            writer.tear()?;
        }
        writer.end()
    }
}

impl Writer {
    fn step(&mut self) -> Outcome<Next> {
        match self.work.next(&self.model) {
            (number, Step::Write(records)) => self.write(number, records),
            (_, Step::Read) => self.read(),
            (_, Step::Callback) if self.style != Style::Serial => self.call_back(),
            (_, Step::Ticket) if self.style != Style::Serial => {
                self.tickets.push_back((self.log.ticket(), self.written));
                // Some stay open, so that several are in flight.
                self.redeem(self.written as usize % 4)
            }
            (_, Step::Sync | Step::Callback | Step::Ticket) => self.sync(),
        }
    }

    fn write(&mut self, number: u64, records: Vec<Record<PlainTypes>>) -> Outcome<Next> {
        Said::Issued(number).say()?;
        if records.iter().any(|record| matches!(record, Record::PurgeUpto(_))) {
            Said::Purges(number).say()?;
        }
        match write_records(&mut self.log, records.clone()) {
            Ok(()) => {
                for record in &records {
                    // What wrote nothing waits for no sync of its own.
                    if self.model.record(record)? == Effect::Writes {
                        self.written = number;
                    }
                }
                Ok(Next::Step)
            }
            Err(error) => {
                let why = because("write", &error).to_string();
                Said::Refused(number, why.clone()).say()?;
                match error {
                    WriteError::NoSpace(_) | WriteError::Io(_) => Ok(Next::Step),
                    WriteError::Poisoned(_) => poisoned(why),
                    _ => {
                        Said::Wrong(why).say()?;
                        Ok(Next::End)
                    }
                }
            }
        }
    }

    fn sync(&mut self) -> Outcome<Next> {
        match self.log.sync() {
            Ok(()) => {
                Said::Acknowledged(self.written).say()?;
                Ok(Next::Step)
            }
            Err(error) => poisoned(because("sync", &error).to_string()),
        }
    }

    fn call_back(&mut self) -> Outcome<Next> {
        let (told, written, number) = (self.told.clone(), self.written, self.callbacks_given);
        self.callbacks_given += 1;
        self.log.flush(move |outcome| {
            let place = told.count.fetch_add(1, Ordering::SeqCst);
            let said = match outcome {
                _ if place != number => Said::Wrong(format!("callback {number} came as number {place}")),
                Ok(()) if told.has_failed.load(Ordering::SeqCst) => Said::FalseAck(format!(
                    "callback {number} was told success after an earlier one was told failure"
                )),
                Ok(()) => Said::Acknowledged(written),
                Err(_) => return told.has_failed.store(true, Ordering::SeqCst),
            };
            // If nobody listens any more, the writer's own thread finds out.
            let _ = said.say();
        });
        Ok(Next::Step)
    }

    /// Waits until no more than so many tickets are open.
    fn redeem(&mut self, left: usize) -> Outcome<Next> {
        while self.tickets.len() > left
            && let Some((ticket, written)) = self.tickets.pop_front()
        {
            match ticket.wait() {
                Ok(()) => Said::Acknowledged(written).say()?,
                Err(error) => return poisoned(because("ticket", &error).to_string()),
            }
        }
        Ok(Next::Step)
    }

    fn read(&self) -> Outcome<Next> {
        match self.log.read(..) {
            Ok(entries) if entries == self.model.entries() && self.log.state() == *self.model.state() => {}
            Ok(entries) => {
                let what = format!(
                    "{} entries were read, and they are not the {}",
                    entries.len(),
                    self.model.ids().len()
                );
                Said::Wrong(what).say()?;
            }
            // A disk that cannot be read; the log goes on.
            Err(ReadError::Io { .. }) => {}
            Err(error) => Said::Wrong(because("read", &error).to_string()).say()?,
        }
        Ok(Next::Step)
    }

    /// Lowers the limit and writes across it.
    fn tear(&mut self) -> Outcome {
        let has_room = |log: &Log| {
            tear::has_room(log.wal().end().offset, work::TEAR_CHUNK_BYTES, work::BULK_PAYLOAD_MAX)
        };
        // A chunk that is nearly full or nearly empty is passed by.
        for _ in 0..TEAR_STEPS_MAX {
            if has_room(&self.log) {
                break;
            }
            if let Next::End = self.step()? {
                return Ok(());
            }
        }
        self.redeem(0)?;
        // The first is redeemed before the flush thread tidies up, the second after it: no other file is being
        // written when the limit comes.
        for _ in 0..2 {
            self.tickets.push_back((self.log.ticket(), self.written));
            self.redeem(0)?;
        }
        let mut random = Random::new(self.written);
        let tear = tear::choose(self.log.wal().end().offset, &mut random);
        Said::Limited(tear.limit, tear.group_bytes).say()?;
        tear::apply(tear)?;
        if let (number, Step::Write(records)) = self.work.bulk(&self.model, tear.group_bytes)
            && let Next::End = self.write(number, records)?
        {
            return Ok(());
        }
        self.sync().map(drop)
    }

    /// Ends in an orderly way, and makes sure that every callback was called.
    fn end(mut self) -> Outcome {
        let (given, told) = (self.callbacks_given, self.told.clone());
        let closed = self.log.close();
        let mut context = Context::from_waker(Waker::noop());
        let is_open =
            self.tickets.iter_mut().any(|(ticket, _)| Pin::new(ticket).poll(&mut context).is_pending());
        drop(self);
        if told.count.load(Ordering::SeqCst) != given {
            Said::Wrong(format!("of {given} callbacks, {} were called", told.count.load(Ordering::SeqCst)))
                .say()?;
        }
        if is_open {
            Said::Wrong("a ticket was not redeemed when the log was closed".into()).say()?;
        }
        match closed {
            Ok(()) => Said::Ended.say(),
            Err(error) => Said::Poisoned(because("close", &error).to_string()).say(),
        }
    }
}

/// So many steps until a chunk has room for a cut.
const TEAR_STEPS_MAX: u64 = 2000;

fn poisoned(why: String) -> Outcome<Next> {
    Said::Poisoned(why).say()?;
    Ok(Next::End)
}

/// Reports a panic of this process in the words of the judge, besides what the runtime prints.
fn tell_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let name = thread::current().name().unwrap_or("unnamed").to_owned();
        let _ = Said::Wrong(format!("thread {name} panicked: {panic}")).say();
        before(panic);
    }));
}
