//! The map of a log: its chunks over the axis of indexes, coloured by term.

use raft_log_codec::Grouped;

use super::ReportData;
use super::svg::{escaped, place, put};
use crate::statistics::ChunkSum;

const LEFT: f64 = 16.0;
const WIDTH: f64 = 928.0;
const TOP: f64 = 34.0;
/// Up to so many chunks each have a row of their own; more share rows by turns.
const ROWS_MAX: usize = 24;
/// Colours are used by turns.
const COLORS: u64 = 8;

/// The picture, and its legend.
pub(super) fn map(data: &ReportData) -> String {
    let chunks = &data.statistics.chunks;
    let runs = || chunks.iter().flat_map(|chunk| chunk.runs.iter());
    let marks = [data.purged(), data.committed(), data.last()];
    let marks = || marks.iter().flatten().copied();
    let Some(from) = runs().map(|(_, first, _)| *first).chain(marks()).min() else {
        return "<p class=\"muted\">There is no entry and no mark.</p>".to_owned();
    };
    let to = runs().map(|(_, _, last)| last.saturating_add(1)).chain(marks().map(|mark| mark + 1)).max();
    let to = to.unwrap_or(from + 1);
    let rows = chunks.len().clamp(1, ROWS_MAX);
    let height = (240.0 / rows as f64).clamp(7.0, 18.0);
    let bottom = TOP + rows as f64 * (height + 3.0);
    let total = bottom + 30.0;
    let x = |index: u64| LEFT + place(index, from, to, WIDTH);

    let mut out = String::new();
    put(
        &mut out,
        format_args!(
            "<svg viewBox=\"0 0 960 {total:.0}\" role=\"img\" aria-label=\"chunks over the indexes of their entries\">\n\
             <defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><rect width=\"2.5\" height=\"6\" class=\"hatch\"/></pattern></defs>\n"
        ),
    );
    for (number, chunk) in chunks.iter().enumerate() {
        let y = TOP + (number % rows) as f64 * (height + 3.0);
        row(&mut out, chunk, &x, y, height);
    }
    if let Some(purged) = data.purged() {
        let end = x(purged.saturating_add(1));
        put(
            &mut out,
            format_args!(
                "<rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"url(#hatch)\"><title>purged up to {}</title></rect>\n",
                (end - LEFT).max(0.0),
                bottom - TOP,
                Grouped(purged)
            ),
        );
    }
    for (number, chunk) in chunks.iter().enumerate() {
        let y = TOP + (number % rows) as f64 * (height + 3.0);
        for (index, text) in &chunk.faults {
            let (at, end) = (x(*index), y + height);
            put(
                &mut out,
                format_args!(
                    "<path class=\"fault\" d=\"M{:.2} {:.2}h8l-4 {:.2}z\"><title>{} {}</title></path>\n",
                    at - 4.0,
                    y - 1.0,
                    (end - y) / 1.4,
                    chunk.id,
                    escaped(text)
                ),
            );
        }
    }
    mark(
        &mut out,
        "committed",
        data.committed().map(|index| (x(index.saturating_add(1)), index)),
        12.0,
        bottom,
    );
    mark(&mut out, "last", data.last().map(|index| (x(index.saturating_add(1)), index)), 26.0, bottom);
    axis(&mut out, from, to, bottom);
    out.push_str("</svg>\n");
    legend(&mut out, data);
    out
}

fn row(out: &mut String, chunk: &ChunkSum, x: &impl Fn(u64) -> f64, y: f64, height: f64) {
    for (term, first, last) in &chunk.runs {
        let (start, end) = (x(*first), x(last.saturating_add(1)));
        put(
            out,
            format_args!(
                "<rect class=\"t{}\" x=\"{start:.2}\" y=\"{y:.2}\" width=\"{:.2}\" height=\"{height:.2}\" rx=\"1.5\"><title>{} ({}): term {term}, {} to {}</title></rect>\n",
                term % COLORS,
                (end - start).max(1.0),
                chunk.id,
                chunk.role,
                Grouped(*first),
                Grouped(*last)
            ),
        );
    }
}

fn mark(out: &mut String, name: &str, at: Option<(f64, u64)>, label_y: f64, bottom: f64) {
    let Some((x, index)) = at else { return };
    // A label stands on the side where there is room.
    let (anchor, label_x) = if x > 480.0 { ("end", x - 4.0) } else { ("start", x + 4.0) };
    put(
        out,
        format_args!(
            "<line class=\"mark {name}\" x1=\"{x:.2}\" x2=\"{x:.2}\" y1=\"{:.2}\" y2=\"{bottom:.2}\"/>\
             <text class=\"label {name}\" x=\"{label_x:.2}\" y=\"{label_y:.0}\" text-anchor=\"{anchor}\">{name} {}</text>\n",
            label_y - 9.0,
            Grouped(index)
        ),
    );
}

fn axis(out: &mut String, from: u64, to: u64, bottom: f64) {
    const TICKS: u64 = 6;
    let step = ((to - from) / TICKS).max(1);
    put(
        out,
        format_args!(
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{bottom:.2}\" y2=\"{bottom:.2}\"/>\n",
            LEFT + WIDTH
        ),
    );
    let mut index = from;
    while index < to {
        let x = LEFT + place(index, from, to, WIDTH);
        put(
            out,
            format_args!(
                "<line class=\"axis\" x1=\"{x:.2}\" x2=\"{x:.2}\" y1=\"{bottom:.2}\" y2=\"{:.2}\"/>\
                 <text class=\"tick\" x=\"{x:.2}\" y=\"{:.2}\" text-anchor=\"{}\">{}</text>\n",
                bottom + 5.0,
                bottom + 18.0,
                if index == from { "start" } else { "middle" },
                Grouped(index)
            ),
        );
        let Some(next) = index.checked_add(step) else { break };
        index = next;
    }
}

fn legend(out: &mut String, data: &ReportData) {
    const TERMS_MAX: usize = 12;
    let mut terms: Vec<u64> =
        data.statistics.chunks.iter().flat_map(|chunk| chunk.runs.iter().map(|(term, ..)| *term)).collect();
    terms.sort_unstable();
    terms.dedup();
    out.push_str("<p class=\"legend\">");
    let skipped = terms.len().saturating_sub(TERMS_MAX);
    if skipped > 0 {
        put(out, format_args!("<span>{skipped} earlier terms</span> "));
    }
    for term in terms.iter().skip(skipped) {
        put(
            out,
            format_args!(
                "<span><svg class=\"key\" viewBox=\"0 0 10 10\"><rect class=\"t{}\" width=\"10\" height=\"10\" rx=\"2\"/></svg> term {term}</span> ",
                term % COLORS
            ),
        );
    }
    out.push_str(
        "<span><svg class=\"key\" viewBox=\"0 0 10 10\"><rect width=\"10\" height=\"10\" fill=\"url(#hatch)\"/></svg> purged</span> \
         <span><svg class=\"key\" viewBox=\"0 0 10 10\"><path class=\"fault\" d=\"M1 1h8l-4 8z\"/></svg> bad record</span></p>\n",
    );
}
