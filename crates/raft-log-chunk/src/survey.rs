//! Gathering the facts of a directory, and making a log of them once the verdict is good. It changes nothing.
//!
//! Order: sync the directory and the newest chunk, so that nothing is trusted that is not durable; read the newest
//! chunk to its end; walk back to the chunk from which a replay may begin; replay forward from there. Chunks older
//! than that are leftovers of a purge and are never judged.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use raft_log_codec::{
    Decode, Frame, FrameSeed, HeadFault, LogId, RaftLogState, RawTypes, RecordKind, Replay, ReplayFault,
    SeededBug,
};

use crate::chunk::{Chunk, SealedChunk};
use crate::durable::read_durable;
use crate::error::{CorruptKind, RecoveryError};
use crate::footer::{Footer, read_footer};
use crate::full_check::{Candidate, are_whole};
use crate::scan::{Behind, FrameScan, Scanned, look_behind};
use crate::storage::{EntryKind, Storage, StorageFile, read_full_at};
use crate::verdict::{ChunkFacts, Facts, Stop, StopCause, judge};
use crate::{
    ChunkHeader, ChunkId, ChunkSummary, DURABLE_FILE, DurableFacts, HEADER_SIZE, LOCK_FILE, SummaryBuilder,
    is_temporary_file_name,
};

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

/// The names in a directory, sorted out.
#[derive(Debug, Default)]
pub struct Listing {
    /// The chunks, oldest first.
    pub chunks: Vec<ChunkId>,
    /// Temporary files.
    pub temporary_files: Vec<String>,
    /// Names that are none of the log's.
    pub foreign_files: Vec<String>,
}

/// Lists a directory.
///
/// # Errors
/// When it cannot be listed, a name looks like a chunk's and is none, or a chunk's name is no regular file's.
pub fn list(storage: &dyn Storage) -> Result<Listing, RecoveryError> {
    let mut listing = Listing::default();
    let entries = storage.list().map_err(at("list", &storage.path().display().to_string()))?;
    for entry in entries {
        let is_file = entry.kind == EntryKind::File;
        match ChunkId::from_file_name(&entry.name)? {
            Some(id) if is_file => listing.chunks.push(id),
            Some(_) => return Err(RecoveryError::NotAFile { file: entry.name }),
            None if entry.name == LOCK_FILE || entry.name == DURABLE_FILE => {}
            None if is_file && is_temporary_file_name(&entry.name) => {
                listing.temporary_files.push(entry.name)
            }
            None => listing.foreign_files.push(entry.name),
        }
    }
    listing.chunks.sort_unstable();
    listing.temporary_files.sort_unstable();
    listing.foreign_files.sort_unstable();
    Ok(listing)
}

fn at(action: &'static str, file: &str) -> impl FnOnce(io::Error) -> RecoveryError {
    move |source| RecoveryError::Io { action, file: file.to_owned(), source }
}

/// The start of a chunk: what is read of every chunk that matters.
struct ChunkStart {
    file: Arc<dyn StorageFile>,
    facts: ChunkFacts,
    /// The body of the `State` record, and where its frame ends.
    state: Option<(Bytes, u64)>,
    marks: RaftLogState<RawTypes>,
}

impl ChunkStart {
    fn header(&self) -> Option<&ChunkHeader> {
        self.facts.header.as_ref().ok()
    }

    fn last_before(&self) -> Option<u64> {
        self.marks.last.as_ref().map(LogId::index)
    }

    fn read(file: Arc<dyn StorageFile>, id: ChunkId, end: Option<u64>) -> io::Result<Self> {
        const FIRST_READ: usize = 4096;
        let mut bytes = vec![0; FIRST_READ];
        let found = read_full_at(&*file, &mut bytes, 0)?;
        bytes.truncate(found);
        let bytes = Bytes::from(bytes);
        let header = ChunkHeader::decode(&bytes);
        let mut start = Self {
            facts: ChunkFacts {
                id,
                file_size: file.size()?,
                end,
                header: header.clone(),
                state_fault: None,
                stop: None,
                durable_end: 0,
                behind: Behind::default(),
                replay_fault: None,
            },
            file,
            state: None,
            marks: RaftLogState::default(),
        };
        let Ok(header) = header else { return Ok(start) };
        match start.read_state(&bytes, header.seed())? {
            Ok(frame) => match RaftLogState::<RawTypes>::decode(frame.payload.clone()) {
                Ok(marks) => {
                    start.marks = marks;
                    start.state = Some((frame.payload.clone(), frame.end()));
                }
                Err(error) => {
                    start.facts.replay_fault = Some((HEADER_SIZE as u64, ReplayFault::Undecodable(error)));
                }
            },
            Err(cause) => start.facts.state_fault = Some(cause),
        }
        Ok(start)
    }

    fn read_state(&self, bytes: &Bytes, seed: FrameSeed) -> io::Result<Result<Frame, StopCause>> {
        let offset = HEADER_SIZE as u64;
        let limit = self.facts.end.unwrap_or(u64::MAX).min(self.facts.file_size);
        let mut parsed = Frame::parse(&bytes.slice(HEADER_SIZE..), seed, offset);
        for _ in 0..2 {
            let Err(HeadFault::Incomplete { needed }) = parsed else {
                break;
            };
            if offset + needed as u64 > limit {
                break;
            }
            let mut whole = vec![0; needed];
            let found = read_full_at(&*self.file, &mut whole, offset)?;
            whole.truncate(found);
            parsed = Frame::parse(&whole.into(), seed, offset);
        }
        let frame = match parsed {
            Ok(frame) if frame.end() <= limit => frame,
            Ok(frame) => {
                return Ok(Err(StopCause::Head(HeadFault::Incomplete { needed: frame.head.size() })));
            }
            Err(fault) => return Ok(Err(StopCause::Head(fault))),
        };
        Ok(match (frame.fault, frame.head.kind()) {
            (Some(fault), _) => Err(StopCause::Body(fault)),
            (None, Some(RecordKind::State)) => Ok(frame),
            (None, Some(_)) => Err(StopCause::NotState),
            (None, None) => Err(unknown(&frame)),
        })
    }
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
    if options.check_frames && !are_whole(&candidates(&starts, &footers), options.window_bytes) {
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
        facts.gap_at = join(&mut chunks, replay.purged_index(), replay.last_index());
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

/// The footers that tell what a scan would, as far as they say so themselves.
fn footers(
    starts: &[ChunkStart],
    newest: Option<Footer>,
    options: &SurveyOptions,
) -> Result<Vec<Option<Footer>>, RecoveryError> {
    let pairs = starts.iter().zip(starts.iter().skip(1));
    let older = pairs.map(|(start, next)| match options.use_footers {
        true => fitting_footer(start, next),
        false => Ok(None),
    });
    older.chain(std::iter::once(Ok(newest))).collect()
}

fn candidates(starts: &[ChunkStart], footers: &[Option<Footer>]) -> Vec<Candidate> {
    let pairs = starts.iter().zip(footers);
    let candidate = |(start, footer): (&ChunkStart, &Option<Footer>)| {
        Some(Candidate { file: start.file.clone(), seed: start.header()?.seed(), footer: footer.clone()? })
    };
    pairs.filter_map(candidate).collect()
}

/// Opens the newest chunk, makes sure that what is read of it is on the disk, and finds its end and the purged mark.
fn read_newest(
    storage: &dyn Storage,
    id: ChunkId,
    durable: DurableFacts,
    options: &SurveyOptions,
) -> Result<(ChunkStart, Option<Footer>, Option<u64>), RecoveryError> {
    let name = id.file_name();
    let file = storage.open(&name).map_err(at("open", &name))?;
    if options.sync_first && !SeededBug::NoSyncAtOpen.is_on() {
        file.sync().map_err(at("sync", &name))?;
        // After a sync that failed in an earlier life the cache may show what the disk does not hold.
        file.drop_cache().map_err(at("drop the cache of", &name))?;
    }
    let mut start = ChunkStart::read(file, id, None).map_err(at("read", &name))?;
    let purged = start.marks.purged.as_ref().map(LogId::index);
    let (Some(header), Some((_, state_end))) = (start.header().copied(), &start.state) else {
        return Ok((start, None, purged));
    };
    if let DurableFacts::Mark(mark) = durable
        && options.use_footers
        && (mark.log_id, mark.chunk_id, mark.salt) == (header.log_id, id, header.salt)
        && (*state_end..=start.facts.file_size).contains(&mark.end)
        && let Some(footer) = read_footer(&*start.file, header.seed(), mark.end).map_err(at("read", &name))?
        && let Ok(state) = RaftLogState::<RawTypes>::decode(footer.state.clone())
    {
        return Ok((start, Some(footer), state.purged.as_ref().map(LogId::index)));
    }
    let purged = find_end(&mut start, header.seed(), options).map_err(at("read", &name))?.max(purged);
    Ok((start, None, purged))
}

/// Scans the newest chunk for its end, what its groups vouch for, and what lies behind. Gives the purged mark.
fn find_end(start: &mut ChunkStart, seed: FrameSeed, options: &SurveyOptions) -> io::Result<Option<u64>> {
    let mut scan = FrameScan::new(start.file.clone(), seed, None, options.window_bytes)?;
    let mut purged = None;
    let stop = loop {
        match scan.next_frame()? {
            Scanned::End { offset, fault } => {
                break Stop { offset, cause: StopCause::Head(fault) };
            }
            Scanned::Frame(frame) => {
                let offset = frame.offset;
                if let Some(fault) = frame.fault {
                    break Stop { offset, cause: StopCause::Body(fault) };
                }
                match frame.head.kind() {
                    Some(RecordKind::PurgeUpto) => purged = purged.max(frame.head.index()),
                    Some(RecordKind::Group) => {
                        let durable_end = group_durable_end(&frame).unwrap_or(0);
                        start.facts.durable_end = start.facts.durable_end.max(durable_end);
                    }
                    Some(_) => {}
                    None if SeededBug::UnknownKindIsTail.is_on() => {
                        break Stop { offset, cause: StopCause::Head(HeadFault::Empty) };
                    }
                    None => break Stop { offset, cause: unknown(&frame) },
                }
            }
        }
    };
    start.facts.behind = look_behind(&*start.file, seed, stop.offset, options.window_bytes)?;
    start.facts.behind.is_footer = read_footer(&*start.file, seed, stop.offset)?.is_some();
    start.facts.stop = Some(stop);
    Ok(purged)
}

/// [`SeededBug::BadStateRemovesChunk`].
fn without_bad_newest(storage: &dyn Storage, mut listing: Listing) -> Listing {
    if let Some(&newest) = listing.chunks.last()
        && let Ok(file) = storage.open(&newest.file_name())
        && ChunkStart::read(file, newest, None).is_ok_and(|start| start.state.is_none())
        && storage.remove(&newest.file_name()).is_ok()
    {
        listing.chunks.pop();
    }
    listing
}

/// [`SeededBug::JudgeLeftovers`].
fn judge_leftovers(storage: &dyn Storage, older: &[ChunkId], judged: usize) -> Result<(), RecoveryError> {
    for id in older.iter().rev().skip(judged) {
        let name = id.file_name();
        let file = storage.open(&name).map_err(at("open", &name))?;
        let start = ChunkStart::read(file, *id, None).map_err(at("read", &name))?;
        if let Err(fault) = start.facts.header {
            return Err(RecoveryError::Corrupt { chunk: *id, offset: 0, kind: CorruptKind::Header(fault) });
        }
    }
    Ok(())
}

/// [`SeededBug::JudgeBehindEnd`].
fn judge_behind_ends(starts: &[ChunkStart], options: &SurveyOptions) -> Result<(), RecoveryError> {
    for start in starts {
        let (Some(end), Some(header)) = (start.facts.end, start.header()) else { continue };
        let name = start.facts.id.file_name();
        let behind = look_behind(&*start.file, header.seed(), end, options.window_bytes);
        if let Some(first) = behind.map_err(at("read", &name))?.first_frame {
            let kind = CorruptKind::State(StopCause::NotState);
            return Err(RecoveryError::Corrupt { chunk: start.facts.id, offset: first, kind });
        }
    }
    Ok(())
}

fn group_durable_end(frame: &Frame) -> Option<u64> {
    let durable_end = u64::from_le_bytes(frame.payload.as_ref().try_into().ok()?);
    (durable_end <= frame.offset).then_some(durable_end)
}

/// Reads the starts of older chunks until one has no entry before it that is not purged. `false` if the chunks run
/// out before, or one cannot be made out.
fn walk_back(
    storage: &dyn Storage,
    older: &[ChunkId],
    purged: Option<u64>,
    starts: &mut Vec<ChunkStart>,
) -> Result<bool, RecoveryError> {
    let is_base = |start: &ChunkStart| start.last_before() <= purged;
    let mut older = older.iter().rev();
    while let Some(oldest) = starts.last() {
        if oldest.state.is_none() {
            return Ok(false);
        }
        if is_base(oldest) {
            return Ok(true);
        }
        let Some(&id) = older.next() else { return Ok(false) };
        let end = oldest.facts.id.offset() - id.offset();
        let name = id.file_name();
        let file = storage.open(&name).map_err(at("open", &name))?;
        starts.push(ChunkStart::read(file, id, Some(end)).map_err(at("read", &name))?);
    }
    Ok(false)
}

/// The footer of a chunk, if it is whole and leads to the state that the next chunk begins with.
fn fitting_footer(start: &ChunkStart, next: &ChunkStart) -> Result<Option<Footer>, RecoveryError> {
    let (Some(header), Some(end), Some((state, _))) = (start.header(), start.facts.end, &next.state) else {
        return Ok(None);
    };
    let name = start.facts.id.file_name();
    let footer = read_footer(&*start.file, header.seed(), end).map_err(at("read", &name))?;
    Ok(footer.filter(|footer| footer.state == *state))
}

/// Replays one chunk. `None` if it cannot be followed any further; the facts say why.
fn replay_chunk(
    start: &ChunkStart,
    next: Option<&ChunkStart>,
    footer: Option<Footer>,
    facts: &mut ChunkFacts,
    replay: &mut dyn Replay,
    options: &SurveyOptions,
    damaged: &mut Vec<DamagedRecord>,
) -> Result<Option<RecoveredChunk>, RecoveryError> {
    let (Some(header), Some((state, _))) = (start.header(), &start.state) else {
        return Ok(None);
    };
    let chunk = Chunk::new(start.file.clone(), *header);
    let at_start = HEADER_SIZE as u64;
    if let Err(fault) = replay.chunk_state(state.clone()) {
        facts.replay_fault = Some((at_start, fault));
        return Ok(None);
    }
    let recovered = |end, summary: ChunkSummary, table, offsets, state_at_end, is_scanned| RecoveredChunk {
        chunk: SealedChunk::new(chunk.clone(), end, table, offsets),
        summary,
        live: 0..0,
        last_before: start.last_before(),
        state_at_end,
        is_scanned,
        is_checked: is_scanned || options.check_frames,
    };
    if let Some(footer) = footer {
        let summary = &footer.summary;
        let skipped =
            replay.skip(summary.truncated_from, &summary.runs, summary.end_index, footer.state.clone());
        if let Err(fault) = skipped {
            facts.replay_fault = Some((at_start, fault));
            return Ok(None);
        }
        let end = facts.end.unwrap_or(footer.end());
        let table = footer.table();
        return Ok(Some(recovered(end, footer.summary, Some(table), None, Some(footer.state), false)));
    }

    let name = start.facts.id.file_name();
    let end = facts.end.or(facts.stop.map(|stop| stop.offset)).unwrap_or(0);
    let scan = FrameScan::new(start.file.clone(), header.seed(), Some(end), options.window_bytes);
    let mut scan = scan.map_err(at("read", &name))?;
    let mut builder = SummaryBuilder::new();
    let stop = loop {
        let frame = match scan.next_frame().map_err(at("read", &name))? {
            Scanned::End { offset, fault } => {
                break Stop { offset, cause: StopCause::Head(fault) };
            }
            Scanned::Frame(frame) => frame,
        };
        let Some(kind) = frame.head.kind() else {
            break Stop { offset: frame.offset, cause: unknown(&frame) };
        };
        if frame.offset == at_start {
            continue;
        }
        if let (None, Some(fault)) = (facts.end, frame.fault) {
            break Stop { offset: frame.offset, cause: StopCause::Body(fault) };
        }
        builder.watch(&frame);
        if let Some(damage) = damage(&frame, kind, start.facts.id) {
            damaged.push(damage);
        }
        let told = match (frame.fault, kind) {
            (Some(_), RecordKind::SaveVote | RecordKind::SaveUserData) => {
                replay.pass_over(kind);
                Ok(())
            }
            (_, RecordKind::Group) => Ok(()),
            // What these did is in their heads, which are good.
            _ => replay.record(&frame),
        };
        if let Err(fault) = told {
            facts.replay_fault = Some((frame.offset, fault));
            return Ok(None);
        }
    };
    if facts.end.is_some() {
        facts.stop = Some(stop);
        if stop.offset != end {
            return Ok(None);
        }
    } else if stop.offset != end {
        // Its end was found by a scan just before.
        let source = io::Error::new(io::ErrorKind::InvalidData, "the file changed while it was read");
        return Err(RecoveryError::Io { action: "read", file: name, source });
    }
    let (summary, offsets) = builder.finish();
    let state_at_end = next.and_then(|next| next.state.as_ref()).map(|(state, _)| state.clone());
    Ok(Some(recovered(end, summary, None, Some(offsets.into()), state_at_end, true)))
}

fn unknown(frame: &Frame) -> StopCause {
    StopCause::Unsupported { kind: frame.head.kind_byte(), flags: frame.head.flags() }
}

fn damage(frame: &Frame, kind: RecordKind, chunk: ChunkId) -> Option<DamagedRecord> {
    frame.fault?;
    let index = frame.head.index().filter(|_| kind == RecordKind::Append);
    Some(DamagedRecord { chunk, offset: frame.offset, kind, index })
}

/// Finds which entries of each chunk are alive: later truncations cut those before them. They must cover exactly what
/// lies between purged and last, with terms that do not fall; the index where they do not is given.
fn join(chunks: &mut [RecoveredChunk], purged: Option<u64>, last: Option<u64>) -> Option<u64> {
    let first = purged.map_or(0, |purged| purged.saturating_add(1));
    let mut cut = u64::MAX;
    for chunk in chunks.iter_mut().rev() {
        let start = chunk.summary.first_index().unwrap_or(0);
        let end = chunk.summary.end_index.min(cut);
        chunk.live = if chunk.summary.entries() == 0 || end <= start.max(first) {
            0..0
        } else {
            start.max(first)..end
        };
        cut = cut.min(chunk.summary.truncated_from.unwrap_or(u64::MAX));
    }
    let mut expected: Option<u64> = purged.map(|_| first);
    let mut term = 0;
    for chunk in chunks.iter().filter(|chunk| !chunk.live.is_empty()) {
        if expected.is_some_and(|expected| expected != chunk.live.start) {
            return expected;
        }
        expected = Some(chunk.live.end);
        for run in chunk.summary.runs.iter().filter(|run| run.index < chunk.live.end) {
            if run.term < term {
                return Some(run.index);
            }
            term = run.term;
        }
    }
    let end = last.map_or(0, |last| last.saturating_add(1));
    let found = expected.unwrap_or(0);
    (found != end).then(|| found.min(end))
}
