//! What was measured, one row for each kind of work: every side's rounds, and what must hold of them.

use serde::{Deserialize, Serialize};

use crate::statistics::{Latency, median, spread};

/// A limit that spreads by more than this says nothing about the log.
const SPREAD_MAX: f64 = 0.25;

/// A kind of work, and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    /// What was done.
    pub(crate) work: String,
    /// What the figures count.
    pub(crate) unit: Unit,
    /// The limit first, where there is one; then whoever did the work.
    pub(crate) sides: Vec<Side>,
    /// What is promised of it.
    pub(crate) musts: Vec<Must>,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unit {
    /// Entries per second.
    EntriesPerSecond,
    /// Reads per second.
    ReadsPerSecond,
    /// Seconds.
    Seconds,
    /// Bytes per entry.
    BytesPerEntry,
    /// Entries per second of the reader's processor time.
    EntriesPerCpuSecond,
    /// Nanoseconds of processor time per operation.
    CpuNanos,
    /// Calls on the storage per operation.
    Calls,
}

/// One of those that did the work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Side {
    /// Who.
    pub(crate) name: String,
    /// A figure for each round.
    pub(crate) rounds: Vec<f64>,
    /// How long operations took, where one is an entry made durable.
    pub(crate) latency: Option<Latency>,
    /// The slow end of each round's, in seconds: no more than one in a hundred took longer.
    #[serde(default)]
    pub(crate) p99s: Vec<f64>,
    /// What else is to be known.
    pub(crate) remark: Option<String>,
}

/// A figure and its bound.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Must {
    /// Of what.
    pub(crate) what: String,
    /// The figure.
    pub(crate) value: f64,
    /// Its bound.
    pub(crate) bound: Bound,
}

/// The bound of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Bound {
    /// No less than this.
    AtLeast(f64),
    /// No more than this.
    AtMost(f64),
}

impl Unit {
    /// In a heading.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::EntriesPerSecond => "entries/s",
            Self::ReadsPerSecond => "reads/s",
            Self::Seconds => "seconds",
            Self::BytesPerEntry => "bytes an entry",
            Self::EntriesPerCpuSecond => "entries per CPU second",
            Self::CpuNanos => "CPU ns an operation",
            Self::Calls => "storage calls an operation",
        }
    }
}

impl Side {
    /// Nothing measured yet.
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), rounds: Vec::new(), latency: None, p99s: Vec::new(), remark: None }
    }

    /// The median of its rounds.
    pub(crate) fn median(&self) -> f64 {
        median(self.rounds.iter().copied())
    }

    /// How far its rounds lie apart, in parts of their median.
    pub(crate) fn spread(&self) -> f64 {
        spread(self.rounds.iter().copied())
    }

    /// What part of `other` it reaches. The two of a round share the disk's mood, so the ratio is taken within each
    /// round, and only then the median.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        median(self.rounds.iter().zip(&other.rounds).map(|(own, other)| own / other))
    }
}

impl Must {
    /// Whether it holds.
    pub(crate) fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtLeast(bound) => self.value >= bound,
            Bound::AtMost(bound) => self.value <= bound,
        }
    }
}

impl Row {
    /// The limit, if the first side is one.
    pub(crate) fn limit(&self) -> Option<&Side> {
        self.sides.first().filter(|side| side.name.starts_with("limit"))
    }

    /// A side by its name.
    pub(crate) fn side(&self, name: &str) -> Option<&Side> {
        self.sides.iter().find(|side| side.name == name)
    }

    /// Promises that a side reaches `bound` of the limit, if both were measured.
    pub(crate) fn must_reach(&mut self, name: &str, bound: Bound) {
        if let (Some(side), Some(limit)) = (self.side(name), self.limit()) {
            let value = side.ratio_to(limit);
            self.musts.push(Must { what: format!("{name} in parts of the limit"), value, bound });
        }
    }

    /// Promises that the slow end of a side's latencies is at most `factor` times the limit's: the median of the rounds'
    /// ratios, as for the rates. Over all rounds together it would be that of the one in which the disk was slowest.
    pub(crate) fn must_be_even(&mut self, name: &str, factor: f64) {
        let (Some(side), Some(limit)) = (self.side(name), self.limit()) else { return };
        let ratios = side.p99s.iter().zip(&limit.p99s).map(|(own, limit)| own / limit);
        let value = median(ratios);
        let what = format!("p99 of {name} in parts of the limit's");
        self.musts.push(Must { what, value, bound: Bound::AtMost(factor) });
    }

    /// Promises a bound for a side's median.
    pub(crate) fn must_be(&mut self, name: &str, bound: Bound) {
        if let Some(side) = self.side(name) {
            let must = Must { what: format!("{name}, {}", self.unit.name()), value: side.median(), bound };
            self.musts.push(must);
        }
    }

    /// Whether something else was at the disk or the processors, so that the row is to be measured again.
    pub(crate) fn is_noisy(&self) -> bool {
        self.limit().is_some_and(|limit| limit.spread() > SPREAD_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(limit: [f64; 3], log: [f64; 3]) -> Row {
        let side = |name: &str, rounds: [f64; 3]| Side { rounds: rounds.into(), ..Side::new(name) };
        Row {
            work: "work".to_owned(),
            unit: Unit::EntriesPerSecond,
            sides: vec![side("limit", limit), side("log", log)],
            musts: Vec::new(),
        }
    }

    #[test]
    fn the_ratio_is_taken_within_each_round() {
        // The disk halves its speed during the run: the ratio of the medians would be 80 / 60.
        let mut row = row([100.0, 60.0, 50.0], [90.0, 80.0, 45.0]);
        row.must_reach("log", Bound::AtLeast(0.9));
        row.must_reach("log", Bound::AtLeast(0.91));
        assert_eq!(row.musts.iter().map(Must::is_met).collect::<Vec<_>>(), [true, false]);
        row.must_be("log", Bound::AtMost(80.0));
        assert!(row.musts.last().is_some_and(Must::is_met));
    }

    #[test]
    fn a_limit_that_spreads_is_noise_and_a_log_that_does_is_not() {
        assert!(row([100.0, 80.0, 110.0], [1.0; 3]).is_noisy());
        assert!(!row([100.0, 90.0, 110.0], [1.0, 50.0, 100.0]).is_noisy());
    }

    #[test]
    fn an_even_latency_is_held_against_the_limits() {
        let mut row = row([1.0; 3], [1.0; 3]);
        // In its first round the limit met a slow disk, and in its last one the log did.
        row.sides[0].p99s = vec![0.009, 0.0001, 0.0001];
        row.sides[1].p99s = vec![0.0001, 0.00016, 0.009];
        row.must_be_even("log", 1.5);
        assert!(!row.musts[0].is_met() && (row.musts[0].value - 1.6).abs() < 1e-9);
    }
}
