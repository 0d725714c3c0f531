//! What the scenarios stand on: a log on a [`StepStorage`], callbacks that write down what they are told and whether it
//! is true, and what must hold of it in the end.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use raft_log::{Config, Entry, FlushError, PlainTypes, RaftLog, RaftLogWriter, TermIndex};

use crate::step_storage::StepStorage;

pub(crate) type Log = RaftLog<PlainTypes>;

/// One directory, and what was said about it.
#[derive(Clone, Default)]
pub(crate) struct Stage {
    pub(crate) storage: StepStorage,
    told: Arc<Mutex<Vec<Told>>>,
}

/// What a callback was told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) number: usize,
    pub(crate) outcome: Result<(), FlushError>,
    /// Whether all before it would have survived a loss of power at that moment.
    pub(crate) is_durable: bool,
}

pub(crate) fn id(index: u64) -> TermIndex {
    TermIndex::new(1, index)
}

/// What the entry of this index carries: found by it among the bytes of a disk.
pub(crate) fn payload(index: u64) -> Bytes {
    Bytes::from(format!("<entry {index}>"))
}

pub(crate) fn entry(index: u64) -> Entry<PlainTypes> {
    (id(index), payload(index))
}

/// No more of anything than is needed, so that an execution takes few steps.
pub(crate) fn small() -> Config {
    let mut config = Config::new("unused");
    config.chunk.space_step = 0;
    config.chunk.spares = 0;
    config
}

impl Stage {
    pub(crate) fn open(&self) -> Log {
        self.open_with(small())
    }

    pub(crate) fn open_with(&self, config: Config) -> Log {
        Log::open_on(config, Arc::new(self.storage.clone())).unwrap()
    }

    /// A callback that comes as the `number`th, when the entries `0..end` are in the log.
    ///
    /// It does not panic whatever it is told: that is caught where it is called.
    pub(crate) fn note(
        &self,
        number: usize,
        end: u64,
    ) -> impl FnOnce(Result<(), FlushError>) + Send + 'static {
        let stage = self.clone();
        move |outcome| {
            let is_durable = stage.are_durable(end);
            stage.told().push(Told { number, outcome, is_durable });
        }
    }

    /// Appends one entry after another, each with a callback. Gives the number of entries that were accepted.
    pub(crate) fn append_and_note(&self, log: &mut Log, indexes: std::ops::Range<u64>) -> u64 {
        let mut end = indexes.start;
        for index in indexes {
            if end == index && log.append([entry(index)]).is_ok() {
                end += 1;
            }
            log.flush(self.note(usize::try_from(index).unwrap(), end));
        }
        end
    }

    /// Whether the entries `0..end` would survive a loss of power at this moment.
    pub(crate) fn are_durable(&self, end: u64) -> bool {
        (0..end).all(|index| self.storage.is_durable(&payload(index)))
    }

    pub(crate) fn told(&self) -> std::sync::MutexGuard<'_, Vec<Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The callbacks `0..count` were told, each once and in this order; what was called durable was; and nothing was
    /// called durable after a failure. Gives the number of those that were told so.
    pub(crate) fn check_told(&self, count: usize) -> usize {
        let told = self.told().clone();
        let numbers: Vec<usize> = told.iter().map(|told| told.number).collect();
        assert_eq!(numbers, (0..count).collect::<Vec<_>>(), "each callback once, in order");
        for told in &told {
            assert!(told.outcome.is_err() || told.is_durable, "{told:?} before its sync had come back");
        }
        let good = told.iter().take_while(|told| told.outcome.is_ok()).count();
        assert!(told[good..].iter().all(|told| told.outcome.is_err()), "durable after a failure: {told:?}");
        good
    }

    /// As [`check_told`](Self::check_told), and all is well.
    pub(crate) fn check_all_told(&self, count: usize) {
        assert_eq!(self.check_told(count), count, "{:?}", self.told());
    }

    /// What a loss of power leaves now is a log with at least the entries `0..end`, and of what else was appended a
    /// part without a gap.
    pub(crate) fn check_power_loss(&self, end: u64) {
        let log = Log::open_on(small(), Arc::new(self.storage.after_power_loss())).unwrap();
        let held = log.read(..).unwrap();
        assert!(held.len() as u64 >= end, "{} of {end} entries are left", held.len());
        assert_eq!(held, (0..held.len() as u64).map(entry).collect::<Vec<_>>());
    }
}
