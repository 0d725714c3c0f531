//! The judge's side of a writer: starting it, hearing it, killing it. A writer that says nothing hangs, and is killed
//! for it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use rustix::process::{Pid, Signal, kill_process};

use super::part::Share;
use super::said::Said;
use super::work::Style;
use crate::Outcome;
use crate::random::Random;

/// How a writer is started.
pub(super) struct Start<'a> {
    pub(super) log: &'a Path,
    pub(super) seed: u64,
    pub(super) style: Style,
    /// So many steps; endless if `None`.
    pub(super) steps: Option<u64>,
    /// The beginning of a command that runs it: the tracer and its arguments.
    pub(super) below: Vec<String>,
    /// Where what it prints to standard error goes.
    pub(super) errors: PathBuf,
}

impl<'a> Start<'a> {
    /// An endless writer that nobody traces.
    pub(super) fn new(log: &'a Path, seed: u64, style: Style, share: &Share<'_>) -> Self {
        let errors = share.directory.join("errors");
        Self { log, seed, style, steps: None, below: Vec::new(), errors }
    }
}

/// A writer that runs.
pub(super) struct Running {
    child: Child,
    messages: Receiver<Said>,
    said: Vec<Said>,
    errors: PathBuf,
}

/// A writer that is dead.
pub(super) struct Life {
    pub(super) said: Vec<Said>,
    pub(super) status: ExitStatus,
    /// It was killed because it said nothing and did not end.
    pub(super) has_hung: bool,
    /// What it printed to standard error.
    pub(super) errors: String,
}

/// A writer that is silent for so long hangs.
const SILENCE_MAX: Duration = Duration::from_secs(60);

impl Start<'_> {
    pub(super) fn run(&self) -> Outcome<Running> {
        let program = std::env::current_exe()?;
        let mut command = match self.below.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(["torture", "write", "--dir"]).arg(self.log);
        command.args(["--seed", &self.seed.to_string()]);
        if let Some(style) = self.style.to_possible_value() {
            command.args(["--style", style.get_name()]);
        }
        if let Some(steps) = self.steps {
            command.args(["--steps", &steps.to_string()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&self.errors)?);
        let mut child = command
            .spawn()
            .map_err(|error| format!("{} does not start: {error}", command.get_program().display()))?;
        let (sender, messages) = channel();
        if let Some(out) = child.stdout.take() {
            thread::spawn(move || pass_on(out, &sender));
        }
        Ok(Running { child, messages, said: Vec::new(), errors: self.errors.clone() })
    }
}

/// Reads the writer's lines until it is dead; a line that its death cut short says nothing.
fn pass_on(out: ChildStdout, sender: &Sender<Said>) {
    let mut out = BufReader::new(out);
    let mut line = String::new();
    while let Ok(1..) = out.read_line(&mut line) {
        if let Some(said) = Said::parse(&line)
            && sender.send(said).is_err()
        {
            return;
        }
        line.clear();
    }
}

impl Running {
    /// Hears what it says until something fits, or it is dead. `false` if it hangs.
    pub(super) fn hear_until(&mut self, mut is_enough: impl FnMut(&Said) -> bool) -> bool {
        loop {
            match self.messages.recv_timeout(SILENCE_MAX) {
                Ok(said) => {
                    self.said.push(said);
                    if self.said.last().is_some_and(&mut is_enough) {
                        return true;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }

    /// Lets it write for a while: from nothing at all to some hundred steps, and then a moment.
    pub(super) fn wait_a_while(&mut self, random: &mut Random) -> bool {
        let (steps, micros_max) = match random.between(0, 9) {
            // While it starts, opens the log, or makes its first chunk.
            0 => (0, 8_000),
            1 => (0, 100_000),
            2 => (random.between(1, 8), 500),
            3 => (random.between(40, 200), 5_000),
            _ => (random.between(1, 40), 5_000),
        };
        let mut left = steps;
        let has_spoken = steps == 0
            || self.hear_until(|said| {
                left -= u64::from(matches!(said, Said::Issued(_)));
                left == 0
            });
        thread::sleep(Duration::from_micros(random.between(1, micros_max)));
        has_spoken
    }

    /// Kills it, and hears the rest of what it said.
    pub(super) fn kill(mut self) -> Outcome<Life> {
        self.child.kill()?;
        let status = self.child.wait()?;
        self.said.extend(self.messages.iter());
        Ok(self.life(status, false))
    }

    /// Waits for its end.
    pub(super) fn finish(mut self) -> Outcome<Life> {
        let has_ended = self.hear_until(|_| false);
        let deadline = Instant::now() + SILENCE_MAX;
        let mut status = None;
        while has_ended && status.is_none() && Instant::now() < deadline {
            status = self.child.try_wait()?;
            thread::sleep(Duration::from_micros(200));
        }
        if let Some(status) = status {
            return Ok(self.life(status, false));
        }
        // Below a tracer the writer is not the child: it says itself who it is.
        if let Some(Said::Begun(pid)) = self.said.first()
            && let Some(pid) = Pid::from_raw(*pid)
        {
            // It may be dead by now.
            let _ = kill_process(pid, Signal::KILL);
        }
        let status = match self.child.try_wait()? {
            Some(status) => status,
            None => {
                self.child.kill()?;
                self.child.wait()?
            }
        };
        self.said.extend(self.messages.iter());
        Ok(self.life(status, true))
    }

    fn life(self, status: ExitStatus, has_hung: bool) -> Life {
        let errors = fs::read_to_string(&self.errors).unwrap_or_default();
        Life { said: self.said, status, has_hung, errors }
    }
}

impl Life {
    /// Whether it was killed by this signal.
    pub(super) fn died_of(&self, signal: Signal) -> bool {
        self.status.signal() == Some(signal.as_raw())
    }

    /// How it ended, if not as `expected`: `SIGKILL`, or of itself with success.
    pub(super) fn complaint(&self) -> Option<String> {
        if self.has_hung {
            return Some(format!("the writer hung; the last it said was {:?}", self.said.last()));
        }
        let is_well = self.status.success() || self.died_of(Signal::KILL);
        (!is_well).then(|| format!("the writer ended with {}: {}", self.status, self.errors.trim()))
    }
}
