//! What is shown: a line of the table for each row, and the same as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use crate::PAYLOAD_BYTES;
use crate::row::Row;
use crate::statistics::Latency;

/// All that was measured in one run.
pub(crate) struct Report {
    rounds: usize,
    length: Duration,
    pub(crate) rows: Vec<Row>,
}

impl Report {
    /// Nothing measured yet.
    pub(crate) fn new(rounds: usize, length: Duration) -> Self {
        Self { rounds, length, rows: Vec::new() }
    }

    /// The head of the table.
    pub(crate) fn heading() -> String {
        aligned([
            "entries of 256 bytes",
            "limit /s",
            "raft-log /s",
            "ratio",
            "limit p50/p99",
            "log p50/p99",
            "limit spreads",
        ])
    }

    /// A line of the table.
    pub(crate) fn line(row: &Row) -> String {
        let [of_limit, of_log] = match row.latencies {
            Some((of_limit, of_log)) => [micros(of_limit), micros(of_log)],
            None => ["-".to_owned(), "-".to_owned()],
        };
        let noise = if row.is_noisy() { "  noisy: repeat" } else { "" };
        aligned([
            row.work.name(),
            &thousands(row.limit_rate()),
            &thousands(row.log_rate()),
            &format!("{:.2}", row.ratio()),
            &of_limit,
            &of_log,
            &format!("{:.0} %", row.limit_spread() * 100.0),
        ]) + noise
    }

    /// Everything, for programs. Rates are entries per second, latencies microseconds.
    pub(crate) fn json(&self) -> Value {
        let latency =
            |latency: Latency| json!({ "p50": to_micros(latency.p50), "p99": to_micros(latency.p99) });
        let row = |row: &Row| {
            json!({
                "work": row.work.name(),
                "limit_per_second": row.limit_rate(),
                "raft_log_per_second": row.log_rate(),
                "ratio": row.ratio(),
                "limit_spread": row.limit_spread(),
                "is_noisy": row.is_noisy(),
                "limit_micros": row.latencies.map(|(of_limit, _)| latency(of_limit)),
                "raft_log_micros": row.latencies.map(|(_, of_log)| latency(of_log)),
                "limit_rounds": row.limit_rates,
                "raft_log_rounds": row.log_rates,
            })
        };
        json!({
            "payload_bytes": PAYLOAD_BYTES,
            "rounds": self.rounds,
            "round_seconds": self.length.as_secs_f64(),
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
        })
    }
}

fn aligned([work, limit, log, ratio, of_limit, of_log, spread]: [&str; 7]) -> String {
    format!("{work:<38}{limit:>11}{log:>13}{ratio:>7}{of_limit:>16}{of_log:>16}{spread:>15}")
}

fn to_micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1000.0
}

fn micros(latency: Latency) -> String {
    format!("{:.0}/{:.0} µs", to_micros(latency.p50), to_micros(latency.p99))
}

/// A whole number with its thousands set apart.
fn thousands(value: f64) -> String {
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
    use crate::row::Work;

    fn row(limit_rates: [f64; 3]) -> Row {
        let latency = |p50, p99| Latency { p50: Duration::from_micros(p50), p99: Duration::from_micros(p99) };
        Row {
            work: Work::OneByOne,
            limit_rates: limit_rates.into(),
            log_rates: vec![4_500.0; 3],
            latencies: Some((latency(105, 178), latency(115, 260))),
        }
    }

    #[test]
    fn a_line_stands_under_the_heading_and_tells_of_noise() {
        let quiet = Report::line(&row([9_000.0; 3]));
        assert_eq!(quiet.chars().count(), Report::heading().chars().count());
        for part in ["9,000", "4,500", "0.50", "105/178 µs", "115/260 µs", "0 %"] {
            assert!(quiet.contains(part), "{part}: {quiet}");
        }
        assert!(!quiet.contains("noisy"));
        assert!(Report::line(&row([9_000.0, 6_000.0, 9_000.0])).ends_with("33 %  noisy: repeat"));
    }

    #[test]
    fn json_says_the_same() {
        let mut report = Report::new(3, Duration::from_millis(200));
        report.rows.push(row([9_000.0; 3]));
        let json = report.json();
        assert_eq!(json["rows"][0]["ratio"], 0.5);
        assert_eq!(json["rows"][0]["raft_log_micros"]["p99"], 260.0);
        assert_eq!(json["rows"][0]["is_noisy"], false);
        assert_eq!((&json["rounds"], &json["round_seconds"]), (&json!(3), &json!(0.2)));
    }

    #[test]
    fn thousands_are_set_apart() {
        for (value, text) in
            [(0.4, "0"), (999.0, "999"), (1000.0, "1,000"), (123456.0, "123,456"), (1234567.0, "1,234,567")]
        {
            assert_eq!(thousands(value), text);
        }
    }
}
