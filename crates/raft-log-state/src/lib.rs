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
//! [`RaftLogSM`] also implements [`Replay`], the way a stored log comes back to its state.
//!
//! What always holds: `purged ≤ committed ≤ last` by index, and what was refused has changed nothing.
//!
//! Records are replayed with nothing but this crate:
//!
//! ```
//! use raft_log_state::{Change, Effect, PlainTypes, PlainVote, RaftLogSM, Record, StateMachine, TermIndex};
//!
//! let records: [Record<PlainTypes>; 5] = [
//!     Record::SaveVote(PlainVote::new(1, 7)),
//!     Record::Append(TermIndex::new(1, 1), "x = 1".into()),
//!     Record::Append(TermIndex::new(1, 2), "y = 2".into()),
//!     Record::Commit(TermIndex::new(1, 1)),
//!     Record::TruncateAfter(None), // would drop what is committed
//! ];
//! let mut machine = RaftLogSM::new();
//! for record in &records {
//!     let Some(change) = Change::of(record) else { continue }; // a `State`, which changes nothing
//!     match machine.check(change) {
//!         Ok(Effect::Writes) => machine.apply(change),
//!         Ok(Effect::Nothing) => {} // already so: not to be applied
//!         Err(error) => println!("{record:?} is refused: {error}"),
//!     }
//! }
//! assert_eq!(machine.state().last, Some(TermIndex::new(1, 2)));
//! assert_eq!(machine.state().committed, Some(TermIndex::new(1, 1)));
//! assert_eq!(machine.runs().indexes(), 1..3);
//! ```
//!
//! What is stored comes as frames: `raft-log-codec` parses them, and [`Replay::record`] takes them. Types of one's own are
//! made with the traits of that crate, too.

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
pub use raft_log_codec::{PlainTypes, PlainVote, RaftLogState, RawTypes, Record, Replay, TermIndex, Types};
pub use state_machine::{Effect, StateMachine, check_next};
