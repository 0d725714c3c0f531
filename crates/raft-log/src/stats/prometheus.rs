//! The text form that Prometheus scrapes, version 0.0.4.
//!
//! Several logs of one process are told apart by the label `log`; their texts are made together, since each metric may
//! be described only once.

use std::fmt::{self, Write};

use super::{Metric, MetricValue, Stats};

impl Stats {
    /// The text that Prometheus scrapes, to be served as `text/plain; version=0.0.4`. `log` names the log, for whoever
    /// has several.
    ///
    /// ```
    /// # use raft_log::{RaftLog, RaftLogWriter, TermIndex};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// let mut log = RaftLog::open(directory.path())?;
    /// log.append([(TermIndex::new(1, 1), "x = 1".into())])?;
    /// log.sync()?;
    /// let text = log.stats().to_prometheus("node-1");
    /// assert!(text.contains("raftlog_syncs_total{log=\"node-1\"} 1\n"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_prometheus(&self, log: &str) -> String {
        Self::all_to_prometheus([(log, self)])
    }

    /// As [`to_prometheus`](Self::to_prometheus), for several logs: each with its name.
    pub fn all_to_prometheus<'a>(logs: impl IntoIterator<Item = (&'a str, &'a Self)>) -> String {
        let logs: Vec<(String, Vec<Metric<'_>>)> =
            logs.into_iter().map(|(log, stats)| (escaped(log), stats.metrics())).collect();
        let mut text = String::new();
        let metrics = logs.first().map_or(0, |(_, metrics)| metrics.len());
        for position in 0..metrics {
            for (number, (log, metrics)) in logs.iter().enumerate() {
                let Some(metric) = metrics.get(position) else { continue };
                // Writing to a string does not fail.
                let _ = write_metric(&mut text, metric, log, number == 0);
            }
        }
        text
    }
}

fn write_metric(text: &mut String, metric: &Metric<'_>, log: &str, is_first: bool) -> fmt::Result {
    let Metric { name, help, value } = metric;
    if is_first {
        let kind = match value {
            MetricValue::Counter(_) | MetricValue::Counters { .. } => "counter",
            MetricValue::Gauge(_) => "gauge",
            MetricValue::Histogram(_) => "histogram",
        };
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
    }
    match value {
        MetricValue::Counter(count) => writeln!(text, "{name}{{log=\"{log}\"}} {count}"),
        MetricValue::Counters { label, values } => values
            .iter()
            .try_for_each(|(of, count)| writeln!(text, "{name}{{log=\"{log}\",{label}=\"{of}\"}} {count}")),
        MetricValue::Gauge(Some(value)) => writeln!(text, "{name}{{log=\"{log}\"}} {value}"),
        MetricValue::Gauge(None) => Ok(()),
        MetricValue::Histogram(histogram) => {
            let mut upto = 0;
            let bounds = histogram.bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
            for (bound, count) in bounds.zip(&histogram.counts) {
                upto += count;
                writeln!(text, "{name}_bucket{{log=\"{log}\",le=\"{bound}\"}} {upto}")?;
            }
            if histogram.counts.is_empty() {
                writeln!(text, "{name}_bucket{{log=\"{log}\",le=\"+Inf\"}} 0")?;
            }
            writeln!(text, "{name}_sum{{log=\"{log}\"}} {}", histogram.sum)?;
            writeln!(text, "{name}_count{{log=\"{log}\"}} {upto}")
        }
    }
}

/// A label's value as it stands between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
