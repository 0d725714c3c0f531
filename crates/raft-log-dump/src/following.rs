//! Entries that follow each other in one term, gathered so that a state machine is told of them at once.
//!
//! What always holds: an entry is gathered only if its index follows and its term and rest are the same, which is legal
//! behind a legal entry, whatever the rules; so nothing is let through that the machine would refuse.

use bytes::Bytes;
use raft_log_codec::{Encode, RawLogId, RawTypes, Replay};
use raft_log_state::{Change, RaftLogSM, StateMachine};

/// Fewer entries than this are told one by one: telling them at once has a cost of its own.
const FEW: u64 = 8;

/// The entries that were gathered.
#[derive(Debug, Default)]
pub(crate) struct Following {
    /// The first of them; `None` before any.
    first: Option<RawLogId>,
    /// The index behind the last.
    end: u64,
}

impl Following {
    /// The machine was told of this entry; others may follow it.
    pub(crate) fn begin(&mut self, term: u64, index: u64, rest: &[u8]) {
        let next = index.saturating_add(1);
        self.first = Some(RawLogId { term, index: next, rest: Bytes::copy_from_slice(rest) });
        self.end = next;
    }

    /// Whether the entry follows, and is gathered.
    pub(crate) fn take(&mut self, term: u64, index: u64, rest: &[u8]) -> bool {
        let Some(first) = &self.first else { return false };
        // Most rests are empty, and comparing empty slices byte by byte is not free.
        let is_same_rest = first.rest.len() == rest.len() && (rest.is_empty() || first.rest == rest);
        // The largest index has no successor.
        if index != self.end || term != first.term || !is_same_rest || index >= u64::MAX - 1 {
            return false;
        }
        self.end += 1;
        true
    }

    /// Tells the machine, and forgets them.
    pub(crate) fn tell(&mut self, machine: &mut RaftLogSM<RawTypes>) {
        let Some(first) = self.first.take() else { return };
        if self.end == first.index {
            return;
        }
        let last = RawLogId { index: self.end - 1, ..first.clone() };
        if self.end - first.index > FEW {
            let state = raft_log_codec::RaftLogState { last: Some(last), ..machine.state().clone() };
            let mut bytes = Vec::new();
            if state.encode(&mut bytes).is_ok()
                && machine.skip(None, std::slice::from_ref(&first), self.end, bytes.into()).is_ok()
            {
                return;
            }
        }
        for index in first.index..self.end {
            machine.apply(Change::Append(&RawLogId { index, ..first.clone() }));
        }
    }
}
