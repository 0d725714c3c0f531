//! The statistics through the crate `metrics`, for an application that collects with it.
//!
//! The log itself calls no recorder, so the price of one is paid when the numbers are published, and not by a flush.

use std::collections::HashMap;

use super::{MetricValue, Stats};

/// Publishes statistics of one log to the recorder of the crate `metrics`: call [`publish`](Self::publish) every few
/// seconds.
///
/// Names, labels and values are those of [`Stats::to_prometheus`]. That crate knows histograms by their single values:
/// each new one is given as the upper bound of its bucket, and as twice the last bound where it is above all.
#[derive(Debug)]
pub struct MetricsPublisher {
    log: String,
    /// What of each histogram was given already.
    published: HashMap<&'static str, Vec<u64>>,
}

impl MetricsPublisher {
    /// For the log that is to be called `log`.
    pub fn new(log: impl Into<String>) -> Self {
        Self { log: log.into(), published: HashMap::new() }
    }

    /// Publishes what `stats` say. They must be of the same open log each time.
    pub fn publish(&mut self, stats: &Stats) {
        for metric in stats.metrics() {
            let (name, help, log) = (metric.name, metric.help, self.log.clone());
            match metric.value {
                MetricValue::Counter(count) => {
                    metrics::describe_counter!(name, help);
                    metrics::counter!(name, "log" => log).absolute(count);
                }
                MetricValue::Counters { label, values } => {
                    metrics::describe_counter!(name, help);
                    for (of, count) in values {
                        metrics::counter!(name, "log" => log.clone(), label => of).absolute(count);
                    }
                }
                MetricValue::Gauge(value) => {
                    metrics::describe_gauge!(name, help);
                    if let Some(value) = value {
                        metrics::gauge!(name, "log" => log).set(value);
                    }
                }
                MetricValue::Histogram(histogram) => {
                    metrics::describe_histogram!(name, help);
                    let above = histogram.bounds.last().map(|last| last * 2.0);
                    let values = histogram.bounds.iter().copied().chain(above);
                    let published = self.published.entry(name).or_default();
                    published.resize(histogram.counts.len(), 0);
                    let recorded = metrics::histogram!(name, "log" => log);
                    for ((value, count), before) in values.zip(&histogram.counts).zip(published) {
                        let new = count.saturating_sub(*before);
                        if new > 0 {
                            recorded.record_many(value, usize::try_from(new).unwrap_or(usize::MAX));
                        }
                        *before = *count;
                    }
                }
            }
        }
    }
}
