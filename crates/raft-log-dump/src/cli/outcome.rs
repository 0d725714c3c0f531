//! How a run ends: the exit codes, and what ends a run before its time.

use std::fmt::Display;
use std::io;

use super::console::Console;
use crate::opening::full_text;
use crate::{Counts, OpenAnswer};

/// How a run ended. The numbers are a stable interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing is wrong.
    Clean,
    /// Something is, and the next `open()` passes over it: a torn tail, or damage that leaves the log usable.
    PassedOver,
    /// Two logs differ.
    Differ,
    /// What was asked for makes no sense.
    Usage,
    /// `open()` would refuse the directory.
    Refused,
    /// It cannot be read: an I/O error, no log there, an unsupported version.
    CannotRead,
    /// Somebody else has the log open.
    Locked,
}

impl Outcome {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::PassedOver | Self::Differ => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::CannotRead => 4,
            Self::Locked => 5,
        }
    }

    /// What a whole directory amounts to.
    pub(crate) fn of(answer: &OpenAnswer, counts: Counts) -> Self {
        match answer {
            OpenAnswer::Refuses(_) if !answer.cannot_read() => Self::Refused,
            OpenAnswer::Refuses(_) => Self::CannotRead,
            _ if counts.unreadable > 0 => Self::CannotRead,
            _ if counts.damaged > 0 || counts.is_torn => Self::PassedOver,
            _ => Self::Clean,
        }
    }
}

/// Why a run ends before its time.
#[derive(Debug)]
pub(crate) enum Stop {
    /// With this outcome, for this reason.
    Failed(Outcome, String),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl Stop {
    pub(crate) fn usage(text: impl Display) -> Self {
        Self::Failed(Outcome::Usage, text.to_string())
    }

    pub(crate) fn cannot_read(text: impl Display) -> Self {
        Self::Failed(Outcome::CannotRead, text.to_string())
    }

    /// Says why, and gives the outcome.
    pub(crate) fn tell(self, console: &mut Console) -> Outcome {
        match self {
            Self::Failed(outcome, text) => {
                // What was written so far comes first.
                drop(console.flush());
                console.say(&text);
                outcome
            }
            // Whoever reads has enough, and knows why.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Outcome::Clean,
            Self::Output(error) => {
                console.say(&format!("cannot write: {}", full_text(&error)));
                Outcome::CannotRead
            }
        }
    }
}

/// Only for writing to standard output: other errors know what was being done.
impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

pub(crate) type Ended = Result<Outcome, Stop>;
