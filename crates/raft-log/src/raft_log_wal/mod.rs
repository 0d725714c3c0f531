//! The [`Wal`] in chunk files: what the writer does, and the thread that flushes for it.
//!
//! - `queue`: what was accepted and waits to be written
//! - `disk`: writing it, in order
//! - `shared`: what writer, thread and readers share; the flush
//! - `leisure`: what nobody waits for: sealing, removing or reusing purged chunks, the reserve
//! - `delivery`: telling callbacks
//! - `read`: reading entries
//! - `tail`: the writer's knowledge of the chunk that is appended to
//!
//! An operation is encoded straight into the group that gathers, behind a mark; then its space is claimed; only then
//! is it part of the log.

mod delivery;
mod disk;
mod leisure;
mod queue;
mod read;
mod shared;
mod tail;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use raft_log_chunk::{
    ActiveChunk, Chunk, ChunkHeader, ChunkId, ChunkSummary, DurableFacts, DurableFile, DurableMark,
    HEADER_SIZE, PreparedFile, RESERVE_BYTES, Recovered, SealedChunk, Space, Spares, Storage, encode_footer,
    is_no_space, make_durable_file, mark_at,
};
use raft_log_codec::{Encode, LogId, RaftLogState, Record, SeededBug, Types, push_frame, push_state_frame};

use self::disk::{Disk, Written};
use self::queue::{Item, NewChunk, Queue, Retired, Staging};
pub use self::read::RaftLogWalReader;
use self::shared::{ReadableChunk, Shared};
use self::tail::{Cursor, Tail};
use crate::sync::{JoinHandle, current, spawn};
use crate::{AcceptError, Config, FlushCallback, FlushError, Place, Position, Wal};

/// Records in the chunk files of one directory.
pub struct RaftLogWal<T: Types> {
    shared: Arc<Shared>,
    log_id: u128,
    tail: Tail,
    /// The chunks from which a replay may begin, oldest first, and the index of the last entry before each.
    beginnings: VecDeque<(ChunkId, Option<u64>)>,
    /// Chunks found, until the first chunk that this process makes is durable behind them.
    found: Vec<Found>,
    /// Chunks found that a purge left.
    leftovers: Vec<ChunkId>,
    durable_file: DurableState,
    chunks_reused: u64,
    /// Where the rest of a log id is encoded, to see whether it changes.
    rest: Vec<u8>,
    thread: Option<JoinHandle<()>>,
    is_closed: bool,
    types: PhantomData<fn() -> T>,
}

/// A chunk that was found.
struct Found {
    chunk: Arc<SealedChunk>,
    /// Where it has no footer: what goes into one.
    footer: Option<FooterParts>,
}

struct FooterParts {
    summary: ChunkSummary,
    /// The state at the chunk's end; `None` for the newest, whose successor will tell.
    state: Option<bytes::Bytes>,
}

/// The file `DURABLE`, until the first chunk that this process makes takes it along.
enum DurableState {
    /// The disk side has it.
    InUse,
    /// It could not be written at opening, or there is none yet. It is made before the next chunk, with this mark; for
    /// the first chunk of a log, with the mark that nothing is durable.
    Wanted(Option<DurableMark>),
    /// Made, and not handed over yet.
    Made(DurableFile),
}

/// [`SeededBug::AppendAfterReopen`].
fn append_to_newest(
    storage: &dyn Storage,
    found: &[Found],
    tail: &mut Tail,
    disk: &mut Disk,
) -> io::Result<()> {
    let Some(Found { chunk: newest, .. }) = found.last() else { return Ok(()) };
    let file = storage.open_writable(&newest.chunk().id().file_name())?;
    let laid_end = file.size()?;
    let chunk = Chunk::new(file, *newest.chunk().header());
    tail.builder = newest.scan(1 << 20)?;
    disk.append_to(Written::found(chunk.clone(), newest.end()));
    tail.active = Some(ActiveChunk::new(chunk, laid_end));
    Ok(())
}

/// What an operation may use of the space that is kept for a full disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// Nothing: entries and user data.
    Common,
    /// All of it: votes and marks, so that a node on a full disk can go on, and can make room.
    Reserve,
}

impl Room {
    fn of<T: Types>(records: &[Record<T>]) -> Self {
        let is_bulky = |record: &Record<T>| matches!(record, Record::Append(..) | Record::SaveUserData(_));
        if records.iter().any(is_bulky) { Self::Common } else { Self::Reserve }
    }

    /// How many bytes must be free behind the operation.
    fn behind(self) -> u64 {
        match self {
            Self::Common => RESERVE_BYTES,
            Self::Reserve => 0,
        }
    }
}

#[cfg(raft_log_shuttle)]
impl<T: Types> RaftLogWal<T> {
    /// Ends the waits of flush threads that have an end and are under way; gives their number. Where a test schedules
    /// the threads, time does not pass but by this.
    #[doc(hidden)]
    pub fn let_time_pass() -> usize {
        crate::sync::let_time_pass()
    }
}

impl<T: Types> RaftLogWal<T> {
    /// Goes on behind what was found in a directory. `durable_file` is `DURABLE`, if it could be written.
    pub(crate) fn new(
        config: &Config,
        storage: Arc<dyn Storage>,
        recovered: Recovered,
        durable_file: Option<DurableFile>,
    ) -> io::Result<Self> {
        let log_id = match recovered.log_id {
            Some(log_id) => log_id,
            None => (u128::from(storage.random()?) << 64) | u128::from(storage.random()?),
        };
        let newest = recovered.chunks.last();
        let mark = match (newest, recovered.durable) {
            (Some(newest), _) => Some(mark_at(newest.chunk.chunk().header(), newest.chunk.end())),
            (None, DurableFacts::Mark(mark)) => Some(mark),
            (None, _) => None,
        };
        let durable_state =
            if durable_file.is_some() { DurableState::InUse } else { DurableState::Wanted(mark) };

        let mut readable = BTreeMap::new();
        let mut beginnings = VecDeque::new();
        let mut chunks_found = Vec::new();
        let mut tail = Tail::default();
        for found in recovered.chunks {
            let header = *found.chunk.chunk().header();
            tail.header = Some(header);
            tail.end = found.chunk.end();
            beginnings.push_back((header.chunk_id, found.last_before));
            let first = found.summary.first_index().unwrap_or(0);
            let chunk = Arc::new(found.chunk);
            readable.insert(header.chunk_id, ReadableChunk::Found(chunk.clone(), first));
            let footer =
                found.is_scanned.then_some(FooterParts { summary: found.summary, state: found.state_at_end });
            chunks_found.push(Found { chunk, footer });
        }
        let durable = Position::new(tail.header.map_or(0, |header| header.chunk_id.offset() + tail.end));
        let spares = Spares::new(storage.clone(), config.chunk.spares, recovered.temporary_files);
        let mut disk = Disk::new(durable_file);
        if SeededBug::AppendAfterReopen.is_on() {
            append_to_newest(&*storage, &chunks_found, &mut tail, &mut disk)?;
        }
        Ok(Self {
            shared: Arc::new(Shared::new(config.clone(), storage, disk, spares, readable, durable)),
            log_id,
            tail,
            beginnings,
            found: chunks_found,
            leftovers: recovered.leftovers,
            durable_file: durable_state,
            chunks_reused: 0,
            rest: Vec::new(),
            thread: None,
            is_closed: false,
            types: PhantomData,
        })
    }

    /// The chunk at the end of the log, and where its frames end: where the next group goes unless that chunk is full
    /// or another process made it.
    pub fn end(&self) -> Place {
        let chunk = self.tail.header.map(|header| header.chunk_id).unwrap_or_default();
        Place { chunk, offset: self.tail.end, size: 0 }
    }

    /// How many of the chunks that were begun since opening were made of files of purged ones. A log that purges as fast
    /// as it grows comes to make all of them so, and its syncs overwrite blocks that are there.
    pub fn chunks_reused(&self) -> u64 {
        self.chunks_reused
    }

    /// Accepts the records behind the end of the log; into a new chunk if `begin_chunk` is set.
    fn try_accept(
        &mut self,
        before: &RaftLogState<T>,
        records: &[Record<T>],
        places: &mut Vec<Place>,
        begin_chunk: bool,
    ) -> Result<(), AcceptError> {
        places.clear();
        let shared = self.shared.clone();
        let mut queue = shared.queue.lock();
        let mut staging = Staging::new(&mut queue);
        let mut cursor = self.tail.cursor();
        if begin_chunk {
            cursor.open_seed = None;
        }
        let own_end = self.encode(&mut staging, &mut cursor, before, records, places)?;
        self.claim(&mut staging, Room::of(records), own_end)?;

        // Nothing fails from here on: the operation is part of the log.
        self.settle(&mut staging, records, places);
        self.tail.end = cursor.end;
        staging.keep();
        let entries = if matches!(records, [Record::Append(..), ..]) { records.len() } else { 0 };
        queue.gathering.add(entries, &shared.counters);
        shared.counters.set_pending(queue.bytes + queue.in_flight_bytes);
        if queue.bytes + queue.in_flight_bytes >= shared.config.max_unsynced_bytes / 2 {
            self.want_flush(&mut queue);
        }
        Ok(())
    }

    /// Encodes the records behind the mark, and begins a chunk where one is full. Gives where the frames end in the
    /// chunk that was active before, if any were put there.
    fn encode(
        &self,
        staging: &mut Staging<'_>,
        cursor: &mut Cursor,
        before: &RaftLogState<T>,
        records: &[Record<T>],
        places: &mut Vec<Place>,
    ) -> Result<Option<u64>, AcceptError> {
        let limits = &self.shared.config.chunk;
        let mut own_end = None;
        let mut begun = false;
        let mut does_not_fit = false;
        let mut position = 0;
        while position < records.len() {
            let is_full = cursor.is_full(limits) || (does_not_fit && cursor.records > 0);
            let (header, seed) = match (cursor.header, cursor.open_seed) {
                (Some(header), Some(seed)) if !is_full => (header, seed),
                _ => {
                    let put = records.get(..position).unwrap_or_default();
                    self.begin_chunk(staging, cursor, before, put)?;
                    (begun, does_not_fit) = (true, false);
                    continue;
                }
            };
            let (group, is_new) = staging.queue.group_at(cursor.end);
            if is_new && SeededBug::StampAtEncoding.is_on() {
                group.durable_when_begun = Some(self.shared.durable());
            }
            // As many as this chunk takes.
            let first = position;
            for record in records.get(first..).unwrap_or_default() {
                if cursor.is_full(limits) {
                    break;
                }
                let (size_before, offset) = (group.bytes.len(), group.end());
                push_frame(&mut group.bytes, seed, offset, record)?;
                let end = group.end();
                if end > limits.max_size && cursor.records > 0 {
                    group.bytes.truncate(size_before);
                    does_not_fit = true;
                    break;
                }
                cursor.end = end;
                cursor.records += 1;
                let size = u32::try_from(end - offset).unwrap_or(u32::MAX);
                places.push(Place { chunk: header.chunk_id, offset, size });
                position += 1;
            }
            if position == first {
                if is_new {
                    staging.queue.items.pop_back();
                }
                continue;
            }
            match staging.new_chunks().last() {
                Some(new) => new.end = cursor.end,
                None => own_end = Some(cursor.end),
            }
        }
        debug_assert!(begun || own_end.is_some() || records.is_empty(), "every record was put somewhere");
        Ok(own_end)
    }

    /// Begins a chunk behind the cursor. Its `State` is the state at this place of the stream: what the log holds
    /// already, and the entries of this operation that were put before.
    fn begin_chunk(
        &self,
        staging: &mut Staging<'_>,
        cursor: &mut Cursor,
        before: &RaftLogState<T>,
        put: &[Record<T>],
    ) -> Result<(), AcceptError> {
        let mut state = before.clone();
        if let Some(last) = put.last()
            && !SeededBug::StateFromMemory.is_on()
        {
            assert!(matches!(last, Record::Append(..)), "only entries are accepted several at once");
            state.last = last.log_id().cloned();
        }
        let salt = match (cursor.header, &self.durable_file) {
            // `DURABLE` names the first chunk before it is there, so that is the chunk to make.
            (None, DurableState::Wanted(Some(mark))) => mark.salt,
            (None, DurableState::Made(file)) => file.mark().map_or(0, |mark| mark.salt),
            _ => self.random()?,
        };
        let chunk_id = ChunkId::new(cursor.header.map_or(0, |header| header.chunk_id.offset() + cursor.end));
        if chunk_id > ChunkId::MAX {
            // A file of that name is refused when the log is opened.
            let error = io::Error::new(io::ErrorKind::FileTooLarge, "no chunk may begin so far into the log");
            return Err(AcceptError::Io(Arc::new(error)));
        }
        let header = ChunkHeader {
            log_id: self.log_id,
            chunk_id,
            salt,
            previous_salt: cursor.header.map_or(0, |header| header.salt),
            // Until it is known of which file the chunk is made.
            space: Space::Fresh,
        };
        let mut head = vec![0; HEADER_SIZE];
        let offset = head.len() as u64;
        push_state_frame(&mut head, header.seed(), offset, &state)?;
        let mut encoded_state = Vec::new();
        state.encode(&mut encoded_state)?;
        cursor.begin(header, head.len() as u64);
        staging.queue.items.push_back(Item::NewChunk(Box::new(NewChunk {
            header,
            end: cursor.end,
            head,
            state: encoded_state,
            last_before: state.last.as_ref().map(LogId::index),
            prepared: None,
            durable: None,
            retired: Vec::new(),
        })));
        Ok(())
    }

    fn random(&self) -> Result<u64, AcceptError> {
        self.shared.storage.random().map_err(|error| AcceptError::Io(Arc::new(error)))
    }

    /// Claims the space of what was encoded: in the active chunk, and a file for each chunk that is begun.
    fn claim(
        &mut self,
        staging: &mut Staging<'_>,
        room: Room,
        own_end: Option<u64>,
    ) -> Result<(), AcceptError> {
        let step = self.shared.config.chunk.space_step;
        if let (Some(end), Some(active)) = (own_end, &mut self.tail.active) {
            let mut claimed = active.claim(end + room.behind(), step);
            // What is kept to be reused gives way before anything is refused.
            while claimed.as_ref().is_err_and(is_no_space) && self.shared.spares.lock().give_up_one() {
                claimed = active.claim(end + room.behind(), step);
            }
            claimed.map_err(|error| match is_no_space(&error) {
                true => AcceptError::NoSpace(Arc::new(error)),
                false => self.shared.set_poison(("lay space in a chunk", error)).into(),
            })?;
        }
        if staging.new_chunks().next().is_none() {
            return Ok(());
        }
        let refuse = |error: io::Error| match is_no_space(&error) {
            true => AcceptError::NoSpace(Arc::new(error)),
            false => AcceptError::Io(Arc::new(error)),
        };
        // The first chunk of a log is made only where there is room for the reserve as well.
        let may_use_spare = room == Room::Reserve && self.tail.header.is_some();
        let mut spares = self.shared.spares.lock();
        let mut prepared: Vec<PreparedFile> = Vec::new();
        for new in staging.new_chunks() {
            match spares.prepare(new.end, step, may_use_spare, new.header.seed()) {
                Ok(file) => prepared.push(file),
                Err(error) => {
                    prepared.into_iter().for_each(|file| spares.give_back(file));
                    return Err(refuse(error));
                }
            }
        }
        if let (DurableState::Wanted(mark), Some(first)) = (&self.durable_file, staging.new_chunks().next()) {
            let storage = &*self.shared.storage;
            let made = match mark {
                // The name that an earlier attempt gave it may not be durable yet.
                Some(mark) => storage.sync_directory().and_then(|()| DurableFile::open(storage, *mark)),
                None => make_durable_file(storage, &first.header),
            };
            match made {
                Ok(file) => self.durable_file = DurableState::Made(file),
                Err(error) => {
                    // It may be there all the same: the chunk to make stays the one that it names.
                    if mark.is_none() {
                        self.durable_file = DurableState::Wanted(Some(mark_at(&first.header, 0)));
                    }
                    prepared.into_iter().for_each(|file| spares.give_back(file));
                    return Err(refuse(error));
                }
            }
        }
        for (new, file) in staging.new_chunks().zip(prepared) {
            new.prepare(file);
        }
        Ok(())
    }

    /// Takes note of what was accepted, chunk by chunk, so that what a chunk's footer says is true at its end.
    fn settle(&mut self, staging: &mut Staging<'_>, records: &[Record<T>], places: &[Place]) {
        // The purge that left them was found durable, and this is the first write since.
        if !self.leftovers.is_empty() {
            staging.queue.items.push_back(Item::Remove(std::mem::take(&mut self.leftovers)));
        }
        let mut rest = std::mem::take(&mut self.rest);
        let mut chunk = self.tail.header.map(|header| header.chunk_id);
        for (record, place) in records.iter().zip(places) {
            if chunk != Some(place.chunk) {
                let mut begun = staging.new_chunks().filter(|new| new.header.chunk_id == place.chunk);
                if let Some(new) = begun.next() {
                    self.turn_to(new);
                }
                chunk = Some(place.chunk);
            }
            rest.clear();
            if let Record::Append(id, _) = record {
                // It was encoded a moment ago; were it to fail now, a run would only end earlier.
                let _ = id.encode_rest(&mut rest);
            }
            self.tail.watch(record, *place, &rest);
            if let Record::PurgeUpto(upto) = record {
                self.remove_upto(staging.queue, upto.index());
            }
        }
        self.rest = rest;
    }

    /// Makes a begun chunk the tail: the one before it is retired.
    fn turn_to(&mut self, new: &mut NewChunk) {
        let Some(file) = new.prepared.as_ref().map(|prepared| (prepared.file().clone(), prepared.laid_end()))
        else {
            unreachable!("the space of a chunk is claimed before it is settled")
        };
        let end = self.tail.end_before(new.header.chunk_id);
        match self.tail.active.take() {
            Some(active) => {
                let (summary, offsets) = std::mem::take(&mut self.tail.builder).finish();
                let chunk = active.chunk().clone();
                let footer = encode_footer(chunk.seed(), end, &summary, &offsets, &new.state);
                new.retired.push(Retired { chunk, end, footer, is_found: false });
            }
            None => {
                let found = std::mem::take(&mut self.found);
                new.retired =
                    found.into_iter().filter_map(|found| self.retire_found(found, &new.state)).collect();
            }
        }
        if let DurableState::Made(file) = std::mem::replace(&mut self.durable_file, DurableState::InUse) {
            new.durable = Some(file);
        }
        let chunk = Chunk::new(file.0, new.header);
        self.shared.chunks.write().insert(chunk.id(), ReadableChunk::Own(chunk.clone()));
        self.beginnings.push_back((chunk.id(), new.last_before));
        self.chunks_reused += u64::from(new.header.space == Space::Reused);
        self.tail.header = Some(new.header);
        self.tail.active = Some(ActiveChunk::new(chunk, file.1));
    }

    /// What a chunk that was found lacks: a footer, for which its scan has left the offsets in memory; or nothing but
    /// an end behind its footer, where it has space laid that its process did not use.
    fn retire_found(&self, found: Found, state: &[u8]) -> Option<Retired> {
        let chunk = found.chunk.chunk().clone();
        let Some(FooterParts { summary, state: own_state }) = found.footer else {
            let end = found.chunk.footer_end()?;
            return Some(Retired { chunk, end, footer: Vec::new(), is_found: true });
        };
        let offsets = found.chunk.offsets(self.shared.config.read_buffer_size).ok()?;
        let state = own_state.as_deref().unwrap_or(state);
        let end = found.chunk.end();
        let footer = encode_footer(chunk.seed(), end, &summary, &offsets, state);
        Some(Retired { chunk, end, footer, is_found: true })
    }

    /// Has the chunks removed that hold nothing above `index` and from which no replay needs to begin.
    fn remove_upto(&mut self, queue: &mut Queue, index: u64) {
        let kept =
            self.beginnings.iter().rposition(|(_, last_before)| *last_before <= Some(index)).unwrap_or(0);
        let purged: Vec<ChunkId> = self.beginnings.drain(..kept).map(|(chunk, _)| chunk).collect();
        if !purged.is_empty() {
            queue.items.push_back(Item::Remove(purged));
        }
    }

    /// Wakes the flush thread, and starts it the first time. `false` if it cannot be started.
    fn want_flush(&mut self, queue: &mut Queue) -> bool {
        if self.thread.is_none() {
            let shared = self.shared.clone();
            match spawn("raft-log-flush", move || shared.run_thread()) {
                Ok(thread) => self.thread = Some(thread),
                Err(error) => {
                    tracing::warn!(%error, "no flush thread: flushing on the writer's thread");
                    return false;
                }
            }
        }
        self.shared.wake_thread(queue);
        true
    }

    /// Waits until there is room for more unsynced bytes.
    fn wait_for_room(&mut self) {
        // Without a lock: what waits only becomes less while this writer adds nothing.
        if self.shared.counters.pending() < self.shared.config.max_unsynced_bytes {
            return;
        }
        let shared = self.shared.clone();
        let mut queue = shared.queue.lock();
        while queue.bytes + queue.in_flight_bytes >= shared.config.max_unsynced_bytes
            && shared.poison().is_none()
        {
            if self.want_flush(&mut queue) {
                shared.room.wait(&mut queue);
            } else {
                drop(queue);
                // The failure is met again by whoever asks the log next.
                let _ = shared.flush();
                shared.after_flush();
                queue = shared.queue.lock();
            }
        }
    }

    /// After a flush on the writer's thread: callbacks and leisure work are left to the thread where there is one, so
    /// that the application's code never runs inside a `sync`.
    fn hand_over(&mut self) {
        if !self.shared.has_work_after_flush() {
            return;
        }
        if self.thread.is_some() {
            let shared = self.shared.clone();
            self.want_flush(&mut shared.queue.lock());
        } else {
            self.shared.after_flush();
        }
    }

    fn stop_thread(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.queue.lock().is_closing = true;
        self.shared.wake.notify_one();
        // A callback that drops the log runs on the thread itself, which then ends by itself.
        if thread.thread().id() != current().id() && thread.join().is_err() {
            tracing::error!("the flush thread panicked");
        }
    }
}

impl<T: Types> Wal<T> for RaftLogWal<T> {
    type Reader = RaftLogWalReader;

    fn check_usable(&self) -> Result<(), FlushError> {
        if self.is_closed {
            return Err(FlushError::Closed);
        }
        self.shared.poison().map_or(Ok(()), |poison| Err(poison.clone().into()))
    }

    fn accept(
        &mut self,
        before: &RaftLogState<T>,
        records: &[Record<T>],
        places: &mut Vec<Place>,
    ) -> Result<(), AcceptError> {
        self.wait_for_room();
        self.check_usable()?;
        let accepted = match self.try_accept(before, records, places, false) {
            // A spare file may hold what the active chunk has no room for.
            Err(AcceptError::NoSpace(_))
                if Room::of(records) == Room::Reserve && self.tail.active.is_some() =>
            {
                self.try_accept(before, records, places, true)
            }
            accepted => accepted,
        };
        if matches!(accepted, Err(AcceptError::NoSpace(_))) {
            self.shared.counters.refused_for_space();
        }
        accepted
    }

    fn sync(&mut self) -> Result<(), FlushError> {
        self.check_usable()?;
        let outcome = self.shared.flush();
        self.hand_over();
        outcome
    }

    fn flush(&mut self, done: FlushCallback) {
        if self.thread.is_some() && !self.is_closed {
            let mut queue = self.shared.queue.lock();
            queue.callbacks.push(done);
            return self.shared.wake_thread(&mut queue);
        }
        let shared = self.shared.clone();
        if self.is_closed {
            shared.queue.lock().callbacks.push(done);
            return shared.fail_callbacks(&FlushError::Closed);
        }
        let mut queue = shared.queue.lock();
        queue.callbacks.push(done);
        if !self.want_flush(&mut queue) {
            drop(queue);
            // The callback is told what comes of it.
            let _ = shared.flush();
            shared.after_flush();
        }
    }

    fn durable(&self) -> Position {
        self.shared.durable()
    }

    fn reader(&self) -> Self::Reader {
        RaftLogWalReader { shared: self.shared.clone() }
    }

    fn close(&mut self, state: &RaftLogState<T>) -> Result<(), FlushError> {
        if self.is_closed {
            return Ok(());
        }
        self.is_closed = true;
        let outcome = self.shared.flush();
        self.stop_thread();
        self.shared.after_flush();
        outcome?;
        let mut disk = self.shared.disk.lock();
        let poison = |error| FlushError::Poisoned(self.shared.set_poison(error));
        let mut encoded_state = Vec::new();
        match self.tail.active.take() {
            Some(active) if state.encode(&mut encoded_state).is_ok() => {
                let (summary, offsets) = std::mem::take(&mut self.tail.builder).finish();
                let seed = active.chunk().seed();
                let footer = encode_footer(seed, self.tail.end, &summary, &offsets, &encoded_state);
                disk.close(&footer).map_err(poison)?;
            }
            _ => disk.sync_durable().map_err(poison)?,
        }
        drop(disk);
        // The next process could not know that they have no holes, and would cut them.
        while self.shared.spares.lock().give_up_one() {}
        let last_index = state.last.as_ref().map(LogId::index);
        tracing::info!(directory = %self.shared.storage.path().display(), last_index, "closed a log");
        Ok(())
    }
}
