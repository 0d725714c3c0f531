//! The names in a log's directory: made here and parsed here, and nowhere else.

use std::fmt::{self, Display};

use raft_log_codec::GroupedFixed;

/// The lock file.
pub const LOCK_FILE: &str = "LOCK";

/// The file that says how far the log is known to be durable.
pub const DURABLE_FILE: &str = "DURABLE";

const PREFIX: &str = "r-";
const SUFFIX: &str = ".wal";
const TEMPORARY_PREFIX: &str = "spare-";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// The id of a chunk: the offset of its first byte in the whole log.
///
/// It is shown as its file is named: `r-00_000_000_000_000_004_096`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ChunkId(u64);

/// A name that looks like a chunk's and is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid chunk file name {name:?}: expected r-, 20 digits grouped like 00_000_000_000_000_004_096, and .wal; \
     rename or move it away"
)]
pub struct InvalidChunkFileName {
    /// The name.
    pub name: String,
}

impl ChunkId {
    /// The highest id that a file may have. No file is larger than this number of bytes either, so that places in a chunk
    /// have an offset in the log, too.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// The chunk that begins at `offset` of the log.
    pub const fn new(offset: u64) -> Self {
        Self(offset)
    }

    /// The offset of its first byte in the log.
    pub const fn offset(self) -> u64 {
        self.0
    }

    /// The name of its file.
    pub fn file_name(self) -> String {
        format!("{PREFIX}{}{SUFFIX}", GroupedFixed(self.0))
    }

    /// The chunk that a file holds, or `None` if the name is not meant to be a chunk's.
    ///
    /// # Errors
    /// When the name begins and ends like a chunk's, but is none; also where no file could reach to the chunk's end,
    /// because the number is above [`ChunkId::MAX`].
    pub fn from_file_name(name: &str) -> Result<Option<Self>, InvalidChunkFileName> {
        let Some(number) = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX)) else {
            return Ok(None);
        };
        match GroupedFixed::parse(number) {
            Some(number) if number.0 <= Self::MAX.0 => Ok(Some(Self(number.0))),
            _ => Err(InvalidChunkFileName { name: name.to_owned() }),
        }
    }
}

impl Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", GroupedFixed(self.0))
    }
}

/// The name of the temporary file with this number: space that will become a chunk.
pub(crate) fn temporary_file_name(number: u64) -> String {
    format!("{TEMPORARY_PREFIX}{number}{TEMPORARY_SUFFIX}")
}

/// Whether recovery passes the name over: what a crash left, or space laid for later. Such a file is overwritten or
/// removed, so only the very names that are made here count, and no other `.tmp`.
pub fn is_temporary_file_name(name: &str) -> bool {
    let number = name.strip_prefix(TEMPORARY_PREFIX).and_then(|rest| rest.strip_suffix(TEMPORARY_SUFFIX));
    number.is_some_and(|number| number.parse().is_ok_and(|parsed| temporary_file_name(parsed) == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back() {
        for offset in [0, 4096, ChunkId::MAX.offset()] {
            let id = ChunkId::new(offset);
            assert_eq!(ChunkId::from_file_name(&id.file_name()), Ok(Some(id)));
        }
        assert_eq!(ChunkId::new(4096).file_name(), "r-00_000_000_000_000_004_096.wal");
    }

    #[test]
    fn only_temporary_names_that_are_made_here_are_temporary() {
        for number in [0, 7, u64::MAX] {
            assert!(is_temporary_file_name(&temporary_file_name(number)));
        }
        for name in
            ["notes.tmp", ".tmp", "spare-.tmp", "spare-+7.tmp", "spare-07.tmp", "spare-x.tmp", "spare-7"]
        {
            assert!(!is_temporary_file_name(name), "{name}");
        }
    }

    #[test]
    fn other_names_are_not_ours_and_bent_ones_are_refused() {
        for name in
            ["LOCK", "DURABLE", "spare-1.tmp", "r-1", "x.wal", "r-00_000_000_000_000_004_096.wal.bak", ""]
        {
            assert_eq!(ChunkId::from_file_name(name), Ok(None), "{name}");
        }
        let beyond = ChunkId::new(ChunkId::MAX.offset() + 1).file_name();
        assert!(ChunkId::from_file_name(&beyond).is_err());
        for name in ["r-1.wal", "r-.wal", "r-00000000000000004096.wal", "r-00_000_000_000_000_00x_096.wal"] {
            assert!(ChunkId::from_file_name(name).is_err(), "{name}");
        }
    }
}
