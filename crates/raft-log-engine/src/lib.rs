//! What the adapters of Raft engines share, so that each is little more than the names of its engine's types.
//!
//! - [`Engine`] names an engine's ids and votes; [`LogTypes`], [`StoredId`], [`StoredVote`] and [`LowPurge`] store them
//! - [`EngineLog`] writes: what an engine may legally ask for and needs no change is no error here
//! - [`EngineReader`] reads: from the cache at once, and what is on the disk as work for another thread
//! - [`ToldOnce`] holds a callback that cannot be dropped untold
//! - [`io_error`] makes the log's errors `io::Error`s, [`postcard_form`] makes values bytes
//!
//! It is no engine's adapter itself, knows no engine, and has no async code in it: what waits is the adapter's. Users of an
//! adapter need nothing of it by name.

mod engine;
mod engine_log;
mod engine_reader;
pub mod io_error;
mod low_purge;
pub mod postcard_form;
mod told_once;

pub use engine::{Engine, LogTypes, StoredId, StoredVote};
pub use engine_log::{Ends, EngineLog};
pub use engine_reader::{DiskRead, EngineReader, Found, READ_BYTES_MAX, Stored, decoded, half_open};
pub use low_purge::LowPurge;
pub use told_once::ToldOnce;
