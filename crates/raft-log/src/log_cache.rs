//! The newest entries in memory: a window that ends with the last entry of the log.
//!
//! Entries that are not durable are held whatever the limits say, with the piece they lie in: until then memory is the
//! only place they can be read from. What a read brings from the disk is not put here.
//!
//! The window consists of pieces that do not change any more, and of the newest entries, which are fewer than a piece
//! has. A reader takes hold of the pieces it needs while it looks at the window, and copies entries out of them when it
//! no longer does; the writer lets go of a piece as a whole.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::Position;

/// What one cached entry costs beside its payload.
const ENTRY_OVERHEAD_BYTES: usize = 64;

/// A piece has at most so many entries.
const PIECE_ENTRIES: usize = 64;
/// And at most this part of what the limits allow: for so much less may be held than they do.
const PIECE_PART: usize = 16;

/// A window of entries `first..first + items`, newest last.
#[derive(Debug)]
pub struct LogCache<E> {
    max_items: usize,
    capacity: usize,
    /// A piece is closed when it has so many entries, or so many bytes.
    piece_entries: usize,
    piece_bytes: usize,
    /// The oldest entry that can be read. The piece it lies in may hold some that were purged.
    first: u64,
    pieces: VecDeque<Piece<E>>,
    /// The entries behind all pieces, from `newest_first` on.
    newest: Vec<Cached<E>>,
    newest_first: u64,
    newest_bytes: usize,
    /// Where the last of the newest begins, or one that was truncated after it.
    newest_position: Position,
    bytes: usize,
}

/// Neighbouring entries that do not change any more.
#[derive(Debug)]
struct Piece<E> {
    first: u64,
    bytes: usize,
    /// All of them are durable once the stream is durable beyond this.
    position: Position,
    entries: Shared<E>,
}

/// The entries of a piece, for the cache and for whoever holds it.
type Shared<E> = Arc<[Cached<E>]>;

#[derive(Debug, Clone)]
struct Cached<E> {
    entry: E,
    bytes: usize,
}

/// Entries of a cache that a reader has taken hold of: they stay, whatever becomes of the cache.
#[derive(Debug)]
pub struct HeldEntries<E> {
    pieces: Vec<(Shared<E>, Range<usize>)>,
    newest: Vec<Cached<E>>,
}

/// Entries that a cache has let go of, to be dropped where that holds up nobody.
#[derive(Debug)]
pub struct EvictedEntries<E>(#[expect(dead_code, reason = "it is there to be dropped")] Shared<E>);

impl<E: Clone> LogCache<E> {
    /// An empty cache with its limits: a number of entries, and bytes with 64 for each entry.
    pub fn new(max_items: usize, capacity: usize) -> Self {
        Self {
            max_items,
            capacity,
            // A cache that is to hold nothing need not be let go of in parts.
            piece_entries: match max_items {
                0 => PIECE_ENTRIES,
                _ => (max_items / PIECE_PART).clamp(1, PIECE_ENTRIES),
            },
            piece_bytes: match capacity {
                0 => usize::MAX,
                _ => capacity / PIECE_PART,
            },
            first: 0,
            pieces: VecDeque::new(),
            newest: Vec::new(),
            newest_first: 0,
            newest_bytes: 0,
            newest_position: Position::new(0),
            bytes: 0,
        }
    }

    /// Adds the entry `index` whose frame takes `frame_bytes` and begins at `position`. An index that does
    /// not follow the last begins a new window.
    #[inline]
    pub fn push(&mut self, index: u64, entry: E, frame_bytes: usize, position: Position) {
        if self.end() != index {
            self.clear();
            (self.first, self.newest_first) = (index, index);
        }
        let bytes = frame_bytes + ENTRY_OVERHEAD_BYTES;
        self.bytes += bytes;
        self.newest_bytes += bytes;
        self.newest_position = position;
        self.newest.push(Cached { entry, bytes });
        if self.newest.len() >= self.piece_entries || self.newest_bytes >= self.piece_bytes {
            self.close_piece();
        }
    }

    /// Makes a piece of the newest entries.
    fn close_piece(&mut self) {
        let (first, bytes, position) = (self.newest_first, self.newest_bytes, self.newest_position);
        self.newest_first = self.end();
        self.newest_bytes = 0;
        self.pieces.push_back(Piece { first, bytes, position, entries: self.newest.drain(..).collect() });
    }

    /// The index of the oldest entry it holds, if it holds any.
    pub fn first(&self) -> Option<u64> {
        (self.first < self.end()).then_some(self.first)
    }

    /// How many entries it holds.
    pub fn items(&self) -> usize {
        usize::try_from(self.end() - self.first).unwrap_or(usize::MAX)
    }

    /// How many bytes it holds, 64 for each entry counted in. Purged entries count as long as their piece is held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The entry `index`, if it holds it.
    pub fn get(&self, index: u64) -> Option<&E> {
        if index < self.first {
            return None;
        }
        let (entries, first) = match index < self.newest_first {
            true => {
                let piece = self.pieces.get(self.piece_behind(index).checked_sub(1)?)?;
                (&*piece.entries, piece.first)
            }
            false => (&*self.newest, self.newest_first),
        };
        entries.get(position_of(index, first)).map(|cached| &cached.entry)
    }

    /// Takes hold of those of the entries of `range` that it holds: of as many as bring the bytes of their frames to
    /// `bytes_max`, and perhaps of a piece more.
    pub fn hold(&self, range: Range<u64>, bytes_max: u64) -> HeldEntries<E> {
        let mut held = HeldEntries { pieces: Vec::new(), newest: Vec::new() };
        let range = range.start.max(self.first)..range.end.min(self.end());
        if range.is_empty() {
            return held;
        }
        let mut bytes = 0;
        let from = self.piece_behind(range.start).saturating_sub(1);
        for piece in self.pieces.range(from..) {
            let part = position_of(range.start, piece.first)
                ..position_of(range.end, piece.first).min(piece.entries.len());
            if part.start >= part.end {
                break;
            }
            if part.start == 0 {
                bytes += (piece.bytes - piece.entries.len() * ENTRY_OVERHEAD_BYTES) as u64;
            }
            held.pieces.push((piece.entries.clone(), part));
            if bytes >= bytes_max {
                return held;
            }
        }
        let part = position_of(range.start, self.newest_first)..position_of(range.end, self.newest_first);
        let newest = self.newest.get(part).unwrap_or_default();
        let needed = newest.iter().position(|cached| {
            bytes += (cached.bytes - ENTRY_OVERHEAD_BYTES) as u64;
            bytes >= bytes_max
        });
        held.newest = newest.get(..needed.map_or(newest.len(), |last| last + 1)).unwrap_or_default().to_vec();
        held
    }

    /// How many pieces begin at or before an index.
    fn piece_behind(&self, index: u64) -> usize {
        self.pieces.partition_point(|piece| piece.first <= index)
    }

    /// Drops entries from `index` on.
    pub fn truncate_from(&mut self, index: u64) {
        if index <= self.first {
            return self.clear();
        }
        let cut = position_of(index, self.newest_first).min(self.newest.len());
        let mut dropped: usize = self.newest.drain(cut..).map(|cached| cached.bytes).sum();
        self.newest_bytes -= dropped;
        while index < self.newest_first
            && let Some(piece) = self.pieces.pop_back()
        {
            // What is left of it, if anything, is the newest.
            let left = piece.entries.get(..position_of(index, piece.first)).unwrap_or_default();
            self.newest.extend_from_slice(left);
            self.newest_bytes = left.iter().map(|cached| cached.bytes).sum();
            (self.newest_first, self.newest_position) = (piece.first, piece.position);
            dropped += piece.bytes - self.newest_bytes;
        }
        self.bytes -= dropped;
    }

    /// Lets nobody read the entries up to and with `index` any more. Those in pieces are held until they are
    /// [evicted](Self::evict).
    pub fn purge_upto(&mut self, index: u64) {
        if index < self.first {
            return;
        }
        self.first = index.saturating_add(1).min(self.end());
        let purged = position_of(self.first, self.newest_first);
        let bytes: usize = self.newest.drain(..purged).map(|cached| cached.bytes).sum();
        self.newest_first = self.newest_first.max(self.first);
        self.newest_bytes -= bytes;
        self.bytes -= bytes;
    }

    /// Whether it holds more than its limits allow.
    pub fn is_over(&self) -> bool {
        self.items() > self.max_items || self.bytes > self.capacity
    }

    /// Lets go of the oldest entries, a piece of them, if all of it was purged, or if the limits are not kept and all of
    /// it is durable. The caller comes again until there is nothing to let go of, and drops what it gets in between, where
    /// nobody waits for it.
    pub fn evict(&mut self, durable: Position) -> Option<EvictedEntries<E>> {
        let is_over = self.is_over();
        let Some(piece) = self.pieces.front() else {
            if is_over && self.newest_position < durable {
                self.close_piece();
            }
            return self.evict_piece();
        };
        let end = piece.first + piece.entries.len() as u64;
        let is_purged = end <= self.first;
        (is_purged || is_over && piece.position < durable).then(|| self.evict_piece()).flatten()
    }

    fn evict_piece(&mut self) -> Option<EvictedEntries<E>> {
        let piece = self.pieces.pop_front()?;
        if self.pieces.capacity() > 64 && self.pieces.len() < self.pieces.capacity() / 4 {
            // A larger window needed more.
            self.pieces.shrink_to(self.pieces.len() * 2);
        }
        self.bytes -= piece.bytes;
        self.first = self.first.max(piece.first + piece.entries.len() as u64);
        Some(EvictedEntries(piece.entries))
    }

    fn clear(&mut self) {
        self.first = self.end();
        self.newest_first = self.first;
        self.pieces = VecDeque::new();
        self.newest.clear();
        self.newest_bytes = 0;
        self.bytes = 0;
    }

    fn end(&self) -> u64 {
        self.newest_first + self.newest.len() as u64
    }
}

/// Where an entry lies among those from `first` on; the first place if it is before them.
fn position_of(index: u64, first: u64) -> usize {
    usize::try_from(index.saturating_sub(first)).unwrap_or(usize::MAX)
}

impl<E> HeldEntries<E> {
    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(|(_, part)| part.len()).sum::<usize>() + self.newest.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries, oldest first, each with the bytes of its frame.
    pub fn iter(&self) -> impl Iterator<Item = (&E, u64)> {
        self.pieces
            .iter()
            .flat_map(|(entries, part)| entries.get(part.clone()).unwrap_or_default())
            .chain(&self.newest)
            .map(|cached| (&cached.entry, (cached.bytes - ENTRY_OVERHEAD_BYTES) as u64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(max_items: usize, capacity: usize) -> LogCache<u64> {
        let mut cache = LogCache::new(max_items, capacity);
        (10..20).for_each(|index| cache.push(index, index, 36, Position::new(index * 100)));
        cache
    }

    fn held(cache: &LogCache<u64>) -> Vec<u64> {
        cache.hold(0..u64::MAX, u64::MAX).iter().map(|(entry, _)| *entry).collect()
    }

    fn evict(cache: &mut LogCache<u64>, durable: u64) {
        while cache.evict(Position::new(durable)).is_some() {}
    }

    #[test]
    fn it_keeps_its_limits_once_entries_are_durable() {
        let mut cache = filled(4, 1 << 20);
        evict(&mut cache, 0);
        assert_eq!(cache.items(), 10, "nothing is durable");
        evict(&mut cache, 1250);
        assert_eq!(
            held(&cache),
            [13, 14, 15, 16, 17, 18, 19],
            "12 begins before 1250 and is durable, 13 is not"
        );
        evict(&mut cache, 5000);
        assert_eq!(held(&cache), [16, 17, 18, 19]);

        let mut cache = filled(100, 250);
        evict(&mut cache, 5000);
        assert_eq!((held(&cache), cache.bytes()), (vec![18, 19], 200));

        let mut cache = filled(0, 1 << 20);
        evict(&mut cache, 1900);
        assert_eq!(cache.items(), 10, "the last one is not durable, and all are let go of together");
        evict(&mut cache, 1901);
        assert_eq!((cache.first(), cache.bytes()), (None, 0));
    }

    #[test]
    fn truncation_takes_the_newest_and_purging_the_oldest() {
        let mut cache = filled(100, 1 << 20);
        cache.truncate_from(17);
        cache.purge_upto(11);
        assert_eq!(held(&cache), [12, 13, 14, 15, 16]);
        assert_eq!((cache.first(), cache.items(), cache.get(11)), (Some(12), 5, None));
        assert_eq!(cache.hold(15..100, u64::MAX).iter().collect::<Vec<_>>(), [(&15, 36), (&16, 36)]);
        assert_eq!(cache.bytes(), 700, "10 and 11 lie in a piece with 12");
        cache.purge_upto(100);
        assert_eq!(cache.first(), None);
        evict(&mut cache, 0);
        assert_eq!(cache.bytes(), 0);
        cache.push(101, 101, 0, Position::new(9));
        assert_eq!(held(&cache), [101]);
    }

    #[test]
    fn what_is_held_stays_and_is_no_more_than_was_asked_for() {
        let mut cache = LogCache::new(10_000, 1 << 20);
        (0..1000).for_each(|index| cache.push(index, index, 36, Position::new(index)));
        let held = cache.hold(100..900, 36 * 200);
        cache.truncate_from(0);
        assert!((200..200 + 2 * PIECE_ENTRIES).contains(&held.len()), "{}", held.len());
        assert!(held.iter().map(|(entry, _)| *entry).eq(100..100 + held.len() as u64));

        let cache = filled(10_000, 1 << 20);
        assert_eq!([0, 36, 37, 360, u64::MAX].map(|max| cache.hold(10..20, max).len()), [1, 1, 2, 10, 10]);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push(u64),
        Truncate(u64),
        Purge(u64),
        Evict(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1..100_u64).prop_map(Step::Push),
            1 => (0..80_u64).prop_map(Step::Truncate),
            1 => (0..80_u64).prop_map(Step::Purge),
            2 => (0..80_u64).prop_map(Step::Evict),
        ]
    }

    proptest! {
        /// A window of plain entries beside it: the same ones can be read, but for a piece at the front that was let go
        /// of as a whole.
        #[test]
        fn it_is_a_window_of_the_log(
            max_items in prop_oneof![Just(0_usize), 1..2000_usize],
            capacity in prop_oneof![Just(0_usize), 1..200_000_usize],
            steps in prop::collection::vec(step(), 1..60),
        ) {
            let mut cache = LogCache::new(max_items, capacity);
            // Indexes and positions. Unlike indexes, no position comes again.
            let mut window: Vec<(u64, u64)> = Vec::new();
            let (mut next, mut end) = (1, 1);
            for step in steps {
                match step {
                    Step::Push(count) => for _ in 0..count {
                        cache.push(next, next, 36, Position::new(end));
                        window.push((next, end));
                        (next, end) = (next + 1, end + 1);
                    },
                    Step::Truncate(back) => {
                        next = next.saturating_sub(back).max(window.first().map_or(next, |first| first.0));
                        cache.truncate_from(next);
                        window.retain(|(index, _)| *index < next);
                    }
                    Step::Purge(back) => {
                        let upto = (next - 1).saturating_sub(back);
                        cache.purge_upto(upto);
                        window.retain(|(index, _)| *index > upto);
                    }
                    Step::Evict(back) => {
                        let durable = end.saturating_sub(back);
                        evict(&mut cache, durable);
                        let let_go = window.len() - cache.items();
                        prop_assert!(window[..let_go].iter().all(|(_, position)| *position < durable));
                        let is_kept = |items: usize| items <= max_items && items * 100 <= capacity;
                        prop_assert!(durable < end || is_kept(cache.items()) && cache.bytes() <= capacity);
                        // No more than is needed, up to a piece and what was purged of another.
                        prop_assert!(let_go == 0 || !is_kept(cache.items() + 2 * PIECE_ENTRIES));
                        window.drain(..let_go);
                    }
                }
                // Lets go of what was purged.
                evict(&mut cache, 0);
                prop_assert!(held(&cache).into_iter().eq(window.iter().map(|(index, _)| *index)));
                prop_assert_eq!(cache.items(), window.len());
                prop_assert!(window.iter().all(|(index, _)| cache.get(*index) == Some(index)));
                prop_assert!(cache.bytes() >= window.len() * 100);
                prop_assert!(cache.bytes() < (window.len() + PIECE_ENTRIES) * 100);
            }
        }
    }
}
