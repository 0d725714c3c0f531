//! The text whose lines become entries.
//!
//! A line is what stands between two line feeds, byte for byte; the text need not be UTF-8. There is always at least
//! one line, and after the last the first comes again.

use std::path::{Path, PathBuf};
use std::{env, fs};

use bytes::Bytes;

use crate::Outcome;

/// The text that is taken when none is given, from the root of the workspace.
const DEFAULT: &str = "CONTRIBUTING.md";

/// The lines of a text.
#[derive(Debug)]
pub(super) struct Input {
    lines: Vec<Bytes>,
    longest: u64,
}

impl Input {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is empty.
    pub(super) fn load(path: &Path) -> Outcome<Self> {
        let text = fs::read(path).map_err(|error| {
            format!("cannot read {}: {error}; give a text file with --input FILE", path.display())
        })?;
        Self::parse(text.into())
            .ok_or_else(|| format!("{} is empty; give a text with --input FILE", path.display()).into())
    }

    fn parse(text: Bytes) -> Option<Self> {
        let text = if text.ends_with(b"\n") { text.slice(..text.len() - 1) } else { text };
        if text.is_empty() {
            return None;
        }
        let lines: Vec<Bytes> = text.split(|byte| *byte == b'\n').map(|line| text.slice_ref(line)).collect();
        let longest = lines.iter().map(|line| line.len() as u64).max()?;
        Some(Self { lines, longest })
    }

    /// The line of this number, counted from 0; behind the last comes the first.
    pub(super) fn line(&self, number: u64) -> &Bytes {
        let place = usize::try_from(number % self.lines.len() as u64).unwrap_or_default();
        self.lines.get(place).unwrap_or_else(|| unreachable!("a remainder is below the count"))
    }

    /// How many lines there are.
    pub(super) fn count(&self) -> usize {
        self.lines.len()
    }

    /// The bytes of the longest line.
    pub(super) fn longest(&self) -> u64 {
        self.longest
    }
}

/// The document of the repository that stands in where no input is given.
///
/// # Errors
/// When the workspace is not found.
pub(super) fn default_path() -> Outcome<PathBuf> {
    let advice = "run this as `cargo xtask demo`, or give a text file with --input FILE";
    let package = env::var_os("CARGO_MANIFEST_DIR").ok_or(advice)?;
    let root = Path::new(&package).parent().ok_or(advice)?;
    Ok(root.join(DEFAULT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_byte_for_byte_and_start_again_behind_the_last() {
        let input = Input::parse(Bytes::from_static(b"one\r\n\n\xfftwo")).unwrap();
        assert_eq!(input.count(), 3);
        assert_eq!(input.longest(), 4);
        let lines: Vec<&[u8]> = (0..5).map(|number| input.line(number).as_ref()).collect();
        assert_eq!(lines, [b"one\r".as_ref(), b"", b"\xfftwo", b"one\r", b""]);
    }

    #[test]
    fn a_line_feed_at_the_end_begins_no_line() {
        assert_eq!(Input::parse(Bytes::from_static(b"one\n")).unwrap().count(), 1);
        assert_eq!(Input::parse(Bytes::from_static(b"one\n\n")).unwrap().count(), 2);
    }

    #[test]
    fn an_empty_text_is_refused_with_advice() {
        assert!(Input::parse(Bytes::new()).is_none());
        assert!(Input::parse(Bytes::from_static(b"\n")).is_none());
        let error = Input::load(Path::new("/nowhere/at/all")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all") && error.contains("--input FILE"), "{error}");
    }

    #[test]
    fn the_default_is_a_text_of_the_repository() {
        assert!(Input::load(&default_path().unwrap()).unwrap().count() > 20);
    }
}
