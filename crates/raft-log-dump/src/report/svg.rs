//! Text for HTML and SVG: escaping, and numbers short enough for a label.

use std::fmt::Write;

/// The text with everything escaped that has a meaning in HTML, or that no eye would see.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in crate::escape(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Appends formatted text; writing to a string does not fail.
pub(super) fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// A number of bytes for a person.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut scaled, mut unit) = (number, 0);
    while scaled >= 10 * 1024 && unit + 1 < UNITS.len() {
        scaled /= 1024;
        unit += 1;
    }
    format!("{} {}", raft_log_codec::Grouped(scaled), UNITS.get(unit).copied().unwrap_or_default())
}

/// Where `value` of `from..=to` lies on a length of `width`.
pub(super) fn place(value: u64, from: u64, to: u64, width: f64) -> f64 {
    let span = to.saturating_sub(from).max(1);
    // Precise enough for a picture.
    (value.saturating_sub(from) as f64 / span as f64 * width).clamp(0.0, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_taken_for_a_tag() {
        assert_eq!(escaped("<a href=\"x\">&\u{1b}[2J"), "&lt;a href=&quot;x&quot;&gt;&amp;\\u{1b}[2J");
    }

    #[test]
    fn places_stay_within_the_picture() {
        assert!((place(5, 0, 10, 100.0) - 50.0).abs() < 1e-9);
        assert!((place(u64::MAX, 0, 10, 100.0) - 100.0).abs() < 1e-9);
        assert!(place(3, 7, 7, 100.0).abs() < 1e-9);
    }
}
