//! A bar chart of a row, as SVG: readable on light and on dark, without a script and without a font of its own.

use std::fmt::Write as _;

use crate::row::Row;
use crate::table::figure;

const WIDTH: usize = 760;
const LABEL_WIDTH: usize = 230;
const FIGURE_WIDTH: usize = 110;
const BAR_HEIGHT: usize = 22;
const GAP: usize = 8;
const HEAD: usize = 34;

/// Text as it may stand in SVG.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The chart.
pub(crate) fn svg(row: &Row) -> String {
    let height = HEAD + row.sides.len() * (BAR_HEIGHT + GAP) + GAP;
    let largest = row.sides.iter().map(|side| side.median()).fold(f64::MIN_POSITIVE, f64::max);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n<style>text{{fill:#222}}.limit{{fill:#9aa0a6}}\
         .own{{fill:#1a73e8}}.peer{{fill:#c58af9}}@media(prefers-color-scheme:dark){{text{{fill:#e8eaed}}}}</style>\n\
         <text x=\"0\" y=\"18\" font-weight=\"bold\">{} [{}]</text>\n",
        escaped(&row.work),
        row.unit.name()
    );
    for (position, side) in row.sides.iter().enumerate() {
        let y = HEAD + position * (BAR_HEIGHT + GAP);
        let class = match side.name.as_str() {
            name if name.starts_with("limit") => "limit",
            // A peer has its version behind its name.
            name if name.starts_with("raft-log") && !name.contains("0.4") => "own",
            name if name.starts_with("raft-") || name.starts_with("okaywal") => "peer",
            _ => "own",
        };
        let room = (WIDTH - LABEL_WIDTH - FIGURE_WIDTH) as f64;
        let _ = writeln!(
            text,
            "<text x=\"0\" y=\"{}\">{}</text><rect class=\"{class}\" x=\"{LABEL_WIDTH}\" y=\"{y}\" width=\"{:.1}\" \
             height=\"{BAR_HEIGHT}\"/><text x=\"{:.1}\" y=\"{}\">{}</text>",
            y + 16,
            escaped(&side.name),
            side.median() / largest * room,
            LABEL_WIDTH as f64 + side.median() / largest * room + 6.0,
            y + 16,
            escaped(&figure(row.unit, side.median())),
        );
    }
    text + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Side, Unit};

    #[test]
    fn bars_are_as_long_as_their_figures() {
        let side = |name: &str, value| Side { rounds: vec![value], ..Side::new(name) };
        let row = Row {
            work: "a < b".to_owned(),
            unit: Unit::EntriesPerSecond,
            sides: vec![side("limit", 100.0), side("raft-log", 50.0), side("raft-log 0.4.6", 25.0)],
            musts: Vec::new(),
        };
        let text = svg(&row);
        assert!(text.contains("a &lt; b"));
        for (class, width) in [("limit", "420.0"), ("own", "210.0"), ("peer", "105.0")] {
            assert!(text.contains(&format!("class=\"{class}\" x=\"230\"")), "{text}");
            assert!(text.contains(&format!("width=\"{width}\"")), "{text}");
        }
    }
}
