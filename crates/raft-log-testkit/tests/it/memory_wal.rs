//! The wal in memory: it behaves as a wal must, and a log over it as a log over files.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use raft_log::{
    Config, FlushError, PlainTypes, PlainVote, RaftLog, RaftLogWal, RaftLogWriter, Record, StateMachine,
    Storage, TermIndex, WriteError,
};
use raft_log_testkit::{
    Driver, Ending, LogOperation, LogStore, MemoryStorage, MemoryWal, MemoryWalControl, Pick, operations,
    payload, write_records,
};

fn id(term: u64, index: u64) -> TermIndex {
    TermIndex::new(term, index)
}

fn entries(indexes: std::ops::Range<u64>) -> Vec<(TermIndex, bytes::Bytes)> {
    indexes.map(|index| (id(1, index), payload(id(1, index)))).collect()
}

/// Opens again what the log before left: all of it, or what was durable.
fn over_memory() -> impl FnMut(Ending) -> RaftLog<PlainTypes, MemoryWal<PlainTypes>> {
    let mut wal: Option<MemoryWalControl<PlainTypes>> = None;
    move |ending| {
        let records = match (wal.take(), ending) {
            (None, _) => Vec::new(),
            (Some(wal), Ending::Closed) => wal.records(),
            (Some(wal), Ending::Killed) => wal.durable_records(),
        };
        let (log, control) = MemoryWal::log_of(records);
        wal = Some(control);
        log
    }
}

fn over_files() -> impl FnMut(Ending) -> RaftLog<PlainTypes, RaftLogWal<PlainTypes>> {
    let mut storage = MemoryStorage::new();
    move |ending| {
        if ending == Ending::Killed {
            storage = MemoryStorage::from_snapshot(storage.snapshot());
        }
        let mut config = Config::new("unused");
        config.chunk.max_records = 5;
        config.chunk.space_step = 0;
        config.chunk.spares = 0;
        RaftLog::open_on(config, Arc::new(storage.clone()) as Arc<dyn Storage>).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_is_as_the_model_over_memory_and_over_files(operations in operations(40..60)) {
        let mut memory = Driver::new(LogStore::new(over_memory()));
        let mut files = Driver::new(LogStore::new(over_files()));
        let mut is_same = true;
        for operation in &operations {
            memory.step(operation);
            files.step(operation);
            // A kill takes from each what it had not synced: from then on they may differ.
            is_same &= *operation != LogOperation::Kill;
            if is_same {
                prop_assert_eq!(memory.model().state(), files.model().state());
                prop_assert_eq!(memory.model().entries(), files.model().entries());
            }
        }
    }
}

/// Every kind of operation does something in a run of usual length.
#[test]
fn random_operations_do_all_kinds_of_things() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut driver = Driver::new(LogStore::new(over_memory()));
    let operations = operations(2000..2001).new_tree(&mut runner).unwrap().current();
    driver.run(&operations);
    let figures = driver.figures();
    for (figure, least) in [
        (figures.accepted, 800),
        (figures.refused, 100),
        (figures.reopened, 30),
        (figures.killed, 30),
        (figures.lost, 30),
    ] {
        assert!(figure >= least, "{figures:?}");
    }
}

/// A store that does what the log does, but for one mistake.
#[test]
fn the_driver_sees_a_store_that_loses_what_it_called_durable() {
    let mut wal: Option<MemoryWalControl<PlainTypes>> = None;
    let open = move |_| {
        let mut records = wal.take().map_or(Vec::new(), |wal| wal.durable_records());
        records.pop();
        let (log, control) = MemoryWal::log_of(records);
        wal = Some(control);
        log
    };
    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let mut driver = Driver::new(LogStore::new(open));
        driver.step(&LogOperation::Append { first: Pick::Next(0, 1), steps: vec![(1, 0)] });
        driver.step(&LogOperation::Sync);
        driver.step(&LogOperation::Kill);
    }));
    let message = *run.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("none of the 1 models since the last durable record"), "{message}");
}

#[test]
fn nothing_is_durable_while_syncs_are_held_back() {
    let (mut log, control) = MemoryWal::<PlainTypes>::log();
    control.hold_syncs();
    log.append(entries(0..3)).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    for number in 0..3 {
        let told = told.clone();
        log.flush(move |outcome| told.lock().unwrap().push((number, outcome.is_ok())));
    }
    assert_eq!(log.read(..).unwrap(), entries(0..3), "visible all the same");
    assert!(told.lock().unwrap().is_empty());
    assert!(control.durable_records().is_empty());
    control.release_once();
    assert_eq!(*told.lock().unwrap(), [(0, true), (1, true), (2, true)]);
    assert_eq!((control.durable_records().len(), control.syncs()), (3, 1));

    log.append(entries(3..4)).unwrap();
    let late = control.clone();
    let releaser = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        late.release();
    });
    log.sync().unwrap();
    assert_eq!(control.durable_records().len(), 4);
    releaser.join().unwrap();
    log.save_vote(PlainVote::new(1, 1)).unwrap();
    log.ticket().wait().unwrap();
    assert_eq!(control.durable_records().len(), 5);
}

#[test]
fn a_refused_operation_leaves_no_trace_and_the_next_one_is_taken() {
    let (mut log, control) = MemoryWal::<PlainTypes>::log();
    control.refuse_next(ErrorKind::StorageFull);
    assert!(matches!(log.append(entries(0..3)), Err(WriteError::NoSpace(_))));
    control.refuse_next(ErrorKind::PermissionDenied);
    assert!(matches!(log.append(entries(0..3)), Err(WriteError::Io(_))));
    assert_eq!((log.read(..).unwrap().len(), control.records().len()), (0, 0));
    log.append(entries(0..3)).unwrap();
    assert_eq!(log.read(..).unwrap(), entries(0..3));
}

#[test]
fn a_failed_sync_is_final() {
    let (mut log, control) = MemoryWal::<PlainTypes>::log();
    log.append(entries(0..3)).unwrap();
    control.fail_next_sync(ErrorKind::Other);
    let ticket = log.ticket();
    assert!(matches!(ticket.wait(), Err(FlushError::Poisoned(_))));
    assert!(matches!(log.sync(), Err(FlushError::Poisoned(_))));
    assert!(matches!(log.append(entries(3..4)), Err(WriteError::Poisoned(_))));
    assert!(matches!(log.ticket().wait(), Err(FlushError::Poisoned(_))));
    assert_eq!(log.read(..).unwrap(), entries(0..3), "from memory");
    assert!(log.close().is_err());
    assert_eq!((control.syncs(), control.durable_records().len()), (1, 0));
    assert!(matches!(log.ticket().wait(), Err(FlushError::Closed)));
}

#[test]
fn a_callback_that_panics_or_drops_the_log_harms_no_other() {
    let (mut log, control) = MemoryWal::<PlainTypes>::log();
    control.hold_syncs();
    log.append(entries(0..1)).unwrap();
    log.flush(|_| panic!("a callback of a test"));
    let log = Arc::new(Mutex::new(Some(log)));
    let dropped = log.clone();
    log.lock().unwrap().as_mut().unwrap().flush(move |_| drop(dropped.lock().unwrap().take()));
    let ticket = log.lock().unwrap().as_mut().unwrap().ticket();
    control.release();
    ticket.wait().unwrap();
    assert!(log.lock().unwrap().is_none());
}

#[test]
fn records_are_written_as_the_operations_that_they_are() {
    let (mut log, control) = MemoryWal::<PlainTypes>::log();
    let records = vec![
        Record::SaveVote(PlainVote::new(1, 1)),
        Record::Append(id(1, 4), payload(id(1, 4))),
        Record::Append(id(1, 5), payload(id(1, 5))),
        Record::Commit(id(1, 4)),
        Record::TruncateAfter(Some(id(1, 4))),
        Record::PurgeUpto(id(1, 4)),
        Record::SaveUserData(Some(bytes::Bytes::from_static(b"mine"))),
    ];
    for record in &records {
        write_records(&mut log, vec![record.clone()]).unwrap();
    }
    assert_eq!(format!("{:?}", control.records()), format!("{records:?}"));
}
