//! What readers see: the rules' state, where the entries lie, and the newest of them, changed together under one lock.
//!
//! The writer changes it only after an operation was accepted, and as a whole; readers take what they need and leave
//! before they touch the disk.

use raft_log_codec::{LogId, Record, Types};
use raft_log_state::{Change, RaftLogSM, StateMachine};

use crate::open::Recovery;
use crate::stats::RecordCounts;
use crate::{LogCache, LogData, Place};

pub(crate) struct View<T: Types> {
    pub(crate) machine: RaftLogSM<T>,
    pub(crate) data: LogData,
    pub(crate) cache: LogCache<(T::LogId, T::Payload)>,
    /// What was made visible since opening.
    pub(crate) counts: RecordCounts,
    pub(crate) recovery: Recovery,
}

impl<T: Types> View<T> {
    /// Makes accepted records visible.
    pub(crate) fn apply(&mut self, records: &mut Vec<Record<T>>, places: &[Place]) {
        if let Some(Record::Append(first, _)) = records.first() {
            self.data.push_all(first.index(), places);
        }
        for (record, place) in records.drain(..).zip(places) {
            // Entries first: they come by the million.
            if let Record::Append(id, payload) = record {
                let index = id.index();
                self.counts.append += 1;
                self.counts.append_bytes += u64::from(place.size);
                self.machine.apply(Change::Append(&id));
                self.cache.push(index, (id, payload), place.size as usize, place.position());
                continue;
            }
            self.count(&record);
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

    /// Counts an accepted record that is no entry, before it is made visible.
    fn count(&mut self, record: &Record<T>) {
        let alive = self.first_index()..self.machine.state().end_index();
        let counts = &mut self.counts;
        match record {
            Record::TruncateAfter(after) => {
                let from = after.as_ref().map_or(0, |id| id.index().saturating_add(1));
                counts.truncate_after += 1;
                counts.truncated_entries += alive.end.saturating_sub(from.max(alive.start));
            }
            Record::PurgeUpto(upto) => {
                let upto = upto.index().saturating_add(1).min(alive.end);
                counts.purge_upto += 1;
                counts.purged_entries += upto.saturating_sub(alive.start);
            }
            Record::SaveVote(_) => counts.save_vote += 1,
            Record::Commit(_) => counts.commit += 1,
            Record::SaveUserData(_) => counts.save_user_data += 1,
            _ => {}
        }
    }

    /// The index of the first live entry; behind the last if there is none.
    pub(crate) fn first_index(&self) -> u64 {
        self.data.first_index().unwrap_or_else(|| self.machine.state().end_index())
    }
}
