//! One screen about a directory: whose it is, where its marks are, how large it is, and what opening it would do.
//!
//! Nothing is locked to find out who holds the lock: the lock file says who it was, and whether that process lives, the
//! system says.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use raft_log_chunk::{DurableFacts, FORMAT_VERSION, LOCK_FILE, Storage, read_durable, read_full_at};
use raft_log_codec::RawLogId;
use rustix::process::{Pid, test_kill_process};
use serde::Serialize;

use crate::chunk_names::chunk_ids;
use crate::listing::vote_text;
use crate::logical::LogicalLog;
use crate::opening::full_text;
use crate::seed_search::read_header;
use crate::{OpenAnswer, SCHEMA_VERSION};

/// What there is to know at a glance. As JSON it carries its version as `v`.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub(crate) struct Overview {
    pub(crate) v: u32,
    pub(crate) directory: String,
    pub(crate) format_version: u32,
    pub(crate) log_id: Option<String>,
    pub(crate) lock: LockState,
    pub(crate) vote: Option<String>,
    pub(crate) first: Option<String>,
    pub(crate) last: Option<String>,
    pub(crate) committed: Option<String>,
    pub(crate) purged: Option<String>,
    pub(crate) user_data_bytes: Option<u64>,
    pub(crate) entries: u64,
    pub(crate) terms: u64,
    pub(crate) chunks: u64,
    pub(crate) leftovers: u64,
    pub(crate) spares: u64,
    pub(crate) bytes_used: u64,
    pub(crate) bytes_allocated: u64,
    pub(crate) durable: Option<String>,
    pub(crate) open: OpenState,
}

/// Who has the log open, as far as one can tell without the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub(crate) enum LockState {
    /// There is no lock file: nobody ever opened it here.
    Absent,
    /// Nobody is named.
    Free,
    /// This process, which lives.
    Held { owner: String },
    /// This process, which does not live here: it was killed, or runs on another machine or in another container.
    Gone { owner: String },
    /// Somebody who is no process id.
    Named { owner: String },
}

/// What `open()` would do.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub(crate) enum OpenState {
    /// It opens, by this way.
    Opens {
        chunks: u64,
        scanned: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        torn_at: Option<String>,
        damaged_records: u64,
        warnings: Vec<String>,
    },
    /// It is refused.
    Refused { reason: String },
    /// It changes too fast to tell.
    Unsteady,
}

impl Overview {
    pub(crate) fn of(storage: &Arc<dyn Storage>, answer: OpenAnswer) -> io::Result<Self> {
        let ids = chunk_ids(&**storage)?;
        let durable = read_durable(&**storage)?;
        let open = OpenState::of(&answer);
        let (terms, leftovers, opened_id) = match answer.opening() {
            Some(opening) => {
                let runs = opening.machine.runs();
                let mut terms: Vec<u64> = runs.runs(runs.indexes()).map(|run| run.term()).collect();
                terms.dedup();
                (terms.len() as u64, opening.recovered.leftovers.len() as u64, opening.recovered.log_id)
            }
            None => (0, 0, None),
        };
        let header_id = ids.iter().rev().find_map(|id| read_header(&**storage, *id).ok()?.ok());
        let log_id = opened_id.or(header_id.map(|header| header.log_id));
        let log = LogicalLog::of(storage, answer)?;
        let state = &log.state;
        let entries = log.chunks.iter().map(|chunk| chunk.live().end - chunk.live().start).sum();
        let size = |name: &str| storage.open(name).and_then(|file| file.size()).unwrap_or(0);
        // The chunks' ids are places in one stream: what lies between the first and the end of the last is used.
        let newest_end = match (ids.last(), durable) {
            (None, _) => 0,
            (Some(newest), DurableFacts::Mark(mark)) if mark.chunk_id == *newest => mark.end,
            (Some(newest), _) => size(&newest.file_name()),
        };
        let bytes_used = match (ids.first(), ids.last()) {
            (Some(first), Some(last)) => last.offset() - first.offset() + newest_end,
            _ => 0,
        };
        let spares =
            storage.list()?.iter().filter(|e| raft_log_chunk::is_temporary_file_name(&e.name)).count();
        let text = |id: Option<&RawLogId>| id.map(ToString::to_string);
        Ok(Self {
            v: SCHEMA_VERSION,
            directory: storage.path().display().to_string(),
            format_version: FORMAT_VERSION,
            log_id: log_id.map(|id| format!("{id:032x}")),
            lock: LockState::read(&**storage)?,
            vote: state.vote.as_ref().map(|vote| vote_text(&vote.0)),
            first: text(log.chunks.first().and_then(|chunk| chunk.first_id()).as_ref()),
            last: text(state.last.as_ref()),
            committed: text(state.committed.as_ref()),
            purged: text(state.purged.as_ref()),
            user_data_bytes: state.user_data.as_ref().map(|data| data.len() as u64),
            entries,
            terms,
            chunks: ids.len() as u64,
            leftovers,
            spares: spares as u64,
            bytes_used,
            bytes_allocated: allocated(storage.path()),
            durable: match durable {
                DurableFacts::Mark(mark) => Some(format!("{} up to {}", mark.chunk_id, mark.end)),
                DurableFacts::Absent => None,
                DurableFacts::Damaged => Some("damaged".to_owned()),
                DurableFacts::Unsupported { version } => Some(format!("format version {version}")),
            },
            open,
        })
    }
}

impl OpenState {
    fn of(answer: &OpenAnswer) -> Self {
        match answer {
            OpenAnswer::Refuses(error) => Self::Refused { reason: full_text(error) },
            OpenAnswer::Unsteady => Self::Unsteady,
            OpenAnswer::Opens(opening) => {
                let found = &opening.recovered;
                let newest = found.chunks.last().map(|newest| (newest.chunk.chunk(), newest.chunk.end()));
                let torn_at = newest.filter(|(chunk, _)| {
                    let is_fresh = chunk.header().space == raft_log_chunk::Space::Fresh;
                    is_fresh && found.behind.first_nonzero.is_some() && !found.behind.is_footer
                });
                let mut warnings: Vec<String> =
                    found.foreign_files.iter().map(|name| format!("{name} is not part of a log")).collect();
                warnings.extend(match (newest, found.durable) {
                    (Some(_), DurableFacts::Absent) => {
                        Some("DURABLE is missing and would be made again".to_owned())
                    }
                    (Some(_), DurableFacts::Damaged) => {
                        Some("DURABLE is damaged and would be made again".to_owned())
                    }
                    _ => None,
                });
                Self::Opens {
                    chunks: found.chunks.len() as u64,
                    scanned: found.chunks.iter().filter(|chunk| chunk.is_scanned).count() as u64,
                    torn_at: torn_at
                        .map(|(chunk, end)| format!("{} of {}", raft_log_codec::Grouped(end), chunk.id())),
                    damaged_records: found.damaged.len() as u64,
                    warnings,
                }
            }
        }
    }
}

impl LockState {
    fn read(storage: &dyn Storage) -> io::Result<Self> {
        const OWNER_BYTES_MAX: usize = 256;
        let file = match storage.open(LOCK_FILE) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Absent),
            Err(error) => return Err(error),
        };
        let mut bytes = vec![0; OWNER_BYTES_MAX];
        let found = read_full_at(&*file, &mut bytes, 0)?;
        let owner = String::from_utf8_lossy(bytes.get(..found).unwrap_or_default()).trim().to_owned();
        if owner.is_empty() {
            return Ok(Self::Free);
        }
        let pid = owner.strip_prefix("process ").and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
        Ok(match pid.map(test_kill_process) {
            None => Self::Named { owner },
            // Not allowed to signal it: it lives.
            Some(Ok(()) | Err(rustix::io::Errno::PERM)) => Self::Held { owner },
            Some(Err(_)) => Self::Gone { owner },
        })
    }
}

/// What the directory's files take on the disk.
fn allocated(path: &Path) -> u64 {
    const BLOCK_BYTES: u64 = 512;
    let Ok(entries) = fs_err::read_dir(path) else { return 0 };
    let blocks = entries.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.blocks()));
    blocks.map(|blocks| blocks * BLOCK_BYTES).sum()
}
