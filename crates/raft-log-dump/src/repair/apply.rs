//! Carrying out a plan, under the log's own lock.
//!
//! The order is such that a crash at any point leaves a directory that is either as it was, still refused, or mended:
//! first the space is taken, then `DURABLE` is made to name the successor, so that nothing opens without it; then the
//! newer chunks are renamed, newest first; and then the successor is made as the log makes any chunk. What an interrupted
//! repair has renamed gets its name back before that.

use std::sync::Arc;

use raft_log::{LockFile, OpenError};
use raft_log_chunk::{Chunk, Spares, Storage, make_chunk, make_durable_file};

use super::aside::aside_name;
use super::{Advice, Plan, advise};
use crate::opening::full_text;
use crate::seed_search::read_header;
use crate::{OpenAnswer, ask_open};

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
        .prepare(size, 0, true, header.seed())
        .map_err(failed("make room for the new chunk"))?;
    for (name, now) in &plan.interrupted {
        storage.rename(now, name).map_err(failed(&format!("rename {now}")))?;
    }
    if !plan.interrupted.is_empty() {
        storage.sync_directory().map_err(failed("sync the directory"))?;
    }
    let mut durable = make_durable_file(&**storage, &header).map_err(failed("write DURABLE"))?;
    let mut set_aside = Vec::new();
    for id in &plan.aside {
        let name = aside_name(*id, header.salt);
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

#[cfg(test)]
mod tests {
    use raft_log::{Config, PlainVote, RaftLog, RaftLogState, RaftLogWriter, RawTypes, TermIndex};
    use raft_log_state::StateMachine;
    use raft_log_testkit::{Failure, MemoryStorage, Operation};

    use super::*;

    type Files = std::collections::BTreeMap<String, Vec<u8>>;

    /// A killed log of several chunks, the header of one in the middle damaged.
    fn damaged() -> Files {
        let storage = MemoryStorage::new();
        let mut config = Config::new("memory");
        config.chunk.max_records = 6;
        config.chunk.space_step = 0;
        config.chunk.spares = 0;
        let mut log = RaftLog::<raft_log::PlainTypes>::open_on(config, Arc::new(storage.clone())).unwrap();
        for index in 1..30 {
            log.append([(TermIndex::new(1, index), "payload".into())]).unwrap();
            log.save_vote(PlainVote::new(index, 1)).unwrap();
            log.sync().unwrap();
        }
        let mut files = storage.snapshot();
        files.remove("LOCK");
        let chunks: Vec<String> = files.keys().filter(|name| name.ends_with(".wal")).cloned().collect();
        let middle = &chunks[chunks.len() / 2];
        files.get_mut(middle).unwrap()[20] ^= 1;
        files
    }

    fn opened(storage: &Arc<dyn Storage>) -> Option<RaftLogState<RawTypes>> {
        match ask_open(&**storage) {
            OpenAnswer::Opens(opening) => Some(opening.machine.state().clone()),
            OpenAnswer::Refuses(_) | OpenAnswer::Unsteady => None,
        }
    }

    fn shared(storage: &MemoryStorage) -> Arc<dyn Storage> {
        Arc::new(storage.clone())
    }

    #[test]
    fn a_repair_that_fails_at_any_step_leaves_a_refused_directory_or_a_mended_one_and_can_be_run_again() {
        let files = damaged();
        let whole = MemoryStorage::from_snapshot(files.clone());
        assert_eq!(opened(&shared(&whole)), None, "the damage is met");
        let Advice::Plan(plan) = advise(&shared(&whole)) else { panic!("no plan") };
        assert!(!plan.is_safe);
        let name = plan.loss_name();
        apply(&shared(&whole), Some(&name)).unwrap();
        let mended = opened(&shared(&whole)).unwrap();
        assert_eq!(
            mended.vote,
            Some(raft_log::RawVote(encoded(PlainVote::new(29, 1)))),
            "the last vote is kept"
        );

        let mut failures = 0;
        for operation in [
            Operation::Create,
            Operation::Write,
            Operation::Sync,
            Operation::SyncDirectory,
            Operation::Rename,
        ] {
            for pass in 0..12 {
                let storage = MemoryStorage::from_snapshot(files.clone());
                storage.fail_after(pass, operation, Failure::Errno(5), u64::MAX);
                let outcome = apply(&shared(&storage), Some(&name));
                storage.clear_failures();
                let Err(fault) = outcome else { continue };
                assert!(matches!(fault, ApplyFault::Failed(_)), "{operation:?} {pass}: {fault:?}");
                failures += 1;
                match opened(&shared(&storage)) {
                    Some(state) => assert_eq!(state, mended, "{operation:?} {pass}"),
                    None => {
                        apply(&shared(&storage), Some(&name))
                            .unwrap_or_else(|fault| panic!("{operation:?} {pass}: {fault:?}"));
                        assert_eq!(opened(&shared(&storage)), Some(mended.clone()), "{operation:?} {pass}");
                    }
                }
            }
        }
        assert!(failures >= 12, "{failures}");
    }

    fn encoded(vote: PlainVote) -> bytes::Bytes {
        use raft_log::Encode;
        let mut out = Vec::new();
        vote.encode(&mut out).unwrap();
        out.into()
    }
}
