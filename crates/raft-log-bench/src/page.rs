//! The page about a run: what was measured and how, a table for each kind of work, and charts.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::chart::svg;
use crate::row::{Bound, Row};
use crate::run::Run;
use crate::table::{figure, latencies, ratio, short, sum};

/// Writes `benchmarks.md`, and its charts beside it.
pub(crate) fn write(run: &Run, docs: &Path) -> Outcome {
    let charts = docs.join("benchmarks");
    if charts.exists() {
        fs::remove_dir_all(&charts)?;
    }
    fs::create_dir_all(&charts)?;
    let mut text = head(run);
    for (position, row) in run.rows.iter().enumerate() {
        text += &section(row);
        if row.sides.len() > 1 {
            let name = format!("{:02}.svg", position + 1);
            fs::write(charts.join(&name), svg(row))?;
            let _ = write!(text, "\n![{}](benchmarks/{name})\n", row.work);
        }
    }
    fs::write(docs.join("benchmarks.md"), text)?;
    Ok(())
}

fn head(run: &Run) -> String {
    let (met, all) = sum(&run.rows);
    let peers = if run.peers.is_empty() { "none".to_owned() } else { run.peers.join(", ") };
    let missed: Vec<String> = run
        .rows
        .iter()
        .flat_map(|row| row.musts.iter().filter(|must| !must.is_met()).map(move |must| (row, must)))
        .map(|(row, must)| format!("- {}: {} is {}\n", row.work, must.what, short(must.value)))
        .collect();
    let missed = match missed.is_empty() {
        true => String::new(),
        false => format!("\nMissed:\n\n{}", missed.concat()),
    };
    format!(
        "# Benchmarks\n\nThis page was written by `cargo xtask bench --report`. Every row holds the log against a *limit* that \
         was measured in the same run, in turns with it: a bare loop that encodes, checksums, writes and syncs, or reads and \
         checksums, and does nothing else a log must do. A figure is the median of {} rounds of {} s; a ratio is the median of \
         the rounds' ratios; ± is half of what lies between the largest and the smallest round. Losers are shown like \
         winners. Figures of another machine differ, and so do the ratios, with how fast its processor is beside its \
         disk. How logs fare under an engine, openraft, \
         is measured by `cargo xtask bench --openraft`.\n\n\
         | | |\n|---|---|\n| date | {} |\n| machine | {} |\n| compiler | {} |\n| command | `{}` |\n| beside raft-log | {peers} |\n\
         \nOf {all} bounds, {met} hold.\n{missed}",
        run.rounds, run.round_seconds, run.date, run.machine, run.rustc, run.command
    )
}

fn section(row: &Row) -> String {
    let has_latency = row.sides.iter().any(|side| side.latency.is_some());
    let mut text = format!("\n## {}\n\n", capital(&row.work));
    if row.is_noisy() {
        text += "The limit spread by more than a quarter: something else was at work, and the row says little.\n\n";
    }
    let _ = writeln!(
        text,
        "| | {} | of the limit | ± |{} |\n|---|---:|---:|---:|{}---|",
        row.unit.name(),
        if has_latency { " p50 / p99 / p99.9 |" } else { "" },
        if has_latency { "---:|" } else { "" },
    );
    for side in &row.sides {
        let latency = match (has_latency, side.latency) {
            (false, _) => String::new(),
            (true, latency) => format!(" {} |", latency.map(latencies).unwrap_or_default()),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.0} % |{latency} {} |",
            side.name,
            figure(row.unit, side.median()),
            ratio(row, side),
            side.spread() * 50.0,
            side.remark.as_deref().unwrap_or_default(),
        );
    }
    for must in &row.musts {
        let (sign, bound) = match must.bound {
            Bound::AtLeast(bound) => ("≥", bound),
            Bound::AtMost(bound) => ("≤", bound),
        };
        let verdict = if must.is_met() { "holds" } else { "**missed**" };
        let _ = write!(
            text,
            "\n{} {sign} {}: {}, {verdict}.\n",
            capital(&must.what),
            short(bound),
            short(must.value)
        );
    }
    text
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    // The log's own name stays as it is written.
    match characters.next() {
        Some(first) if !text.starts_with("raft-") => first.to_uppercase().chain(characters).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Must, Side, Unit};

    #[test]
    fn the_page_shows_what_was_missed_and_a_chart_for_each_comparison() {
        let side = |name: &str, value| Side { rounds: vec![value], ..Side::new(name) };
        let row = Row {
            work: "in bulk".to_owned(),
            unit: Unit::EntriesPerSecond,
            sides: vec![side("limit", 100.0), side("raft-log", 50.0)],
            musts: vec![Must { what: "raft-log".to_owned(), value: 0.5, bound: Bound::AtLeast(0.6) }],
        };
        let run = Run {
            date: "2026-01-02T03:04:05Z".to_owned(),
            machine: "one core".to_owned(),
            rustc: "rustc".to_owned(),
            command: "cargo xtask bench --report".to_owned(),
            peers: Vec::new(),
            rounds: 9,
            round_seconds: 0.5,
            rows: vec![row],
        };
        let docs = tempfile::tempdir().unwrap();
        write(&run, docs.path()).unwrap();
        let page = fs::read_to_string(docs.path().join("benchmarks.md")).unwrap();
        for part in [
            "Of 1 bounds, 0 hold",
            "- in bulk: raft-log is 0.500",
            "| raft-log | 50 | 0.50 |",
            "benchmarks/01.svg",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(docs.path().join("benchmarks/01.svg").exists());
    }
}
