//! Which entries the log's cache holds for certain, so that a read knows beforehand whether it will need the disk.
//!
//! The writer counts along with the cache, by the same limits and with sizes that are never too small; so what it thinks is
//! cached is. A reader that is overtaken by the writer may meet the disk all the same: that costs time, and nothing else.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The cache adds 64 bytes to each entry; head, ids and padding of a frame are below 104 if a leader's id is not long.
const ENTRY_BYTES_MORE: usize = 64 + 104;

/// The writer's side.
pub(crate) struct CachedWindow {
    max_items: usize,
    capacity: usize,
    end: u64,
    sizes: VecDeque<usize>,
    bytes: usize,
    first: CachedFrom,
}

/// The readers' side: from which index on the cache holds everything.
#[derive(Clone)]
pub(crate) struct CachedFrom(Arc<AtomicU64>);

impl CachedFrom {
    /// Whether the entries from `start` on are read without a disk.
    pub(crate) fn holds(&self, start: u64) -> bool {
        start >= self.0.load(Ordering::Acquire)
    }
}

impl CachedWindow {
    /// Nothing is cached of a log that was just opened and ends before `end`.
    pub(crate) fn new(max_items: usize, capacity: usize, end: u64) -> Self {
        let first = CachedFrom(Arc::new(AtomicU64::new(end)));
        Self { max_items, capacity, end, sizes: VecDeque::new(), bytes: 0, first }
    }

    pub(crate) fn reader(&self) -> CachedFrom {
        self.first.clone()
    }

    /// Entries were appended: the index of the first, and the sizes of their payloads.
    pub(crate) fn push(&mut self, first: u64, payloads: impl Iterator<Item = usize>) {
        if first != self.end {
            self.sizes.clear();
            (self.bytes, self.end) = (0, first);
        }
        for payload in payloads {
            let size = payload.saturating_add(ENTRY_BYTES_MORE);
            self.sizes.push_back(size);
            self.bytes += size;
            self.end += 1;
        }
        while self.sizes.len() > self.max_items || self.bytes > self.capacity {
            self.pop_front();
        }
        self.publish();
    }

    /// The log ends before `end` now.
    pub(crate) fn truncate(&mut self, end: u64) {
        while self.end > end
            && let Some(size) = self.sizes.pop_back()
        {
            self.bytes -= size;
            self.end -= 1;
        }
        if self.end > end {
            self.end = end;
        }
        self.publish();
    }

    /// The log begins at `first` now, and ends before `end`.
    pub(crate) fn purge(&mut self, first: u64, end: u64) {
        while self.first() < first && !self.sizes.is_empty() {
            self.pop_front();
        }
        if self.sizes.is_empty() {
            self.end = end;
        }
        self.publish();
    }

    fn first(&self) -> u64 {
        self.end - self.sizes.len() as u64
    }

    fn pop_front(&mut self) {
        if let Some(size) = self.sizes.pop_front() {
            self.bytes -= size;
        }
    }

    fn publish(&self) {
        self.first.0.store(self.first(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cached_from(window: &CachedWindow) -> u64 {
        let reader = window.reader();
        (0..1000).find(|index| reader.holds(*index)).unwrap()
    }

    #[test]
    fn it_is_never_wider_than_the_limits() {
        let mut window = CachedWindow::new(4, 1 << 20, 10);
        assert_eq!(cached_from(&window), 10, "what was there before is not cached");
        window.push(10, [1, 1].into_iter());
        assert_eq!(cached_from(&window), 10);
        window.push(12, [1, 1, 1].into_iter());
        assert_eq!(cached_from(&window), 11);

        let mut window = CachedWindow::new(100, 2 * (ENTRY_BYTES_MORE + 10), 0);
        window.push(0, [10, 10, 10].into_iter());
        assert_eq!(cached_from(&window), 1);
        window.push(3, [usize::MAX].into_iter().map(|_| 1_000));
        assert_eq!(cached_from(&window), 4, "one entry alone is over the capacity");
    }

    #[test]
    fn it_follows_truncations_and_purges() {
        let mut window = CachedWindow::new(100, 1 << 20, 0);
        window.push(0, std::iter::repeat_n(1, 10));
        window.truncate(7);
        window.push(7, [1].into_iter());
        assert_eq!(cached_from(&window), 0);
        window.purge(5, 8);
        assert_eq!(cached_from(&window), 5);
        window.purge(30, 30);
        assert_eq!(cached_from(&window), 30);
        window.push(30, [1].into_iter());
        assert_eq!(cached_from(&window), 30);
        // Below what is cached: what comes next is, what is before it is not.
        window.truncate(20);
        assert_eq!(cached_from(&window), 20);
        window.push(20, [1].into_iter());
        assert_eq!(cached_from(&window), 20);
    }
}
