//! The kinds of record that format version 1 knows, as bytes and as words.

use std::fmt::{self, Display};

/// The kind of a stored record.
///
/// Zero is no kind, so that bytes which were never written are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum RecordKind {
    /// A vote.
    SaveVote = 1,
    /// An entry.
    Append = 2,
    /// The committed mark.
    Commit = 3,
    /// Entries behind an id are dropped.
    TruncateAfter = 4,
    /// Entries up to an id are dropped.
    PurgeUpto = 5,
    /// The whole state at this place of the stream; the first record of each chunk.
    State = 6,
    /// The application's own small state.
    SaveUserData = 7,
    /// The head of what one flush wrote; not an operation.
    Group = 8,
}

impl RecordKind {
    /// All kinds, in the order of their bytes, which begin with 1.
    pub const ALL: [Self; 8] = [
        Self::SaveVote,
        Self::Append,
        Self::Commit,
        Self::TruncateAfter,
        Self::PurgeUpto,
        Self::State,
        Self::SaveUserData,
        Self::Group,
    ];

    /// The kind behind a stored byte, or `None` if this version knows none.
    #[inline]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte).checked_sub(1)?).copied()
    }

    /// The byte that is stored.
    #[inline]
    pub fn byte(self) -> u8 {
        self as u8
    }

    /// The word for it in listings: `append`, `vote`, …
    pub fn word(self) -> &'static str {
        match self {
            Self::SaveVote => "vote",
            Self::Append => "append",
            Self::Commit => "commit",
            Self::TruncateAfter => "truncate",
            Self::PurgeUpto => "purge",
            Self::State => "state",
            Self::SaveUserData => "user-data",
            Self::Group => "group",
        }
    }
}

impl Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
