//! Distributions in buckets whose bounds grow by a factor: counted without a lock, and read at any time.
//!
//! What is read while somebody counts may miss the newest observation in one number and have it in another; nothing is
//! ever counted twice.

use std::marker::PhantomData;

use crate::sync::{Counter, Ordering};

/// Bounded buckets a histogram may have; one more counts what is above.
const BOUNDS_MAX: usize = 21;

/// What a histogram measures, and so which bounds it has. A type and no value, so that finding a bucket is a handful of
/// instructions.
pub(crate) trait Scale {
    /// The first bound, in nanoseconds, entries or bytes.
    const FIRST: u64;
    /// By how many doublings a bound is larger than the one before.
    const DOUBLINGS: u32;
    /// How many bounds there are.
    const BOUNDS: usize;

    /// In the unit in which it is read.
    fn to_unit(value: u64) -> f64 {
        value as f64
    }

    /// The number of the bucket: of the first bound that is not below `value`.
    fn bucket(value: u64) -> usize {
        let times = value.saturating_sub(1) / Self::FIRST;
        let doublings = u64::BITS - times.leading_zeros();
        (doublings.div_ceil(Self::DOUBLINGS) as usize).min(Self::BOUNDS)
    }

    fn bound(bucket: usize) -> f64 {
        Self::to_unit(Self::FIRST << (bucket as u32 * Self::DOUBLINGS))
    }
}

/// Durations: 10 µs, and twice as much each time, up to 10.5 s.
#[derive(Debug)]
pub(crate) struct Seconds;

impl Scale for Seconds {
    const FIRST: u64 = 10_000;
    const DOUBLINGS: u32 = 1;
    const BOUNDS: usize = BOUNDS_MAX;

    fn to_unit(nanos: u64) -> f64 {
        // Divided and not multiplied, so that a bound is the number nearest to what it is meant to be.
        nanos as f64 / 1e9
    }
}

/// Entries: 1, and four times as many each time, up to 1,048,576.
#[derive(Debug)]
pub(crate) struct Entries;

impl Scale for Entries {
    const FIRST: u64 = 1;
    const DOUBLINGS: u32 = 2;
    const BOUNDS: usize = 11;
}

/// Bytes: 256, and four times as many each time, up to 256 MiB.
#[derive(Debug)]
pub(crate) struct Bytes;

impl Scale for Bytes {
    const FIRST: u64 = 256;
    const DOUBLINGS: u32 = 2;
    const BOUNDS: usize = 11;
}

/// A histogram while it is counted.
#[derive(Debug)]
pub(crate) struct HistogramCounter<S> {
    buckets: [Counter; BOUNDS_MAX + 1],
    sum: Counter,
    scale: PhantomData<S>,
}

impl<S> Default for HistogramCounter<S> {
    fn default() -> Self {
        Self { buckets: Default::default(), sum: Counter::default(), scale: PhantomData }
    }
}

impl<S: Scale> HistogramCounter<S> {
    /// Counts one observation: nanoseconds, entries or bytes.
    pub(crate) fn record(&self, value: u64) {
        if let Some(bucket) = self.buckets.get(S::bucket(value)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// The sum of what was counted.
    pub(crate) fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }

    pub(crate) fn read(&self) -> Histogram {
        let count = |count: &Counter| count.load(Ordering::Relaxed);
        Histogram {
            bounds: (0..S::BOUNDS).map(S::bound).collect(),
            counts: self.buckets.iter().take(S::BOUNDS + 1).map(count).collect(),
            sum: S::to_unit(self.sum()),
        }
    }
}

/// How often values fell into which range, since the log was opened.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Histogram {
    /// The upper bounds of the buckets, rising; a bound belongs to its bucket.
    pub bounds: Vec<f64>,
    /// How many values fell into each bucket and not into one before; the last counts what is above all bounds.
    pub counts: Vec<u64>,
    /// The sum of all values.
    pub sum: f64,
}

impl Histogram {
    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// A bound that at least this part of all values does not exceed: `quantile(0.99)` for 99 of 100. Infinite if it is above
    /// all bounds, `None` without a value.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let count = self.count();
        let wanted = part.clamp(0.0, 1.0) * count as f64;
        let mut upto = 0;
        for (position, in_bucket) in self.counts.iter().enumerate() {
            upto += in_bucket;
            if count > 0 && *in_bucket > 0 && upto as f64 >= wanted {
                return Some(self.bounds.get(position).copied().unwrap_or(f64::INFINITY));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_bounds<S: Scale>() {
        let read = HistogramCounter::<S>::default().read();
        for position in 0..S::BOUNDS {
            let value = S::FIRST << (position as u32 * S::DOUBLINGS);
            assert_eq!(S::to_unit(value), read.bounds[position]);
            assert_eq!(S::bucket(value), position, "{value} belongs to its own bucket");
            assert_eq!(S::bucket(value + 1), position + 1, "{value} + 1 does not");
        }
        assert_eq!(S::bucket(0), 0);
        assert_eq!(S::bucket(u64::MAX), S::BOUNDS);
        assert_eq!(read.counts.len(), S::BOUNDS + 1);
    }

    #[test]
    fn a_value_falls_below_the_first_bound_that_is_not_smaller() {
        check_bounds::<Seconds>();
        check_bounds::<Entries>();
        check_bounds::<Bytes>();
        let seconds = HistogramCounter::<Seconds>::default().read();
        assert_eq!(seconds.bounds.first(), Some(&0.000_01));
        assert_eq!(seconds.bounds.last(), Some(&10.485_76));
    }

    #[test]
    fn what_was_counted_is_read() {
        let counter = HistogramCounter::<Seconds>::default();
        assert_eq!(counter.read().quantile(0.5), None);
        for micros in [1, 10, 15, 15, 200, 60_000_000] {
            counter.record(micros * 1000);
        }
        let read = counter.read();
        assert_eq!((read.counts[0], read.counts[1], read.counts[5], read.counts[21]), (2, 2, 1, 1));
        assert_eq!(read.count(), 6);
        assert!((read.sum - 60.000_241).abs() < 1e-9, "{}", read.sum);
        assert_eq!(read.quantile(0.0), Some(0.000_01));
        assert_eq!(read.quantile(0.5), Some(0.000_02));
        assert_eq!(read.quantile(0.8), Some(0.000_32));
        assert_eq!(read.quantile(1.0), Some(f64::INFINITY));
    }
}
