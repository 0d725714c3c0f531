//! Learning that something is durable: callbacks, tickets, and what a sync does and does not do.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use raft_log::{Config, FlushError, PlainVote, RaftLogWriter, WriteError};
use raft_log_testkit::{MemoryStorage, Operation};

use crate::support::*;

/// What callbacks were told, in the order in which they were: their numbers, and how it went.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<(u64, &'static str)>>>);

impl Told {
    fn callback(&self, number: u64) -> impl FnOnce(Result<(), FlushError>) + Send + 'static {
        let told = self.0.clone();
        move |outcome| {
            let word = match outcome {
                Ok(()) => "ok",
                Err(FlushError::Poisoned(_)) => "poisoned",
                Err(FlushError::Closed) => "closed",
                Err(_) => "other",
            };
            told.lock().unwrap().push((number, word));
        }
    }

    fn all(&self) -> Vec<(u64, &'static str)> {
        self.0.lock().unwrap().clone()
    }
}

fn numbered(range: std::ops::Range<u64>, word: &'static str) -> Vec<(u64, &'static str)> {
    range.map(|number| (number, word)).collect()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn append(log: &mut Log, index: u64) {
    log.append(entries(1, index..index + 1)).unwrap();
}

/// The names of this process's threads, as far as the system tells them.
fn flush_threads() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok())
        .filter(|name| name.trim() == "raft-log-flush")
        .count()
}

struct Unpark(thread::Thread, AtomicUsize);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.unpark();
    }
}

/// Polls a future to its end; sleeps until it is woken.
fn block_on<F: Future + Unpin>(mut future: F) -> (F::Output, usize) {
    let unpark = Arc::new(Unpark(thread::current(), AtomicUsize::new(0)));
    let waker = Waker::from(unpark.clone());
    let mut polls = 0;
    loop {
        polls += 1;
        match Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return (output, polls),
            Poll::Pending => {
                // Each poll that found nothing is answered by one wake.
                while unpark.1.load(Ordering::SeqCst) < polls {
                    let begin = Instant::now();
                    thread::park_timeout(Duration::from_secs(20));
                    assert!(begin.elapsed() < Duration::from_secs(20), "nobody woke the task");
                }
            }
        }
    }
}

#[test]
fn callbacks_run_once_and_in_order_when_all_is_well() {
    let storage = MemoryStorage::new();
    storage.set_sync_delay(Duration::from_micros(200));
    let told = Told::default();
    let mut log = open(&storage, &small()).unwrap();
    for number in 0..300 {
        append(&mut log, number);
        log.flush(told.callback(number));
        if number % 50 == 17 {
            log.sync().unwrap();
        }
    }
    log.ticket().wait().unwrap();
    assert_eq!(told.all(), numbered(0..300, "ok"));
    log.close().unwrap();
    drop(log);
    assert_eq!(told.all().len(), 300, "none is called twice");
}

#[test]
fn every_callback_is_told_when_a_sync_fails() {
    let storage = MemoryStorage::new();
    let told = Told::default();
    let mut log = open(&storage, &small()).unwrap();
    append(&mut log, 0);
    log.flush(told.callback(0));
    wait_until("the first is durable", || told.all().len() == 1);
    storage.fail_next(Operation::Sync, 5, u64::MAX);
    for number in 1..100 {
        // What was accepted before the failure is noticed, and what is refused after it.
        let _ = log.append(entries(1, number..number + 1));
        log.flush(told.callback(number));
    }
    assert!(matches!(log.ticket().wait(), Err(FlushError::Poisoned(_))));
    let mut expected = numbered(0..1, "ok");
    expected.extend(numbered(1..100, "poisoned"));
    assert_eq!(told.all(), expected);
    assert!(log.close().is_err());
    drop(log);
    assert_eq!(told.all().len(), 100);
}

#[test]
fn callbacks_are_told_before_close_or_drop_is_done() {
    for by_close in [true, false] {
        let storage = MemoryStorage::new();
        storage.set_sync_delay(Duration::from_millis(20));
        let told = Told::default();
        let mut log = open(&storage, &small()).unwrap();
        for number in 0..50 {
            append(&mut log, number);
            log.flush(told.callback(number));
        }
        if by_close {
            log.close().unwrap();
            assert_eq!(told.all(), numbered(0..50, "ok"));
        }
        drop(log);
        assert_eq!(told.all(), numbered(0..50, "ok"));
        assert_eq!(contents(&open(&storage, &small()).unwrap()), entries(1, 0..50));
    }
}

#[test]
fn callbacks_are_told_when_closing_fails() {
    let storage = MemoryStorage::new();
    let told = Told::default();
    let mut log = open(&storage, &small()).unwrap();
    append(&mut log, 0);
    log.sync().unwrap();
    storage.set_sync_delay(Duration::from_millis(50));
    storage.fail_next(Operation::Sync, 5, u64::MAX);
    for number in 0..20 {
        append(&mut log, 1 + number);
        log.flush(told.callback(number));
    }
    assert!(matches!(log.close(), Err(FlushError::Poisoned(_))));
    assert_eq!(told.all(), numbered(0..20, "poisoned"));
}

#[test]
fn a_callback_that_panics_harms_no_other() {
    let storage = MemoryStorage::new();
    let told = Told::default();
    let mut log = open(&storage, &small()).unwrap();
    for number in 0..60 {
        append(&mut log, number);
        if number % 3 == 1 {
            log.flush(|_| panic!("a callback of a test"));
        } else {
            log.flush(told.callback(number));
        }
    }
    log.ticket().wait().unwrap();
    let expected: Vec<_> = numbered(0..60, "ok").into_iter().filter(|(number, _)| number % 3 != 1).collect();
    assert_eq!(told.all(), expected);
    append(&mut log, 60);
    log.sync().unwrap();
}

#[test]
fn a_flush_after_close_says_closed_and_a_write_too() {
    let storage = MemoryStorage::new();
    let told = Told::default();
    let mut log = open(&storage, &small()).unwrap();
    append(&mut log, 0);
    log.flush(told.callback(0));
    log.close().unwrap();
    log.flush(told.callback(1));
    assert!(matches!(log.ticket().wait(), Err(FlushError::Closed)));
    assert_eq!(told.all(), [(0, "ok"), (1, "closed")]);
    assert!(matches!(log.sync(), Err(FlushError::Closed)));
    assert!(matches!(log.append(entries(1, 1..2)), Err(WriteError::Closed)));
    assert!(matches!(log.append(Vec::new()), Err(WriteError::Closed)));
    assert!(matches!(log.save_vote(PlainVote::new(1, 1)), Err(WriteError::Closed)));
    assert_eq!(contents(&log), entries(1, 0..1), "reading goes on");
    log.close().unwrap();
}

#[test]
fn a_flush_of_a_poisoned_log_says_so() {
    let storage = MemoryStorage::new();
    let told = Told::default();
    let mut log = open(&storage, &small()).unwrap();
    append(&mut log, 0);
    storage.fail_next(Operation::Sync, 5, 1);
    assert!(log.sync().is_err());
    log.flush(told.callback(0));
    assert!(matches!(log.ticket().wait(), Err(FlushError::Poisoned(_))));
    assert_eq!(told.all(), [(0, "poisoned")], "before the ticket");
}

#[test]
fn a_ticket_is_a_future() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    append(&mut log, 0);
    log.sync().unwrap();
    storage.set_sync_delay(Duration::from_millis(50));
    append(&mut log, 1);
    let (outcome, polls) = block_on(log.ticket());
    outcome.unwrap();
    assert_eq!(polls, 2, "once before the sync is done, and once when it is woken");

    append(&mut log, 2);
    let mut ticket = log.ticket();
    // Polled by one task, finished by another: the last waker counts.
    let mut nobody = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut ticket).poll(&mut nobody).is_pending());
    block_on(ticket).0.unwrap();

    storage.fail_next(Operation::Sync, 5, 1);
    append(&mut log, 3);
    assert!(matches!(block_on(log.ticket()).0, Err(FlushError::Poisoned(_))));
}

#[test]
fn a_dropped_ticket_changes_nothing() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    append(&mut log, 0);
    let position = storage.syncs();
    drop(log.ticket());
    wait_until("it is durable all the same", || {
        storage.syncs() > position && log.reader().durable().offset() > 0
    });
}

#[test]
fn a_sync_makes_the_callbacks_before_it_due() {
    let storage = MemoryStorage::new();
    // The flush thread waits so long for company that only the sync can have been first.
    let config = Config { flush_delay_micros: 1_000_000, ..small() };
    let told = Told::default();
    let mut log = open(&storage, &config).unwrap();
    for number in 0..3 {
        append(&mut log, number);
        log.flush(told.callback(number));
    }
    let begin = Instant::now();
    log.sync().unwrap();
    assert!(begin.elapsed() < Duration::from_millis(500), "a sync waits for no company");
    let syncs = storage.syncs();
    wait_until("they are called", || told.all().len() == 3);
    assert_eq!(told.all(), numbered(0..3, "ok"));
    // Once a sync has covered them, the thread writes nothing for them again: what it syncs is at most the reserve.
    assert!(storage.syncs() <= syncs + 1);
}

#[test]
fn a_callback_may_read() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    let (send, receive) = mpsc::channel();
    for number in 0..30 {
        append(&mut log, number);
        let (reader, send) = (log.reader(), send.clone());
        log.flush(move |_| {
            let read = reader.read(..=number).unwrap();
            send.send((read.len() as u64, reader.state().last.map(|id| id.index))).unwrap();
        });
    }
    for number in 0..30 {
        let (read, last) = receive.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(read, number + 1);
        assert!(last >= Some(number));
    }
}

#[test]
fn a_callback_may_drop_the_log() {
    for delay in [0, 20] {
        let storage = MemoryStorage::new();
        storage.set_sync_delay(Duration::from_millis(delay));
        let told = Told::default();
        let log = Arc::new(Mutex::new(Some(open(&storage, &small()).unwrap())));
        {
            let mut held = log.lock().unwrap();
            let held = held.as_mut().unwrap();
            append(held, 0);
            let dropped = log.clone();
            held.flush(move |_| drop(dropped.lock().unwrap().take()));
            append(held, 1);
            held.flush(told.callback(1));
        }
        wait_until("the log is dropped", || log.lock().unwrap().is_none());
        wait_until("the other callback is told", || !told.all().is_empty());
        assert_eq!(told.all(), [(1, "ok")]);
        wait_until("it can be opened", || open(&storage, &small()).is_ok());
        assert_eq!(contents(&open(&storage, &small()).unwrap()), entries(1, 0..2));
    }
}

#[test]
fn a_sync_on_an_idle_log_starts_no_thread() {
    // In a process of its own: other tests have threads.
    const CHILD: &str = "RAFT_LOG_TEST_NO_THREAD";
    if std::env::var_os(CHILD).is_none() {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "flush::a_sync_on_an_idle_log_starts_no_thread", "--nocapture"])
            .env(CHILD, "1")
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    for index in 0..30 {
        append(&mut log, index);
        log.sync().unwrap();
    }
    log.purge(id(1, 25)).unwrap();
    log.sync().unwrap();
    assert_eq!(flush_threads(), 0);
    log.ticket().wait().unwrap();
    assert_eq!(flush_threads(), 1);
    append(&mut log, 30);
    log.ticket().wait().unwrap();
    assert_eq!(flush_threads(), 1);
    log.close().unwrap();
    assert_eq!(flush_threads(), 0);
}

/// All calls that change something on the storage.
fn writing_calls(storage: &MemoryStorage) -> u64 {
    [Operation::Write, Operation::Sync, Operation::Create, Operation::Rename, Operation::SyncDirectory]
        .map(|operation| storage.calls(operation))
        .iter()
        .sum()
}

#[test]
fn a_sync_with_nothing_pending_does_no_input_or_output() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    log.sync().unwrap();
    assert_eq!(writing_calls(&storage) - storage.calls(Operation::NameOwner), 0, "a new log writes nothing");
    append(&mut log, 0);
    log.sync().unwrap();
    let before = writing_calls(&storage);
    for _ in 0..10 {
        log.sync().unwrap();
    }
    assert_eq!(writing_calls(&storage), before);
}

#[test]
fn an_equal_vote_writes_nothing_and_a_sync_after_it_syncs_what_is_pending() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    log.save_vote(PlainVote::new(3, 1)).unwrap();
    log.sync().unwrap();
    let before = writing_calls(&storage);
    log.save_vote(PlainVote::new(3, 1)).unwrap();
    log.sync().unwrap();
    assert_eq!(writing_calls(&storage), before, "nothing was pending");

    log.save_vote(PlainVote::new(4, 1)).unwrap();
    log.save_vote(PlainVote::new(4, 1)).unwrap();
    log.sync().unwrap();
    assert!(writing_calls(&storage) > before);
    let after = open(&killed(&storage), &small()).unwrap();
    assert_eq!(after.state().vote, Some(PlainVote::new(4, 1)));
}

fn large(index: u64, size: usize) -> Vec<(raft_log::TermIndex, Bytes)> {
    vec![(id(1, index), Bytes::from(vec![7; size]))]
}

#[test]
fn half_of_the_unsynced_bytes_start_a_flush() {
    let storage = MemoryStorage::new();
    let mut config = Config { max_unsynced_bytes: 64 << 10, ..Config::new("unused") };
    config.chunk.spares = 0;
    config.chunk.space_step = 0;
    let mut log = open(&storage, &config).unwrap();
    log.append(large(0, 30 << 10)).unwrap();
    thread::sleep(Duration::from_millis(50));
    assert_eq!(log.reader().durable().offset(), 0, "less than half of it waits to be asked for");
    log.append(large(1, 4 << 10)).unwrap();
    wait_until("a flush began by itself", || log.reader().durable().offset() > 32 << 10);
}

#[test]
fn all_of_the_unsynced_bytes_make_the_writer_wait() {
    let storage = MemoryStorage::new();
    let mut config = Config { max_unsynced_bytes: 64 << 10, ..Config::new("unused") };
    config.chunk.spares = 0;
    config.chunk.space_step = 0;
    let mut log = open(&storage, &config).unwrap();
    log.append(large(0, 100)).unwrap();
    log.sync().unwrap();
    storage.set_sync_delay(Duration::from_millis(300));
    let begin = Instant::now();
    log.append(large(1, 70 << 10)).unwrap();
    assert!(begin.elapsed() < Duration::from_millis(150), "a large batch does not wait for itself");
    log.append(large(2, 100)).unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(290), "{:?}", begin.elapsed());
    assert!(log.reader().durable().offset() > 70 << 10);

    // It waits no longer than until the log is poisoned.
    log.sync().unwrap();
    storage.fail_next(Operation::Sync, 5, 1);
    log.append(large(3, 70 << 10)).unwrap();
    assert!(matches!(log.append(large(4, 100)), Err(WriteError::Poisoned(_))));
}

#[test]
fn what_gathers_during_a_sync_is_one_group() {
    let storage = MemoryStorage::new();
    let config = Config::new("unused");
    let mut log = open(&storage, &config).unwrap();
    append(&mut log, 0);
    log.ticket().wait().unwrap();
    thread::sleep(Duration::from_millis(20));
    storage.set_sync_delay(Duration::from_millis(100));
    let before = storage.syncs();
    let is_done = Arc::new(AtomicBool::new(false));
    for index in 1..500 {
        append(&mut log, index);
        let is_done = is_done.clone();
        log.flush(move |outcome| is_done.store(index == 499 && outcome.is_ok(), Ordering::SeqCst));
    }
    wait_until("all are told", || is_done.load(Ordering::SeqCst));
    assert!(storage.syncs() - before <= 4, "{} syncs", storage.syncs() - before);
}
