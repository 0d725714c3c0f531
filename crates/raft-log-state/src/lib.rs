//! The rules of raft-log: what may follow what in a Raft log, and what a log's state is afterwards.
//!
//! Everything here is a pure function of its arguments. This crate knows no file, no thread, no clock and no log
//! output, and of the application's types only ids, votes and user data: a payload never comes here.
//!
//! | what | where |
//! |---|---|
//! | what a record changes, without its payload | [`Change`] |
//! | check first, then apply | [`StateMachine`], [`Effect`], [`check_next`] |
//! | the rules over a log's state | [`RaftLogSM`], [`RaftLogState`] |
//! | why a change was refused | [`StateError`] |
//! | the ids of the live entries, in a few bytes | [`LogIdRuns`], [`LogIdRun`] |
//!
//! [`RaftLogSM`] also implements [`Replay`](raft_log_codec::Replay), the way a stored log comes back to its state.
//!
//! What always holds: `purged ≤ committed ≤ last` by index, and what was refused has changed nothing.

mod change;
mod error;
mod log_id_runs;
mod machine;
mod replay;
mod state_machine;

pub use change::Change;
pub use error::StateError;
pub use log_id_runs::{LogIdRun, LogIdRuns};
pub use machine::RaftLogSM;
pub use raft_log_codec::RaftLogState;
pub use state_machine::{Effect, StateMachine, check_next};
