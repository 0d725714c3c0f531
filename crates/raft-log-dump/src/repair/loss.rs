//! What lies behind the place at which a log would be ended, and what giving it up means for Raft.
//!
//! What always holds: what could not be read counts as lost, and a vote that could have been there as lost, too.

use std::sync::Arc;

use raft_log_chunk::{ChunkId, DurableFacts, MissingKind, RecoveryError, Storage, read_durable};
use raft_log_codec::{LogId, RaftLogState, RawLogId, RawTypes, RawVote, RecordKind};
use serde::Serialize;

use super::cut::Cut;
use super::successor::state_at;
use crate::logical::follow;
use crate::opening::full_text;
use crate::{Item, ScanOptions, scan_storage};

/// What would be lost.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Loss {
    /// The first and the last index of entries that can still be read, or are known to have been there.
    pub(crate) entries: Option<(u64, u64)>,
    /// Whether bytes that cannot be read may have held more.
    pub(crate) maybe_more: bool,
    /// The highest index that anything left says is committed.
    pub(crate) committed: Option<u64>,
    /// Whether an entry at or below it is lost.
    pub(crate) loses_committed: bool,
    /// Whether the node's vote is still known, and taken along.
    pub(crate) vote: VoteFate,
}

/// What becomes of the vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum VoteFate {
    /// It is the one in the part that stays.
    Kept,
    /// It was found behind the end, and is written again.
    Carried,
    /// A later one may have been in bytes that cannot be read.
    Unknown,
}

impl Loss {
    /// Whether the node can go on as the member it was: it takes back nothing it may have said.
    ///
    /// An entry above the committed mark was durable, and may have been acknowledged; the leader may have counted that,
    /// whether or not the node was ever told. So losing it is no safer.
    pub(crate) fn is_safe(&self) -> bool {
        self.entries.is_none() && !self.maybe_more && self.vote != VoteFate::Unknown
    }
}

/// What was found behind the end.
#[derive(Debug)]
pub(crate) struct Behind {
    /// The state where the log would end.
    pub(crate) at_end: RaftLogState<RawTypes>,
    /// The state that everything readable behind it leads to.
    pub(crate) after: RaftLogState<RawTypes>,
    /// The lowest truncation behind the end: what is behind this id was dropped later, and perhaps written anew.
    truncated: Option<Truncation>,
    pub(crate) is_vote_known: bool,
    maybe_more: bool,
    committed: Option<u64>,
    last_index: Option<u64>,
}

/// Entries that were dropped.
#[derive(Debug, Clone)]
pub(crate) struct Truncation {
    /// The last that was not; `None` if all were.
    pub(crate) after: Option<RawLogId>,
}

impl Truncation {
    /// The first index that was dropped.
    pub(crate) fn from(&self) -> u64 {
        self.after.as_ref().map_or(0, |after| after.index.saturating_add(1))
    }
}

impl Behind {
    /// The truncation that reaches into what stays.
    pub(crate) fn truncation(&self) -> Option<&Truncation> {
        let end = self.at_end.last.as_ref().map_or(0, |id| id.index.saturating_add(1));
        let committed = self.at_end.committed.as_ref().map_or(0, |id| id.index.saturating_add(1));
        self.truncated.as_ref().filter(|truncation| (committed..end).contains(&truncation.from()))
    }

    pub(crate) fn read(
        storage: &Arc<dyn Storage>,
        ids: &[ChunkId],
        cut: Cut,
        error: &RecoveryError,
    ) -> Result<Self, String> {
        let (at_end, passed_vote) = state_at(&**storage, cut)?;
        let mut behind = Self {
            after: at_end.clone(),
            truncated: None,
            is_vote_known: !passed_vote,
            maybe_more: false,
            committed: at_end.committed.as_ref().map(LogId::index),
            last_index: at_end.last.as_ref().map(LogId::index),
            at_end,
        };
        behind.note_missing(&**storage, ids, cut, error)?;
        let scan =
            scan_storage(storage.clone(), ScanOptions::default()).map_err(|error| full_text(&error))?;
        let mut chunk = None;
        for item in scan {
            if let Item::Chunk(start) = &item {
                chunk = Some(start.id);
            }
            if chunk.is_none_or(|chunk| chunk < cut.chunk) {
                continue;
            }
            behind.take(&item, cut);
        }
        Ok(behind)
    }

    /// What is not there at all.
    fn note_missing(
        &mut self,
        storage: &dyn Storage,
        ids: &[ChunkId],
        cut: Cut,
        error: &RecoveryError,
    ) -> Result<(), String> {
        let is_other_file = |kind: &MissingKind| {
            matches!(
                kind,
                MissingKind::NewestChunk { .. }
                    | MissingKind::ReplacedChunk { .. }
                    | MissingKind::BrokenChain { .. }
            )
        };
        if let RecoveryError::MissingData(kind) = error
            && is_other_file(kind)
        {
            self.lose_sight();
        }
        let next = ids.iter().find(|id| **id > cut.chunk);
        let file_size = storage.open(&cut.chunk.file_name()).and_then(|file| file.size());
        let file_size = file_size.map_err(|error| full_text(&error))?;
        if next.is_some_and(|next| next.offset() - cut.chunk.offset() > file_size) {
            self.lose_sight();
        }
        match read_durable(storage) {
            Ok(DurableFacts::Mark(mark)) => {
                let newest = ids.last().copied().unwrap_or_default();
                if mark.chunk_id > newest {
                    self.lose_sight();
                }
            }
            Ok(_) => {}
            Err(error) => return Err(full_text(&error)),
        }
        Ok(())
    }

    fn lose_sight(&mut self) {
        self.maybe_more = true;
        self.is_vote_known = false;
    }

    fn take(&mut self, item: &Item, cut: Cut) {
        match item {
            Item::Record(record) if record.chunk == cut.chunk && record.frame.offset < cut.offset => {}
            // Never acknowledged.
            Item::Record(record) if record.is_behind_end => {}
            Item::Record(record) => {
                let frame = &record.frame;
                match frame.head.kind() {
                    None => return self.lose_sight(),
                    Some(RecordKind::SaveVote | RecordKind::State) => {
                        self.is_vote_known = frame.fault.is_none();
                    }
                    Some(RecordKind::TruncateAfter) => {
                        let truncation = Truncation { after: frame.id.clone() };
                        if self.truncated.as_ref().is_none_or(|lowest| truncation.from() < lowest.from()) {
                            self.truncated = Some(truncation);
                        }
                    }
                    Some(RecordKind::Append) => self.last_index = self.last_index.max(frame.head.index()),
                    Some(_) => {}
                }
                follow(&mut self.after, frame);
                self.committed = self.committed.max(self.after.committed.as_ref().map(LogId::index));
            }
            Item::Gap(gap) if gap.chunk == cut.chunk && gap.to <= cut.offset => {}
            Item::Gap(_) | Item::Unreadable { .. } | Item::OddName { .. } => self.lose_sight(),
            _ => {}
        }
    }

    /// The vote to take along.
    pub(crate) fn vote(&self) -> Option<&RawVote> {
        self.after.vote.as_ref()
    }

    /// Whether the entry at this index was not written anew behind the end, so that what stays is the one that is meant.
    pub(crate) fn is_own(&self, index: u64) -> bool {
        self.truncated.as_ref().is_none_or(|truncation| index < truncation.from())
    }

    /// What is lost where the repaired log is in `state`.
    pub(crate) fn loss(&self, state: &RaftLogState<RawTypes>, carries_vote: bool) -> Loss {
        let end =
            |state: &RaftLogState<RawTypes>| state.last.as_ref().map_or(0, |id| id.index().saturating_add(1));
        let purged = self.after.purged.as_ref().map_or(0, |id| id.index().saturating_add(1));
        let kept_end = end(state);
        let truncated = self.truncated.as_ref().map_or(u64::MAX, Truncation::from);
        let from = truncated.min(kept_end).max(purged);
        // Where something in between cannot be read, entries that seem to be truncated may have been written again.
        let known_end = end(&self.after);
        let seen_end = self.last_index.filter(|_| self.maybe_more).map_or(0, |index| index.saturating_add(1));
        let to = known_end.max(seen_end);
        let entries = (from < to).then(|| (from, to - 1));
        let loses_committed = entries.is_some_and(|(first, _)| self.committed >= Some(first))
            || (self.maybe_more && self.committed >= Some(kept_end.max(purged)) && self.committed.is_some());
        Loss {
            entries,
            maybe_more: self.maybe_more,
            committed: self.committed,
            loses_committed,
            vote: match (self.is_vote_known, carries_vote) {
                (false, _) => VoteFate::Unknown,
                (true, true) => VoteFate::Carried,
                (true, false) => VoteFate::Kept,
            },
        }
    }
}
