//! What a writer says to its judge: one line for each thing, said in the moment it is known.
//!
//! A step is said before it is done, and an acknowledgement after it was given: so the judge never believes too
//! little was submitted, or too much was promised.

use std::fmt;
use std::io::{self, Write};

use crate::Outcome;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// The writer runs, under this process id, and has not touched the log.
    Begun(i32),
    /// The log is open, and holds what has this digest.
    Opened(u64),
    /// The log does not open.
    NotOpened(String),
    /// The step with this number is about to be done.
    Issued(u64),
    /// The step just said to be issued purges.
    Purges(u64),
    /// That step was refused; nothing of it may be there.
    Refused(u64, String),
    /// That step and all before are durable.
    Acknowledged(u64),
    /// From now on the kernel lets it write up to this offset of a file, and no step but this one follows.
    Limited(u64, u64),
    /// The log takes nothing any more.
    Poisoned(String),
    /// An acknowledgement that must not be.
    FalseAck(String),
    /// Something else that must not be.
    Wrong(String),
    /// It is done, and has closed the log.
    Ended,
}

impl Said {
    /// Parses a line with the line feed at its end. `None` for a line that was cut short, or is none of these.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let line = line.strip_suffix('\n')?;
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let number = || rest.parse().ok();
        Some(match word {
            "begun" => Self::Begun(rest.parse().ok()?),
            "opened" => Self::Opened(number()?),
            "not-opened" => Self::NotOpened(rest.to_owned()),
            "issued" => Self::Issued(number()?),
            "purges" => Self::Purges(number()?),
            "refused" => {
                let (number, why) = rest.split_once(' ')?;
                Self::Refused(number.parse().ok()?, why.to_owned())
            }
            "ack" => Self::Acknowledged(number()?),
            "limited" => {
                let (limit, bytes) = rest.split_once(' ')?;
                Self::Limited(limit.parse().ok()?, bytes.parse().ok()?)
            }
            "poisoned" => Self::Poisoned(rest.to_owned()),
            "false-ack" => Self::FalseAck(rest.to_owned()),
            "wrong" => Self::Wrong(rest.to_owned()),
            "ended" => Self::Ended,
            _ => return None,
        })
    }

    /// Says it: one whole line at once, so that two threads never mix theirs.
    ///
    /// # Errors
    /// When nobody listens.
    pub(super) fn say(&self) -> Outcome {
        let mut out = io::stdout().lock();
        out.write_all(self.to_string().as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error| format!("nobody listens to the writer: {error}").into())
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flat = |why: &String| why.replace('\n', " ");
        match self {
            Self::Begun(pid) => writeln!(f, "begun {pid}"),
            Self::Opened(digest) => writeln!(f, "opened {digest}"),
            Self::NotOpened(why) => writeln!(f, "not-opened {}", flat(why)),
            Self::Issued(number) => writeln!(f, "issued {number}"),
            Self::Purges(number) => writeln!(f, "purges {number}"),
            Self::Refused(number, why) => writeln!(f, "refused {number} {}", flat(why)),
            Self::Acknowledged(number) => writeln!(f, "ack {number}"),
            Self::Limited(limit, bytes) => writeln!(f, "limited {limit} {bytes}"),
            Self::Poisoned(why) => writeln!(f, "poisoned {}", flat(why)),
            Self::FalseAck(why) => writeln!(f, "false-ack {}", flat(why)),
            Self::Wrong(why) => writeln!(f, "wrong {}", flat(why)),
            Self::Ended => writeln!(f, "ended"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_comes_back_from_its_line_and_no_piece_of_a_line_is_one() {
        for said in [
            Said::Begun(17),
            Said::Opened(u64::MAX),
            Said::NotOpened("an error".into()),
            Said::Issued(120),
            Said::Purges(120),
            Said::Refused(3, "no space is left".into()),
            Said::Acknowledged(119),
            Said::Limited(70_001, 400),
            Said::Poisoned("a sync failed".into()),
            Said::FalseAck("after an error".into()),
            Said::Wrong("this".into()),
            Said::Ended,
        ] {
            let line = said.to_string();
            assert_eq!(Said::parse(&line), Some(said));
            for end in 0..line.len() {
                assert_eq!(Said::parse(&line[..end]), None, "{line:?} up to {end}");
            }
        }
        assert_eq!(Said::parse("nonsense 1\n"), None);
    }
}
