//! Numbers that follow from the seed of the run: when something is killed. What a kill meets then does not follow from it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A xorshift generator; its state is never 0.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // Small seeds would begin with small numbers.
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From half of `middle` to one and a half of it.
    pub(crate) fn around(&mut self, middle: Duration) -> Duration {
        let part = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        middle.mul_f64(0.5 + part)
    }
}

/// A seed that differs from run to run, short enough to be typed.
pub(crate) fn new_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_nanos()) % 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_follow_from_the_seed_and_lie_around_the_middle() {
        let middle = Duration::from_secs(1);
        let drawn = |seed| {
            let mut random = Random::new(seed);
            (0..100).map(|_| random.around(middle)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        assert!(drawn(0).iter().all(|moment| (middle / 2..middle * 3 / 2).contains(moment)));
        assert!(drawn(0).iter().any(|moment| *moment < middle));
        assert!(drawn(0).iter().any(|moment| *moment > middle));
    }
}
