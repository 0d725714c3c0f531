//! A write-ahead log for Raft: a node's vote, its entries, and its *committed* and *purged* marks, in checksummed chunk
//! files of one directory. It never loses what it said was durable, and never takes damage for the end of the log.
//!
//! This page is a guide; it is enough to use the crate. Elections, replication and snapshots are the engine's business:
//! here is what must still be there after the power came back.
//!
//! - [Open, append, sync](#open-append-sync)
//! - [Visible and durable](#visible-and-durable)
//! - [Three ways to learn that it is durable](#three-ways-to-learn-that-it-is-durable)
//! - [Read](#read)
//! - [Truncate, commit, purge](#truncate-commit-purge)
//! - [The state](#the-state)
//! - [Types of your own](#types-of-your-own)
//! - [Configuration](#configuration)
//! - [Errors](#errors)
//! - [Close](#close)
//! - [Watch it, scrub it, back it up](#watch-it-scrub-it-back-it-up)
//! - [When you build on the parts](#when-you-build-on-the-parts)
//!
//! # Open, append, sync
//!
//! A log has one owner and lives in a directory of its own. A path is enough to open it; the directory is created if
//! its parent exists. Writing is in the trait [`RaftLogWriter`], which must be in scope.
//!
//! ```
//! use raft_log::{PlainVote, RaftLog, RaftLogWriter, TermIndex};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("log");
//! let mut log = RaftLog::open(&path)?;
//! log.save_vote(PlainVote::new(3, 1))?; // in term 3, for node 1
//! log.append([
//!     (TermIndex::new(3, 1), "x = 1".into()),
//!     (TermIndex::new(3, 2), "y = 2".into()),
//! ])?;
//! log.sync()?; // now vote and entries survive a loss of power
//! drop(log);
//!
//! let log = RaftLog::open(&path)?;
//! assert_eq!(log.state().vote, Some(PlainVote::new(3, 1)));
//! assert_eq!(log.read(1..)?.len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! What `open` returns is durable, and [`RaftLog::report`] says what was found: how many chunks and entries, where the
//! log ends, what lies behind its end, and what a person should look at. No chunk is changed by opening, so that
//! opening twice is the same as opening once.
//!
//! # Visible and durable
//!
//! An operation that returned `Ok` is **visible**: every reader, also one that was made long before, sees it from then
//! on. A batch of entries becomes visible as a whole.
//!
//! It is **durable**, and survives a loss of power, only once a later sync says so. A node must not acknowledge an
//! entry, and must not send its vote, before that. What was visible and not durable may be there after a crash, or in
//! part: a batch whose sync never came back may have left its first entries.
//!
//! An operation that returned an error has not happened at all: no reader has seen any of it, no restart brings it back.
//!
//! # Three ways to learn that it is durable
//!
//! All three cover everything that was submitted before them, and all three group: what is appended while one sync is
//! under way shares the next one.
//!
//! ```
//! # use raft_log::{FlushError, PlainTypes, RaftLog, RaftLogWriter, TermIndex};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let mut log = RaftLog::open(directory.path())?;
//! # log.append([(TermIndex::new(1, 1), "x = 1".into())])?;
//! // 1. Wait here. The writing is done by this thread.
//! log.sync()?;
//!
//! // 2. Be told. The callback runs exactly once, in order with the others.
//! let (tell, told) = std::sync::mpsc::channel();
//! log.append([(TermIndex::new(1, 2), "y = 2".into())])?;
//! log.flush(move |outcome: Result<(), FlushError>| {
//!     let _ = tell.send(outcome);
//! });
//! told.recv()??;
//!
//! // 3. Hold a ticket: a future for any executor, with a `wait` for code that has none.
//! log.append([(TermIndex::new(1, 3), "z = 3".into())])?;
//! let ticket = log.ticket();
//! ticket.wait()?;
//!
//! async fn append_durably(log: &mut RaftLog<PlainTypes>, id: TermIndex) -> Result<(), Box<dyn std::error::Error>> {
//!     log.append([(id, "in async code".into())])?;
//!     Ok(log.ticket().await?)
//! }
//! # let _ = append_durably;
//! # Ok(())
//! # }
//! ```
//!
//! Callbacks run on the log's one thread (`raft-log-flush`), which is started when it is first needed; those that are
//! still due when the log is closed run while it closes. On a log that is closed already, the callback is called before
//! `flush` returns, on the caller's thread: do not hold a lock over `flush` that the callback takes. A
//! callback that blocks delays those behind it, and must not wait for the writer, which may be waiting for room; one
//! that panics harms nobody.
//!
//! # Read
//!
//! [`RaftLog::reader`] gives a handle that can be cloned and sent anywhere. Readers never wait for a sync, and see
//! each operation as a whole or not at all.
//!
//! ```
//! # use raft_log::{RaftLog, RaftLogWriter, TermIndex};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let mut log = RaftLog::open(directory.path())?;
//! let reader = log.reader();
//! log.append((1..=100).map(|index| (TermIndex::new(1, index), format!("command {index}").into())))?;
//!
//! // On any thread, also while the writer goes on:
//! std::thread::spawn(move || {
//!     assert_eq!(reader.indexes(), 1..101);
//!     assert_eq!(reader.read(98..200)?.len(), 3); // what is not there yet is left out
//!     let first = reader.read_limited(1, 101, 1_000)?; // about 1,000 bytes, at least one entry
//!     assert!(first.len() < 100);
//!     let (id, payload) = reader.entry(42)?;
//!     assert_eq!((id, &payload[..]), (TermIndex::new(1, 42), &b"command 42"[..]));
//!     assert_eq!(reader.log_id(42)?, id); // from memory, whatever is cached
//!     Ok::<_, raft_log::ReadError>(())
//! })
//! .join()
//! .unwrap()?;
//! # Ok(())
//! # }
//! ```
//!
//! A range is half-open and exact: it begins with the first index that was asked for, or is an error
//! ([`ReadError::Purged`], [`ReadError::IndexNotFound`]); nothing between is ever left out. A range without a
//! start begins with the first entry there is, so `read(..)` gives them all. The newest entries come from a cache,
//! others from the disk, where each is verified before it is given out.
//!
//! # Truncate, commit, purge
//!
//! A follower drops what contradicts its leader, marks what is committed, and gives up what a snapshot holds:
//!
//! ```
//! # use raft_log::{RaftLog, RaftLogWriter, ReadError, TermIndex, WriteError};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let mut log = RaftLog::open(directory.path())?;
//! log.append((1..=5).map(|index| (TermIndex::new(1, index), "old".into())))?;
//!
//! log.truncate(Some(TermIndex::new(1, 3)))?; // keeps 1:1 to 1:3; `None` keeps only what is purged
//! log.append([(TermIndex::new(2, 4), "new".into())])?;
//! log.commit(TermIndex::new(2, 4))?;
//! log.purge(TermIndex::new(1, 2))?; // drops 1:1 and 1:2
//!
//! assert_eq!(log.reader().indexes(), 3..5);
//! assert!(matches!(log.read(1..), Err(ReadError::Purged { first: 3, .. })));
//! // What is committed cannot be truncated any more, and nothing of the attempt remains.
//! assert!(matches!(log.truncate(Some(TermIndex::new(1, 3))), Err(WriteError::Rejected(_))));
//! log.sync()?;
//! # Ok(())
//! # }
//! ```
//!
//! A purge beyond the last entry leaves an empty log that goes on behind it, as after a snapshot from the leader was
//! installed. The files of what is purged are removed once the purge is durable. All rules are in [`RaftLogSM`].
//!
//! # The state
//!
//! [`RaftLog::state`] is everything but the entries: the vote, the ids *last*, *committed* and *purged*, and the user
//! data, a small durable value of the application's own ([`RaftLogWriter::save_user_data`], up to 16 KiB: a cluster
//! membership, say). What an engine starts from is in it:
//!
//! ```
//! # use raft_log::{RaftLog, RaftLogWriter, TermIndex};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let mut log = RaftLog::open(directory.path())?;
//! log.save_user_data(Some("members: 1, 2, 3".into()))?;
//! log.append([(TermIndex::new(1, 1), "x = 1".into())])?;
//! log.commit(TermIndex::new(1, 1))?;
//! let state = log.state();
//! assert_eq!((state.first_index(), state.end_index()), (0, 2)); // a log may begin at any index
//! assert_eq!(state.committed, state.last);
//! assert_eq!(state.user_data.as_deref(), Some(&b"members: 1, 2, 3"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! # Types of your own
//!
//! [`PlainTypes`] has ids of term and index, votes for a numbered node, and `Bytes` for what entries carry. Anything
//! else is a type that implements [`Types`], and [`RaftLog::open_typed`]:
//!
//! ```
//! use raft_log::{PlainVote, RaftLog, RaftLogWriter, TermIndex, Types};
//!
//! struct TextTypes;
//!
//! impl Types for TextTypes {
//!     type LogId = TermIndex;
//!     type Vote = PlainVote;
//!     type Payload = String;
//!     type UserData = u64;
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let mut log = RaftLog::<TextTypes>::open_typed(directory.path())?;
//! log.append([(TermIndex::new(1, 1), "x = 1".to_owned())])?;
//! log.sync()?;
//! # Ok(())
//! # }
//! ```
//!
//! `u64`, `String`, `Vec<u8>`, [`Bytes`] and `()` can be stored as they are. A payload of your own implements [`Encode`] and
//! [`Decode`], for which [`OffsetReader`] reads fields one by one; an id that holds more than a term and an index implements
//! [`LogId`]; a vote says in [`Vote::may_replace`] what it may replace. The example `own_types` does all of it, with nodes
//! that have names.
//!
//! # Configuration
//!
//! Wherever a path is enough, a [`Config`] will do as well. Each field has its unit, default and bounds with it.
//!
//! ```
//! # use raft_log::{Config, RaftLog};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let mut config = Config::new(directory.path());
//! config.must_exist = false; // `true` after a node's first start: a mistyped path is then an error, and not a new log
//! config.log_cache_capacity = 64 << 20; // bytes
//! config.chunk.max_size = 16 << 20; // bytes
//! let log = RaftLog::open(config)?;
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `serde` it can be read from a file of settings.
//!
//! # Errors
//!
//! There is one type for each thing one can be doing, and its kinds say what to do next:
//!
//! | doing | error | afterwards |
//! |---|---|---|
//! | opening | [`OpenError`] | no chunk was changed; try again, fix the configuration, or restore files |
//! | writing | [`WriteError`] | nothing of the operation happened. [`Rejected`](WriteError::Rejected), [`Encode`](WriteError::Encode), [`NoSpace`](WriteError::NoSpace) and [`Io`](WriteError::Io): the log goes on |
//! | waiting for durability | [`FlushError`] | whether it is durable is unknown; close, and open again |
//! | reading | [`ReadError`] | neighbours can be read, and the log goes on |
//!
//! A message says what happened, where, and what to do; what lies behind it, as the system's own error, is its
//! [`source`](std::error::Error::source). Log the whole chain: "cannot open the log's directory" names no path, its source
//! does.
//!
//! A write or a sync that fails **poisons** the log: it is never tried again, nothing is acknowledged any more, and each
//! later write says why. Reading goes on. A full disk does not poison: entries are refused with
//! [`WriteError::NoSpace`], while votes, commits, truncations and purges use the space that is kept for them.
//!
//! # Close
//!
//! [`RaftLog::close`] syncs, and ends the log so that the next `open` need not search for its end. It gives the last
//! error, which dropping the log can only report to `tracing`. The directory stays locked until the log is dropped;
//! readers that outlive it go on reading.
//!
//! ```
//! # use raft_log::{RaftLog, RaftLogWriter, TermIndex, WriteError};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let mut log = RaftLog::open(directory.path())?;
//! log.append([(TermIndex::new(1, 1), "x = 1".into())])?;
//! let reader = log.reader();
//! log.close()?;
//! assert!(matches!(log.append([(TermIndex::new(1, 2), "too late".into())]), Err(WriteError::Closed)));
//! drop(log);
//! assert_eq!(reader.read(1..)?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Watch it, scrub it, back it up
//!
//! A log counts what it does, always: [`RaftLog::stats`]. [`RaftLog::scrub`] reads what is stored again, slowly, so that
//! damage is found while other members still have what it took. [`RaftLog::checkpoint`] makes a copy that is complete in
//! itself, while the log is written. All three can be had from a [`RaftLogReader`] on any thread.
//!
//! ```
//! # use raft_log::{RaftLog, RaftLogWriter, ScrubOptions, TermIndex};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let (path, backup) = (directory.path().join("log"), directory.path().join("backup"));
//! let mut log = RaftLog::open(&path)?;
//! log.append([(TermIndex::new(1, 1), "x = 1".into())])?;
//! log.sync()?;
//! assert_eq!(log.stats().durable_index, Some(1));
//! assert!(log.stats().to_prometheus("node-1").contains("raftlog_syncs_total"));
//!
//! let scrub = log.scrub(ScrubOptions::default(), |event| println!("{event:?}"))?; // until it is dropped
//! log.checkpoint(&backup)?; // all that is durable; synced when it returns
//! # drop(scrub);
//! # drop(log);
//! assert_eq!(RaftLog::open(&backup)?.read(1..)?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! A node that starts from a backup must not vote under its former identity: see [`RaftLogReader::checkpoint`].
//!
//! # When you build on the parts
//!
//! The rest of what is exported here is for those who put a log together in another way: [`Wal`] is where records go
//! ([`RaftLogWal`]: chunk files), [`Storage`] is what a directory must be able to do ([`DirectoryStorage`]: a real one),
//! [`StateMachine`] holds the rules, [`RawTypes`] reads any log without its types. [`RaftLog::with_wal`] and
//! [`RaftLog::open_on`] put them together. Of the lower crates, `raft-log-codec` can be used alone, and so can
//! `raft-log-state`, with types and records of `raft-log-codec`.

mod checkpoint;
mod config;
mod error;
mod flush;
mod flush_callback;
mod lock_file;
mod log;
mod log_cache;
mod log_data;
mod open;
mod raft_log_wal;
mod reader;
mod scrub;
mod stats;
mod sync;
mod view;
mod wal;
mod writer;

pub use checkpoint::{CheckpointError, CheckpointReport};
pub use config::{ChunkConfig, Config, ConfigError};
pub use error::{AcceptError, FlushError, LockedError, OpenError, PoisonError, ReadError, WriteError};
pub use flush::FlushTicket;
pub use flush_callback::FlushCallback;
pub use lock_file::LockFile;
pub use log::RaftLog;
pub use log_cache::{EvictedEntries, HeldEntries, LogCache};
pub use log_data::LogData;
pub use open::{OpenReport, OpenWarning, TornTail};
pub use raft_log_chunk::{
    ChunkId, CorruptKind, DamagedRecord, DirectoryStorage, InvalidChunkFileName, MissingKind, RecoveryError,
    Storage, StorageFile,
};
pub use raft_log_codec::{
    Bytes, Decode, DecodeError, DisplayLogId, Encode, EncodeError, LogId, OffsetReader, PlainTypes,
    PlainVote, RaftLogState, RawLogId, RawTypes, RawVote, Record, TermIndex, Types, Vote,
};
pub use raft_log_state::{RaftLogSM, StateError, StateMachine};
pub use raft_log_wal::{RaftLogWal, RaftLogWalReader};
pub use reader::{Entry, RaftLogReader, TermRun};
pub use scrub::{Scrub, ScrubEvent, ScrubOptions};
#[cfg(feature = "metrics")]
pub use stats::MetricsPublisher;
pub use stats::{Histogram, Metric, MetricValue, RecordStats, Stats, WalStats};
pub use wal::{EntryPlace, Extent, Place, Position, Wal, WalReader};
pub use writer::RaftLogWriter;

/// The code in the README, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The code in the page about running a log.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/operations.md")]
struct Operations;

/// The code in the page about types of one's own.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/own-types.md")]
struct OwnTypes;
