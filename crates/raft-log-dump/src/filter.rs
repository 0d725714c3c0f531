//! Which records are shown, as it is said on a command line.

use std::fmt::{self, Display};
use std::str::FromStr;

use raft_log_chunk::ChunkId;
use raft_log_codec::RecordKind;

use crate::StoredRecord;

/// Which records are shown: those that pass every part that is set.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Filter {
    /// Records with an index in this range.
    pub index: Option<IndexRange>,
    /// Records with a term in this range.
    pub term: Option<IndexRange>,
    /// Records of these kinds.
    pub kinds: Option<KindSet>,
}

impl Filter {
    /// Whether the record is shown.
    pub fn shows(&self, record: &StoredRecord) -> bool {
        let head = &record.frame.head;
        self.index.is_none_or(|range| head.index().is_some_and(|index| range.contains(index)))
            && self.term.is_none_or(|range| head.term().is_some_and(|term| range.contains(term)))
            && self.kinds.as_ref().is_none_or(|kinds| {
                head.kind().is_some_and(|kind| kinds.kinds.contains(&kind)) || (kinds.bad && record.is_bad())
            })
    }

    /// Whether anything is left out.
    pub fn is_set(&self) -> bool {
        self.index.is_some() || self.term.is_some() || self.kinds.is_some()
    }

    /// Whether damage is shown that has neither kind nor index.
    pub fn shows_gaps(&self) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.bad)
    }
}

/// A range of indexes or terms, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexRange {
    first: u64,
    last: u64,
}

impl IndexRange {
    /// The first in it.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The last in it.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Whether the index is in it.
    pub fn contains(&self, index: u64) -> bool {
        (self.first..=self.last).contains(&index)
    }
}

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFilter(String);

impl InvalidFilter {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }
}

impl Display for InvalidFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidFilter {}

fn number(text: &str) -> Result<u64, InvalidFilter> {
    let digits = text.replace('_', "");
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| is_number);
    number.ok_or_else(|| InvalidFilter(format!("{text:?} is not a number")))
}

impl Display for IndexRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (first, last) if first == last => write!(f, "{first}"),
            (first, u64::MAX) => write!(f, "{first}.."),
            (first, last) => write!(f, "{first}..={last}"),
        }
    }
}

impl FromStr for IndexRange {
    type Err = InvalidFilter;

    /// Reads a range as Rust writes it (`930..=940`, `930..941`, `5..`, `..9`, `..=9`), or a single index.
    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        let Some((start, end)) = text.split_once("..") else {
            let index = number(text)?;
            return Ok(Self { first: index, last: index });
        };
        let empty = || InvalidFilter(format!("the range {text} is empty"));
        let first = if start.is_empty() { 0 } else { number(start)? };
        let last = match end.strip_prefix('=') {
            Some(last) => number(last)?,
            None if end.is_empty() => u64::MAX,
            None => number(end)?.checked_sub(1).ok_or_else(empty)?,
        };
        if first > last {
            return Err(empty());
        }
        Ok(Self { first, last })
    }
}

/// Kinds of records, and whether bad ones are meant as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindSet {
    kinds: Vec<RecordKind>,
    bad: bool,
}

impl FromStr for KindSet {
    type Err = InvalidFilter;

    /// Reads words as listings show them, and `bad`, joined by `,` or `|`.
    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        let mut set = Self { kinds: Vec::new(), bad: false };
        for word in text.split([',', '|']).map(str::trim) {
            if word == "bad" {
                set.bad = true;
                continue;
            }
            match RecordKind::ALL.into_iter().find(|kind| kind.word() == word) {
                Some(kind) => set.kinds.push(kind),
                None => {
                    let words = RecordKind::ALL.map(RecordKind::word).join(", ");
                    return Err(InvalidFilter(format!("{word:?} is no kind; there are {words} and bad")));
                }
            }
        }
        Ok(set)
    }
}

/// Reads a chunk's id as listings show it, as its file is named, or as a number.
pub(crate) fn parse_chunk_id(text: &str) -> Result<ChunkId, InvalidFilter> {
    let name = if text.ends_with(".wal") { text.to_owned() } else { format!("{text}.wal") };
    match ChunkId::from_file_name(&name) {
        Ok(Some(id)) => Ok(id),
        Ok(None) => number(text).map(ChunkId::new),
        Err(error) => Err(InvalidFilter(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rust_writes_them() {
        for (text, first, last) in [
            ("930..=940", 930, 940),
            ("5..", 5, u64::MAX),
            ("..9", 0, 8),
            ("..=9", 0, 9),
            ("..", 0, u64::MAX),
            ("7", 7, 7),
            ("1_000..2_000", 1000, 1999),
            ("0..=18446744073709551615", 0, u64::MAX),
        ] {
            assert_eq!(text.parse(), Ok(IndexRange { first, last }), "{text}");
        }
        for text in
            ["", "a..b", "5..5", "9..=3", "..0", "..=", "-1..", "1...3", "+5", "_", "18446744073709551616"]
        {
            assert!(text.parse::<IndexRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn kinds_are_read_with_both_separators_and_nothing_else_is() {
        let set = KindSet { kinds: vec![RecordKind::Append, RecordKind::SaveVote], bad: true };
        assert_eq!("append,vote|bad".parse(), Ok(set));
        for text in ["", "appendix", "append,,vote"] {
            assert!(text.parse::<KindSet>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_chunk_is_named_in_three_ways() {
        for text in ["r-00_000_000_000_000_004_096", "r-00_000_000_000_000_004_096.wal", "4096", "4_096"] {
            assert_eq!(parse_chunk_id(text), Ok(ChunkId::new(4096)), "{text}");
        }
        for text in ["r-1", "LOCK", "", "r-"] {
            assert!(parse_chunk_id(text).is_err(), "{text}");
        }
    }
}
