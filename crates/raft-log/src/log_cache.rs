//! The newest entries in memory: a window that ends with the last entry of the log.
//!
//! Entries that are not durable are held whatever the limits say: until then memory is the only place they can be
//! read from. What a read brings from the disk is not put here.

use std::collections::VecDeque;

use crate::Position;

/// What one cached entry costs beside its payload.
const ENTRY_OVERHEAD_BYTES: usize = 64;

/// The ring grows by this part of what it holds.
const GROWTH_PART: usize = 16;
/// And by so many entries at least.
const GROWTH_MIN: usize = 256;

/// A window of entries `first..first + len`, newest last.
#[derive(Debug)]
pub struct LogCache<E> {
    max_items: usize,
    capacity: usize,
    first: u64,
    entries: VecDeque<Cached<E>>,
    bytes: usize,
}

#[derive(Debug)]
struct Cached<E> {
    entry: E,
    bytes: usize,
    /// The entry is durable once the stream is durable beyond this.
    position: Position,
}

impl<E: Clone> LogCache<E> {
    /// An empty cache with its limits: a number of entries, and bytes with 64 for each entry.
    pub fn new(max_items: usize, capacity: usize) -> Self {
        Self { max_items, capacity, first: 0, entries: VecDeque::new(), bytes: 0 }
    }

    /// Adds the entry `index` whose frame takes `frame_bytes` and begins at `position`. An index that does
    /// not follow the last begins a new window.
    #[inline]
    pub fn push(&mut self, index: u64, entry: E, frame_bytes: usize, position: Position) {
        if self.end() != index {
            self.clear();
        }
        if self.entries.is_empty() {
            self.first = index;
        }
        let bytes = frame_bytes + ENTRY_OVERHEAD_BYTES;
        self.bytes += bytes;
        if self.entries.len() == self.entries.capacity() {
            // Not doubled: in a ring that is hardly larger than what it holds, a new entry comes where an old one was
            // dropped a moment ago, and memory that the processor has at hand is written.
            self.entries.reserve_exact((self.entries.len() / GROWTH_PART).max(GROWTH_MIN));
        }
        self.entries.push_back(Cached { entry, bytes, position });
    }

    /// The index of the oldest entry it holds, if it holds any.
    pub fn first(&self) -> Option<u64> {
        (!self.entries.is_empty()).then_some(self.first)
    }

    /// How many entries it holds.
    pub fn items(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes it holds, 64 for each entry counted in.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The entries from `index` on, oldest first, each with the bytes of its frame.
    pub fn iter_from(&self, index: u64) -> impl Iterator<Item = (&E, u64)> {
        let skip = usize::try_from(index.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.entries
            .range(skip.min(self.entries.len())..)
            .map(|cached| (&cached.entry, (cached.bytes - ENTRY_OVERHEAD_BYTES) as u64))
    }

    /// Drops entries from `index` on.
    pub fn truncate_from(&mut self, index: u64) {
        while !self.entries.is_empty() && self.end() > index {
            if let Some(dropped) = self.entries.pop_back() {
                self.bytes -= dropped.bytes;
            }
        }
        self.shrink();
    }

    /// Drops entries up to and with `index`.
    pub fn purge_upto(&mut self, index: u64) {
        while !self.entries.is_empty() && self.first <= index {
            self.pop_front();
        }
        self.shrink();
    }

    /// Whether it holds more than its limits allow.
    pub fn is_over(&self) -> bool {
        self.entries.len() > self.max_items || self.bytes > self.capacity
    }

    /// Drops the oldest entries until the limits are kept, or the oldest is not durable.
    pub fn evict(&mut self, durable: Position) {
        // First looked at and then dropped: old entries have left the processor's caches, and reading them one after the
        // other does not wait for what dropping each does.
        let (mut items, mut bytes) = (self.entries.len(), self.bytes);
        for oldest in &self.entries {
            let is_over = items > self.max_items || bytes > self.capacity;
            if !is_over || oldest.position >= durable {
                break;
            }
            items -= 1;
            bytes -= oldest.bytes;
        }
        while self.entries.len() > items {
            self.pop_front();
        }
        self.shrink();
    }

    fn pop_front(&mut self) {
        if let Some(dropped) = self.entries.pop_front() {
            self.bytes -= dropped.bytes;
            self.first += 1;
        }
    }

    /// Gives memory back that a larger window needed.
    fn shrink(&mut self) {
        if self.entries.capacity() > 4096 && self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(max_items: usize, capacity: usize) -> LogCache<u64> {
        let mut cache = LogCache::new(max_items, capacity);
        (10..20).for_each(|index| cache.push(index, index, 36, Position::new(index * 100)));
        cache
    }

    fn held(cache: &LogCache<u64>) -> Vec<u64> {
        cache.iter_from(0).map(|(entry, _)| *entry).collect()
    }

    #[test]
    fn it_keeps_its_limits_once_entries_are_durable() {
        let mut cache = filled(4, 1 << 20);
        cache.evict(Position::new(0));
        assert_eq!(cache.items(), 10, "nothing is durable");
        cache.evict(Position::new(1250));
        assert_eq!(
            held(&cache),
            [13, 14, 15, 16, 17, 18, 19],
            "12 begins before 1250 and is durable, 13 is not"
        );
        cache.evict(Position::new(5000));
        assert_eq!(held(&cache), [16, 17, 18, 19]);

        let mut cache = filled(100, 250);
        cache.evict(Position::new(5000));
        assert_eq!((held(&cache), cache.bytes()), (vec![18, 19], 200));
    }

    #[test]
    fn truncation_takes_the_newest_and_purging_the_oldest() {
        let mut cache = filled(100, 1 << 20);
        cache.truncate_from(17);
        cache.purge_upto(11);
        assert_eq!(held(&cache), [12, 13, 14, 15, 16]);
        assert_eq!(cache.first(), Some(12));
        assert_eq!(cache.iter_from(15).collect::<Vec<_>>(), [(&15, 36), (&16, 36)]);
        assert_eq!(cache.bytes(), 500);
        cache.purge_upto(100);
        assert_eq!((cache.first(), cache.bytes()), (None, 0));
        cache.push(101, 101, 0, Position::new(9));
        assert_eq!(held(&cache), [101]);
    }
}
