//! What readers see: the rules' state, where the entries lie, and the newest of them, changed together under one lock.
//!
//! The writer changes it only after an operation was accepted, and as a whole; readers take what they need and leave
//! before they touch the disk.

use raft_log_codec::{LogId, Record, Types};
use raft_log_state::{Change, RaftLogSM, StateMachine};

use crate::{LogCache, LogData, Place, Position};

pub(crate) struct View<T: Types> {
    pub(crate) machine: RaftLogSM<T>,
    pub(crate) data: LogData,
    pub(crate) cache: LogCache<(T::LogId, T::Payload)>,
}

impl<T: Types> View<T> {
    /// Makes accepted records visible.
    pub(crate) fn apply(&mut self, records: impl IntoIterator<Item = Record<T>>, places: &[Place]) {
        for (record, place) in records.into_iter().zip(places) {
            // Entries first: they come by the million.
            if let Record::Append(id, payload) = record {
                let index = id.index();
                self.machine.apply(Change::Append(&id));
                self.data.push(index, *place);
                self.cache.push(index, (id, payload), place.size as usize, place.position());
                continue;
            }
            if let Some(change) = Change::of(&record) {
                self.machine.apply(change);
            }
            let end = self.machine.state().end_index();
            self.data.apply(&record, *place, end);
            match record {
                Record::TruncateAfter(_) => self.cache.truncate_from(end),
                Record::PurgeUpto(upto) => self.cache.purge_upto(upto.index()),
                _ => {}
            }
        }
    }

    /// Lets go of cached entries that the limits do not allow and the disk can give back.
    pub(crate) fn evict(&mut self, durable: Position) {
        if self.cache.is_over() {
            self.cache.evict(durable);
        }
    }
}
