//! Accepting operations: encoded straight into the group that gathers, behind a mark; then their space is claimed; only
//! then are they part of the log.

use std::collections::VecDeque;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use raft_log_chunk::{
    ActiveChunk, Chunk, ChunkHeader, ChunkId, ChunkSummary, DurableFile, DurableMark, HEADER_SIZE,
    PreparedFile, RESERVE_BYTES, SealedChunk, Space, is_no_space, make_durable_file, mark_at,
};
use raft_log_codec::{
    Encode, LogId, RaftLogState, Record, SeededBug, Types, push_state_frame, push_unsealed,
};

use super::queue::{FooterFacts, Item, NewChunk, Queue, Retired, Staging};
use super::shared::{ReadableChunk, Shared};
use super::tail::{Cursor, Tail};
use crate::{AcceptError, Place};

/// The end of the log, where operations are accepted: what the writer knows and nobody else needs.
pub(super) struct Acceptor<T: Types> {
    pub(super) log_id: u128,
    pub(super) tail: Tail,
    /// The chunks from which a replay may begin, oldest first, and the index of the last entry before each.
    pub(super) beginnings: VecDeque<(ChunkId, Option<u64>)>,
    /// Chunks found, until the first chunk that this process makes is durable behind them.
    pub(super) found: Vec<Found>,
    /// Chunks found that a purge left.
    pub(super) leftovers: Vec<ChunkId>,
    pub(super) durable_file: DurableState,
    pub(super) chunks_reused: u64,
    /// Where the rest of a log id is encoded, to see whether it changes.
    pub(super) rest: Vec<u8>,
    pub(super) types: PhantomData<fn() -> T>,
}

/// A chunk that was found.
pub(super) struct Found {
    pub(super) chunk: Arc<SealedChunk>,
    /// Where it has no footer: what goes into one.
    pub(super) footer: Option<FooterParts>,
}

pub(super) struct FooterParts {
    pub(super) summary: ChunkSummary,
    /// The state at the chunk's end; `None` for the newest, whose successor will tell.
    pub(super) state: Option<bytes::Bytes>,
}

/// The file `DURABLE`, until the first chunk that this process makes takes it along.
pub(super) enum DurableState {
    /// The disk side has it.
    InUse,
    /// It could not be written at opening, or there is none yet. It is made before the next chunk, with this mark; for
    /// the first chunk of a log, with the mark that nothing is durable.
    Wanted(Option<DurableMark>),
    /// Made, and not handed over yet.
    Made(DurableFile),
}

/// What an operation may use of the space that is kept for a full disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Nothing: entries and user data.
    Common,
    /// All of it: votes and marks, so that a node on a full disk can go on, and can make room.
    Reserve,
}

impl Room {
    pub(super) fn of<T: Types>(records: &[Record<T>]) -> Self {
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

impl<T: Types> Acceptor<T> {
    /// Accepts the records behind the end of the log; into a new chunk if `begin_chunk` is set. Tells whether so much
    /// waits now that it is to be flushed.
    pub(super) fn accept(
        &mut self,
        shared: &Shared,
        before: &RaftLogState<T>,
        records: &[Record<T>],
        places: &mut Vec<Place>,
        begin_chunk: bool,
    ) -> Result<bool, AcceptError> {
        places.clear();
        let mut queue = shared.queue.lock();
        let mut staging = Staging::new(&mut queue);
        let mut cursor = self.tail.cursor();
        if begin_chunk {
            cursor.is_open = false;
        }
        let own_end = self.encode(shared, &mut staging, &mut cursor, before, records, places)?;
        self.claim(shared, &mut staging, Room::of(records), own_end)?;

        // Nothing fails from here on: the operation is part of the log.
        self.settle(shared, &mut staging, records, places);
        self.tail.end = cursor.end;
        staging.keep();
        if let (Some(Item::Group(group)), Some(active)) = (queue.items.back_mut(), &self.tail.active) {
            group.seal_in_passing(active.chunk().seed());
        }
        let entries = if matches!(records, [Record::Append(..), ..]) { records.len() } else { 0 };
        queue.gathering.add(entries, &shared.counters);
        shared.counters.set_pending(queue.bytes + queue.in_flight_bytes);
        Ok(queue.bytes >= shared.flush_bytes && !queue.is_flush_wanted)
    }

    /// Encodes the records behind the mark, and begins a chunk where one is full. Gives where the frames end in the
    /// chunk that was active before, if any were put there.
    fn encode(
        &self,
        shared: &Shared,
        staging: &mut Staging<'_>,
        cursor: &mut Cursor,
        before: &RaftLogState<T>,
        records: &[Record<T>],
        places: &mut Vec<Place>,
    ) -> Result<Option<u64>, AcceptError> {
        let limits = &shared.config.chunk;
        let mut own_end = None;
        let mut does_not_fit = false;
        let mut position = 0;
        while position < records.len() {
            let is_full = cursor.is_full(limits) || (does_not_fit && cursor.records > 0);
            let chunk = match &cursor.header {
                Some(header) if cursor.is_open && !is_full => header.chunk_id,
                _ => {
                    let put = records.get(..position).unwrap_or_default();
                    self.begin_chunk(shared, staging, cursor, before, put)?;
                    does_not_fit = false;
                    continue;
                }
            };
            let (group, is_new) = staging.queue.group_at(cursor.end);
            if is_new && SeededBug::StampAtEncoding.is_on() {
                group.durable_when_begun = Some(shared.durable());
            }
            // As many as this chunk takes.
            let (first, size_before) = (position, if is_new { 0 } else { group.bytes.len() });
            for record in records.get(first..).unwrap_or_default() {
                if cursor.is_full(limits) {
                    break;
                }
                let (size, offset) = (group.bytes.len(), group.end());
                push_unsealed(&mut group.bytes, record)?;
                let end = group.end();
                if end > limits.max_size && cursor.records > 0 {
                    group.bytes.truncate(size);
                    does_not_fit = true;
                    break;
                }
                cursor.end = end;
                cursor.records += 1;
                let size = u32::try_from(end - offset).unwrap_or(u32::MAX);
                places.push(Place { chunk, offset, size });
                position += 1;
            }
            if position == first {
                if is_new {
                    staging.queue.items.pop_back();
                }
                continue;
            }
            staging.bytes += (group.bytes.len() - size_before) as u64;
            match staging.new_chunks().last() {
                Some(new) => new.end = cursor.end,
                None => own_end = Some(cursor.end),
            }
        }
        debug_assert!(
            staging.begins_chunk || own_end.is_some() || records.is_empty(),
            "every record was put somewhere"
        );
        Ok(own_end)
    }

    /// Begins a chunk behind the cursor. Its `State` is the state at this place of the stream: what the log holds
    /// already, and the entries of this operation that were put before.
    fn begin_chunk(
        &self,
        shared: &Shared,
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
            _ => shared.storage.random().map_err(|error| AcceptError::Io(Arc::new(error)))?,
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
        staging.bytes += head.len() as u64;
        staging.begins_chunk = true;
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

    /// Claims the space of what was encoded: in the active chunk, and a file for each chunk that is begun.
    fn claim(
        &mut self,
        shared: &Shared,
        staging: &mut Staging<'_>,
        room: Room,
        own_end: Option<u64>,
    ) -> Result<(), AcceptError> {
        let step = shared.config.chunk.space_step;
        if let (Some(end), Some(active)) = (own_end, &mut self.tail.active) {
            let mut claimed = active.claim(end + room.behind(), step);
            // What is kept to be reused gives way before anything is refused.
            while claimed.as_ref().is_err_and(is_no_space) && shared.spares.lock().give_up_one() {
                claimed = active.claim(end + room.behind(), step);
            }
            claimed.map_err(|error| match is_no_space(&error) {
                true => AcceptError::NoSpace(Arc::new(error)),
                false => shared.set_poison(("lay space in a chunk", error)).into(),
            })?;
        }
        if !staging.begins_chunk {
            return Ok(());
        }
        let refuse = |error: io::Error| match is_no_space(&error) {
            true => AcceptError::NoSpace(Arc::new(error)),
            false => AcceptError::Io(Arc::new(error)),
        };
        // The first chunk of a log is made only where there is room for the reserve as well.
        let may_use_spare = room == Room::Reserve && self.tail.header.is_some();
        let mut spares = shared.spares.lock();
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
            let storage = &*shared.storage;
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
    fn settle(
        &mut self,
        shared: &Shared,
        staging: &mut Staging<'_>,
        records: &[Record<T>],
        places: &[Place],
    ) {
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
                    self.turn_to(shared, new);
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
    fn turn_to(&mut self, shared: &Shared, new: &mut NewChunk) {
        let Some(file) = new.prepared.as_ref().map(|prepared| (prepared.file().clone(), prepared.laid_end()))
        else {
            unreachable!("the space of a chunk is claimed before it is settled")
        };
        let end = self.tail.end_before(new.header.chunk_id);
        match self.tail.active.take() {
            Some(active) => {
                let (summary, offsets) = std::mem::take(&mut self.tail.builder).finish();
                let chunk = active.chunk().clone();
                let footer = Some(FooterFacts { summary, offsets, state: new.state.clone() });
                new.retired.push(Retired { chunk, end, footer, is_found: false });
            }
            None => {
                let found = std::mem::take(&mut self.found);
                new.retired =
                    found.into_iter().filter_map(|found| retire_found(shared, found, &new.state)).collect();
            }
        }
        if let DurableState::Made(file) = std::mem::replace(&mut self.durable_file, DurableState::InUse) {
            new.durable = Some(file);
        }
        let chunk = Chunk::new(file.0, new.header);
        shared.chunks.write().insert(chunk.id(), ReadableChunk::Own(chunk.clone()));
        self.beginnings.push_back((chunk.id(), new.last_before));
        self.chunks_reused += u64::from(new.header.space == Space::Reused);
        self.tail.header = Some(new.header);
        self.tail.active = Some(ActiveChunk::new(chunk, file.1));
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
}

/// What a chunk that was found lacks: a footer, for which its scan has left the offsets in memory; or nothing but
/// an end behind its footer, where it has space laid that its process did not use.
fn retire_found(shared: &Shared, found: Found, state: &[u8]) -> Option<Retired> {
    let chunk = found.chunk.chunk().clone();
    let Some(FooterParts { summary, state: own_state }) = found.footer else {
        let end = found.chunk.footer_end()?;
        return Some(Retired { chunk, end, footer: None, is_found: true });
    };
    let offsets = found.chunk.offsets(shared.config.read_buffer_size).ok()?.to_vec();
    let state = own_state.as_deref().unwrap_or(state).to_vec();
    let footer = Some(FooterFacts { summary, offsets, state });
    Some(Retired { chunk, end: found.chunk.end(), footer, is_found: true })
}
