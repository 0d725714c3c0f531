//! Opening a log: lock, look, judge, and only then trust. No chunk is changed, and a failed open changes nothing.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use raft_log_chunk::{
    Behind, ChunkHeader, ChunkId, DURABLE_FILE, DamagedRecord, DirectoryStorage, DurableFacts, DurableFile,
    Space, Storage, is_no_space, mark_at, recover,
};
use raft_log_codec::{PlainTypes, Types};
use raft_log_state::{RaftLogSM, StateMachine};

use crate::{Config, LockFile, LogCache, LogData, OpenError, RaftLog, RaftLogWal};

/// What was found when a log was opened.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct OpenReport {
    /// How many chunks hold what is not purged.
    pub chunks: usize,
    /// How many chunks are left of a purge; the next write removes them.
    pub leftovers: usize,
    /// Of how many of the chunks every frame was read and checked; of the others a footer told what is in them.
    pub scanned_chunks: usize,
    /// How many entries are alive.
    pub entries: u64,
    /// The newest chunk and the offset in it where the log ends.
    pub end: Option<(ChunkId, u64)>,
    /// What lies behind the end, if a write that was cut short left it there; nobody was told that it was stored. In
    /// a chunk that began with zeros that is anything but zeros and a footer, in one made of a purged chunk's file a
    /// frame of its own.
    pub torn_tail: Option<TornTail>,
    /// Records whose bodies are damaged, as far as chunks were scanned. Reading such an entry says so.
    pub damaged: Vec<DamagedRecord>,
    /// What should be looked at.
    pub warnings: Vec<OpenWarning>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Bytes behind the end of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornTail {
    /// The chunk.
    pub chunk: ChunkId,
    /// Where the log ends in it.
    pub offset: u64,
    /// Where the first byte lies that is not zero; in a chunk made of a purged chunk's file, the first of a frame of
    /// its own.
    pub first_nonzero: u64,
    /// Where the file ends.
    pub file_size: u64,
}

/// What the statistics tell of opening.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Recovery {
    pub(crate) elapsed: Duration,
    pub(crate) left_behind_bytes: u64,
}

impl Recovery {
    pub(crate) fn of(report: &OpenReport) -> Self {
        let left_behind = |tail: TornTail| tail.file_size.saturating_sub(tail.offset);
        Self { elapsed: report.elapsed, left_behind_bytes: report.torn_tail.map_or(0, left_behind) }
    }
}

/// Something about a directory that is not as it should be, and that a log can live with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenWarning {
    /// `DURABLE` is missing although there are chunks. It is made again. Without it, opening had the chunks alone to
    /// tell where the log ends: never remove it, and copy it with the chunks.
    DurableMissing,
    /// Neither slot of `DURABLE` is whole. It is made again; where the log ends, the chunks alone told.
    DurableDamaged,
    /// The disk is too full to write `DURABLE`: a newest chunk that goes missing may not be noticed.
    DurableNotWritten,
    /// The name of the owner could not be written into `LOCK`. The lock holds all the same; who is refused by it does
    /// not learn by whom.
    OwnerNotNamed,
    /// A file that is not part of a log.
    ForeignFile(String),
}

impl fmt::Display for OpenWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DurableMissing => f.write_str(
                "DURABLE was missing and is made again; if it was removed, data missing from the log's end could not be noticed",
            ),
            Self::DurableDamaged => f.write_str(
                "DURABLE was damaged and is made again; data missing from the log's end could not be noticed",
            ),
            Self::DurableNotWritten => f.write_str("the disk is too full to write DURABLE"),
            Self::OwnerNotNamed => f.write_str("the owner's name could not be written into LOCK"),
            Self::ForeignFile(name) => write!(f, "{name} is not part of a log"),
        }
    }
}

impl RaftLog<PlainTypes> {
    /// Opens the log in a directory with the ready-made types: a path, or a [`Config`].
    ///
    /// What it returns is durable. The directory is created if its parent exists. No thread is started and no chunk is
    /// changed.
    ///
    /// # Errors
    /// When the configuration is out of bounds, the log has another owner, or the directory does not make a log. Then
    /// nothing was changed.
    pub fn open(config: impl Into<Config>) -> Result<Self, OpenError> {
        Self::open_typed(config)
    }
}

impl<T: Types> RaftLog<T> {
    /// As [`RaftLog::open`], with the application's own types: `RaftLog::<MyTypes>::open_typed(dir)`.
    ///
    /// # Errors
    /// As [`RaftLog::open`].
    pub fn open_typed(config: impl Into<Config>) -> Result<Self, OpenError> {
        let config = config.into();
        config.validate()?;
        let storage = if config.must_exist {
            DirectoryStorage::open(&config.directory)
        } else {
            DirectoryStorage::open_or_create(&config.directory)
        };
        let storage = storage.map_err(OpenError::Directory)?;
        Self::open_on(config, Arc::new(storage))
    }

    /// As [`RaftLog::open_typed`], on any storage; the directory of the configuration is not looked at.
    ///
    /// # Errors
    /// As [`RaftLog::open`].
    pub fn open_on(config: impl Into<Config>, storage: Arc<dyn Storage>) -> Result<Self, OpenError> {
        let begin = Instant::now();
        let config = config.into();
        config.validate()?;
        let lock = LockFile::acquire(&*storage)?;
        let recovered = recover::<RaftLogSM<T>>(&*storage, &config.survey_options());
        let (recovered, mut machine) = recovered.inspect_err(|error| {
            let directory = storage.path().display();
            tracing::error!(%directory, %error, "the directory does not make a log");
        })?;
        machine.end_replay();
        if config.must_exist
            && recovered.chunks.is_empty()
            && !matches!(recovered.durable, DurableFacts::Mark(_))
        {
            return Err(OpenError::NoLog { directory: storage.path().display().to_string() });
        }

        let mut report = OpenReport {
            chunks: recovered.chunks.len(),
            leftovers: recovered.leftovers.len(),
            scanned_chunks: recovered.chunks.iter().filter(|found| found.is_checked).count(),
            damaged: recovered.damaged.clone(),
            warnings: recovered.foreign_files.iter().cloned().map(OpenWarning::ForeignFile).collect(),
            ..OpenReport::default()
        };
        let mut data = LogData::new();
        for found in &recovered.chunks {
            data.push_sealed(found.chunk.chunk().id(), found.live.clone());
            report.entries += found.live.end - found.live.start;
        }
        let mut durable_file = None;
        if let Some(newest) = recovered.chunks.last() {
            let (chunk, end) = (newest.chunk.chunk(), newest.chunk.end());
            report.end = Some((chunk.id(), end));
            report.torn_tail = torn_tail(chunk.header(), end, &recovered.behind);
            report.warnings.extend(match recovered.durable {
                DurableFacts::Absent => Some(OpenWarning::DurableMissing),
                DurableFacts::Damaged => Some(OpenWarning::DurableDamaged),
                _ => None,
            });
            // The last step: from now on this end is known, also if the power goes before anything is written.
            durable_file = match DurableFile::open(&*storage, mark_at(chunk.header(), end)) {
                Ok(file) => Some(file),
                Err(error) if is_no_space(&error) => {
                    report.warnings.push(OpenWarning::DurableNotWritten);
                    None
                }
                Err(source) => return Err(OpenError::Io { action: "write", file: DURABLE_FILE, source }),
            };
        }
        if let Err(error) = lock.name_owner() {
            tracing::warn!(%error, "the owner of a log was not named");
            report.warnings.push(OpenWarning::OwnerNotNamed);
        }
        let wal = RaftLogWal::new(&config, storage.clone(), recovered, durable_file)
            .map_err(OpenError::Directory)?;
        report.elapsed = begin.elapsed();
        log_report(&*storage, &report, machine.state().end_index());
        let cache = LogCache::new(config.log_cache_max_items, config.log_cache_capacity);
        Ok(Self::assemble(wal, machine, data, cache, report, Some(lock)))
    }
}

fn torn_tail(header: &ChunkHeader, offset: u64, behind: &Behind) -> Option<TornTail> {
    let first = match header.space {
        Space::Fresh => behind.first_nonzero,
        // What is not zero there was left by the chunk whose file it was.
        Space::Reused => behind.first_frame,
    };
    let first_nonzero = first.filter(|_| !behind.is_footer)?;
    Some(TornTail { chunk: header.chunk_id, offset, first_nonzero, file_size: offset + behind.bytes })
}

fn log_report(storage: &dyn Storage, report: &OpenReport, end_index: u64) {
    let directory = storage.path().display();
    let (chunks, entries, last_index) = (report.chunks, report.entries, end_index.checked_sub(1));
    let recovery_seconds = report.elapsed.as_secs_f64();
    tracing::info!(%directory, chunks, entries, last_index, recovery_seconds, "opened a log");
    if let Some(tail) = report.torn_tail {
        let recovery_left_behind_bytes = Recovery::of(report).left_behind_bytes;
        tracing::warn!(
            %directory,
            chunk = %tail.chunk,
            offset = tail.offset,
            recovery_left_behind_bytes,
            "an incomplete write lies behind the end"
        );
    }
    for warning in &report.warnings {
        tracing::warn!(%directory, %warning, "opened a log");
    }
}
