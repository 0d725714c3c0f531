//! Every call on the storage fails once, or for good, at every place of a log's life: nothing is acknowledged that is
//! not there, and nothing is tried twice.

use std::fmt::Debug;
use std::sync::Arc;

use raft_log::{
    Config, FlushError, PlainTypes, PlainVote, RaftLogWriter, ReadError, StateMachine, WriteError,
};
use raft_log_testkit::{MemoryStorage, NaiveModel, Operation, write_records};

use crate::support::*;

type Record = raft_log::Record<PlainTypes>;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

enum Step {
    Write(Vec<Record>),
    Sync,
}

fn append(term: u64, indexes: std::ops::Range<u64>) -> Step {
    Step::Write(entries(term, indexes).into_iter().map(|(id, payload)| Record::Append(id, payload)).collect())
}

fn one(record: Record) -> Step {
    Step::Write(vec![record])
}

/// A life that makes chunks, lays space, purges, and leaves something unsynced at its end.
fn life() -> Vec<Step> {
    vec![
        one(Record::SaveVote(PlainVote::new(1, 1))),
        append(1, 0..3),
        Step::Sync,
        append(1, 3..9),
        one(Record::Commit(id(1, 5))),
        Step::Sync,
        one(Record::TruncateAfter(Some(id(1, 6)))),
        append(2, 7..10),
        Step::Sync,
        one(Record::SaveUserData(Some(bytes::Bytes::from(vec![3; 12_000])))),
        append(2, 10..11),
        Step::Sync,
        one(Record::PurgeUpto(id(1, 5))),
        Step::Sync,
        append(2, 11..12),
        one(Record::SaveVote(PlainVote::new(2, 1))),
        Step::Sync,
        append(3, 12..14),
    ]
}

/// Chunks of three records, and space laid so scarcely that every record claims some.
fn config() -> Config {
    let mut config = Config::new("unused");
    config.chunk.max_records = 3;
    config.chunk.space_step = 0;
    config.chunk.spares = 1;
    config.log_cache_max_items = 0;
    config
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    cases: u64,
    poisoned: u64,
    refused: u64,
    unharmed: u64,
    open_failed: u64,
}

/// A log, and what it was told and has promised.
struct Witness {
    storage: MemoryStorage,
    /// The model after each record.
    history: Vec<NaiveModel<PlainTypes>>,
    acknowledged: usize,
    /// What failed, and the calls that change something, as they were when the log said it was poisoned.
    poison: Option<(&'static str, u64)>,
    refused: u64,
    errno: i32,
    by_ticket: bool,
    is_once: bool,
}

impl Witness {
    fn new(storage: MemoryStorage, errno: i32, is_once: bool, by_ticket: bool) -> Self {
        let history = vec![NaiveModel::new()];
        Self { storage, history, acknowledged: 0, poison: None, refused: 0, errno, is_once, by_ticket }
    }

    fn model(&self) -> &NaiveModel<PlainTypes> {
        self.history.last().unwrap()
    }

    fn writing_calls(&self) -> u64 {
        [
            Operation::Write,
            Operation::Sync,
            Operation::Create,
            Operation::Rename,
            Operation::Remove,
            Operation::Truncate,
            Operation::SyncDirectory,
        ]
        .map(|operation| self.storage.calls(operation))
        .iter()
        .sum()
    }

    fn see_poison(&mut self, log: &mut Log, error: &raft_log::PoisonError, context: &dyn Debug) {
        assert_eq!(error.source.raw_os_error(), Some(self.errno), "the cause: {error:?} {context:?}");
        if self.poison.is_none() {
            // The thread may have been laying spares just now: what it had begun ends before this is told.
            let _ = log.ticket().wait();
        }
        let now = self.writing_calls();
        let (action, calls) = *self.poison.get_or_insert((error.action, now));
        assert_eq!(action, error.action, "always the first failure");
        assert_eq!(calls, now, "a poisoned log went on writing: {context:?}");
    }

    fn sync(&mut self, log: &mut Log, context: &dyn Debug) {
        let outcome = if self.by_ticket { log.ticket().wait() } else { log.sync() };
        match outcome {
            Ok(()) => {
                assert!(self.poison.is_none(), "acknowledged after a failure: {context:?}");
                self.acknowledged = self.history.len() - 1;
            }
            Err(FlushError::Poisoned(error)) => self.see_poison(log, &error, context),
            Err(error) => panic!("{error:?} {context:?}"),
        }
    }

    fn write(&mut self, log: &mut Log, records: &[Record], context: &dyn Debug) {
        for attempt in 0..2 {
            let mut after = self.model().clone();
            let mut behind = Vec::new();
            let mut expected = Ok(());
            for record in records {
                expected = expected.and_then(|()| after.record(record).map(drop));
                behind.push(after.clone());
            }
            match write_records(log, records.to_vec()) {
                Ok(()) => {
                    assert!(self.poison.is_none(), "accepted after a failure: {context:?}");
                    assert_eq!(expected, Ok(()), "{context:?}");
                    self.history.extend(behind);
                    return;
                }
                Err(WriteError::Poisoned(error)) => return self.see_poison(log, &error, context),
                Err(WriteError::Rejected(error)) => {
                    assert!(self.poison.is_none(), "{context:?}");
                    return assert_eq!(expected, Err(error), "{context:?}");
                }
                Err(WriteError::NoSpace(error)) => {
                    assert_eq!((error.raw_os_error(), self.errno), (Some(ENOSPC), ENOSPC), "{context:?}");
                }
                Err(WriteError::Io(error)) => {
                    assert_eq!(error.raw_os_error(), Some(self.errno), "{context:?}");
                }
                Err(error) => panic!("{error:?} {context:?}"),
            }
            // Refused: nothing of it happened, and it may be tried again.
            self.refused += 1;
            self.look(log, context);
            assert!(attempt == 0 || !self.is_once, "refused again, and nothing fails any more: {context:?}");
        }
    }

    /// Everything that is visible can be read, durable or not.
    fn look(&self, log: &Log, context: &dyn Debug) {
        assert_eq!(log.state(), *self.model().state(), "{context:?}");
        assert_eq!(contents(log), self.model().entries(), "{context:?}");
    }

    /// What is there after another opening: some state since the last one that was acknowledged.
    fn reopen(&self, storage: &MemoryStorage, context: &dyn Debug) {
        let log = match open(storage, &config()) {
            Ok(log) => log,
            Err(error) => panic!("{error} ({error:?}) {context:?}"),
        };
        let (state, held) = (log.state(), contents(&log));
        let candidates = self.history.get(self.acknowledged..).unwrap();
        assert!(
            candidates.iter().any(|model| *model.state() == state && model.entries() == held),
            "lost what was acknowledged: {state:?} {context:?}"
        );
        drop(log);
        // Recovered twice it is the same, and it can be written to.
        let mut log = open(storage, &config()).unwrap();
        assert_eq!((log.state(), contents(&log)), (state, held.clone()), "{context:?}");
        let next = log.state().end_index();
        log.append(entries(9, next..next + 4)).unwrap();
        log.sync().unwrap();
        drop(log);
        let log = open(storage, &config()).unwrap();
        assert_eq!(contents(&log).len(), held.len() + 4, "{context:?}");
    }
}

/// One life, in which a call fails. False when there was no such call any more.
fn live(
    operation: Operation,
    nth: u64,
    errno: i32,
    count: u64,
    by_ticket: bool,
    counts: &mut Counts,
) -> bool {
    let context = (operation, nth, errno, count, by_ticket);
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &config()).unwrap();
    let mut witness = Witness::new(storage.clone(), errno, count == 1, by_ticket);
    let before = storage.calls(operation);
    storage.fail_after(nth, operation, errno, count);
    for step in life() {
        match step {
            Step::Write(records) => witness.write(&mut log, &records, &context),
            Step::Sync => witness.sync(&mut log, &context),
        }
        witness.look(&log, &context);
    }
    let was_poisoned = witness.poison;
    let killed = killed(&storage);
    match log.close() {
        Ok(()) => {
            assert!(was_poisoned.is_none(), "{context:?}");
            witness.acknowledged = witness.history.len() - 1;
        }
        Err(FlushError::Poisoned(error)) => witness.see_poison(&mut log, &error, &context),
        Err(error) => panic!("{error:?} {context:?}"),
    }
    witness.look(&log, &context);
    drop(log);
    let did_fail = storage.calls(operation) - before > nth;
    if let Some((_, calls)) = witness.poison {
        assert_eq!(witness.writing_calls(), calls, "dropping a poisoned log writes nothing: {context:?}");
    }
    storage.clear_failures();
    witness.reopen(&storage, &context);
    if was_poisoned.is_some() {
        witness.reopen(&killed, &context);
    }
    counts.cases += u64::from(did_fail);
    counts.poisoned += u64::from(witness.poison.is_some());
    counts.refused += u64::from(witness.refused > 0);
    counts.unharmed += u64::from(did_fail && witness.poison.is_none() && witness.refused == 0);
    did_fail
}

const CALLS: [Operation; 11] = [
    Operation::Write,
    Operation::Sync,
    Operation::Create,
    Operation::Rename,
    Operation::Remove,
    Operation::SyncDirectory,
    Operation::Truncate,
    Operation::Open,
    Operation::Random,
    Operation::Size,
    Operation::Links,
];

fn all_lives(by_ticket: bool) -> Counts {
    let mut all = Counts::default();
    for operation in CALLS {
        let mut counts = Counts::default();
        for (errno, count) in [(EIO, 1), (EIO, u64::MAX), (ENOSPC, 1), (ENOSPC, u64::MAX)] {
            let mut nth = 0;
            while live(operation, nth, errno, count, by_ticket, &mut counts) {
                nth += 1;
            }
        }
        println!("{operation:?}: {counts:?}");
        all.cases += counts.cases;
        all.poisoned += counts.poisoned;
        all.refused += counts.refused;
        all.unharmed += counts.unharmed;
        let must_poison = matches!(
            operation,
            Operation::Write | Operation::Sync | Operation::Rename | Operation::SyncDirectory
        );
        assert!(!must_poison || counts.poisoned > 0, "{operation:?}: {counts:?}");
    }
    println!("all: {all:?}, no false acknowledgement");
    assert!(all.cases >= 300 && all.refused >= 50 && all.unharmed >= 20, "{all:?}");
    all
}

#[test]
fn each_failing_call_refuses_or_poisons_when_the_writer_syncs() {
    all_lives(false);
}

#[test]
fn each_failing_call_refuses_or_poisons_when_the_thread_flushes() {
    all_lives(true);
}

#[test]
fn each_failing_call_while_opening_leaves_the_log_to_a_later_opening() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &config()).unwrap();
    let mut witness = Witness::new(storage.clone(), EIO, true, false);
    for step in life() {
        match step {
            Step::Write(records) => witness.write(&mut log, &records, &"written"),
            Step::Sync => witness.sync(&mut log, &"written"),
        }
    }
    log.sync().unwrap();
    let found = storage.snapshot();
    let mut counts = Counts::default();
    for operation in Operation::ALL {
        for (errno, count) in [(EIO, 1), (EIO, u64::MAX), (ENOSPC, 1), (ENOSPC, u64::MAX)] {
            for nth in 0.. {
                let context = (operation, nth, errno, count);
                let storage = MemoryStorage::from_snapshot(found.clone());
                storage.fail_after(nth, operation, errno, count);
                let opened = open(&storage, &config());
                let calls = storage.calls(operation);
                storage.clear_failures();
                match opened {
                    Ok(log) => {
                        assert_eq!(
                            log.state(),
                            witness.history.last().unwrap().state().clone(),
                            "{context:?}"
                        );
                        assert_eq!(contents(&log), witness.history.last().unwrap().entries(), "{context:?}");
                    }
                    Err(_) => {
                        counts.open_failed += 1;
                        let chunks = |files: std::collections::BTreeMap<String, Vec<u8>>| {
                            files.into_iter().filter(|(name, _)| name.ends_with(".wal")).collect::<Vec<_>>()
                        };
                        assert_eq!(chunks(storage.snapshot()), chunks(found.clone()), "{context:?}");
                    }
                }
                let log = open(&storage, &config()).unwrap();
                assert_eq!(contents(&log), witness.history.last().unwrap().entries(), "{context:?}");
                if calls <= nth {
                    break;
                }
                counts.cases += 1;
            }
        }
    }
    println!("{counts:?}");
    assert!(counts.cases >= 60 && counts.open_failed >= 50, "{counts:?}");
}

/// A first chunk is refused because the directory cannot be synced, and tried again; then the process dies before
/// `DURABLE` knows the chunk.
#[test]
fn a_first_chunk_that_was_refused_and_tried_again_can_be_opened_after_a_crash() {
    for operation in [Operation::SyncDirectory, Operation::Rename, Operation::Sync, Operation::Write] {
        for later in [Operation::Write, Operation::Sync, Operation::Rename, Operation::SyncDirectory] {
            for first in 0..6 {
                for nth in 0..12 {
                    let storage = MemoryStorage::new();
                    let mut log = open(&storage, &config()).unwrap();
                    storage.fail_after(first, operation, EIO, 1);
                    let is_refused = matches!(log.append(entries(1, 0..1)), Err(WriteError::Io(_)));
                    storage.clear_failures();
                    if !is_refused {
                        continue;
                    }
                    log.append(entries(1, 0..2)).unwrap();
                    storage.fail_after(nth, later, EIO, u64::MAX);
                    let is_acknowledged = log.sync().is_ok();
                    let after = killed(&storage);
                    let context = (operation, first, later, nth);
                    match open(&after, &config()) {
                        Ok(log) => assert!(!is_acknowledged || contents(&log).len() == 2, "{context:?}"),
                        Err(error) => panic!("{error:?} {context:?}"),
                    }
                }
            }
        }
    }
}

#[test]
fn a_failed_read_is_an_error_and_never_an_end() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &config()).unwrap();
    log.append(entries(1, 0..8)).unwrap();
    log.sync().unwrap();
    log.append(entries(1, 8..10)).unwrap();
    storage.fail_next(Operation::Read, EIO, u64::MAX);
    for start in 0..8 {
        let answer = log.read(start..);
        assert!(matches!(answer, Err(ReadError::Io { .. })), "{answer:?}");
    }
    assert_eq!(log.read(8..).unwrap(), entries(1, 8..10), "what is not durable is in memory");
    log.append(entries(1, 10..11)).unwrap();
    log.sync().unwrap();
    storage.clear_failures();
    assert_eq!(contents(&log), entries(1, 0..11));
    let reader = Arc::new(log.reader());
    drop(log);
    assert_eq!(reader.read(..).unwrap(), entries(1, 0..11));
}
