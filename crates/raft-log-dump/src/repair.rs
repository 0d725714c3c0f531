//! Mending a directory that `open` refuses, by ending its log early: first what that would cost, and only then, and only
//! when it is asked for, doing it.
//!
//! What always holds: a plan changes nothing, and is offered only if the directory it leads to opens, which is tried on
//! a view of it. What is unsafe for Raft is done only if the loss is named. Damaged bytes stay where they are.

mod apply;
mod aside;
mod cut;
mod loss;
mod successor;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use raft_log_chunk::{ChunkId, DURABLE_FILE, RecoveryError, Storage, SurveyOptions, recover};
use raft_log_codec::{LogId, RaftLogState, RawLogId, RawTypes};
use raft_log_state::{RaftLogSM, StateMachine};
use serde::Serialize;

use crate::chunk_names::chunk_ids;
use crate::listing::vote_text;
use crate::opening::full_text;
use crate::overlay::Overlay;
use crate::{SCHEMA_VERSION, ask_open};
use cut::{Cut, earlier_cut, first_cut};
use loss::Behind;
use successor::Successor;

pub(crate) use apply::{Applied, ApplyFault, apply};
pub(crate) use loss::{Loss, VoteFate};

/// What can be done about a directory.
#[derive(Debug)]
pub(crate) enum Advice {
    /// It opens.
    Nothing,
    /// It is refused for this reason, and ending the log early is no help.
    Hopeless { error: RecoveryError, why: String },
    /// It changes while it is looked at.
    Unsteady,
    /// The log can be ended.
    Plan(Box<Plan>),
}

/// A repair that leads to a directory that opens. As JSON it carries its version as `v`.
#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    pub(crate) v: u32,
    pub(crate) directory: String,
    /// Why the directory is refused.
    pub(crate) refused: String,
    /// The last chunk that stays, and the offset at which the log will end in it.
    pub(crate) end_chunk: String,
    pub(crate) end_offset: u64,
    /// The chunk that will be made behind it.
    pub(crate) successor: String,
    /// The newer chunks, which will be renamed.
    pub(crate) set_aside: Vec<String>,
    /// What stays.
    pub(crate) kept: Kept,
    /// What goes.
    pub(crate) loss: Loss,
    /// Whether the node may go on as the member it was.
    pub(crate) is_safe: bool,
    #[serde(skip)]
    cut: Cut,
    #[serde(skip)]
    made: Successor,
    /// The chunks to set aside, newest first.
    #[serde(skip)]
    aside: Vec<ChunkId>,
    /// Chunks that an interrupted repair has renamed: their names, and those they have now.
    #[serde(skip)]
    interrupted: Vec<(String, String)>,
}

/// The log after the repair.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Kept {
    pub(crate) first: Option<u64>,
    pub(crate) last: Option<String>,
    pub(crate) committed: Option<String>,
    pub(crate) purged: Option<String>,
    pub(crate) vote: Option<String>,
    pub(crate) entries: u64,
    /// Entries that stay in the log and cannot be read: reading them says so.
    pub(crate) damaged: Vec<u64>,
}

impl Plan {
    /// How the loss must be named for this plan: the last entry that is kept.
    pub(crate) fn loss_name(&self) -> String {
        self.kept.last.clone().unwrap_or_else(|| "none".to_owned())
    }
}

/// Finds out what can be done. A repair that was interrupted is thought away first, so that what it had set aside counts.
pub(crate) fn advise(storage: &Arc<dyn Storage>) -> Advice {
    let interrupted = match aside::interrupted(&**storage) {
        Ok(interrupted) => interrupted,
        Err(error) => {
            let error = RecoveryError::Io {
                action: "list",
                file: storage.path().display().to_string(),
                source: error,
            };
            return Advice::Hopeless { error, why: "see to the disk first".to_owned() };
        }
    };
    if !interrupted.is_empty() {
        let renamed = interrupted.iter().cloned().collect();
        let view: Arc<dyn Storage> = Arc::new(Overlay { renamed, ..Overlay::over(storage.clone()) });
        if let Advice::Plan(mut plan) = advise_on(&view) {
            plan.interrupted = interrupted;
            return Advice::Plan(plan);
        }
    }
    advise_on(storage)
}

fn advise_on(storage: &Arc<dyn Storage>) -> Advice {
    let error = match ask_open(&**storage) {
        crate::OpenAnswer::Opens(_) => return Advice::Nothing,
        crate::OpenAnswer::Unsteady => return Advice::Unsteady,
        crate::OpenAnswer::Refuses(error) => error,
    };
    match plan(storage, &error) {
        Ok(plan) => Advice::Plan(Box::new(plan)),
        Err(why) => Advice::Hopeless { error, why },
    }
}

/// Looks for the latest place at which the log can be ended.
fn plan(storage: &Arc<dyn Storage>, error: &RecoveryError) -> Result<Plan, String> {
    let ids = chunk_ids(&**storage).map_err(|error| full_text(&error))?;
    let mut next = first_cut(&**storage, &ids, error)?;
    // Each attempt is at an earlier place, so there is an end to it.
    loop {
        match attempt(storage, &ids, next, error) {
            Ok(plan) => return Ok(plan),
            Err(Refusal::Other(why)) => return Err(why),
            Err(Refusal::Recovery(found)) => next = earlier_cut(&**storage, &ids, next, &found)?,
        }
    }
}

/// Why a log cannot be ended at one place.
enum Refusal {
    /// The directory it leads to is refused as well.
    Recovery(RecoveryError),
    /// For another reason.
    Other(String),
}

fn attempt(
    storage: &Arc<dyn Storage>,
    ids: &[ChunkId],
    cut: Cut,
    error: &RecoveryError,
) -> Result<Plan, Refusal> {
    let other = |error: &dyn std::error::Error| Refusal::Other(full_text(error));
    let behind = Behind::read(storage, ids, cut, error).map_err(Refusal::Other)?;
    let salt = storage.random().map_err(|error| other(&error))?;
    let made = Successor::make(&**storage, cut, salt, &behind).map_err(Refusal::Other)?;
    let aside: Vec<ChunkId> = ids.iter().rev().copied().filter(|id| *id > cut.chunk).collect();

    let mut hidden: BTreeSet<String> = aside.iter().map(|id| id.file_name()).collect();
    // It will be written anew.
    hidden.insert(DURABLE_FILE.to_owned());
    let added = BTreeMap::from([(made.header.chunk_id.file_name(), made.bytes.clone())]);
    let view = Overlay { hidden, added, ..Overlay::over(storage.clone()) };
    let options = SurveyOptions { sync_first: false, use_footers: false, ..SurveyOptions::default() };
    let (recovered, mut machine) =
        recover::<RaftLogSM<RawTypes>>(&view, &options).map_err(Refusal::Recovery)?;
    machine.end_replay();
    let state = machine.state().clone();
    let mut damaged: Vec<u64> = recovered.damaged.iter().filter_map(|record| record.index).collect();
    damaged.retain(|index| machine.runs().indexes().contains(index));
    let loss = behind.loss(&state, made.carries_vote);
    let is_safe = loss.is_safe();
    Ok(Plan {
        v: SCHEMA_VERSION,
        directory: storage.path().display().to_string(),
        refused: full_text(error),
        end_chunk: cut.chunk.to_string(),
        end_offset: cut.offset,
        successor: made.header.chunk_id.to_string(),
        set_aside: aside.iter().rev().map(|id| id.file_name()).collect(),
        kept: kept(&state, &machine, damaged),
        loss,
        is_safe,
        cut,
        made,
        aside,
        interrupted: Vec::new(),
    })
}

fn kept(state: &RaftLogState<RawTypes>, machine: &RaftLogSM<RawTypes>, damaged: Vec<u64>) -> Kept {
    let text = |id: &Option<RawLogId>| id.as_ref().map(ToString::to_string);
    let indexes = machine.runs().indexes();
    Kept {
        first: machine.runs().get(indexes.start).map(|id| id.index()),
        last: text(&state.last),
        committed: text(&state.committed),
        purged: text(&state.purged),
        vote: state.vote.as_ref().map(|vote| vote_text(&vote.0)),
        entries: indexes.end - indexes.start,
        damaged,
    }
}
