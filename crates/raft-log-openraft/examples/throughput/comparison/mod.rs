//! What two programs share that compare log stores under openraft: the example `throughput` here, and the one in
//! `peers/openraft`, which compares with published logs as well and is in a workspace of its own. That one, and this
//! crate's tests, include these files by their path, so that no build but its own ever depends on a published log.
//!
//! - `cluster`: nodes in one process, and clients that write through them
//! - `table`: what is asked for on the command line, and a measured row for each store
//! - `own_logs`: the rows that both programs have: openraft's store in memory, and raft-log

mod cluster;
mod own_logs;
mod table;

pub(crate) use own_logs::own_logs;
pub(crate) use table::{NodeLog, SYNC_DELAY, Table};
