//! A directory from its first chunk to its last, as a stream of items. What happens inside a chunk is in `chunk_scan`.
//!
//! What always holds: the listing is the directory's at the moment the scan began; after any fault the scan goes on;
//! the last item is [`Item::End`]; and only reading calls are made on the storage.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use raft_log_chunk::{
    ChunkHeader, ChunkId, DURABLE_FILE, DirectoryStorage, DurableFacts, EntryKind, FrameScan, HeaderFault,
    LOCK_FILE, Scanned, Storage, read_durable,
};
use raft_log_codec::{Decode, LogId, RaftLogState, RawTypes, RecordKind};

use crate::chunk_scan::{ChunkScan, Context};
use crate::good_frames::GoodFrame;
use crate::seed_search::read_header_bytes;
use crate::{Counts, Item, ScanError};

/// How a directory is scanned.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ScanOptions {
    /// About how many bytes are read at once; a single record that is larger is read whole. Default: 1 MiB.
    pub window_bytes: usize,
    /// The only chunk to look into; all of them by default.
    pub only_chunk: Option<ChunkId>,
    /// Whether the newest chunk comes first. Within a chunk the order is that of the file.
    pub newest_first: bool,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { window_bytes: 1 << 20, only_chunk: None, newest_first: false }
    }
}

/// Scans the directory of a log; a live one, too.
///
/// # Errors
/// When it cannot be listed or holds no log. Damage is never an error.
pub fn scan(directory: impl AsRef<Path>, options: ScanOptions) -> Result<Scan, ScanError> {
    let directory = directory.as_ref();
    let storage = DirectoryStorage::open(directory)
        .map_err(|source| ScanError::Io { path: directory.display().to_string(), source })?;
    scan_storage(Arc::new(storage), options)
}

/// As [`scan`], over any storage.
///
/// # Errors
/// As [`scan`].
pub fn scan_storage(storage: Arc<dyn Storage>, options: ScanOptions) -> Result<Scan, ScanError> {
    let path = storage.path().display().to_string();
    let mut queue = VecDeque::new();
    let names = match Names::list(&*storage) {
        Ok(names) => names,
        Err(source) => return Err(ScanError::Io { path, source }),
    };
    if !names.has_log {
        return Err(ScanError::NoLog { path });
    }
    let durable = match read_durable(&*storage) {
        Ok(facts) => {
            queue.push_back(Item::Durable(facts));
            facts
        }
        Err(source) => {
            queue.push_back(Item::Unreadable { file: DURABLE_FILE.to_owned(), source });
            DurableFacts::Absent
        }
    };
    queue.extend(names.odd.into_iter().map(|(name, why)| Item::OddName { name, why }));
    // Only a help in telling leftovers, so a newest chunk that cannot be read is no error here.
    let purged = names
        .chunks
        .last()
        .and_then(|newest| read_state(&*storage, *newest).ok().flatten())
        .and_then(|state| state.purged.as_ref().map(LogId::index));
    Ok(Scan {
        storage,
        options,
        chunks: names.chunks,
        position: 0,
        durable,
        purged,
        current: None,
        queue,
        counts: Counts::default(),
        is_ended: false,
    })
}

/// The items of a directory. Made by [`scan`].
#[derive(Debug)]
pub struct Scan {
    storage: Arc<dyn Storage>,
    options: ScanOptions,
    chunks: Vec<ChunkId>,
    position: usize,
    durable: DurableFacts,
    /// The purged mark that the newest chunk begins with.
    purged: Option<u64>,
    current: Option<Running>,
    queue: VecDeque<Item>,
    counts: Counts,
    is_ended: bool,
}

#[derive(Debug)]
struct Running {
    scan: ChunkScan,
    is_leftover: bool,
}

impl Iterator for Scan {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            let item = self.queue.pop_front().or_else(|| self.current.as_mut()?.scan.next());
            if let Some(item) = item {
                self.count(&item);
                return Some(item);
            }
            self.current = None;
            let position = match self.options.newest_first {
                false => Some(self.position),
                true => self.chunks.len().checked_sub(self.position + 1),
            };
            if let Some(position) = position
                && let Some(&id) = self.chunks.get(position)
            {
                self.position += 1;
                if self.options.only_chunk.is_none_or(|only| only == id) {
                    self.begin(id, self.chunks.get(position + 1).copied());
                }
            } else if self.is_ended {
                return None;
            } else {
                self.is_ended = true;
                return Some(Item::End(self.counts));
            }
        }
    }
}

impl Scan {
    /// Takes the good records that come next in one chunk, without making items of them: faults, and all that is not a
    /// record, are left to `next`. For those who look at every record of a large log.
    pub(crate) fn take_good(&mut self, visit: impl FnMut(ChunkId, &GoodFrame<'_>) -> ControlFlow<()>) {
        if !self.queue.is_empty() {
            return;
        }
        if let Some(current) = &mut self.current {
            let (records, entries) = current.scan.take_good(visit);
            self.counts.records += records;
            self.counts.entries += entries;
        }
    }

    /// What was found so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The chunks that were there when the scan began.
    pub fn chunks(&self) -> &[ChunkId] {
        &self.chunks
    }

    /// Whether the chunk was there when the scan began.
    pub fn has_chunk(&self, id: ChunkId) -> bool {
        self.chunks.binary_search(&id).is_ok()
    }

    fn begin(&mut self, id: ChunkId, next: Option<ChunkId>) {
        let is_leftover = next.is_some_and(|next| self.is_purged_before(next));
        let context = Context {
            storage: &self.storage,
            chunks: &self.chunks,
            durable: self.durable,
            window_bytes: self.options.window_bytes,
            is_leftover,
        };
        match ChunkScan::begin(&context, id, next) {
            Ok(scan) => self.current = Some(Running { scan, is_leftover }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.queue.push_back(Item::Purged(id)),
            Err(source) => self.queue.push_back(Item::Unreadable { file: id.file_name(), source }),
        }
    }

    /// Whether the log's entries before chunk `id` are all purged.
    fn is_purged_before(&self, id: ChunkId) -> bool {
        let Some(purged) = self.purged else { return false };
        match read_state(&*self.storage, id) {
            Ok(Some(state)) => state.last.as_ref().is_none_or(|last| last.index() <= purged),
            // Not told, then.
            Ok(None) | Err(_) => false,
        }
    }

    fn count(&mut self, item: &Item) {
        let is_leftover = self.current.as_ref().is_some_and(|current| current.is_leftover);
        let counts = &mut self.counts;
        let mut is_damage = false;
        match item {
            Item::Durable(facts) => match facts {
                DurableFacts::Damaged => counts.damaged += 1,
                DurableFacts::Unsupported { .. } => counts.unreadable += 1,
                DurableFacts::Absent | DurableFacts::Mark(_) => {}
            },
            Item::Chunk(chunk) => {
                counts.chunks += 1;
                match &chunk.header {
                    Ok(header) => is_damage = header.chunk_id != chunk.id,
                    Err(HeaderFault::Unsupported { .. }) => counts.unreadable += 1,
                    Err(_) => is_damage = true,
                }
            }
            Item::Record(record) => {
                counts.records += 1;
                counts.entries += u64::from(record.frame.head.kind() == Some(RecordKind::Append));
                counts.unknown += u64::from(record.frame.head.kind().is_none());
                is_damage = record.frame.fault.is_some() && !record.is_behind_end;
            }
            Item::Gap(_) => is_damage = true,
            Item::Tail(tail) => counts.is_torn |= tail.is_torn(),
            Item::Purged(_) => counts.purged += 1,
            Item::Unreadable { .. } => counts.unreadable += 1,
            Item::OddName { .. } => counts.damaged += 1,
            Item::Footer(_) | Item::Skipped(_) | Item::End(_) => {}
        }
        counts.damaged += u64::from(is_damage && !is_leftover);
    }
}

/// The names in a directory, sorted out. Unlike the log itself, this refuses none.
struct Names {
    chunks: Vec<ChunkId>,
    odd: Vec<(String, String)>,
    has_log: bool,
}

impl Names {
    fn list(storage: &dyn Storage) -> io::Result<Self> {
        let mut names = Self { chunks: Vec::new(), odd: Vec::new(), has_log: false };
        for entry in storage.list()? {
            let is_file = entry.kind == EntryKind::File;
            match ChunkId::from_file_name(&entry.name) {
                Ok(Some(id)) if is_file => names.chunks.push(id),
                Ok(Some(_)) => names.odd.push((entry.name, "it is not a regular file".to_owned())),
                Ok(None) => names.has_log |= matches!(entry.name.as_str(), LOCK_FILE | DURABLE_FILE),
                Err(error) => names.odd.push((entry.name, error.to_string())),
            }
        }
        names.chunks.sort_unstable();
        names.odd.sort_unstable();
        names.has_log |= !names.chunks.is_empty() || !names.odd.is_empty();
        Ok(names)
    }
}

/// The state that a chunk begins with, if header and `State` are good.
fn read_state(storage: &dyn Storage, id: ChunkId) -> io::Result<Option<RaftLogState<RawTypes>>> {
    const WINDOW_BYTES: usize = 4096;
    let file = storage.open(&id.file_name())?;
    let Ok(header) = ChunkHeader::decode(&read_header_bytes(&*file)?) else { return Ok(None) };
    let mut scan = FrameScan::new(file, header.seed(), None, WINDOW_BYTES)?;
    let Scanned::Frame(frame) = scan.next_frame()? else { return Ok(None) };
    if frame.fault.is_some() || frame.head.kind() != Some(RecordKind::State) {
        return Ok(None);
    }
    Ok(RaftLogState::decode(frame.payload).ok())
}
