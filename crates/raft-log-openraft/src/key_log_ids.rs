//! The last log id of each leader, which a node needs when it starts: found in memory, without reading an entry.

use openraft::RaftTypeConfig;
use openraft::type_config::alias::LogIdOf;
use raft_log::{RaftLogReader, ReadError};

use crate::{Codec, LogTypes};

/// The last id of each leader from `first` to `last`, both included.
///
/// The log knows runs of terms, and openraft may have several leaders in one: within a term the last entry of a leader is
/// searched for by halves, since leaders only ever follow each other.
pub(crate) fn last_of_each_leader<C: RaftTypeConfig, K: Codec<C>>(
    log: &RaftLogReader<LogTypes<C, K>>,
    first: u64,
    last: u64,
) -> Result<Vec<LogIdOf<C>>, ReadError> {
    let mut found = Vec::new();
    for run in log.term_runs(first..=last) {
        let mut next = run.indexes.start;
        while next < run.indexes.end {
            let id = last_of_same_leader(log, next, run.indexes.end - 1)?;
            next = id.index() + 1;
            found.push(id);
        }
    }
    Ok(found)
}

/// The last id up to `to` of the leader that has the entry `from`.
fn last_of_same_leader<C: RaftTypeConfig, K: Codec<C>>(
    log: &RaftLogReader<LogTypes<C, K>>,
    from: u64,
    to: u64,
) -> Result<LogIdOf<C>, ReadError> {
    let mut own = log.log_id(from)?.into_inner();
    let mut other = to + 1;
    while own.index() + 1 < other {
        // The end first: most terms have one leader.
        let middle = if other == to + 1 { to } else { own.index() + (other - own.index()) / 2 };
        let id = log.log_id(middle)?.into_inner();
        if id.committed_leader_id() == own.committed_leader_id() { own = id } else { other = middle }
    }
    Ok(own)
}
