//! Runs operations on a store and on the naive model, and compares both after each step.
//!
//! What always holds: the driver knows of each record whether the store has said that it is durable. After a kill the
//! store must be the model behind some record, and that one must not be before the last durable one.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use raft_log::{
    FlushError, PlainTypes, RaftLog, RaftLogReader, RaftLogState, RaftLogWriter, ReadError, Record,
    StateError, StateMachine, TermIndex, TermRun, Wal, WriteError,
};
use raft_log_codec::{FrameSeed, push_frame};

use crate::{LogOperation, NaiveModel};

/// An entry of the driver's types.
pub type PlainEntry = raft_log::Entry<PlainTypes>;

/// A log store under test. [`LogStore`] is one for each [`RaftLog`]; write another for a store of your own.
pub trait Store {
    /// Writes one record, or several entries as one batch: all or nothing.
    ///
    /// # Errors
    /// When a rule forbids it. Any other failure is a panic.
    fn write(&mut self, records: Vec<Record<PlainTypes>>) -> Result<(), StateError<PlainTypes>>;

    /// Waits until everything is durable.
    fn sync(&mut self);

    /// Starts to make everything durable, and has `done` called when it is.
    fn flush(&mut self, done: Box<dyn FnOnce() + Send>);

    /// Closes the store in an orderly way, and opens it again.
    fn reopen(&mut self);

    /// Ends the store without a farewell, and opens what it left.
    fn kill(&mut self);

    /// The vote, the marks and the user data.
    fn state(&self) -> RaftLogState<PlainTypes>;

    /// The indexes of the live entries.
    fn indexes(&self) -> Range<u64>;

    /// As [`RaftLogReader::read_limited`]; with `u64::MAX` for all.
    ///
    /// # Errors
    /// As there.
    fn read_limited(&self, start: u64, end: u64, bytes_max: u64) -> Result<Vec<PlainEntry>, ReadError>;

    /// As [`RaftLogReader::log_id`].
    ///
    /// # Errors
    /// As there.
    fn log_id(&self, index: u64) -> Result<TermIndex, ReadError>;

    /// As [`RaftLogReader::term_runs`].
    fn term_runs(&self, range: Range<u64>) -> Vec<TermRun>;
}

/// A [`RaftLog`] as a [`Store`]: `open` opens it again after it was dropped, told whether it was closed or killed.
///
/// The log is dropped before an orderly reopening, and only after `open` has returned where it is killed: until then
/// it may still be writing, and `open` must take what stands there.
pub struct LogStore<W: Wal<PlainTypes>, O> {
    log: Option<RaftLog<PlainTypes, W>>,
    open: O,
}

/// How a log ended before it is opened again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was closed.
    Closed,
    /// It is to be left behind as it stands.
    Killed,
}

impl<W, O> LogStore<W, O>
where
    W: Wal<PlainTypes>,
    O: FnMut(Ending) -> RaftLog<PlainTypes, W>,
{
    /// The log that `open` gives when it is asked first.
    pub fn new(mut open: O) -> Self {
        Self { log: Some(open(Ending::Closed)), open }
    }

    /// The log.
    pub fn log(&mut self) -> &mut RaftLog<PlainTypes, W> {
        self.log.as_mut().expect("a log between two openings")
    }

    fn reader(&self) -> RaftLogReader<PlainTypes, W> {
        self.log.as_ref().expect("a log between two openings").reader()
    }
}

impl<W, O> Store for LogStore<W, O>
where
    W: Wal<PlainTypes>,
    O: FnMut(Ending) -> RaftLog<PlainTypes, W>,
{
    fn write(&mut self, records: Vec<Record<PlainTypes>>) -> Result<(), StateError<PlainTypes>> {
        match write_records(self.log(), records) {
            Ok(()) => Ok(()),
            Err(WriteError::Rejected(error)) => Err(error),
            Err(error) => panic!("a write failed: {error:?}"),
        }
    }

    fn sync(&mut self) {
        self.log().sync().expect("a sync");
    }

    fn flush(&mut self, done: Box<dyn FnOnce() + Send>) {
        self.log().flush(|outcome: Result<(), FlushError>| {
            outcome.expect("a flush");
            done();
        });
    }

    fn reopen(&mut self) {
        self.log().close().expect("an orderly close");
        self.log = None;
        self.log = Some((self.open)(Ending::Closed));
    }

    fn kill(&mut self) {
        self.log = Some((self.open)(Ending::Killed));
    }

    fn state(&self) -> RaftLogState<PlainTypes> {
        self.reader().state()
    }

    fn indexes(&self) -> Range<u64> {
        self.reader().indexes()
    }

    fn read_limited(&self, start: u64, end: u64, bytes_max: u64) -> Result<Vec<PlainEntry>, ReadError> {
        self.reader().read_limited(start, end, bytes_max)
    }

    fn log_id(&self, index: u64) -> Result<TermIndex, ReadError> {
        self.reader().log_id(index)
    }

    fn term_runs(&self, range: Range<u64>) -> Vec<TermRun> {
        self.reader().term_runs(range)
    }
}

/// Writes what the records say: one record, or entries as one batch.
///
/// # Errors
/// As the operation.
pub fn write_records<L: RaftLogWriter<PlainTypes>>(
    log: &mut L,
    mut records: Vec<Record<PlainTypes>>,
) -> Result<(), WriteError<PlainTypes>> {
    if records.iter().all(|record| matches!(record, Record::Append(..))) {
        return log.append(records.into_iter().filter_map(|record| match record {
            Record::Append(id, payload) => Some((id, payload)),
            _ => None,
        }));
    }
    assert_eq!(records.len(), 1, "only entries make a batch");
    match records.remove(0) {
        Record::SaveVote(vote) => log.save_vote(vote),
        Record::Commit(id) => log.commit(id),
        Record::TruncateAfter(after) => log.truncate(after),
        Record::PurgeUpto(upto) => log.purge(upto),
        Record::SaveUserData(data) => log.save_user_data(data),
        record => panic!("{record:?} is no operation"),
    }
}

/// What a run has done, so that a test can say that it was worth running.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// Operations that were accepted, and wrote something or nothing.
    pub accepted: usize,
    /// Operations that a rule forbade.
    pub refused: usize,
    /// Orderly ends.
    pub reopened: usize,
    /// Kills.
    pub killed: usize,
    /// Records that were written and that a kill took away.
    pub lost: usize,
    /// Comparisons of an answer of the store with the model's.
    pub compared: usize,
}

/// A store beside the model that says what it must be.
pub struct Driver<S> {
    store: S,
    /// The model after each record, from the last known durable one on.
    history: Vec<NaiveModel<PlainTypes>>,
    /// How many records were written before the first of `history`.
    base: usize,
    /// How many records the store has said are durable.
    durable: Arc<AtomicUsize>,
    figures: Figures,
}

impl<S: Store> Driver<S> {
    /// Begins with an empty store.
    pub fn new(store: S) -> Self {
        let mut driver = Self {
            store,
            history: vec![NaiveModel::new()],
            base: 0,
            durable: Arc::default(),
            figures: Figures::default(),
        };
        driver.compare();
        driver
    }

    /// The store.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// What the store must be.
    pub fn model(&self) -> &NaiveModel<PlainTypes> {
        self.history.last().expect("a model")
    }

    /// What was done.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Does all operations.
    ///
    /// # Panics
    /// Where the store is not as the model.
    pub fn run(&mut self, operations: &[LogOperation]) {
        operations.iter().for_each(|operation| self.step(operation));
    }

    /// Does one operation on both, and compares them.
    ///
    /// # Panics
    /// Where the store is not as the model.
    pub fn step(&mut self, operation: &LogOperation) {
        match operation {
            LogOperation::Sync => {
                self.store.sync();
                self.durable.fetch_max(self.written(), Ordering::SeqCst);
            }
            LogOperation::Flush => {
                let (durable, written) = (self.durable.clone(), self.written());
                self.store.flush(Box::new(move || {
                    durable.fetch_max(written, Ordering::SeqCst);
                }));
            }
            LogOperation::Reopen => {
                self.store.reopen();
                self.durable.fetch_max(self.written(), Ordering::SeqCst);
                self.figures.reopened += 1;
            }
            LogOperation::Kill => self.kill(),
            _ => self.write(operation.records(self.model())),
        }
        self.forget();
        self.compare();
    }

    /// How many records were written.
    fn written(&self) -> usize {
        self.base + self.history.len() - 1
    }

    fn write(&mut self, records: Vec<Record<PlainTypes>>) {
        let mut after = self.model().clone();
        let mut behind = Vec::new();
        let mut expected = Ok(());
        for record in &records {
            match after.record(record) {
                Ok(raft_log_state::Effect::Writes) => behind.push(after.clone()),
                Ok(_) => {}
                Err(error) => {
                    expected = Err(error);
                    break;
                }
            }
        }
        let answer = self.store.write(records.clone());
        assert_eq!(answer, expected, "the answer to {records:?} on {:?}", self.model());
        if answer.is_ok() {
            self.history.extend(behind);
            self.figures.accepted += 1;
        } else {
            self.figures.refused += 1;
        }
    }

    fn kill(&mut self) {
        // Before the kill: what is acknowledged later may be lost.
        let durable = self.durable.load(Ordering::SeqCst).saturating_sub(self.base);
        self.store.kill();
        let state = self.store.state();
        let entries = self.read(0, u64::MAX, u64::MAX, &state);
        let is_it = |model: &NaiveModel<PlainTypes>| *model.state() == state && model.entries() == entries;
        let found = self.history.iter().skip(durable).rposition(is_it).map(|position| position + durable);
        let Some(found) = found else {
            panic!(
                "after a kill the store is {state:?} with {entries:?}, and none of the {} models since the \
                 last durable record: {:?}",
                self.history.len() - durable,
                self.history.get(durable..)
            );
        };
        self.figures.killed += 1;
        self.figures.lost += self.history.len() - 1 - found;
        // What opening gave is durable. A late word of the log that was killed counts no more.
        self.history = vec![self.history.swap_remove(found)];
        self.base = 0;
        self.durable = Arc::default();
    }

    /// Everything from the first live entry on.
    fn read(&self, start: u64, end: u64, max: u64, state: &RaftLogState<PlainTypes>) -> Vec<PlainEntry> {
        let start = start.max(state.first_index()).max(self.store.indexes().start);
        self.store.read_limited(start, end, max).expect("live entries can be read")
    }

    /// Forgets the models before the last durable record.
    fn forget(&mut self) {
        let durable = self.durable.load(Ordering::SeqCst).saturating_sub(self.base);
        self.history.drain(..durable);
        self.base += durable;
    }

    /// Compares everything that can be asked of the store with the model.
    ///
    /// # Panics
    /// Where they differ.
    pub fn compare(&mut self) {
        let model = self.history.last().expect("a model");
        let end = model.state().end_index();
        let first = model.ids().first().map_or(end, |id| id.index);
        assert_eq!(self.store.state(), *model.state(), "the state");
        assert_eq!(self.store.indexes(), first..end, "the indexes");
        let read = self.store.read_limited(first, u64::MAX, u64::MAX).expect("all entries");
        assert_eq!(read, model.entries(), "all entries");

        let around = first.saturating_sub(2)..end.saturating_add(2);
        for index in around.clone().take(300).chain([0, u64::MAX - 1, u64::MAX]) {
            let expected = model.log_id(index).ok_or_else(|| missing(model, index));
            same(&self.store.log_id(index), &expected, format_args!("the id at {index}"));
        }
        let runs: Vec<(u64, Range<u64>)> = self
            .store
            .term_runs(around.start..end.saturating_sub(1))
            .into_iter()
            .map(|run| (run.term, run.indexes))
            .collect();
        assert_eq!(runs, term_runs(model, around.start..end.saturating_sub(1)), "the term runs");

        // Another part of the log at each step, told by what was done so far: the same when a case is repeated.
        let mut draw = Draw(self.written() as u64 * 977 + self.figures.compared as u64);
        for _ in 0..4 {
            let width = end.saturating_sub(around.start) + 3;
            let start = around.start + draw.below(width);
            let end = around.start + draw.below(width);
            let bytes_max = match draw.below(4) {
                0 => u64::MAX,
                1 => 0,
                _ => draw.below(600),
            };
            let expected = expected_read(model, start, end, bytes_max);
            let answer = self.store.read_limited(start, end, bytes_max);
            same(&answer, &expected, format_args!("{start}..{end} of at most {bytes_max} bytes"));
        }
        self.figures.compared += 4 + read.len();
    }
}

/// What stands for an error in a comparison: errors of reading cannot be compared themselves.
fn same<A: PartialEq + std::fmt::Debug>(
    answer: &Result<A, ReadError>,
    expected: &Result<A, ReadError>,
    what: std::fmt::Arguments<'_>,
) {
    let words =
        |result: &Result<A, ReadError>| result.as_ref().map_err(|error| format!("{error:?}")).map(drop);
    assert_eq!(words(answer), words(expected), "{what}");
    if let (Ok(answer), Ok(expected)) = (answer, expected) {
        assert_eq!(answer, expected, "{what}");
    }
}

fn missing(model: &NaiveModel<PlainTypes>, index: u64) -> ReadError {
    let state = model.state();
    let end = state.end_index();
    match state.purged {
        Some(purged) if index <= purged.index => ReadError::Purged { index, first: purged.index + 1 },
        _ => ReadError::IndexNotFound { index, first: model.ids().first().map_or(end, |id| id.index), end },
    }
}

/// What reading must give.
fn expected_read(
    model: &NaiveModel<PlainTypes>,
    start: u64,
    end: u64,
    bytes_max: u64,
) -> Result<Vec<PlainEntry>, ReadError> {
    let state = model.state();
    if start >= end.min(state.end_index()) {
        return Ok(Vec::new());
    }
    let first = model.ids().first().map_or(state.end_index(), |id| id.index);
    if start < first {
        return Err(missing(model, start));
    }
    let mut bytes = 0;
    let mut entries = Vec::new();
    for (id, payload) in model.read(start..end) {
        let mut frame = Vec::new();
        let record = Record::<PlainTypes>::Append(id, payload.clone());
        push_frame(&mut frame, FrameSeed::new(0, 0, 0), 0, &record).expect("an entry that was accepted");
        entries.push((id, payload));
        bytes += frame.len() as u64;
        if bytes >= bytes_max {
            break;
        }
    }
    Ok(entries)
}

fn term_runs(model: &NaiveModel<PlainTypes>, range: Range<u64>) -> Vec<(u64, Range<u64>)> {
    let mut runs: Vec<(u64, Range<u64>)> = Vec::new();
    for id in model.ids().iter().filter(|id| range.contains(&id.index)) {
        match runs.last_mut() {
            Some((term, indexes)) if *term == id.term => indexes.end = id.index + 1,
            _ => runs.push((id.term, id.index..id.index + 1)),
        }
    }
    runs
}

/// Numbers that look random and are the same for the same beginning.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end.max(1)
    }
}
