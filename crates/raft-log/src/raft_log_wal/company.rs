//! Waiting for company: whoever was just told that a flush is done often submits the next operation at once, and a sync
//! of all of them takes hardly longer than one of a half.
//!
//! Without it, writers that wait for their callbacks fall into two halves that take turns, each waiting for the sync of
//! the other. So the flush thread waits until as many operations are there as were in flight of late: for no longer than
//! the quickest flush takes, which is what one flush less is worth, and not at all for a while after that was in vain
//! twice. Where they take longer than that to come back, as when they are thousands, taking turns is better: one half
//! submits while the other is synced. The entries of a batch count one by one: an engine has one callback for those of
//! many clients.

use std::time::{Duration, Instant};

use super::shared::Shared;
use crate::sync::Patience;

/// Longer than this is never waited: a disk that is so slow has its groups filled without it.
const PATIENCE_MAX: Duration = Duration::from_millis(1);

/// After waiting in vain twice, so many flushes go without; twice as many each time that it was in vain again.
const PAUSE_MIN: u32 = 16;
const PAUSE_MAX: u32 = 4096;

/// With each flush that sees fewer operations in flight, their number is taken to have shrunk by this part.
const FEWER_PART: u64 = 16;

/// A wait was in vain if more than this part of the operations in flight are missing at its end.
const MISSING_PART: u64 = 8;

/// By this part of itself the quickest flush is forgotten with each that is slower: it is twice as long after some ten
/// thousands.
const FORGOTTEN_PART: u32 = 1 << 15;

/// What waiting has brought so far.
#[derive(Debug, Default)]
pub(super) struct Company {
    /// How often it was in vain, one time after the other.
    in_vain: u32,
    /// Flushes to go without waiting.
    pause: u32,
    /// How long the last pause was.
    last_pause: u32,
    /// How many operations were in flight at most, of late.
    in_flight: u64,
    /// How long the quickest flush took, of late.
    quickest: Option<Duration>,
}

impl Company {
    /// Takes note of how long a flush took that had something to sync.
    pub(super) fn flush_took(&mut self, took: Duration) {
        let quickest = self.quickest.map_or(took, |quickest| took.min(quickest + quickest / FORGOTTEN_PART));
        self.quickest = Some(quickest);
    }

    /// Waits until those whom a flush told are back with those who were `waiting` when it ended, if that has been worth
    /// it.
    pub(super) fn wait(&mut self, shared: &Shared, waiting: u64, told: u64) {
        let Some(quickest) = self.quickest.filter(|_| told > 0) else { return };
        if self.pause > 0 {
            self.pause -= 1;
            return;
        }
        self.in_flight = (waiting + told).max(self.in_flight - self.in_flight / FEWER_PART);
        let patience = Patience::new(Instant::now() + (quickest + quickest / 4).min(PATIENCE_MAX));
        let is_enough =
            |wanted| shared.waiting() >= wanted || shared.counters.pending() >= shared.flush_bytes;
        while !is_enough(self.in_flight) && patience.wait() {}
        if is_enough(self.in_flight - self.in_flight / MISSING_PART) {
            (self.in_vain, self.last_pause) = (0, 0);
        } else {
            self.in_flight = shared.waiting();
            self.was_in_vain();
        }
    }

    fn was_in_vain(&mut self) {
        self.in_vain += 1;
        if self.in_vain >= 2 {
            self.pause = (self.last_pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
            (self.in_vain, self.last_pause) = (0, self.pause);
        }
    }
}
