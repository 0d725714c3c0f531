//! A second [`Wal`]: records in memory, no files, no thread. Syncs can be held back and made to fail.
//!
//! What always holds: callbacks run once, in order and under no lock; a record is durable only after a sync that did
//! not fail; nothing is synced again after one that did.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use raft_log::{
    AcceptError, ChunkId, Extent, FlushCallback, FlushError, LogData, Place, PoisonError, Position, RaftLog,
    RaftLogSM, RaftLogState, ReadError, Record, StateMachine, Types, Wal, WalReader,
};
use raft_log_codec::{FrameSeed, push_frame};
use raft_log_state::Change;

/// Records in memory, all in one chunk. A record counts as many bytes as its frame would take in a file.
///
/// [`MemoryWalControl`] is the test's hand on it.
pub struct MemoryWal<T: Types> {
    shared: Arc<Shared<T>>,
}

/// Looks into a [`MemoryWal`], holds its syncs back and makes it fail, from any thread. Clones are the same.
pub struct MemoryWalControl<T: Types> {
    shared: Arc<Shared<T>>,
}

/// Reads the entries of a [`MemoryWal`].
pub struct MemoryWalReader<T: Types> {
    shared: Arc<Shared<T>>,
}

struct Shared<T: Types> {
    state: Mutex<State<T>>,
    /// A `sync` that is held back waits here.
    is_synced: Condvar,
}

struct State<T: Types> {
    records: BTreeMap<u64, (Record<T>, Place)>,
    end: u64,
    durable: u64,
    syncs: u64,
    is_held: bool,
    is_closed: bool,
    is_delivering: bool,
    refusal: Option<io::ErrorKind>,
    sync_failure: Option<io::ErrorKind>,
    poison: Option<PoisonError>,
    waiting: Vec<FlushCallback>,
    due: VecDeque<(FlushCallback, Result<(), FlushError>)>,
}

/// The one chunk that all records are said to lie in.
const CHUNK: ChunkId = ChunkId::new(0);

impl<T: Types> MemoryWal<T> {
    /// A new log over memory, and the hand on it. It keeps every entry that is durable out of its cache, so that
    /// reading goes through the wal.
    pub fn log() -> (RaftLog<T, Self>, MemoryWalControl<T>) {
        Self::log_of(Vec::new())
    }

    /// A log of these records, all of them durable.
    ///
    /// # Panics
    /// When a rule forbids one of them, or it cannot be encoded.
    pub fn log_of(records: Vec<Record<T>>) -> (RaftLog<T, Self>, MemoryWalControl<T>) {
        let mut state = State::new();
        let mut machine = RaftLogSM::new();
        let mut data = LogData::new();
        for record in records {
            let place = state.place(&record, state.end).expect("a record that can be encoded");
            if let Some(change) = Change::of(&record) {
                assert!(machine.check(change).is_ok(), "{record:?} breaks a rule");
                machine.apply(change);
            }
            data.apply(&record, place, machine.state().end_index());
            state.push(record, place);
        }
        state.durable = state.end;
        let shared = Arc::new(Shared { state: Mutex::new(state), is_synced: Condvar::new() });
        let wal = Self { shared: shared.clone() };
        (RaftLog::with_wal(wal, machine, data, 0, 0), MemoryWalControl { shared })
    }
}

impl<T: Types> MemoryWalControl<T> {
    /// Holds every sync back from now on: until [`release`](Self::release), a flush stays open and a `sync` waits.
    /// Closing the log is not held back.
    pub fn hold_syncs(&self) {
        self.shared.state.lock().is_held = true;
    }

    /// Syncs what was accepted until now, tells who waits for it, and goes on holding back.
    pub fn release_once(&self) {
        self.shared.sync_now();
        self.shared.deliver();
    }

    /// Syncs what was accepted until now, and holds no sync back any more.
    pub fn release(&self) {
        self.shared.state.lock().is_held = false;
        self.release_once();
    }

    /// Refuses the next operation that would write something, as a full disk does with
    /// [`io::ErrorKind::StorageFull`]. Any other kind stands for a file that cannot be made.
    pub fn refuse_next(&self, kind: io::ErrorKind) {
        self.shared.state.lock().refusal = Some(kind);
    }

    /// Makes the next sync fail, which poisons the log.
    pub fn fail_next_sync(&self, kind: io::ErrorKind) {
        self.shared.state.lock().sync_failure = Some(kind);
    }

    /// How many syncs were tried. One that had nothing to sync is not counted.
    pub fn syncs(&self) -> u64 {
        self.shared.state.lock().syncs
    }

    /// Every record that was accepted, oldest first.
    pub fn records(&self) -> Vec<Record<T>> {
        self.records_before(u64::MAX)
    }

    /// The records that a loss of power would leave.
    pub fn durable_records(&self) -> Vec<Record<T>> {
        let durable = self.shared.state.lock().durable;
        self.records_before(durable)
    }

    fn records_before(&self, end: u64) -> Vec<Record<T>> {
        self.shared.state.lock().records.range(..end).map(|(_, (record, _))| record.clone()).collect()
    }
}

impl<T: Types> State<T> {
    fn new() -> Self {
        Self {
            records: BTreeMap::new(),
            end: 0,
            durable: 0,
            syncs: 0,
            is_held: false,
            is_closed: false,
            is_delivering: false,
            refusal: None,
            sync_failure: None,
            poison: None,
            waiting: Vec::new(),
            due: VecDeque::new(),
        }
    }

    fn usable(&self) -> Result<(), FlushError> {
        match &self.poison {
            _ if self.is_closed => Err(FlushError::Closed),
            Some(poison) => Err(poison.clone().into()),
            None => Ok(()),
        }
    }

    /// The place that a record gets which is put at `offset`.
    fn place(&self, record: &Record<T>, offset: u64) -> Result<Place, AcceptError> {
        // Encoded only for its size, and so that what a file would refuse is refused here too.
        let mut frame = Vec::new();
        push_frame(&mut frame, FrameSeed::new(0, CHUNK.offset(), 0), offset, record)?;
        let size = u32::try_from(frame.len()).expect("a frame is smaller than 4 GiB");
        Ok(Place { chunk: CHUNK, offset, size })
    }

    fn push(&mut self, record: Record<T>, place: Place) {
        assert_eq!(place.offset, self.end, "records follow each other");
        self.end += u64::from(place.size);
        self.records.insert(place.offset, (record, place));
    }
}

impl<T: Types> Shared<T> {
    /// Syncs everything, or fails for good.
    fn sync_now(&self) {
        let mut state = self.state.lock();
        if state.poison.is_none() && state.durable < state.end {
            state.syncs += 1;
            match state.sync_failure.take() {
                Some(kind) => {
                    let source = Arc::new(kind.into());
                    state.poison = Some(PoisonError { action: "sync memory", source });
                }
                None => state.durable = state.end,
            }
        }
        let outcome = state.poison.clone().map_or(Ok(()), |poison| Err(poison.into()));
        let waiting = std::mem::take(&mut state.waiting);
        state.due.extend(waiting.into_iter().map(|callback| (callback, outcome.clone())));
        self.is_synced.notify_all();
    }

    /// Calls what is due; whoever is at it already calls these as well.
    fn deliver(&self) {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.is_delivering, true) {
            return;
        }
        while let Some((mut callback, outcome)) = state.due.pop_front() {
            drop(state);
            // A callback that panics is not to keep the others from being called.
            let _ = catch_unwind(AssertUnwindSafe(|| callback.call(outcome)));
            state = self.state.lock();
        }
        state.is_delivering = false;
    }
}

impl<T: Types> Wal<T> for MemoryWal<T> {
    type Reader = MemoryWalReader<T>;

    fn check_usable(&self) -> Result<(), FlushError> {
        self.shared.state.lock().usable()
    }

    fn accept(
        &mut self,
        _: &RaftLogState<T>,
        records: &[Record<T>],
        places: &mut Vec<Place>,
    ) -> Result<(), AcceptError> {
        let mut state = self.shared.state.lock();
        state.usable()?;
        match state.refusal.take() {
            Some(io::ErrorKind::StorageFull) => {
                return Err(AcceptError::NoSpace(Arc::new(io::ErrorKind::StorageFull.into())));
            }
            Some(kind) => return Err(AcceptError::Io(Arc::new(kind.into()))),
            None => {}
        }
        places.clear();
        let mut end = state.end;
        for record in records {
            let place = state.place(record, end)?;
            end += u64::from(place.size);
            places.push(place);
        }
        for (record, place) in records.iter().zip(places) {
            state.push(record.clone(), *place);
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), FlushError> {
        {
            let mut state = self.shared.state.lock();
            state.usable()?;
            let end = state.end;
            while state.is_held && state.durable < end && state.poison.is_none() {
                self.shared.is_synced.wait(&mut state);
            }
        }
        self.shared.sync_now();
        self.shared.deliver();
        self.check_usable()
    }

    fn flush(&mut self, done: FlushCallback) {
        let is_held = {
            let mut state = self.shared.state.lock();
            match state.usable() {
                Ok(()) => state.waiting.push(done),
                Err(error) => state.due.push_back((done, Err(error))),
            }
            state.is_held
        };
        if !is_held {
            self.shared.sync_now();
        }
        self.shared.deliver();
    }

    fn durable(&self) -> Position {
        Position::new(self.shared.state.lock().durable)
    }

    fn reader(&self) -> Self::Reader {
        MemoryWalReader { shared: self.shared.clone() }
    }

    fn close(&mut self, _: &RaftLogState<T>) -> Result<(), FlushError> {
        if std::mem::replace(&mut self.shared.state.lock().is_closed, true) {
            return Ok(());
        }
        self.shared.sync_now();
        self.shared.deliver();
        match &self.shared.state.lock().poison {
            Some(poison) => Err(poison.clone().into()),
            None => Ok(()),
        }
    }
}

impl<T: Types> WalReader<T> for MemoryWalReader<T> {
    fn read(
        &self,
        extent: &Extent,
        bytes_max: u64,
        entries: &mut Vec<(T::LogId, T::Payload)>,
    ) -> Result<Option<u64>, ReadError> {
        let state = self.shared.state.lock();
        let mut bytes = 0;
        for position in 0..extent.count {
            let index = extent.first + position as u64;
            let found = extent.offset(position).and_then(|offset| state.records.get(&offset));
            let Some((Record::Append(id, payload), place)) = found else {
                panic!("the log looks for the entry {index} where none was put: {extent:?}");
            };
            assert_eq!(Some(raft_log::LogId::term(id)), extent.term(index), "the term of the entry {index}");
            assert_eq!(raft_log::LogId::index(id), index, "the entry at its place");
            entries.push((id.clone(), payload.clone()));
            bytes += u64::from(place.size);
            if bytes >= bytes_max {
                break;
            }
        }
        Ok(Some(bytes))
    }

    fn durable(&self) -> Position {
        Position::new(self.shared.state.lock().durable)
    }
}

impl<T: Types> Clone for MemoryWalReader<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T: Types> Clone for MemoryWalControl<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}
