//! Sees what a raft-log directory holds: any log, live ones too, without the application's types.
//!
//! [`scan`] walks over what is physically there, chunk by chunk, as a stream of [`Item`]s. It never stops at a bad
//! record and never calls damage an error; it takes no lock, syncs nothing and changes nothing. [`follow`] goes on with
//! what is written meanwhile. [`verify`] checks everything and gives a report that can be serialised, and [`ask_open`]
//! says what opening the directory would do. [`Listing`] writes items as lines, and [`cli`] is the whole of the program
//! `raft-log-dump`; of it only `import` and `repair` use the log itself.
//!
//! ```no_run
//! use raft_log_dump::{Item, ScanOptions, scan};
//!
//! # fn main() -> Result<(), raft_log_dump::ScanError> {
//! for item in scan("/var/lib/my-log", ScanOptions::default())? {
//!     if let Item::Record(record) = item {
//!         println!("{} {:?} {:?}", record.frame.offset, record.frame.head.kind(), record.frame.id);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What the tool cannot know is what a payload means. A tool that does is ten lines:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use bytes::Bytes;
//! use raft_log_dump::{PayloadView, cli};
//!
//! struct Commands;
//!
//! impl PayloadView for Commands {
//!     fn show(&self, payload: &Bytes) -> String {
//!         match payload.split_first() {
//!             Some((b'S', key)) => format!("set {}", String::from_utf8_lossy(key)),
//!             _ => format!("unknown command of {} bytes", payload.len()),
//!         }
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     cli::main_with(&Commands)
//! }
//! ```

mod base64;
mod chunk_names;
mod chunk_scan;
pub mod cli;
mod decoder;
mod diff;
mod export;
mod filter;
mod follow;
mod following;
mod good_frames;
mod import;
mod item;
mod listing;
mod logical;
mod opening;
mod overlay;
mod overview;
mod payload_view;
mod progress;
mod repair;
mod report;
mod scan;
mod seed_search;
mod statistics;
mod verify;

pub use filter::{Filter, IndexRange, KindSet};
pub use follow::{Follow, Followed, follow};
pub use item::{ChunkStart, Counts, Gap, GapCause, Item, ScanError, Skip, StoredFooter, StoredRecord, Tail};
pub use listing::{Field, Layout, Listing, SCHEMA_VERSION};
pub use opening::{OpenAnswer, Opening, ask_open};
pub use payload_view::{PayloadMode, PayloadView, escape};
pub use scan::{Scan, ScanOptions, scan, scan_storage};
pub use verify::{Fault, FaultKind, Torn, Verdict, VerifyReport, verify, verify_storage};
