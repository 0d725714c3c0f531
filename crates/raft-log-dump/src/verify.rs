//! Checking a whole directory: every checksum, every rule of sequence, and what opening it would do.
//!
//! What always holds: every fault is told and none ends the check; the report says of each where it is, what was
//! expected and found, and where the next good record begins. Memory does not grow with the log: of many faults the
//! first are kept and the others counted.

mod checker;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use raft_log_chunk::{DirectoryStorage, Storage};
use serde::Serialize;

use crate::progress::Progress;
use crate::{ScanError, ScanOptions, StoredRecord, ask_open, scan_storage};

pub(crate) use checker::Checker;

/// What a check found. As JSON it carries its version as `v`.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The version of this object.
    pub v: u32,
    /// The directory.
    pub directory: String,
    /// The version of the format that was checked against.
    pub format_version: u32,
    /// What it all amounts to.
    pub verdict: Verdict,
    /// Why `open()` would refuse the directory, if it would.
    pub open_refuses: Option<String>,
    /// Chunks that were read.
    pub chunks: u64,
    /// Records that were read, good or not.
    pub records: u64,
    /// Those of them that are entries.
    pub entries: u64,
    /// Bytes of records that were checked.
    pub bytes: u64,
    /// The log's last entry, as far as the records lead.
    pub last: Option<String>,
    /// Its committed mark.
    pub committed: Option<String>,
    /// Its purged mark.
    pub purged: Option<String>,
    /// What is wrong, in the order of the files.
    pub faults: Vec<Fault>,
    /// How many faults more there are.
    pub faults_left_out: u64,
    /// Where the log ends before bytes of a write that was cut short.
    pub torn: Option<Torn>,
    /// Chunks that were purged while they were read. Nothing is wrong with that.
    pub purged_while_reading: u64,
    /// What is worth knowing and no fault.
    pub notes: Vec<String>,
}

/// What a check amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing is wrong.
    Clean,
    /// What is wrong, the next `open()` passes over.
    PassedOver,
    /// `open()` refuses the directory.
    Refused,
    /// Something cannot be read, or is of a version that is not known.
    CannotRead,
}

/// Where a log ends before torn bytes.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Torn {
    /// The chunk.
    pub chunk: String,
    /// The end.
    pub offset: u64,
    /// How many bytes lie behind it.
    pub bytes: u64,
}

/// Which check failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FaultKind {
    /// A record's head is good, its body is not.
    Body,
    /// No record stands where one must be.
    Gap,
    /// The header of a chunk.
    Header,
    /// A chunk is not the one that was written behind the one before it.
    Chain,
    /// A record breaks a rule of the log, or a chunk's state is not what the records before it lead to.
    Rule,
    /// A footer is whole, and says something else than the records before it.
    Footer,
    /// The file `DURABLE`.
    Durable,
    /// A name that looks like a chunk's and is none.
    Name,
    /// A kind, flags or a version that is not known.
    Unsupported,
    /// A file cannot be read.
    Unreadable,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Fault {
    /// Which check failed.
    pub fault: FaultKind,
    /// The file.
    pub file: String,
    /// The offset in it.
    pub offset: u64,
    /// The kind of the record, as far as it is known.
    pub kind: Option<String>,
    /// Its term.
    pub term: Option<u64>,
    /// Its index.
    pub index: Option<u64>,
    /// What was expected.
    pub expected: Option<String>,
    /// What was found.
    pub found: Option<String>,
    /// The fault in a sentence.
    pub message: String,
    /// Where the next good record of the chunk begins.
    pub next_offset: Option<u64>,
    /// Which it is.
    pub next: Option<String>,
    /// Whether the chunk is left of a purge, so that nobody will read it.
    pub is_leftover: bool,
}

/// Checks the directory of a log; a live one, too.
///
/// # Errors
/// When it cannot be listed or holds no log. Damage is never an error.
pub fn verify(directory: impl AsRef<Path>) -> Result<VerifyReport, ScanError> {
    let directory = directory.as_ref();
    let storage = DirectoryStorage::open(directory)
        .map_err(|source| ScanError::Io { path: directory.display().to_string(), source })?;
    verify_storage(Arc::new(storage))
}

/// As [`verify`], over any storage.
///
/// # Errors
/// As [`verify`].
pub fn verify_storage(storage: Arc<dyn Storage>) -> Result<VerifyReport, ScanError> {
    check(&storage, ScanOptions::default(), &mut Progress::silent())
}

pub(crate) fn check(
    storage: &Arc<dyn Storage>,
    options: ScanOptions,
    progress: &mut Progress,
) -> Result<VerifyReport, ScanError> {
    let mut scan = scan_storage(storage.clone(), options)?;
    let mut checker = Checker::default();
    loop {
        scan.take_good(|_, frame| {
            checker.good(frame, progress);
            ControlFlow::Continue(())
        });
        let Some(item) = scan.next() else { break };
        checker.take(&item, progress);
    }
    progress.finish();
    let answer = ask_open(&**storage);
    Ok(checker.report(storage.path().display().to_string(), &answer, scan.counts()))
}

impl Fault {
    fn new(fault: FaultKind, file: String, offset: u64, message: String) -> Self {
        Self {
            fault,
            file,
            offset,
            kind: None,
            term: None,
            index: None,
            expected: None,
            found: None,
            message,
            next_offset: None,
            next: None,
            is_leftover: false,
        }
    }

    fn of_record(fault: FaultKind, record: &StoredRecord, message: String) -> Self {
        let head = &record.frame.head;
        Self {
            kind: head.kind().map(|kind| kind.to_string()),
            term: head.term(),
            index: head.index(),
            ..Self::new(fault, record.chunk.file_name(), record.frame.offset, message)
        }
    }
}
