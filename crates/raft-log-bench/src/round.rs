//! One round: doing one thing again and again for a fixed time, and what came of it.

use std::time::{Duration, Instant};

use crate::Outcome;

/// What came of a round.
#[derive(Debug)]
pub struct Round {
    begin: Instant,
    elapsed: Duration,
    entries: u64,
    /// How long each call of the operation took.
    pub latencies: Vec<Duration>,
}

impl Round {
    /// Calls `operation`, each time with `entries` more to write, until `length` is over.
    ///
    /// # Errors
    /// The first of `operation`.
    pub fn run(length: Duration, entries: u64, mut operation: impl FnMut(u64) -> Outcome) -> Outcome<Self> {
        let begin = Instant::now();
        let mut round = Self { begin, elapsed: Duration::ZERO, entries: 0, latencies: Vec::new() };
        while round.elapsed < length {
            operation(entries)?;
            let before = round.elapsed;
            round.end_now();
            round.entries += entries;
            round.latencies.push(round.elapsed - before);
        }
        Ok(round)
    }

    /// A round of `entries` that took `elapsed`.
    pub fn of(entries: u64, elapsed: Duration) -> Self {
        Self { begin: Instant::now(), elapsed, entries, latencies: Vec::new() }
    }

    /// Has the round last until now: what was begun in it has ended.
    pub fn end_now(&mut self) {
        self.elapsed = self.begin.elapsed();
    }

    /// Entries per second.
    pub fn rate(&self) -> f64 {
        self.entries as f64 / self.elapsed.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_counts_what_was_written_and_ends_in_time() {
        let mut written = 0;
        let round = Round::run(Duration::from_millis(20), 7, |entries| {
            written += entries;
            std::thread::sleep(Duration::from_millis(1));
            Ok(())
        });
        let round = round.unwrap();
        assert_eq!(round.entries, written);
        assert_eq!(round.latencies.len() as u64 * 7, written);
        assert!(round.latencies.iter().all(|latency| *latency >= Duration::from_millis(1)));
        assert!(round.rate() > 0.0 && round.rate() <= 7000.0, "{round:?}");
    }

    #[test]
    fn a_failure_ends_the_round() {
        let mut calls = 0;
        let round = Round::run(Duration::from_secs(60), 1, |_| {
            calls += 1;
            if calls == 3 { Err("broken".into()) } else { Ok(()) }
        });
        assert_eq!(round.unwrap_err().to_string(), "broken");
    }
}
