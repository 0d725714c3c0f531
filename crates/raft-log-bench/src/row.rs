//! The rows: a kind of work, done in turns by the limit and by the log, and what the rounds say together.
//!
//! The two of a round share the disk's mood, so the ratio is taken within each round, and only then the median.

use std::time::Duration;

use clap::ValueEnum;

use crate::Outcome;
use crate::limit::Limit;
use crate::round::Round;
use crate::statistics::{Latency, median, spread};
use crate::steady_log::SteadyLog;
use crate::window::Window;

/// A limit that spreads by more than this says nothing about the log.
const SPREAD_MAX: f64 = 0.25;

/// What is done, in the order of the table. The first is done before the log has a flush thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    /// Every entry is synced before the next one.
    OneByOne,
    /// A number of entries are under way, each with its own callback.
    InFlight,
    /// A batch of entries, and one sync for it.
    Batches,
}

impl Work {
    /// What it is called in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneByOne => "one by one, each synced",
            Self::InFlight => "256 in flight, each with its callback",
            Self::Batches => "batches of 1,000, one sync each",
        }
    }

    /// How many entries go together; the limit makes so many durable with one sync.
    fn entries(self) -> u64 {
        match self {
            Self::OneByOne => 1,
            Self::InFlight => 256,
            Self::Batches => 1_000,
        }
    }

    fn limit_round(self, limit: &mut Limit, length: Duration) -> Outcome<Round> {
        Round::run(length, self.entries(), |entries| Ok(limit.write(entries)?))
    }

    fn log_round(self, log: &mut SteadyLog, length: Duration) -> Outcome<Round> {
        match self {
            Self::OneByOne | Self::Batches => {
                Round::run(length, self.entries(), |entries| log.write(entries))
            }
            Self::InFlight => {
                let mut window = Window::new(self.entries());
                let mut round =
                    Round::run(length, self.entries(), |entries| log.submit(entries, &mut window))?;
                window.drain()?;
                round.end_now();
                Ok(round)
            }
        }
    }
}

/// What was measured of one kind of work.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) work: Work,
    /// Entries per second, round by round.
    pub(crate) limit_rates: Vec<f64>,
    /// Entries per second, round by round.
    pub(crate) log_rates: Vec<f64>,
    /// Of the limit and of the log, where an operation is one entry made durable.
    pub(crate) latencies: Option<(Latency, Latency)>,
}

impl Row {
    /// Lets both do the work, in turns.
    pub(crate) fn measure(
        work: Work,
        limit: &mut Limit,
        log: &mut SteadyLog,
        rounds: usize,
        length: Duration,
    ) -> Outcome<Self> {
        let (mut limit_rates, mut log_rates) = (Vec::new(), Vec::new());
        let (mut limit_latencies, mut log_latencies) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let of_limit = work.limit_round(limit, length)?;
            let of_log = work.log_round(log, length)?;
            limit_rates.push(of_limit.rate());
            log_rates.push(of_log.rate());
            limit_latencies.extend(of_limit.latencies);
            log_latencies.extend(of_log.latencies);
        }
        let latencies = match work {
            Work::OneByOne => Latency::of(limit_latencies).zip(Latency::of(log_latencies)),
            Work::InFlight | Work::Batches => None,
        };
        Ok(Self { work, limit_rates, log_rates, latencies })
    }

    /// The limit's median, in entries per second.
    pub(crate) fn limit_rate(&self) -> f64 {
        median(self.limit_rates.iter().copied())
    }

    /// The log's median, in entries per second.
    pub(crate) fn log_rate(&self) -> f64 {
        median(self.log_rates.iter().copied())
    }

    /// What part of the limit the log reaches: the median of the rounds.
    pub(crate) fn ratio(&self) -> f64 {
        median(self.log_rates.iter().zip(&self.limit_rates).map(|(log, limit)| log / limit))
    }

    /// How far the limit's rounds lie apart, in parts of their median.
    pub(crate) fn limit_spread(&self) -> f64 {
        spread(self.limit_rates.iter().copied())
    }

    /// Whether something else was at the disk or the processors, so that the row is to be measured again.
    pub(crate) fn is_noisy(&self) -> bool {
        self.limit_spread() > SPREAD_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(limit_rates: [f64; 3], log_rates: [f64; 3]) -> Row {
        Row {
            work: Work::Batches,
            limit_rates: limit_rates.into(),
            log_rates: log_rates.into(),
            latencies: None,
        }
    }

    #[test]
    fn the_ratio_is_taken_within_each_round() {
        // The disk halves its speed during the run: the ratio of the medians would be 80 / 60.
        let row = row([100.0, 60.0, 50.0], [90.0, 80.0, 45.0]);
        assert_eq!(row.ratio(), 0.9);
        assert_eq!((row.limit_rate(), row.log_rate()), (60.0, 80.0));
    }

    #[test]
    fn a_limit_that_spreads_is_noise_and_a_log_that_does_is_not() {
        assert!(row([100.0, 80.0, 110.0], [1.0; 3]).is_noisy());
        assert!(!row([100.0, 90.0, 110.0], [1.0, 50.0, 100.0]).is_noisy());
    }
}
