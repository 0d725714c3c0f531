//! Two logs held against each other, as Raft has it: where two logs have an entry with the same index and term, they
//! are the same up to there.
//!
//! Both are read in step, so memory does not grow with the logs. Entries that cannot be read on one side are told, and
//! take no part in the comparison but by their ids.

use raft_log_codec::{LogId, RaftLogState, RawLogId, RawTypes};
use serde::Serialize;

use crate::listing::vote_text;
use crate::logical::{LogicalItems, LogicalLog};
use crate::payload_view::hex;
use crate::progress::Progress;
use crate::{IndexRange, Item, SCHEMA_VERSION, StoredRecord};

/// How many entries that cannot be read are listed.
const UNREADABLE_MAX: usize = 100;

/// What came of a comparison. As JSON it carries its version as `v`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Difference {
    pub(crate) v: u32,
    pub(crate) a: Side,
    pub(crate) b: Side,
    /// The entries that both have, up to the first divergence.
    pub(crate) same: Option<Span>,
    pub(crate) divergence: Option<Divergence>,
    /// What only the first has: before the common part, and behind it or from the divergence on.
    pub(crate) only_a: Vec<Span>,
    pub(crate) only_b: Vec<Span>,
    /// Entries that cannot be read on one side.
    pub(crate) unreadable: Vec<Unreadable>,
    /// Fields of the state that differ, the end of the entries aside.
    pub(crate) state: Vec<&'static str>,
}

/// One of the two logs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Side {
    pub(crate) directory: String,
    pub(crate) first: Option<u64>,
    pub(crate) last: Option<String>,
    pub(crate) committed: Option<String>,
    pub(crate) purged: Option<String>,
    pub(crate) vote: Option<String>,
    #[serde(skip)]
    pub(crate) committed_index: Option<u64>,
}

/// Indexes, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// The first entry that differs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Divergence {
    pub(crate) index: u64,
    pub(crate) a: String,
    pub(crate) b: String,
    /// The ids are the same, and what they stand for is not: no two nodes of one cluster ever have that.
    pub(crate) same_id: bool,
}

/// An entry that is damaged, or missing where it should be.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Unreadable {
    pub(crate) side: &'static str,
    pub(crate) index: u64,
}

impl Difference {
    /// Whether the entries are the same.
    pub(crate) fn is_same_log(&self) -> bool {
        self.divergence.is_none() && self.only_a.is_empty() && self.only_b.is_empty()
    }
}

/// One of the logs while it is read.
pub(crate) struct Reading {
    directory: String,
    state: RaftLogState<RawTypes>,
    span: Option<Span>,
    items: LogicalItems,
    /// Where entries are that could not be given.
    problem: Option<String>,
}

impl Reading {
    pub(crate) fn new(directory: String, mut log: LogicalLog, only: Option<IndexRange>) -> Self {
        if let Some(only) = only {
            log.restrict(only.first(), only.last());
        }
        let first = log.chunks.first().map(|chunk| chunk.live().start);
        let last = log.chunks.last().map(|chunk| chunk.live().end - 1);
        let span = first.zip(last).map(|(first, last)| Span { first, last });
        Self { directory, state: log.state.clone(), span, items: log.items(), problem: None }
    }

    pub(crate) fn span(&self) -> Option<Span> {
        self.span
    }

    fn side(&self) -> Side {
        let text = |id: Option<&RawLogId>| id.map(ToString::to_string);
        Side {
            directory: self.directory.clone(),
            first: self.span.map(|span| span.first),
            last: text(self.state.last.as_ref()),
            committed: text(self.state.committed.as_ref()),
            purged: text(self.state.purged.as_ref()),
            vote: self.state.vote.as_ref().map(|vote| vote_text(&vote.0)),
            committed_index: self.state.committed.as_ref().map(LogId::index),
        }
    }

    /// The next entry at or behind `index`; `None` at the end.
    fn next_from(&mut self, index: u64) -> Option<StoredRecord> {
        for item in self.items.by_ref() {
            match item {
                Item::Record(record) if record.frame.head.index().is_some_and(|found| found >= index) => {
                    return Some(record);
                }
                Item::Purged(id) => {
                    self.problem.get_or_insert_with(|| {
                        format!("{id} of {} was purged while it was read", self.directory)
                    });
                }
                Item::Unreadable { file, source } => {
                    self.problem
                        .get_or_insert_with(|| format!("cannot read {file} of {}: {source}", self.directory));
                }
                _ => {}
            }
        }
        None
    }
}

/// Compares two logs; an error says why they could not be read to their ends.
pub(crate) fn compare(mut a: Reading, mut b: Reading, progress: &mut Progress) -> Result<Difference, String> {
    let mut found = Difference {
        v: SCHEMA_VERSION,
        a: a.side(),
        b: b.side(),
        same: None,
        divergence: None,
        only_a: Vec::new(),
        only_b: Vec::new(),
        unreadable: Vec::new(),
        state: state_fields(&a.state, &b.state),
    };
    let (Some(span_a), Some(span_b)) = (a.span, b.span) else {
        found.only_a.extend(a.span);
        found.only_b.extend(b.span);
        return Ok(found);
    };
    let (first, last) = (span_a.first.max(span_b.first), span_a.last.min(span_b.last));
    if first <= last {
        walk(&mut a, &mut b, Span { first, last }, &mut found, progress);
    }
    if let Some(problem) = a.problem.or(b.problem) {
        return Err(problem);
    }
    // What each has before and behind the part that is the same.
    let common = match &found.divergence {
        Some(divergence) => first.min(divergence.index)..divergence.index,
        None if first <= last => first..last + 1,
        None => first..first,
    };
    for (span, only) in [(span_a, &mut found.only_a), (span_b, &mut found.only_b)] {
        if first > last {
            only.push(span);
            continue;
        }
        if span.first < common.start {
            only.push(Span { first: span.first, last: common.start - 1 });
        }
        if span.last >= common.end {
            only.push(Span { first: common.end.max(span.first), last: span.last });
        }
    }
    if !common.is_empty() {
        found.same = Some(Span { first: common.start, last: common.end - 1 });
    }
    Ok(found)
}

fn walk(a: &mut Reading, b: &mut Reading, common: Span, found: &mut Difference, progress: &mut Progress) {
    let (mut next_a, mut next_b) = (a.next_from(common.first), b.next_from(common.first));
    for index in common.first..=common.last {
        let at = |record: &Option<StoredRecord>| record.as_ref().and_then(|record| record.frame.head.index());
        let mut unreadable = |side| {
            if found.unreadable.len() < UNREADABLE_MAX {
                found.unreadable.push(Unreadable { side, index });
            }
        };
        let (mut ours, mut theirs) = (None, None);
        if at(&next_a) == Some(index) {
            ours = next_a.take();
            next_a = a.next_from(index.saturating_add(1));
        } else {
            unreadable("a");
        }
        if at(&next_b) == Some(index) {
            theirs = next_b.take();
            next_b = b.next_from(index.saturating_add(1));
        } else {
            unreadable("b");
        }
        let (Some(ours), Some(theirs)) = (ours, theirs) else { continue };
        progress.add(ours.frame.head.size() as u64 + theirs.frame.head.size() as u64);
        for (side, record) in [("a", &ours), ("b", &theirs)] {
            if record.frame.fault.is_some() {
                unreadable(side);
            }
        }
        let both_whole = ours.frame.fault.is_none() && theirs.frame.fault.is_none();
        let same_id = ours.frame.id == theirs.frame.id;
        if same_id && (!both_whole || ours.frame.payload == theirs.frame.payload) {
            continue;
        }
        found.divergence = Some(Divergence { index, a: full_id(&ours), b: full_id(&theirs), same_id });
        return;
    }
}

/// An id with its rest: two may differ in that alone.
fn full_id(record: &StoredRecord) -> String {
    match &record.frame.id {
        Some(id) if id.rest.is_empty() => id.to_string(),
        Some(id) => format!("{id} ({})", hex(&id.rest)),
        None => "none".to_owned(),
    }
}

fn state_fields(a: &RaftLogState<RawTypes>, b: &RaftLogState<RawTypes>) -> Vec<&'static str> {
    let fields = [
        ("vote", a.vote != b.vote),
        ("last", a.last != b.last),
        ("committed", a.committed != b.committed),
        ("purged", a.purged != b.purged),
        ("user data", a.user_data != b.user_data),
    ];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}
