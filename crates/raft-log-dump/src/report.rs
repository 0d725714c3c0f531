//! One page about a directory, for a browser: what is where, what is wrong, and how large things are.
//!
//! What always holds: the page is one file that asks for nothing else, has no script, and is readable on a light and on a
//! dark ground. No payload is in it, and nothing from the directory reaches it unescaped.

mod bars;
mod map;
mod page;
mod svg;

use raft_log_codec::RaftLogState;
use raft_log_codec::{LogId, RawTypes};

use crate::VerifyReport;
use crate::statistics::Statistics;

pub(crate) use page::page;

/// What a page is made of.
#[derive(Debug)]
pub(crate) struct ReportData {
    pub(crate) verify: VerifyReport,
    pub(crate) statistics: Statistics,
    pub(crate) state: RaftLogState<RawTypes>,
    pub(crate) entries: u64,
    pub(crate) first: Option<u64>,
}

impl ReportData {
    fn purged(&self) -> Option<u64> {
        self.state.purged.as_ref().map(LogId::index)
    }

    fn committed(&self) -> Option<u64> {
        self.state.committed.as_ref().map(LogId::index)
    }

    fn last(&self) -> Option<u64> {
        self.state.last.as_ref().map(LogId::index)
    }
}
