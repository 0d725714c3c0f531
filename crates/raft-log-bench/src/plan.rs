//! How a run is made: how many rounds, how long, where, and who takes part; and the loop that all rows share.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Outcome;
use crate::contender::Peer;
use crate::row::Row;

/// What holds for all rows of a run.
pub(crate) struct Plan<'a> {
    pub(crate) rounds: usize,
    pub(crate) length: Duration,
    /// Figures are not wanted, only to see that it works: everything is smaller.
    pub(crate) is_quick: bool,
    /// Where files are made.
    pub(crate) directory: PathBuf,
    pub(crate) peers: &'a [Box<dyn Peer>],
}

/// A row whose limit was noisy is measured so often.
const ATTEMPTS: usize = 3;

impl Plan<'_> {
    /// A number of entries, fewer in a quick run.
    pub(crate) fn scaled(&self, entries: u64) -> u64 {
        if self.is_quick { entries / 20 } else { entries }
    }

    /// A directory for one row, that is not there yet or not any more.
    pub(crate) fn fresh_directory(&self, name: &str) -> Outcome<PathBuf> {
        let path = self.directory.join(name);
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        Ok(path)
    }

    /// Measures a row, again where its limit spread too far, and gives the attempt that was quietest.
    pub(crate) fn quietest(&self, mut measure: impl FnMut() -> Outcome<Row>) -> Outcome<Row> {
        let mut best = measure()?;
        for _ in 1..ATTEMPTS {
            if self.is_quick || !best.is_noisy() {
                break;
            }
            let row = measure()?;
            let spread = |row: &Row| row.limit().map_or(0.0, crate::row::Side::spread);
            if spread(&row) < spread(&best) {
                best = row;
            }
        }
        Ok(best)
    }
}

/// Empties the directory of a log. As those of a limit, its files come and go in one place: a file system may put each
/// directory's files elsewhere, and a disk that makes its space when it is first written is slow where nobody has been.
pub(crate) fn remove_files(directory: &Path) -> Outcome {
    for file in std::fs::read_dir(directory)? {
        std::fs::remove_file(file?.path())?;
    }
    Ok(())
}

/// The bytes of the files of a directory.
pub(crate) fn size_of(directory: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
