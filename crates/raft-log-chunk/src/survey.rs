//! Gathering the facts of a directory, and making a log of them once the verdict is good. It changes nothing.
//!
//! Order: sync the directory and the newest chunk, so that nothing is trusted that is not durable; read the newest
//! chunk to its end; walk back to the chunk from which a replay may begin; replay forward from there. Chunks older
//! than that are leftovers of a purge and are never judged.

mod chunk_start;
mod footers;
mod listing;
mod live;
mod newest;
mod replay_chunk;
mod seeded;

use std::io;

use bytes::Bytes;
use raft_log_codec::{RecordKind, Replay, SeededBug};

use crate::chunk::SealedChunk;
use crate::durable::read_durable;
use crate::error::RecoveryError;
use crate::scan::Behind;
use crate::storage::Storage;
use crate::verdict::{Facts, judge};
use crate::{ChunkId, ChunkSummary, DURABLE_FILE, DurableFacts};
use chunk_start::{ChunkStart, walk_back};
use footers::{are_true, footers};
use live::join;
use newest::read_newest;
use replay_chunk::replay_chunk;
use seeded::{judge_behind_ends, judge_leftovers, without_bad_newest};

pub use listing::{Listing, list};

/// How a directory is surveyed.
#[derive(Debug, Clone, Copy)]
pub struct SurveyOptions {
    /// About how many bytes are read at once.
    pub window_bytes: usize,
    /// Whether what lies behind the end of a fresh newest chunk is an error.
    pub refuse_torn: bool,
    /// Whether the directory and the newest chunk are synced before they are read. Without it nothing that is
    /// returned is known to be durable: for tools that only look.
    pub sync_first: bool,
    /// Whether footers are believed where they are whole and fit. Without them every chunk that matters is scanned.
    pub use_footers: bool,
    /// Whether footers are believed only after every frame was read and says the same, several chunks at a time. Where
    /// one does not, all chunks are scanned, which tells what is wrong. It does nothing without `use_footers`.
    pub check_frames: bool,
}

impl Default for SurveyOptions {
    fn default() -> Self {
        Self {
            window_bytes: 1 << 20,
            refuse_torn: false,
            sync_first: true,
            use_footers: true,
            check_frames: false,
        }
    }
}

/// A directory that makes a log.
#[derive(Debug)]
pub struct Recovered {
    /// The id of the log; `None` while it has no chunk and no `DURABLE`.
    pub log_id: Option<u128>,
    /// The chunks that matter, oldest first.
    pub chunks: Vec<RecoveredChunk>,
    /// Chunks below the purged mark, oldest first: what a purge removes.
    pub leftovers: Vec<ChunkId>,
    /// What lies behind the end of the newest chunk; all zero where a footer tells the end.
    pub behind: Behind,
    /// Entries whose frames are damaged, found on the way; reading them says so, too.
    pub damaged: Vec<DamagedRecord>,
    /// What `DURABLE` says.
    pub durable: DurableFacts,
    /// Temporary files: laid space that a chunk can be made of.
    pub temporary_files: Vec<String>,
    /// Names that are none of the log's.
    pub foreign_files: Vec<String>,
}

/// One of the chunks that make a log.
#[derive(Debug)]
pub struct RecoveredChunk {
    /// The chunk, sealed: only the process that made a chunk appends to it.
    pub chunk: SealedChunk,
    /// What it holds at its end.
    pub summary: ChunkSummary,
    /// The indexes of its entries that are alive in the log.
    pub live: std::ops::Range<u64>,
    /// The index of the last entry before it, which tells when it can be removed.
    pub last_before: Option<u64>,
    /// The `State` at its end: its successor's, or its footer's, where known.
    pub state_at_end: Option<Bytes>,
    /// Whether all that is known of it comes from its frames, and not from a footer.
    pub is_scanned: bool,
    /// Whether all its frames were read and checked: in a scan, or beside its footer.
    pub is_checked: bool,
}

/// A record below the end of the log whose body is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DamagedRecord {
    /// Its chunk.
    pub chunk: ChunkId,
    /// Where its frame begins.
    pub offset: u64,
    /// What it is.
    pub kind: RecordKind,
    /// The index, of an entry.
    pub index: Option<u64>,
}

/// Surveys a directory and replays its records into a fresh `R`.
///
/// Where footers were believed and the outcome is an error, or they were checked and one is not true, everything is read
/// again without them: a footer is a cache, and never a reason to refuse.
///
/// # Errors
/// When a file cannot be read, or the verdict is not good.
pub fn recover<R: Replay + Default>(
    storage: &dyn Storage,
    options: &SurveyOptions,
) -> Result<(Recovered, R), RecoveryError> {
    let attempt = |options: &SurveyOptions| {
        let mut replay = R::default();
        survey(storage, &mut replay, options).map(|recovered| recovered.map(|recovered| (recovered, replay)))
    };
    // A scan sees more, so its answer stands: also where it is an error.
    let scanning = || {
        let recovered = attempt(&SurveyOptions { use_footers: false, ..*options })?;
        Ok(recovered.unwrap_or_else(|| unreachable!("no footer was believed")))
    };
    match attempt(options) {
        Ok(Some(recovered)) => Ok(recovered),
        Ok(None) => scanning(),
        Err(error) if options.use_footers && !matches!(error, RecoveryError::Io { .. }) => scanning(),
        Err(error) => Err(error),
    }
}

fn at(action: &'static str, file: &str) -> impl FnOnce(io::Error) -> RecoveryError {
    move |source| RecoveryError::Io { action, file: file.to_owned(), source }
}

/// `None` if footers were checked and one is not true.
fn survey(
    storage: &dyn Storage,
    replay: &mut dyn Replay,
    options: &SurveyOptions,
) -> Result<Option<Recovered>, RecoveryError> {
    let directory = storage.path().display().to_string();
    if options.sync_first && !SeededBug::NoSyncAtOpen.is_on() {
        storage.sync_directory().map_err(at("sync", &directory))?;
    }
    let listing = list(storage)?;
    let listing = match SeededBug::BadStateRemovesChunk.is_on() {
        true => without_bad_newest(storage, listing),
        false => listing,
    };
    let durable = read_durable(storage).map_err(at("read", DURABLE_FILE))?;
    let mut facts = Facts {
        durable,
        chunks: Vec::new(),
        is_complete: true,
        gap_at: None,
        refuse_torn: options.refuse_torn,
    };
    let log_id_of_mark = match durable {
        DurableFacts::Mark(mark) => Some(mark.log_id),
        _ => None,
    };
    let Some((&newest_id, older)) = listing.chunks.split_last() else {
        if options.sync_first {
            storage.sync_parent().map_err(at("sync the parent of", &directory))?;
        }
        judge(&facts)?;
        return Ok(Some(Recovered {
            log_id: log_id_of_mark,
            chunks: Vec::new(),
            leftovers: Vec::new(),
            behind: Behind::default(),
            damaged: Vec::new(),
            durable,
            temporary_files: listing.temporary_files,
            foreign_files: listing.foreign_files,
        }));
    };

    let (newest, newest_footer, purged) = read_newest(storage, newest_id, durable, options)?;
    let mut starts = vec![newest];
    facts.is_complete = walk_back(storage, older, purged, &mut starts)?;
    if SeededBug::JudgeLeftovers.is_on() {
        judge_leftovers(storage, older, starts.len() - 1)?;
    }
    starts.reverse();
    if SeededBug::JudgeBehindEnd.is_on() {
        judge_behind_ends(&starts, options)?;
    }
    facts.chunks = starts.iter().map(|start| start.facts.clone()).collect();
    // What the starts and the newest chunk tell, before the others are read for it. A torn tail is the least of all that
    // may be found, so it waits until everything was read.
    facts.refuse_torn = false;
    judge(&facts)?;
    facts.refuse_torn = options.refuse_torn;

    let footers = footers(&starts, newest_footer, options)?;
    if options.check_frames && !are_true(&starts, &footers, options.window_bytes) {
        return Ok(None);
    }
    let mut damaged = Vec::new();
    let mut chunks = Vec::new();
    for (position, footer) in footers.into_iter().enumerate() {
        let Some(start) = starts.get(position) else { break };
        let next = starts.get(position + 1);
        let Some(chunk_facts) = facts.chunks.get_mut(position) else {
            break;
        };
        let Some(chunk) = replay_chunk(start, next, footer, chunk_facts, replay, options, &mut damaged)?
        else {
            break;
        };
        chunks.push(chunk);
    }
    if chunks.len() == starts.len() {
        // A footer that lies can leave a gap of which the chunks together show nothing.
        let unseen = replay.unseen();
        facts.gap_at = join(&mut chunks, replay.purged_index(), replay.last_index())
            .or_else(|| (!unseen.is_empty()).then_some(unseen.start));
    }
    judge(&facts)?;

    let leftovers = listing.chunks.len() - chunks.len();
    Ok(Some(Recovered {
        log_id: starts.last().and_then(ChunkStart::header).map(|header| header.log_id),
        chunks,
        leftovers: listing.chunks.into_iter().take(leftovers).collect(),
        behind: facts.chunks.last().map(|newest| newest.behind).unwrap_or_default(),
        damaged,
        durable,
        temporary_files: listing.temporary_files,
        foreign_files: listing.foreign_files,
    }))
}
