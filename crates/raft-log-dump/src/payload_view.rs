//! How a payload is shown. The log does not know what a payload means; an application's own view may.

use std::fmt::Write;

use bytes::Bytes;
use clap::ValueEnum;

use crate::base64;

/// How many characters a preview has at most, its quotes not counted.
const PREVIEW_CHARS: usize = 40;

/// Shows payloads: one of the built-in [`PayloadMode`]s, or an application's own.
///
/// Only payloads whose checksum is good are shown. Control characters in the answer are escaped by the listing.
pub trait PayloadView {
    /// The payload as it stands in a line.
    fn show(&self, payload: &Bytes) -> String;

    /// Whether the size of payloads is shown as well.
    fn shows_len(&self) -> bool {
        true
    }

    /// Whether anything of payloads is shown but their size.
    fn shows_data(&self) -> bool {
        true
    }

    /// Whether what it gives needs no escaping.
    fn is_escaped(&self) -> bool {
        false
    }

    /// How many bytes of a payload it looks at. More than that need not be given to it.
    fn bytes_wanted(&self) -> usize {
        usize::MAX
    }

    /// Why it cannot show payloads any more, if so: the listing ends then, and says it.
    fn failure(&self) -> Option<String> {
        None
    }
}

/// The built-in ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[non_exhaustive]
pub enum PayloadMode {
    /// Nothing of it, not even its size.
    None,
    /// Its size only.
    Len,
    /// Its first characters, escaped.
    #[default]
    Preview,
    /// All of it as text, escaped.
    Text,
    /// All of it as hexadecimal digits.
    Hex,
    /// All of it in base64.
    Base64,
}

impl PayloadView for PayloadMode {
    fn show(&self, payload: &Bytes) -> String {
        match self {
            Self::None | Self::Len => String::new(),
            Self::Preview => quoted(payload, PREVIEW_CHARS),
            Self::Text => quoted(payload, usize::MAX),
            Self::Hex => hex(payload),
            Self::Base64 => base64::encode(payload),
        }
    }

    fn shows_len(&self) -> bool {
        *self != Self::None
    }

    fn is_escaped(&self) -> bool {
        true
    }

    fn bytes_wanted(&self) -> usize {
        match self {
            Self::None | Self::Len => 0,
            // One more than it can show, so that it is seen to go on.
            Self::Preview => PREVIEW_CHARS * 4 + 1,
            Self::Text | Self::Hex | Self::Base64 => usize::MAX,
        }
    }

    fn shows_data(&self) -> bool {
        !matches!(self, Self::None | Self::Len)
    }
}

fn quoted(payload: &[u8], chars_max: usize) -> String {
    // An escaped character is at most one byte of payload a piece, so this is enough of it.
    let start = payload.get(..chars_max.saturating_mul(4)).unwrap_or(payload);
    let mut text = String::with_capacity(start.len().min(chars_max) + 8);
    text.push('"');
    // Most payloads are text, or begin with some: that much is taken at once.
    let plain = start.iter().take(chars_max).take_while(|byte| is_plain(char::from(**byte))).count();
    let (plain, start) = start.split_at(plain);
    text.extend(plain.iter().map(|byte| char::from(*byte)));
    let mut left = chars_max - plain.len();
    let mut shown_bytes = plain.len();
    'all: for chunk in start.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_plain(c) {
                let Some(less) = left.checked_sub(1) else { break 'all };
                left = less;
                text.push(c);
            } else {
                let piece = escaped_char(c, true);
                let Some(less) = left.checked_sub(piece.chars().count()) else { break 'all };
                left = less;
                text.push_str(&piece);
            }
            shown_bytes += c.len_utf8();
        }
        for byte in chunk.invalid() {
            let piece = format!("\\x{byte:02x}");
            let Some(less) = left.checked_sub(piece.len()) else { break 'all };
            left = less;
            text.push_str(&piece);
            shown_bytes += 1;
        }
    }
    text.push(if shown_bytes == payload.len() { '"' } else { '…' });
    text
}

/// Whether it stands for itself, also in quotes; the case of nearly all characters.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~') && c != '"' && c != '\\'
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The text with everything escaped that could move a terminal's cursor, end a line or hide what follows.
pub fn escape(text: &str) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unseen(c) { escaped.extend(c.escape_default()) } else { escaped.push(c) }
    }
    escaped
}

/// Whether a terminal would not show it, or would do something about it.
fn is_unseen(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn escaped_char(c: char, in_quotes: bool) -> String {
    if is_unseen(c) || (in_quotes && matches!(c, '"' | '\\')) {
        c.escape_default().to_string()
    } else {
        c.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview(payload: &'static [u8]) -> String {
        PayloadMode::Preview.show(&Bytes::from_static(payload))
    }

    #[test]
    fn a_preview_is_short_and_says_whether_more_follows() {
        assert_eq!(preview(b""), "\"\"");
        assert_eq!(preview(b"SET a {\"b\"}"), r#""SET a {\"b\"}""#);
        assert_eq!(preview(&[b'x'; 40]), format!("\"{}\"", "x".repeat(40)));
        assert_eq!(preview(&[b'x'; 41]), format!("\"{}…", "x".repeat(40)));
        assert_eq!(preview("ä".repeat(40).leak().as_bytes()), format!("\"{}\"", "ä".repeat(40)));
        assert_eq!(preview("😀".repeat(41).leak().as_bytes()), format!("\"{}…", "😀".repeat(40)));
        assert_eq!(preview(&[0xff; 10]), format!("\"{}\"", r"\xff".repeat(10)));
        assert_eq!(preview(&[0xff; 11]), format!("\"{}…", r"\xff".repeat(10)));
    }

    #[test]
    fn a_view_shows_the_same_of_the_bytes_that_it_wants() {
        for size in [0, 39, 40, 41, 159, 160, 161, 162, 400] {
            for byte in [b'x', b'"', 0xff, 0x1b] {
                let payload = Bytes::from(vec![byte; size]);
                for mode in [PayloadMode::None, PayloadMode::Len, PayloadMode::Preview, PayloadMode::Hex] {
                    let wanted = payload.slice(..mode.bytes_wanted().min(size));
                    assert_eq!(mode.show(&wanted), mode.show(&payload), "{mode:?} {size} {byte}");
                }
            }
        }
        let long = "😀".repeat(41);
        let wanted = &long.as_bytes()[..PayloadMode::Preview.bytes_wanted()];
        let shown = PayloadMode::Preview.show(&Bytes::copy_from_slice(wanted));
        assert_eq!(shown, PayloadMode::Preview.show(&Bytes::from(long)));
    }

    #[test]
    fn nothing_reaches_a_terminal_raw() {
        for byte in 0..=u8::MAX {
            let payload = Bytes::copy_from_slice(&[b'a', byte, b'b']);
            for mode in [PayloadMode::Preview, PayloadMode::Text, PayloadMode::Hex, PayloadMode::Base64] {
                let text = mode.show(&payload);
                assert!(!text.chars().any(char::is_control), "{byte} {text:?}");
            }
        }
        assert_eq!(escape("a\u{1b}[2J\r\n\u{202e}"), r"a\u{1b}[2J\r\n\u{202e}");
        assert_eq!(preview("a\u{9b}\u{202e}".as_bytes()), r#""a\u{9b}\u{202e}""#);
    }
}
