//! What is shown on a terminal: each row's sides under each other, and what must hold of them.

use std::fmt::Write as _;
use std::time::Duration;

use crate::row::{Bound, Row, Side, Unit};
use crate::statistics::Latency;

/// A row of the table, of several lines.
pub(crate) fn lines(row: &Row) -> String {
    let mut text = format!(
        "\n{} [{}]{}\n",
        row.work,
        row.unit.name(),
        if row.is_noisy() { "  NOISY: repeat" } else { "" }
    );
    for side in &row.sides {
        let ratio = ratio(row, side);
        let remark = side.remark.clone().unwrap_or_default();
        let line = format!(
            "  {:<28}{:>14}{ratio:>7}  ±{:<4}{:<34}{remark}",
            side.name,
            figure(row.unit, side.median()),
            format!("{:.0} %", side.spread() * 50.0),
            side.latency.map(latencies).unwrap_or_default(),
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for must in &row.musts {
        let (sign, bound) = match must.bound {
            Bound::AtLeast(bound) => ("≥", bound),
            Bound::AtMost(bound) => ("≤", bound),
        };
        let verdict = if must.is_met() { "ok" } else { "MISSED" };
        let _ =
            writeln!(text, "  must: {} {sign} {}: {} {verdict}", must.what, short(bound), short(must.value));
    }
    text
}

/// How many of the musts hold, and how many there are.
pub(crate) fn sum(rows: &[Row]) -> (usize, usize) {
    let musts = || rows.iter().flat_map(|row| &row.musts);
    (musts().filter(|must| must.is_met()).count(), musts().count())
}

/// A figure as wide as it is worth.
pub(crate) fn figure(unit: Unit, value: f64) -> String {
    match unit {
        Unit::EntriesPerSecond | Unit::ReadsPerSecond | Unit::EntriesPerCpuSecond | Unit::CpuNanos => {
            thousands(value)
        }
        Unit::Seconds => seconds(value),
        Unit::BytesPerEntry | Unit::Calls => format!("{value:.2}"),
    }
}

/// A bound or a value that is held against one.
pub(crate) fn short(value: f64) -> String {
    if value >= 1000.0 { thousands(value) } else { format!("{value:.3}") }
}

fn seconds(value: f64) -> String {
    match value {
        value if value >= 1.0 => format!("{value:.2} s"),
        value if value >= 1e-3 => format!("{:.2} ms", value * 1e3),
        value => format!("{:.1} µs", value * 1e6),
    }
}

/// p50, p99 and p99.9 in microseconds.
pub(crate) fn latencies(latency: Latency) -> String {
    let micros = |duration: Duration| thousands(duration.as_nanos() as f64 / 1000.0);
    format!("{} / {} / {} µs", micros(latency.p50), micros(latency.p99), micros(latency.p999))
}

/// What part of the limit a side reaches; empty for the limit itself, and where there is none.
pub(crate) fn ratio(row: &Row, side: &Side) -> String {
    match row.limit() {
        Some(limit) if limit.name != side.name => format!("{:.2}", side.ratio_to(limit)),
        _ => String::new(),
    }
}

/// A whole number with its thousands set apart.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Must;

    #[test]
    fn a_row_tells_figures_ratios_latencies_noise_and_what_was_missed() {
        let latency = Latency {
            p50: Duration::from_micros(105),
            p99: Duration::from_micros(178),
            p999: Duration::from_millis(2),
        };
        let side = |name: &str, rounds: [f64; 3]| Side {
            rounds: rounds.into(),
            latency: Some(latency),
            ..Side::new(name)
        };
        let mut row = Row {
            work: "one by one".to_owned(),
            unit: Unit::EntriesPerSecond,
            sides: vec![side("limit", [9_000.0; 3]), side("raft-log", [4_500.0; 3])],
            musts: vec![
                Must { what: "raft-log".to_owned(), value: 0.5, bound: Bound::AtLeast(0.9) },
                Must { what: "memory".to_owned(), value: 4.0, bound: Bound::AtMost(8.0) },
            ],
        };
        let text = lines(&row);
        for part in
            ["9,000", "4,500", "0.50", "105 / 178 / 2,000 µs", "≥ 0.900: 0.500 MISSED", "≤ 8.000: 4.000 ok"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("NOISY"));
        assert_eq!(sum(std::slice::from_ref(&row)), (1, 2));
        row.sides[0].rounds = vec![9_000.0, 6_000.0, 9_000.0];
        assert!(lines(&row).contains("NOISY"));
    }

    #[test]
    fn figures_are_as_wide_as_they_are_worth() {
        for (value, text) in
            [(0.4, "0"), (999.0, "999"), (1000.0, "1,000"), (123456.0, "123,456"), (1234567.0, "1,234,567")]
        {
            assert_eq!(thousands(value), text);
        }
        assert_eq!(figure(Unit::Seconds, 0.0123), "12.30 ms");
        assert_eq!(figure(Unit::Seconds, 0.000_012), "12.0 µs");
        assert_eq!(figure(Unit::BytesPerEntry, 4.256), "4.26");
    }
}
