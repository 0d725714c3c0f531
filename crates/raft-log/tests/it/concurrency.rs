//! Readers beside a writer that appends, overwrites, purges and rotates: each read is of one moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use raft_log::{Config, Entry, PlainTypes, RaftLogReader, RaftLogWriter, ReadError, Storage};
use raft_log_testkit::MemoryStorage;

use crate::support::*;

/// What an entry says of the batch that it came in: number, term, first index, end index.
fn batch(number: u64, term: u64, first: u64, size: u64) -> Vec<Entry<PlainTypes>> {
    let text = |index| {
        Bytes::from(format!("{number} {term} {first} {} {}", first + size, "x".repeat((index % 50) as usize)))
    };
    (first..first + size).map(|index| (id(term, index), text(index))).collect()
}

fn parse(payload: &Bytes) -> [u64; 4] {
    let text = std::str::from_utf8(payload).unwrap();
    let mut numbers = text.split(' ').take(4).map(|number| number.parse().unwrap());
    [(); 4].map(|()| numbers.next().unwrap())
}

/// What one read must be: contiguous, of whole batches that were all there at one moment. `from_start` and `to_end`
/// say whether it began and ended where the log did.
fn check(read: &[Entry<PlainTypes>], start: u64, from_start: bool, to_end: bool) {
    let mut previous: Option<[u64; 4]> = None;
    for (position, (id, payload)) in read.iter().enumerate() {
        assert_eq!(id.index, start + position as u64, "a hole in {:?}", ids(read));
        let this = parse(payload);
        let [number, term, first, end] = this;
        assert_eq!(id.term, term, "a wrong term at {id}: {payload:?}");
        assert!((first..end).contains(&id.index), "another entry at {id}: {payload:?}");
        match previous {
            Some(before) if before[0] == number => {}
            Some([before, before_term, _, before_end]) => {
                assert!(before < number && before_term <= term, "batches out of order: {before}, {number}");
                assert_eq!((before_end, first), (id.index, id.index), "a part of a batch: {:?}", ids(read));
            }
            None => assert!(!from_start || first == id.index, "the beginning of a batch is missing at {id}"),
        }
        previous = Some(this);
    }
    if let (Some((last, _)), Some([.., end])) = (read.last(), previous) {
        assert!(!to_end || last.index + 1 == end, "the end of a batch is missing behind {last}");
    }
}

fn ids(read: &[Entry<PlainTypes>]) -> Vec<(String, [u64; 4])> {
    read.iter().map(|(id, payload)| (id.to_string(), parse(payload))).collect()
}

/// What the threads share.
#[derive(Default)]
struct Stage {
    is_over: AtomicBool,
    /// Everything below may be purged, or is about to be.
    purged: AtomicU64,
    reads: AtomicU64,
    purged_reads: AtomicU64,
}

/// Reads until the writer is done.
fn read_on(reader: &RaftLogReader<PlainTypes>, stage: &Stage, seed: u64) {
    let mut draw = seed;
    let mut durable = reader.durable();
    while !stage.is_over.load(Ordering::Relaxed) {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let indexes = reader.indexes();
        let length = indexes.end - indexes.start;
        let start = indexes.start + if draw.is_multiple_of(3) { 0 } else { (draw >> 33) % length.max(1) };
        let answer = match draw % 4 {
            0 | 1 => reader.read(start..),
            2 => reader.read(start..start + (draw >> 40) % 30),
            _ => reader.read_limited(start, u64::MAX, (draw >> 40) % 2000),
        };
        match answer {
            Ok(read) => check(&read, start, false, draw % 4 < 2),
            Err(ReadError::Purged { index, first }) => {
                assert!(index == start && start < first, "{start} {index} {first}");
                assert!(first <= stage.purged.load(Ordering::SeqCst), "{first} was not purged");
                stage.purged_reads.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => panic!("{error:?}"),
        }
        match reader.entry(start) {
            Ok(entry) => check(&[entry], start, false, false),
            Err(ReadError::Purged { .. } | ReadError::IndexNotFound { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
        let mut end = None;
        for run in reader.term_runs(..) {
            assert!(end.is_none_or(|end| end == run.indexes.start), "a hole between terms");
            assert!(!run.indexes.is_empty());
            end = Some(run.indexes.end);
        }
        let state = reader.state();
        let at = |id: Option<raft_log::TermIndex>| id.map(|id| id.index);
        assert!(
            at(state.purged) <= at(state.committed) && at(state.committed) <= at(state.last),
            "{state:?}"
        );
        assert!(reader.durable() >= durable, "durability goes back");
        durable = reader.durable();
        stage.reads.fetch_add(1, Ordering::Relaxed);
        // Few processors are to give the writer its turn.
        thread::sleep(Duration::from_micros(draw >> 40 & 127));
    }
}

/// Writes for so long: batches, overwritten batches, purges, syncs of all kinds. What is there in the end.
fn write_on(log: &mut Log, stage: &Stage, duration: Duration) -> Vec<Entry<PlainTypes>> {
    let begin = Instant::now();
    // The batches that are there.
    let mut batches: Vec<Vec<Entry<PlainTypes>>> = Vec::new();
    let (mut number, mut term, mut draw) = (0, 1, 17_u64);
    while begin.elapsed() < duration {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = draw >> 33;
        number += 1;
        match pick % 16 {
            0..=1 if batches.len() > 4 => {
                // Overwrite some of the newest batches in a later term.
                batches.truncate(batches.len() - (1 + (pick >> 8) as usize % 3));
                log.truncate(batches.last().and_then(|batch| batch.last()).map(|(id, _)| *id)).unwrap();
                term += 1;
            }
            2 if batches.len() > 20 => {
                let purged: Vec<_> = batches.drain(..batches.len() - 12).collect();
                let upto = purged.last().and_then(|batch| batch.last()).unwrap().0;
                stage.purged.fetch_max(upto.index + 1, Ordering::SeqCst);
                log.purge(upto).unwrap();
            }
            3 => log.sync().unwrap(),
            4 | 5 => log.flush(|outcome| outcome.unwrap()),
            6 => log.ticket().wait().unwrap(),
            _ => {
                let next = log.state().end_index();
                let batch = batch(number, term, next, 1 + (pick >> 8) % 12);
                log.append(batch.clone()).unwrap();
                batches.push(batch);
            }
        }
    }
    batches.into_iter().flatten().collect()
}

fn stress(mut log: Log, duration: Duration) {
    let stage = Arc::new(Stage::default());
    let readers: Vec<_> = (0..4)
        .map(|seed| {
            let (reader, stage) = (log.reader(), stage.clone());
            thread::spawn(move || read_on(&reader, &stage, seed * 977 + 1))
        })
        .collect();
    let written = write_on(&mut log, &stage, duration);
    stage.is_over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.join().unwrap();
    }
    let held = contents(&log);
    check(&held, log.reader().indexes().start, true, true);
    assert_eq!(held, written);
    let (reads, purged) = (stage.reads.load(Ordering::Relaxed), stage.purged_reads.load(Ordering::Relaxed));
    println!("{reads} reads, {purged} of what was just purged, up to index {}", log.state().end_index());
    let end = log.state().end_index();
    assert!(reads > 200 && end > 100, "{reads} reads, up to index {end}");
}

fn config(max_records: u64, cache: usize) -> Config {
    let mut config = Config { log_cache_max_items: cache, read_buffer_size: 4096, ..small() };
    config.chunk.max_records = max_records;
    config.chunk.space_step = 0;
    config
}

#[test]
fn each_read_is_of_one_moment() {
    for (max_records, cache) in [(5, 0), (40, 7), (1000, 100_000)] {
        let storage = MemoryStorage::new();
        storage.set_sync_delay(Duration::from_micros(100));
        let log = open(&storage, &config(max_records, cache)).unwrap();
        stress(log, Duration::from_millis(1500));
        let log = open(&storage, &config(max_records, cache)).unwrap();
        check(&contents(&log), log.reader().indexes().start, true, true);
    }
}

#[test]
fn each_read_of_real_files_is_of_one_moment() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config { directory: directory.path().join("log"), ..config(20, 3) };
    stress(Log::open(config.clone()).unwrap(), Duration::from_millis(1500));
    let log = Log::open(config).unwrap();
    check(&contents(&log), log.reader().indexes().start, true, true);
}

/// The check above is worth something: it refuses reads that are of two moments.
#[test]
fn the_check_sees_holes_halves_and_mixtures() {
    let whole: Vec<_> = [batch(1, 1, 0, 4), batch(2, 1, 4, 4), batch(3, 2, 8, 4)].concat();
    check(&whole, 0, true, true);
    check(&whole[2..7], 2, false, false);
    let overwritten = batch(4, 3, 4, 4);
    let mixed = [&whole[..6], &overwritten[2..]].concat();
    let holed = [&whole[..2], &whole[3..]].concat();
    let mut other_term = whole.clone();
    other_term[5].0.term = 7;
    for (name, read, from_start, to_end) in [
        ("a mixture", mixed, false, false),
        ("a hole", holed, false, false),
        ("a wrong term", other_term, false, false),
        ("a half batch at the end", whole[..10].to_vec(), false, true),
    ] {
        let seen = std::panic::catch_unwind(|| check(&read, 0, from_start, to_end));
        assert!(seen.is_err(), "{name}");
    }
    assert!(
        std::panic::catch_unwind(|| check(&whole[2..], 2, true, false)).is_err(),
        "a half at the beginning"
    );
}

/// One thread writes and takes tickets, others wait for them: each is told the truth about its own entry.
#[test]
fn what_a_ticket_says_is_durable_is_there_after_a_kill() {
    let storage = MemoryStorage::new();
    storage.set_sync_delay(Duration::from_millis(1));
    let mut log = Log::open_on(config(7, 0), Arc::new(storage.clone()) as Arc<dyn Storage>).unwrap();
    let durable = Arc::new(AtomicU64::new(0));
    let mut kills = 0;
    for index in 0..600 {
        log.append(entries(1, index..index + 1)).unwrap();
        let told = durable.clone();
        log.flush(move |outcome| {
            // Only in order does it come to the end.
            if outcome.is_ok() {
                let _ = told.compare_exchange(index, index + 1, Ordering::SeqCst, Ordering::SeqCst);
            }
        });
        if index % 40 == 39 {
            let acknowledged = durable.load(Ordering::SeqCst);
            let after = open(&killed(&storage), &config(7, 0)).unwrap();
            let held = contents(&after);
            assert!(held.len() as u64 >= acknowledged, "{} of {acknowledged}", held.len());
            assert_eq!(held, entries(1, 0..held.len() as u64));
            kills += 1;
        }
    }
    log.close().unwrap();
    assert_eq!((durable.load(Ordering::SeqCst), kills), (600, 15));
}
