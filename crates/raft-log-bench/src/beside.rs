//! Readers beside a writer: what they get for their processor time, and that they never wait for its disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use raft_log::{PlainTypes, RaftLog, RaftLogReader};
use raft_log_chunk::DirectoryStorage;
use raft_log_testkit::{Call, WatchedStorage};

use crate::Outcome;
use crate::contender::{Contender, Keeping};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::processor::{least_interrupted, stay_on, thread_nanos};
use crate::raft_log_peer::{OpenLog, config};
use crate::row::{Bound, Must, Row, Side, Unit};

const READ_ENTRIES: u64 = 100;
/// How often a round reads alone and beside a writer.
const TURNS: u32 = 10;
const DELAY: Duration = Duration::from_millis(200);
const LONGEST_READ: Duration = Duration::from_millis(20);

/// Reads entries from all over a part of the log, for so long; gives how many, and the longest read.
#[derive(Default)]
struct Reading {
    entries: u64,
    cpu_nanos: u64,
    longest: Duration,
}

fn read_for(reader: &RaftLogReader<PlainTypes>, from: u64, to: u64, length: Duration) -> Outcome<Reading> {
    let begin = Instant::now();
    let cpu = thread_nanos()?;
    let mut reading = Reading::default();
    let mut number = 0_u64;
    while begin.elapsed() < length {
        number += 1;
        let first = from + (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % (to - from - READ_ENTRIES);
        let before = Instant::now();
        reading.entries += reader.read(first..first + READ_ENTRIES)?.len() as u64;
        reading.longest = reading.longest.max(before.elapsed());
    }
    reading.cpu_nanos = thread_nanos()? - cpu;
    Ok(reading)
}

/// A log over a storage of which every sync may be held up.
fn filled(directory: &Path, entries: u64) -> Outcome<(OpenLog, WatchedStorage)> {
    std::fs::create_dir_all(directory)?;
    let keeping = Keeping { payload: Payload::Incompressible.bytes(256), alive: None, is_cold: false };
    let storage = WatchedStorage::new(DirectoryStorage::open(directory)?);
    let mut log =
        OpenLog::new(RaftLog::open_on(config(directory, false), Arc::new(storage.clone()))?, &keeping);
    log.receive();
    for _ in 0..entries / 1_000 {
        log.write(1_000)?;
    }
    Ok((log, storage))
}

/// What readers get for their time, alone and beside a writer that does all it can.
pub(crate) fn throughput(plan: &Plan<'_>) -> Outcome<[Row; 2]> {
    let entries = plan.scaled(400_000);
    let directory = plan.fresh_directory("beside")?;
    // Where the kernel takes a disk's interrupt, it counts the time as that of the thread which it held up. What the
    // writer's disk costs is no cost of reading: the reader stays away from there, alone and beside the writer.
    let ((mut log, _), processor) = least_interrupted(|| filled(&directory, entries))?;
    // The cache holds the newest 100,000 by default. What the writer adds moves it, so the hot part is read only
    // as far as it cannot be moved out during a round: the reader asks for what was newest just before.
    let mut rows = Vec::new();
    for (name, is_hot) in [("hot", true), ("cold", false)] {
        let (mut alone, mut beside) = (Side::new("alone"), Side::new("beside a writer"));
        let (mut written, mut writing_for) = (0, Duration::ZERO);
        for _ in 0..plan.rounds {
            let reader = log.log.reader();
            let part = |reader: &RaftLogReader<PlainTypes>| match is_hot {
                true => (reader.indexes().end - 5_000, reader.indexes().end),
                false => (1, entries / 2),
            };
            let read = |sum: &mut Reading| -> Outcome {
                let begin = Instant::now();
                while begin.elapsed() < plan.length / TURNS {
                    let (from, to) = part(&reader);
                    let reading = read_for(&reader, from, to, Duration::from_millis(2))?;
                    sum.entries += reading.entries;
                    sum.cpu_nanos += reading.cpu_nanos;
                }
                Ok(())
            };
            let mut sums = [Reading::default(), Reading::default()];
            // In turns that are short: a machine that slows down for a moment does so for both.
            for _ in 0..TURNS {
                for (sum, is_beside) in sums.iter_mut().zip([false, true]) {
                    let is_over = AtomicBool::new(false);
                    let (before, begin) = (reader.indexes().end, Instant::now());
                    thread::scope(|scope| -> Outcome {
                        let thread = scope.spawn(|| {
                            let outcome = stay_on(processor)
                                .and_then(|()| read(sum))
                                .map_err(|error| error.to_string());
                            is_over.store(true, Ordering::Relaxed);
                            outcome
                        });
                        while is_beside && !is_over.load(Ordering::Relaxed) {
                            log.in_flight(256, Duration::from_millis(5))?;
                        }
                        Ok(thread.join().map_err(|_| "the reader panicked")??)
                    })?;
                    if is_beside {
                        written += reader.indexes().end - before;
                        writing_for += begin.elapsed();
                    }
                }
            }
            let [rate_alone, rate_beside] = sums.map(|sum| sum.entries as f64 * 1e9 / sum.cpu_nanos as f64);
            alone.rounds.push(rate_alone);
            beside.rounds.push(rate_beside);
        }
        let rate = crate::table::thousands(written as f64 / writing_for.as_secs_f64());
        alone.remark = Some("on the processor that the disk interrupts least".to_owned());
        beside.remark = Some(format!("meanwhile {rate} entries/s were written"));
        let value = beside.ratio_to(&alone);
        let mut row = Row {
            work: format!(
                "{name} reads of {READ_ENTRIES} entries, alone and beside a writer under full load"
            ),
            unit: Unit::EntriesPerCpuSecond,
            sides: vec![alone, beside],
            musts: Vec::new(),
        };
        let what = "beside a writer in parts of alone".to_owned();
        row.musts.push(Must { what, value, bound: Bound::AtLeast(0.9) });
        rows.push(row);
    }
    <[Row; 2]>::try_from(rows).map_err(|_| "two rows".into())
}

/// The longest read while every sync takes 200 ms.
pub(crate) fn slow_disk(plan: &Plan<'_>) -> Outcome<Row> {
    let entries = plan.scaled(400_000);
    let (mut log, storage) = filled(&plan.fresh_directory("slow")?, entries)?;
    storage.watch(|call| {
        if matches!(call, Call::Sync(_) | Call::SyncDirectory) {
            thread::sleep(DELAY);
        }
    });
    let length = DELAY * if plan.is_quick { 3 } else { 15 };
    let reader = log.log.reader();
    let is_over = AtomicBool::new(false);
    let readings = thread::scope(|scope| -> Outcome<[Reading; 2]> {
        let read = |from, to| {
            let reader = reader.clone();
            move || read_for(&reader, from, to, length).map_err(|error| error.to_string())
        };
        let hot = scope.spawn(read(entries - 5_000, entries));
        let cold = scope.spawn(read(1, entries / 2));
        let ender = scope.spawn(|| {
            thread::sleep(length);
            is_over.store(true, Ordering::Relaxed);
        });
        while !is_over.load(Ordering::Relaxed) {
            log.write(100)?;
        }
        let _ = ender.join();
        let joined = |thread: thread::ScopedJoinHandle<'_, Result<Reading, String>>| {
            thread.join().map_err(|_| "a reader panicked".to_owned())?
        };
        Ok([joined(hot)?, joined(cold)?])
    })?;
    storage.watch(|_| {});
    let side = |name: &str, reading: &Reading| {
        let remark = Some(format!("{} entries read", crate::table::thousands(reading.entries as f64)));
        Side { rounds: vec![reading.longest.as_secs_f64()], remark, ..Side::new(name) }
    };
    let [hot, cold] = &readings;
    let mut row = Row {
        work: format!("longest read while every sync takes {} ms", DELAY.as_millis()),
        unit: Unit::Seconds,
        sides: vec![side("hot", hot), side("cold", cold)],
        musts: Vec::new(),
    };
    for name in ["hot", "cold"] {
        row.must_be(name, Bound::AtMost(LONGEST_READ.as_secs_f64()));
    }
    Ok(row)
}
