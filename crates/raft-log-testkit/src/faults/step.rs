//! What is done to a log: a handful of operations that between them begin chunks, span sectors, drop entries and purge.
//!
//! Every step is legal in every log; one that has nothing to do writes nothing. Each payload is another one, so that an
//! entry that comes back from the past is told from the one that took its place.

use bytes::Bytes;
use raft_log::{PlainTypes, PlainVote, Record, StateMachine, TermIndex};

use crate::NaiveModel;
use crate::random::Random;

/// One step of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) action: Action,
    /// Whether a sync follows.
    pub(super) is_synced: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Vote,
    AppendOne,
    /// Entries that span several sectors.
    AppendWide,
    /// More entries than a chunk takes.
    AppendMany,
    Commit,
    Truncate,
    PurgeSome,
    /// Beyond the last entry, as after a snapshot.
    PurgeBeyond,
    UserData,
    /// Close and open again.
    Close,
    /// Kill the process and open what it had written.
    Kill,
}

impl Step {
    /// Everything that may be done, each with and without a sync.
    pub(super) fn all() -> Vec<Self> {
        use Action::{
            AppendMany, AppendOne, AppendWide, Close, Commit, Kill, PurgeBeyond, PurgeSome, Truncate,
            UserData, Vote,
        };
        let writing =
            [Vote, AppendOne, AppendWide, AppendMany, Commit, Truncate, PurgeSome, PurgeBeyond, UserData];
        let with_sync = |action| [true, false].map(|is_synced| Self { action, is_synced });
        let restarts = [Close, Kill].map(|action| Self { action, is_synced: false });
        writing.into_iter().flat_map(with_sync).chain(restarts).collect()
    }

    /// One of all, by chance.
    pub(super) fn any(random: &mut Random) -> Self {
        let all = Self::all();
        all[random.place(all.len())]
    }

    /// What it writes to a log as the model has it. `serial` makes its payloads different from all others.
    pub(super) fn records(self, model: &NaiveModel<PlainTypes>, serial: u64) -> Vec<Record<PlainTypes>> {
        let state = model.state();
        let ids = model.ids();
        let vote_term = state.vote.map_or(1, |vote| vote.term);
        let term = state.last.map_or(0, |last| last.term).max(vote_term);
        let append = |sizes: &[usize]| {
            let entry = |(at, size): (usize, &usize)| {
                let id = TermIndex::new(term, state.end_index() + at as u64);
                Record::Append(id, payload(serial, at, *size))
            };
            sizes.iter().enumerate().map(entry).collect()
        };
        match self.action {
            Action::Vote => vec![Record::SaveVote(PlainVote::new(vote_term + 1, serial))],
            Action::AppendOne => append(&[20]),
            Action::AppendWide => append(&[1200, 30, 900]),
            Action::AppendMany => append(&[10, 0, 40, 3, 25, 7]),
            Action::Commit => state.last.map(Record::Commit).into_iter().collect(),
            Action::Truncate => {
                let committed = state.committed.map_or(0, |id| id.index + 1);
                let kept = ids.iter().rev().skip(2).find(|id| id.index + 1 >= committed);
                match (kept, ids.is_empty() || state.committed != state.purged) {
                    (Some(id), _) => vec![Record::TruncateAfter(Some(*id))],
                    (None, true) => Vec::new(),
                    (None, false) => vec![Record::TruncateAfter(None)],
                }
            }
            Action::PurgeSome => {
                ids.get(ids.len() / 2).map(|id| Record::PurgeUpto(*id)).into_iter().collect()
            }
            Action::PurgeBeyond => vec![Record::PurgeUpto(TermIndex::new(term, state.end_index() + 3))],
            Action::UserData => vec![Record::SaveUserData(Some(payload(serial, 0, 33)))],
            Action::Close | Action::Kill => Vec::new(),
        }
    }
}

/// Bytes that no other step writes.
fn payload(serial: u64, at: usize, size: usize) -> Bytes {
    let text = format!("{serial}.{at} ");
    text.bytes().cycle().take(size).collect()
}
