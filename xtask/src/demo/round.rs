//! One round: a writer is started and dies, and the log it leaves is opened and compared.
//!
//! Only what the writer said before it died counts as acknowledged; the log is opened in this process, which had no
//! part in writing it.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use raft_log::{OpenReport, PlainTypes, RaftLog, TermIndex};
use rustix::process::Signal;

use super::acknowledged::{Acknowledged, Message};
use super::compare::{Found, Verdict, Written, compare};
use super::input::Input;
use super::{because, marks_of};
use crate::Outcome;
use crate::random::Random;

/// How the writer of a round dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// By `SIGKILL`, at any moment.
    Kill,
    /// By the kernel, in the middle of a write.
    Tear,
}

impl Kind {
    /// Odd rounds are of the one kind, even rounds of the other.
    pub(super) fn of(round: u64) -> Self {
        if round % 2 == 1 { Self::Kill } else { Self::Tear }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Tear => "tear",
        }
    }
}

/// What stays the same from round to round.
pub(super) struct Stage<'a> {
    pub(super) input_path: &'a Path,
    pub(super) input: &'a Input,
    pub(super) directory: &'a Path,
    pub(super) chunk_bytes: u64,
}

/// What a round came to.
pub(super) struct Round {
    /// Everything that is acknowledged after it.
    pub(super) promised: Acknowledged,
    pub(super) found: Found,
    pub(super) report: OpenReport,
    pub(super) verdict: Verdict,
}

/// A writer that says nothing for so long hangs.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// When the writer is killed: so long after it was started, or after an acknowledgement.
struct Moment {
    acknowledgements: u64,
    later: Duration,
}

impl Moment {
    fn choose(random: &mut Random) -> Self {
        // The first kind hits the writer while it opens the log and makes its chunk.
        let (acknowledgements, micros_max) =
            if random.once_in(6) { (0, 40_000) } else { (random.between(1, 60), 3_000) };
        Self { acknowledgements, later: Duration::from_micros(random.between(0, micros_max)) }
    }
}

/// Plays one round. `before` is what the log held and promised before it.
///
/// # Errors
/// When the writer does not die as it should, or the log cannot be opened.
pub(super) fn play(
    stage: &Stage<'_>,
    kind: Kind,
    term: u64,
    before: Acknowledged,
    written: &mut Written,
    random: &mut Random,
) -> Outcome<Round> {
    written.begin(before.entries, term, 0);
    let mut promised = before;
    let said = write(stage, kind, term, random)?;
    let mut verdict = Verdict::default();
    for message in said {
        match message {
            Message::Acknowledged(acknowledged) => promised.join(acknowledged),
            Message::Poisoned(why) if kind == Kind::Kill => verdict.wrong(why),
            Message::Poisoned(_) | Message::Limited(_) => {}
        }
    }
    let log = RaftLog::open(stage.directory).map_err(|error| {
        let promise = format!("{} entries were acknowledged and cannot be reached", promised.entries);
        because(&format!("the log does not open after round {term}, {promise}"), &error)
    })?;
    let (found, compared) = check(&log, stage.input, written, promised);
    verdict.lost += compared.lost;
    verdict.wrong += compared.wrong;
    verdict.examples.extend(compared.examples);
    Ok(Round { promised, found, report: log.report().clone(), verdict })
}

/// Reads all of a log and compares it.
pub(super) fn check(
    log: &RaftLog<PlainTypes>,
    input: &Input,
    written: &Written,
    promised: Acknowledged,
) -> (Found, Verdict) {
    let first = log.reader().indexes().start;
    let found = Found { first, marks: marks_of(&log.state()) };
    (found, compare(input, written, promised, found, read(log, first)))
}

/// All entries from `first` on, some at a time; the error that ends them is the last item.
fn read(
    log: &RaftLog<PlainTypes>,
    first: u64,
) -> impl Iterator<Item = Result<(TermIndex, Bytes), String>> + '_ {
    let reader = log.reader();
    let mut next = first;
    let batches = std::iter::from_fn(move || {
        let batch = match reader.read_limited(next, u64::MAX, 1 << 20) {
            Ok(batch) if batch.is_empty() => return None,
            Ok(batch) => batch.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(because(&format!("reading from entry {next} on"), &error).to_string())],
        };
        next += batch.len() as u64;
        Some(batch)
    });
    batches.flatten()
}

/// Runs a writer until it is dead, and gives all it said.
fn write(stage: &Stage<'_>, kind: Kind, term: u64, random: &mut Random) -> Outcome<Vec<Message>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["demo", "write-until-killed"]);
    command.arg("--input").arg(stage.input_path).arg("--dir").arg(stage.directory);
    command.arg("--term").arg(term.to_string()).arg("--seed").arg(random.next().to_string());
    command.arg("--chunk-bytes").arg(stage.chunk_bytes.to_string());
    if kind == Kind::Tear {
        command.arg("--tear-after").arg(random.between(3, 60).to_string());
    }
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let (sender, messages) = channel();
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || pass_on(out, &sender));
    }
    let mut said = Vec::new();
    let heard = match kind {
        Kind::Kill => wait_for(&Moment::choose(random), &messages, &mut said),
        Kind::Tear => hear(&messages, u64::MAX, &mut said),
    };
    let has_ended = child.try_wait()?.is_some();
    if kind == Kind::Kill || heard.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    // What was said before the death and not read yet: the pipe keeps it.
    said.extend(messages.iter());
    heard?;
    let is_poisoned = said.iter().any(|message| matches!(message, Message::Poisoned(_)));
    let signal = status.signal();
    let is_expected = match kind {
        Kind::Kill => signal == Some(Signal::KILL.as_raw()) && !has_ended,
        Kind::Tear => signal == Some(Signal::XFSZ.as_raw()) || (status.success() && is_poisoned),
    };
    if is_expected { Ok(said) } else { Err(unexpected(kind, term, status)) }
}

fn unexpected(kind: Kind, term: u64, status: ExitStatus) -> Box<dyn std::error::Error> {
    format!(
        "the writer of round {term} ({}) ended by itself: {status}; what it said of it is above",
        kind.word()
    )
    .into()
}

/// Reads the writer's lines until it is dead; a line that its death cut short says nothing.
fn pass_on(out: ChildStdout, sender: &Sender<Message>) {
    let mut out = BufReader::new(out);
    let mut line = String::new();
    while let Ok(1..) = out.read_line(&mut line) {
        if let Some(message) = Message::parse(&line)
            && sender.send(message).is_err()
        {
            return;
        }
        line.clear();
    }
}

fn wait_for(moment: &Moment, messages: &Receiver<Message>, said: &mut Vec<Message>) -> Outcome {
    hear(messages, moment.acknowledgements, said)?;
    thread::sleep(moment.later);
    Ok(())
}

/// Hears so many messages, or all until the writer is dead.
fn hear(messages: &Receiver<Message>, count: u64, said: &mut Vec<Message>) -> Outcome {
    for _ in 0..count {
        match messages.recv_timeout(SILENCE_MAX) {
            Ok(message) => said.push(message),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                return Err(format!("the writer said nothing for {} s", SILENCE_MAX.as_secs()).into());
            }
        }
    }
    Ok(())
}
