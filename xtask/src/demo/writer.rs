//! The process that writes and is killed: it appends lines in groups and says what was acknowledged, until it dies.
//!
//! An acknowledgement is said only after the log gave it, and names only what was submitted before. Nothing here looks
//! at the files.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use raft_log::{
    Config, FlushError, FlushTicket, PlainTypes, PlainVote, RaftLog, RaftLogWriter, TermIndex, WriteError,
};

use super::acknowledged::{Acknowledged, Message};
use super::input::Input;
use super::{because, marks_of};
use crate::Outcome;
use crate::random::Random;
use crate::tear;

/// Write until killed (the demo starts this)
#[derive(Args)]
pub(super) struct WriteUntilKilled {
    #[arg(long)]
    pub(super) input: PathBuf,
    #[arg(long)]
    pub(super) dir: PathBuf,
    /// The term of the entries
    #[arg(long)]
    pub(super) term: u64,
    #[arg(long)]
    pub(super) seed: u64,
    #[arg(long)]
    pub(super) chunk_bytes: u64,
    /// Have the kernel tear a write after so many groups, instead of waiting to be killed
    #[arg(long)]
    pub(super) tear_after: Option<u64>,
}

struct Writer {
    log: RaftLog<PlainTypes>,
    input: Input,
    random: Random,
    term: u64,
    /// What was submitted.
    submitted: Acknowledged,
    tickets: VecDeque<(FlushTicket, Acknowledged)>,
}

/// The votes name one candidate only, so that the same term may come twice.
const CANDIDATE: u64 = 1;

/// A position with room for a torn group comes after some groups, unless the chunks are too small for one.
const GROUPS_MAX: u64 = 500;

impl WriteUntilKilled {
    /// Writes, and comes back only when writing fails.
    pub(super) fn run(&self) -> Outcome {
        tear::leave_no_core()?;
        let mut random = Random::new(self.seed);
        let mut config = Config::new(&self.dir);
        config.chunk.max_size = self.chunk_bytes;
        config.log_cache_max_items = 1000;
        config.chunk.space_step = match (self.tear_after, random.between(0, 2)) {
            // All of a chunk at once: no space is laid while the limit is there, so it meets frames only.
            (Some(_), _) => self.chunk_bytes + (128 << 10),
            (None, 0) => 0,
            (None, 1) => 64 << 10,
            (None, _) => 1 << 20,
        };
        // Not made if it is gone.
        let storage = raft_log::DirectoryStorage::open(&self.dir)?;
        let log = RaftLog::open_on(config, std::sync::Arc::new(storage))
            .map_err(|error| because("cannot open the log", &error))?;
        let submitted = marks_of(&log.state());
        let input = Input::load(&self.input)?;
        let mut writer = Writer { log, input, random, term: self.term, submitted, tickets: VecDeque::new() };
        let failed = match writer.write_until_killed(self.tear_after, self.chunk_bytes) {
            Ok(()) => return Err("the writer was not killed".into()),
            Err(error) => error,
        };
        match poison_in(&*failed) {
            // Where SIGXFSZ is ignored, as below some shells and test runners, the torn write is an error instead.
            Some(why) => say(&Message::Poisoned(why)),
            None => Err(because("the writer gave up", &*failed)),
        }
    }
}

impl Writer {
    fn write_until_killed(&mut self, tear_after: Option<u64>, chunk_bytes: u64) -> Outcome {
        for group in 0.. {
            let is_due = tear_after.is_some_and(|groups| group >= groups);
            if is_due && (self.has_room(chunk_bytes) || group >= GROUPS_MAX) {
                return self.tear();
            }
            // Few large ones: more than fits a chunk now and then.
            let bytes = if self.random.once_in(64) { 20_000 } else { self.random.between(1, 3000) };
            self.write_group(bytes)?;
            if !self.random.once_in(4) {
                self.acknowledge()?;
            }
        }
        Ok(())
    }

    /// A vote now and then, entries of at least so many bytes, a commit now and then.
    fn write_group(&mut self, bytes: u64) -> Outcome {
        let start = self.submitted.entries;
        if self.random.once_in(4) {
            self.log.save_vote(PlainVote::new(start, CANDIDATE))?;
            self.submitted.vote = start;
        }
        let mut end = start;
        let mut encoded = 0;
        while encoded < bytes {
            encoded += tear::FRAME_BYTES_MIN + self.input.line(end).len() as u64;
            end += 1;
        }
        let (term, input) = (self.term, &self.input);
        self.log
            .append((start..end).map(|index| (TermIndex::new(term, index), input.line(index).clone())))?;
        self.submitted.entries = end;
        if self.random.once_in(3) {
            let committed = self.random.between(self.submitted.committed, end - 1) + 1;
            self.log.commit(self.log.reader().log_id(committed - 1)?)?;
            self.submitted.committed = committed;
        }
        Ok(())
    }

    /// Asks for everything to be durable in one of the three ways there are, and has it said.
    fn acknowledge(&mut self) -> Outcome {
        let submitted = self.submitted;
        match self.random.between(0, 2) {
            0 => {
                self.log.sync()?;
                say(&Message::Acknowledged(submitted))?;
            }
            1 => self.log.flush(move |outcome| {
                if outcome.is_ok() {
                    // If nobody listens any more, the next sync says so on the writer's own thread.
                    let _ = say(&Message::Acknowledged(submitted));
                }
            }),
            _ => self.tickets.push_back((self.log.ticket(), submitted)),
        }
        let in_flight_max = self.random.between(0, 6);
        self.redeem_tickets(in_flight_max)
    }

    fn redeem_tickets(&mut self, left: u64) -> Outcome {
        while self.tickets.len() as u64 > left
            && let Some((ticket, submitted)) = self.tickets.pop_front()
        {
            ticket.wait()?;
            say(&Message::Acknowledged(submitted))?;
        }
        Ok(())
    }

    fn has_room(&self, chunk_bytes: u64) -> bool {
        tear::has_room(self.log.wal().end().offset, chunk_bytes, self.input.longest())
    }

    /// Lowers the limit and writes across it.
    fn tear(&mut self) -> Outcome {
        self.redeem_tickets(0)?;
        // The first ticket is redeemed before the flush thread tidies up, the second after it: no other file is
        // being written when the limit comes.
        for _ in 0..2 {
            let submitted = self.submitted;
            self.tickets.push_back((self.log.ticket(), submitted));
            self.redeem_tickets(0)?;
        }
        let tear = tear::choose(self.log.wal().end().offset, &mut self.random);
        say(&Message::Limited(tear.limit))?;
        tear::apply(tear)?;
        self.write_group(tear.group_bytes)?;
        self.acknowledge()?;
        self.redeem_tickets(0)?;
        // A callback may be under way.
        self.log.sync()?;
        Ok(())
    }
}

/// One whole line at once, so that two threads never mix theirs.
fn say(message: &Message) -> Outcome {
    let mut out = io::stdout().lock();
    out.write_all(message.to_string().as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| format!("nobody listens to the writer: {error}").into())
}

/// Why the log is poisoned, if that is what failed.
fn poison_in(error: &(dyn Error + 'static)) -> Option<String> {
    let poison = match (error.downcast_ref::<FlushError>(), error.downcast_ref::<WriteError<PlainTypes>>()) {
        (Some(FlushError::Poisoned(poison)), _) | (_, Some(WriteError::Poisoned(poison))) => poison,
        _ => return None,
    };
    Some(format!("{poison}: {}", poison.source))
}
