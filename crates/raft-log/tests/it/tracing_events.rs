//! What a log says to `tracing`, and when: seldom, at the level that fits, with fields named as the metrics are.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use raft_log::{Config, RaftLogWriter};
use raft_log_testkit::{MemoryStorage, Operation};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::support::*;

/// Keeps what is said as lines: the level, `span` where one begins, the text and the fields.
#[derive(Clone)]
struct Lines {
    most: Level,
    lines: Arc<Mutex<Vec<String>>>,
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}: {}", self.0);
        } else {
            write!(self.0, "{}={value:?} ", field.name()).unwrap();
        }
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.most && metadata.target().starts_with("raft_log")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(String::new());
        span.record(&mut line);
        let metadata = span.metadata();
        let line = format!("{} span {}: {}", metadata.level(), metadata.name(), line.0);
        let mut lines = self.lines.lock().unwrap();
        lines.push(line);
        Id::from_u64(lines.len() as u64)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.lines.lock().unwrap().push(format!("{} {}", event.metadata().level(), line.0));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What is said on this thread, up to a level.
fn said(most: Level, life: impl FnOnce()) -> Vec<String> {
    let lines = Lines { most, lines: Arc::default() };
    tracing::subscriber::with_default(lines.clone(), life);
    lines.lines.lock().unwrap().clone()
}

fn assert_line(said: &[String], parts: &[&str]) {
    let is_there = said.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(is_there, "{parts:?} is not said: {said:#?}");
}

#[test]
fn a_good_life_is_told_in_two_lines() {
    let said = said(Level::INFO, || drop(lived(&MemoryStorage::new(), &small())));
    assert_eq!(said.len(), 2, "{said:#?}");
    assert_line(&said, &["INFO opened a log", "directory=", "chunks=0", "entries=0", "recovery_seconds="]);
    assert_line(&said, &["INFO closed a log", "directory=", "last_index=43"]);
}

#[test]
fn the_stages_of_a_flush_are_spans() {
    let said = said(Level::DEBUG, || {
        let mut log = open(&MemoryStorage::new(), &small()).unwrap();
        log.append(entries(1, 0..15)).unwrap();
        log.sync().unwrap();
        std::mem::forget(log);
    });
    for span in [
        "span flush: group_bytes=",
        "span rotation: chunk=r-00",
        "span write: chunk=r-00",
        "span sync: chunk=r-00",
    ] {
        assert_line(&said, &["DEBUG", span]);
    }
    assert_eq!(said.iter().filter(|line| line.contains("span rotation")).count(), 2);
}

#[test]
fn a_slow_sync_is_a_warning() {
    let memory = MemoryStorage::new();
    let mut log = open(&memory, &Config { slow_sync_millis: 20, ..small() }).unwrap();
    memory.set_sync_delay(Duration::from_millis(1));
    log.append(entries(1, 0..1)).unwrap();
    log.sync().unwrap();
    memory.set_sync_delay(Duration::from_millis(21));
    log.append(entries(1, 1..2)).unwrap();
    let said = said(Level::WARN, || log.sync().unwrap());
    assert_eq!(said.len(), 1, "{said:#?}");
    assert_line(&said, &["WARN a sync was slow", "sync_seconds=0.02", "group_bytes="]);
}

#[test]
fn a_torn_tail_is_a_warning() {
    let memory = MemoryStorage::new();
    let mut log = open(&memory, &small()).unwrap();
    log.append(entries(1, 0..3)).unwrap();
    log.sync().unwrap();
    let image = killed(&memory);
    let name = image.names().into_iter().find(|name| name.ends_with(".wal")).unwrap();
    image.edit_file(&name, |bytes| {
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        bytes[end + 64] = 1;
    });
    let said = said(Level::WARN, || std::mem::forget(open(&image, &small()).unwrap()));
    assert_eq!(said.len(), 1, "{said:#?}");
    let parts = [
        "WARN an incomplete write lies behind the end",
        "chunk=r-00",
        "offset=",
        "recovery_left_behind_bytes=",
    ];
    assert_line(&said, &parts);
}

#[test]
fn a_failed_sync_is_an_error_told_once() {
    let memory = MemoryStorage::new();
    let mut log = open(&memory, &small()).unwrap();
    log.append(entries(1, 0..3)).unwrap();
    log.sync().unwrap();
    log.append(entries(1, 3..4)).unwrap();
    memory.fail_next(Operation::Sync, 5, 1);
    let said = said(Level::ERROR, || {
        log.sync().unwrap_err();
        log.sync().unwrap_err();
    });
    assert_eq!(said.len(), 1, "{said:#?}");
    assert_line(&said, &["ERROR the log is poisoned", "action=\"sync a chunk\"", "error="]);
}

#[test]
fn corruption_is_an_error_when_it_is_opened_and_when_it_is_read() {
    let memory = MemoryStorage::new();
    drop(lived(&memory, &small()));
    let names: Vec<String> = memory.names().into_iter().filter(|name| name.ends_with(".wal")).collect();
    let is_there = |name: &&String| {
        memory.file_bytes(name).unwrap().windows(14).any(|window| window == b"payload of 35 ")
    };
    let name = names.iter().find(is_there).unwrap();
    memory.edit_file(name, |bytes| {
        let at = bytes.windows(14).position(|window| window == b"payload of 35 ").unwrap();
        bytes[at] ^= 1;
    });
    let log = open(&memory, &small()).unwrap();
    let told = said(Level::ERROR, || drop(log.reader().entry(35).unwrap_err()));
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_line(&told, &["ERROR a damaged entry was read", "chunk=r-00", "offset=", "index=35"]);
    drop(log);

    memory.edit_file(&names[1], |bytes| bytes[20] ^= 1);
    let told = said(Level::ERROR, || drop(open(&memory, &small()).unwrap_err()));
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_line(&told, &["ERROR the directory does not make a log", "directory=", &names[1][..28]]);
}
