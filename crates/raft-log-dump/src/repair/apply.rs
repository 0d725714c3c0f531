//! Carrying out a plan, under the log's own lock.
//!
//! The order is such that a crash at any point leaves a directory that is either as it was, still refused, or mended:
//! first the space is taken, then `DURABLE` is made to name the successor, so that nothing opens without it; then the
//! newer chunks are renamed, newest first; and then the successor is made as the log makes any chunk.

use std::sync::Arc;

use raft_log::{LockFile, OpenError};
use raft_log_chunk::{Chunk, ChunkId, Spares, Storage, make_chunk, make_durable_file};

use super::{Advice, Plan, advise};
use crate::opening::full_text;
use crate::seed_search::read_header;
use crate::{OpenAnswer, ask_open};

/// What is put behind the name of a chunk that is set aside.
const ASIDE_SUFFIX: &str = ".aside";

/// Why nothing, or not all, was done.
#[derive(Debug)]
pub(crate) enum ApplyFault {
    /// Somebody has the log open.
    Locked(String),
    /// Under the lock the directory is not as it was.
    Changed,
    /// The loss was not named, or not the one that this plan means.
    NotAccepted(Box<Plan>),
    /// A step failed.
    Failed(String),
}

/// What was done.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) plan: Box<Plan>,
    /// The new names of what was set aside.
    pub(crate) set_aside: Vec<String>,
}

/// Looks again under the lock, and does what the plan says if its loss, where there is one, is named by `accepted`.
pub(crate) fn apply(storage: &Arc<dyn Storage>, accepted: Option<&str>) -> Result<Applied, ApplyFault> {
    let lock = LockFile::acquire(&**storage).map_err(|error| match error {
        OpenError::Locked(locked) => ApplyFault::Locked(locked.to_string()),
        error => ApplyFault::Failed(full_text(&error)),
    })?;
    // Without it a refused opener only learns less.
    drop(lock.name_owner());
    let Advice::Plan(plan) = advise(storage) else { return Err(ApplyFault::Changed) };
    if !plan.is_safe && accepted != Some(plan.loss_name().as_str()) {
        return Err(ApplyFault::NotAccepted(plan));
    }
    let set_aside = carry_out(storage, &plan).map_err(ApplyFault::Failed)?;
    match ask_open(&**storage) {
        OpenAnswer::Opens(_) => Ok(Applied { plan, set_aside }),
        OpenAnswer::Refuses(error) => Err(ApplyFault::Failed(format!(
            "the repair was made, and the directory is refused all the same: {}",
            full_text(&error)
        ))),
        OpenAnswer::Unsteady => Err(ApplyFault::Changed),
    }
}

fn carry_out(storage: &Arc<dyn Storage>, plan: &Plan) -> Result<Vec<String>, String> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: std::io::Error| format!("cannot {what}: {}", full_text(&error))
    };
    let header = plan.made.header;
    let size = plan.made.bytes.len() as u64;
    let prepared = Spares::new(storage.clone(), 0, Vec::new())
        .prepare(size, 0, true)
        .map_err(failed("make room for the new chunk"))?;
    let mut durable = make_durable_file(&**storage, &header).map_err(failed("write DURABLE"))?;
    let mut set_aside = Vec::new();
    for id in &plan.aside {
        let name = aside_name(&**storage, *id).map_err(failed("list the directory"))?;
        storage.rename(&id.file_name(), &name).map_err(failed(&format!("rename {id}")))?;
        set_aside.push(name);
    }
    storage.sync_directory().map_err(failed("sync the directory"))?;
    let before = read_header(&**storage, plan.cut.chunk).map_err(failed("read the last chunk"))?;
    let before = before.map_err(|fault| format!("{}: {fault}", plan.end_chunk))?;
    let file = storage.open_writable(&plan.cut.chunk.file_name()).map_err(failed("open the last chunk"))?;
    let before = Chunk::new(file, before);
    make_chunk(&**storage, Some(&before), prepared, header, &plan.made.bytes, &mut durable)
        .map_err(failed("make the new chunk"))?;
    set_aside.reverse();
    Ok(set_aside)
}

/// A name that is free, and that no log takes for a chunk.
fn aside_name(storage: &dyn Storage, id: ChunkId) -> std::io::Result<String> {
    let names: Vec<String> = storage.list()?.into_iter().map(|entry| entry.name).collect();
    let mut name = format!("{}{ASIDE_SUFFIX}", id.file_name());
    for number in 2_u32.. {
        if !names.contains(&name) {
            break;
        }
        name = format!("{}{ASIDE_SUFFIX}-{number}", id.file_name());
    }
    Ok(name)
}
