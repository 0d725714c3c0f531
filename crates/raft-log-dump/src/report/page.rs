//! The page around the pictures: what a reader wants to know first, then the rest in tables.

use raft_log_codec::{DisplayLogId, Grouped};

use super::ReportData;
use super::bars::bars;
use super::map::map;
use super::svg::{bytes, escaped, put};
use crate::Verdict;
use crate::listing::{count, vote_text};

/// How many faults, and how many chunks, are listed.
const ROWS_MAX: usize = 200;

const STYLE: &str = "
:root { color-scheme: light dark; --ground: #ffffff; --panel: #f4f5f7; --line: #c9cdd4; --text: #1d2129; --muted: #5c6470;
  --bad: #c4221b; --warn: #8a5a00; --good: #18773a; --mark: #1d2129; --hatch: #1d2129;
  --t0: #4269d0; --t1: #d98c0b; --t2: #e0533d; --t3: #3f9e8b; --t4: #3b8f46; --t5: #cf5b8d; --t6: #8f53db; --t7: #94633f; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #15181d; --panel: #1f242b; --line: #434b57; --text: #e6e9ee; --muted: #a2abb8;
    --bad: #ff7b72; --warn: #e3b341; --good: #5fc97d; --mark: #e6e9ee; --hatch: #e6e9ee;
    --t0: #7d9bf0; --t1: #f0b445; --t2: #ff8a75; --t3: #6cc5b0; --t4: #69c276; --t5: #ff9cc2; --t6: #b98cf5; --t7: #c79a78; } }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
.verdict { font-weight: 600; } .bad { color: var(--bad); } .warn { color: var(--warn); } .good { color: var(--good); }
.muted { color: var(--muted); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .6rem; margin: 1rem 0; }
dl div { background: var(--panel); border-radius: 6px; padding: .5rem .7rem; } dt { color: var(--muted); font-size: .8rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
svg { width: 100%; height: auto; display: block; } .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 2rem; }
@media (max-width: 44rem) { .pair { grid-template-columns: 1fr; } }
.t0 { fill: var(--t0); } .t1 { fill: var(--t1); } .t2 { fill: var(--t2); } .t3 { fill: var(--t3); } .t4 { fill: var(--t4); }
.t5 { fill: var(--t5); } .t6 { fill: var(--t6); } .t7 { fill: var(--t7); } .bar { fill: var(--t0); }
.hatch { fill: var(--hatch); opacity: .38; } .fault { fill: var(--bad); stroke: var(--ground); stroke-width: .8; }
.axis { stroke: var(--line); } .mark { stroke: var(--mark); stroke-width: 1.3; } .mark.committed { stroke-dasharray: 4 3; }
.label { fill: var(--text); font-size: 11px; } .tick { fill: var(--muted); font-size: 11px; }
.legend span { display: inline-block; margin-right: 1rem; } .key { width: .8rem; height: .8rem; display: inline-block; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem; }
.scroll { overflow-x: auto; }
th { text-align: left; color: var(--muted); font-weight: 500; } th, td { padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); }
.n { text-align: right; } code { font-size: .8rem; white-space: nowrap; }
";

/// The whole page.
pub(crate) fn page(data: &ReportData) -> String {
    let mut out = String::new();
    let directory = escaped(&data.verify.directory);
    put(
        &mut out,
        format_args!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>raft-log: {directory}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{directory}</h1>\n"
        ),
    );
    verdict(&mut out, data);
    marks(&mut out, data);
    put(&mut out, format_args!("<h2>Chunks over the indexes of their entries</h2>\n{}", map(data)));
    let statistics = &data.statistics;
    put(
        &mut out,
        format_args!(
            "<div class=\"pair\">\n<section><h2>Sizes of payloads</h2>\n{}<p class=\"muted\">{}; mean {}, largest {}</p></section>\n\
             <section><h2>Entries per sync</h2>\n{}<p class=\"muted\">{}; mean {}, largest {}</p></section>\n</div>\n",
            bars(&statistics.payload_sizes, "sizes of payloads", bytes),
            count(statistics.payload_sizes.count(), "entry", "entries"),
            bytes(statistics.payload_sizes.mean()),
            bytes(statistics.payload_sizes.max()),
            bars(&statistics.entries_per_sync, "entries per sync", |number| Grouped(number).to_string()),
            count(statistics.entries_per_sync.count(), "sync", "syncs"),
            Grouped(statistics.entries_per_sync.mean()),
            Grouped(statistics.entries_per_sync.max()),
        ),
    );
    faults(&mut out, data);
    kinds(&mut out, data);
    chunks(&mut out, data);
    out.push_str("</body>\n</html>\n");
    out
}

fn verdict(out: &mut String, data: &ReportData) {
    let report = &data.verify;
    let faults = report.faults.len() as u64 + report.faults_left_out;
    let (class, text) = match report.verdict {
        Verdict::Clean => ("good", "All checksums and all rules are good.".to_owned()),
        Verdict::PassedOver if faults == 0 => (
            "warn",
            "The log ends before bytes of a write that was cut short. Opening passes over them.".to_owned(),
        ),
        Verdict::PassedOver => {
            ("warn", format!("{}. Opening passes over what is wrong.", count(faults, "fault", "faults")))
        }
        Verdict::Refused => ("bad", "Opening would refuse this directory.".to_owned()),
        Verdict::CannotRead => ("bad", "Something cannot be read.".to_owned()),
    };
    put(out, format_args!("<p class=\"verdict {class}\">{text}</p>\n"));
    if let Some(refusal) = &report.open_refuses {
        put(out, format_args!("<p>{}</p>\n", escaped(refusal)));
    }
    for note in &report.notes {
        put(out, format_args!("<p class=\"muted\">{}</p>\n", escaped(note)));
    }
}

fn marks(out: &mut String, data: &ReportData) {
    let state = &data.state;
    let none = |number: Option<u64>| number.map_or("none".to_owned(), |number| Grouped(number).to_string());
    let tiles = [
        ("first", none(data.first)),
        ("last", DisplayLogId(state.last.as_ref()).to_string()),
        ("committed", DisplayLogId(state.committed.as_ref()).to_string()),
        ("purged", DisplayLogId(state.purged.as_ref()).to_string()),
        ("entries", Grouped(data.entries).to_string()),
        ("vote", state.vote.as_ref().map_or("none".to_owned(), |vote| vote_text(&vote.0))),
        ("chunks", Grouped(data.verify.chunks).to_string()),
        ("records", bytes(data.verify.bytes)),
    ];
    out.push_str("<dl>\n");
    for (name, value) in tiles {
        put(out, format_args!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escaped(&value)));
    }
    out.push_str("</dl>\n");
}

fn faults(out: &mut String, data: &ReportData) {
    let report = &data.verify;
    if report.faults.is_empty() {
        return;
    }
    out.push_str("<h2>What is wrong</h2>\n<div class=\"scroll\"><table>\n<tr><th>File</th><th class=\"n\">Offset</th><th>Record</th><th>Fault</th><th>Next good record</th></tr>\n");
    for fault in report.faults.iter().take(ROWS_MAX) {
        let record = match (&fault.kind, fault.term, fault.index) {
            (Some(kind), Some(term), Some(index)) => format!("{kind} {term}:{index}"),
            (Some(kind), ..) => kind.clone(),
            _ => String::new(),
        };
        let next = match (fault.next_offset, &fault.next) {
            (Some(offset), Some(next)) => format!("{} ({next})", Grouped(offset)),
            _ => String::new(),
        };
        put(
            out,
            format_args!(
                "<tr><td><code>{}</code></td><td class=\"n\">{}</td><td>{}</td><td class=\"bad\">{}</td><td>{}</td></tr>\n",
                escaped(&fault.file),
                Grouped(fault.offset),
                escaped(&record),
                escaped(&fault.message),
                escaped(&next)
            ),
        );
    }
    out.push_str("</table></div>\n");
    let more = (report.faults.len().saturating_sub(ROWS_MAX)) as u64 + report.faults_left_out;
    if more > 0 {
        put(out, format_args!("<p class=\"muted\">{} more</p>\n", Grouped(more)));
    }
}

fn kinds(out: &mut String, data: &ReportData) {
    out.push_str("<h2>Records by kind</h2>\n<div class=\"scroll\"><table>\n<tr><th>Kind</th><th class=\"n\">Records</th><th class=\"n\">Bytes</th><th class=\"n\">Payload</th></tr>\n");
    for (kind, sum) in data.statistics.by_kind() {
        put(
            out,
            format_args!(
                "<tr><td>{kind}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
                Grouped(sum.records),
                Grouped(sum.bytes),
                Grouped(sum.payload_bytes)
            ),
        );
    }
    out.push_str("</table></div>\n");
}

fn chunks(out: &mut String, data: &ReportData) {
    let all = &data.statistics.chunks;
    out.push_str("<h2>Chunks</h2>\n<div class=\"scroll\"><table>\n<tr><th>Chunk</th><th></th><th class=\"n\">Entries</th><th class=\"n\">First</th><th class=\"n\">Last</th><th class=\"n\">Bytes</th><th class=\"n\">Faults</th></tr>\n");
    let skipped = all.len().saturating_sub(ROWS_MAX);
    for chunk in all.iter().skip(skipped) {
        let first = chunk.runs.first().map_or("-".to_owned(), |(_, first, _)| Grouped(*first).to_string());
        let last = chunk.runs.last().map_or("-".to_owned(), |(_, _, last)| Grouped(*last).to_string());
        put(
            out,
            format_args!(
                "<tr><td><code>{}</code></td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{first}</td><td class=\"n\">{last}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
                chunk.id,
                chunk.role,
                Grouped(chunk.entries),
                Grouped(chunk.end),
                chunk.faults.len()
            ),
        );
    }
    out.push_str("</table></div>\n");
    if skipped > 0 {
        put(
            out,
            format_args!(
                "<p class=\"muted\">{} earlier chunks are not listed</p>\n",
                Grouped(skipped as u64)
            ),
        );
    }
}
