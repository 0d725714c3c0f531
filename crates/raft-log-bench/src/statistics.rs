//! Medians, spreads and percentiles of what was measured.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The median; of an even number, the mean of the two in the middle. NaN of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let behind = values.get(middle).copied().unwrap_or(f64::NAN);
    match values.len() % 2 {
        1 => behind,
        _ => (values.get(middle.wrapping_sub(1)).copied().unwrap_or(f64::NAN) + behind) / 2.0,
    }
}

/// How far the largest is from the smallest, in parts of the median.
pub(crate) fn spread(values: impl IntoIterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().into_iter().fold(f64::NEG_INFINITY, f64::max);
    let smallest = values.clone().into_iter().fold(f64::INFINITY, f64::min);
    (largest - smallest) / median(values)
}

/// The middle and the slow end of some latencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Latency {
    /// No more than half of all took longer.
    pub(crate) p50: Duration,
    /// No more than one in a hundred took longer.
    pub(crate) p99: Duration,
    /// No more than one in a thousand took longer.
    pub(crate) p999: Duration,
}

impl Latency {
    /// `None` of nothing.
    pub(crate) fn of(mut latencies: Vec<Duration>) -> Option<Self> {
        latencies.sort_unstable();
        let at_part = |thousandths: usize| {
            let rank = (latencies.len() * thousandths).div_ceil(1000);
            latencies.get(rank.checked_sub(1)?).copied()
        };
        Some(Self { p50: at_part(500)?, p99: at_part(990)?, p999: at_part(999)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median([7.0]), 7.0);
        assert!(median([]).is_nan());
    }

    #[test]
    fn the_spread_is_in_parts_of_the_median() {
        assert_eq!(spread([100.0, 90.0, 130.0]), 0.4);
        assert_eq!(spread([5.0, 5.0]), 0.0);
    }

    #[test]
    fn a_percentile_is_a_latency_that_was_measured() {
        let latency = Latency::of((1..=1000).rev().map(Duration::from_micros).collect()).unwrap();
        let [p50, p99, p999] = [500, 990, 999].map(Duration::from_micros);
        assert_eq!(latency, Latency { p50, p99, p999 });
        let one = Duration::from_micros(8);
        assert_eq!(Latency::of(vec![one]), Some(Latency { p50: one, p99: one, p999: one }));
        assert_eq!(Latency::of(Vec::new()), None);
    }
}
