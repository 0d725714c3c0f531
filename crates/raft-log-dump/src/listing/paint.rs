//! Colour for a terminal. What a text says is the same without it.

/// What a stretch of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Heading,
    Bad,
    Warning,
    Good,
    Aside,
}

/// Colours text, or leaves it as it is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Paint {
    is_on: bool,
}

impl Paint {
    pub(crate) fn new(is_on: bool) -> Self {
        Self { is_on }
    }

    /// `text`, line by line in the colour of `ink`. Done last: escapes would be counted as width.
    pub(crate) fn paint(self, ink: Ink, text: &str) -> String {
        if !self.is_on || text.is_empty() {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Heading => "1",
            Ink::Bad => "1;31",
            Ink::Warning => "33",
            Ink::Good => "32",
            Ink::Aside => "2",
        };
        let lines = text.split('\n').map(|line| format!("\u{1b}[{code}m{line}\u{1b}[0m"));
        lines.collect::<Vec<String>>().join("\n")
    }
}
