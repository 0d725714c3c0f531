//! What a writer was told is durable, and how it passes that on: one line for each acknowledgement.
//!
//! Everything in it only ever grows, so two acknowledgements are joined by taking the greater of each.

use std::fmt;

/// A promise of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Acknowledged {
    /// How many entries are durable.
    pub(super) entries: u64,
    /// How many of them are durably committed.
    pub(super) committed: u64,
    /// The term of the durable vote. The writer votes for the term that is the number of entries at that moment.
    pub(super) vote: u64,
}

/// What a writer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// Something became durable.
    Acknowledged(Acknowledged),
    /// From now on the kernel lets it write up to this offset of a file.
    Limited(u64),
    /// The log takes nothing any more, for this reason.
    Poisoned(String),
}

impl Acknowledged {
    /// What both promise together.
    pub(super) fn join(&mut self, other: Self) {
        self.entries = self.entries.max(other.entries);
        self.committed = self.committed.max(other.committed);
        self.vote = self.vote.max(other.vote);
    }
}

impl Message {
    /// Parses a line with the line feed at its end. `None` for a line that was cut short, or is no message.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.strip_suffix('\n')?.split_once(' ')?;
        if word == "poisoned" {
            return Some(Self::Poisoned(rest.to_owned()));
        }
        let mut numbers = rest.split(' ').map(|number| number.parse().ok());
        let mut number = || numbers.next().flatten();
        let message = match word {
            "ack" => {
                Self::Acknowledged(Acknowledged { entries: number()?, committed: number()?, vote: number()? })
            }
            "limit" => Self::Limited(number()?),
            _ => return None,
        };
        numbers.next().is_none().then_some(message)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acknowledged(Acknowledged { entries, committed, vote }) => {
                writeln!(f, "ack {entries} {committed} {vote}")
            }
            Self::Limited(limit) => writeln!(f, "limit {limit}"),
            Self::Poisoned(why) => writeln!(f, "poisoned {}", why.replace('\n', " ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_from_its_line() {
        for message in [
            Message::Acknowledged(Acknowledged { entries: 120, committed: 7, vote: 99 }),
            Message::Limited(4097),
            Message::Poisoned("the log is poisoned: file too large".into()),
        ] {
            assert_eq!(Message::parse(&message.to_string()), Some(message));
        }
    }

    #[test]
    fn a_line_that_was_cut_short_acknowledges_nothing() {
        let line = Message::Acknowledged(Acknowledged { entries: 120, committed: 7, vote: 99 }).to_string();
        for end in 0..line.len() {
            assert_eq!(Message::parse(&line[..end]), None, "{end}");
        }
        for line in ["ack 1 2\n", "ack 1 2 3 4\n", "ack 1 2 x\n", "nack 1 2 3\n", "\n"] {
            assert_eq!(Message::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn joined_promises_are_both_kept() {
        let mut promised = Acknowledged { entries: 5, committed: 1, vote: 4 };
        promised.join(Acknowledged { entries: 3, committed: 2, vote: 4 });
        assert_eq!(promised, Acknowledged { entries: 5, committed: 2, vote: 4 });
    }
}
