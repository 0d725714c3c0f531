//! A checkpoint is the log as it was durable at one moment, whatever the writer does meanwhile and afterwards.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use bytes::Bytes;
use raft_log::{
    CheckpointError, Config, OpenError, Position, RaftLogWriter, RecoveryError, Storage, TermIndex,
};
use raft_log_dump::{Verdict, verify};
use raft_log_testkit::{Call, MemoryStorage, Operation, PowerLoss, Random, SimulatedDisk, WatchedStorage};

use crate::support::*;

/// What a log held at one of its syncs.
#[derive(Clone)]
struct Moment {
    durable: Position,
    purged: Option<TermIndex>,
    entries: Vec<(TermIndex, Bytes)>,
}

impl Moment {
    fn of(log: &Log) -> Self {
        Self { durable: log.reader().durable(), purged: log.state().purged, entries: contents(log) }
    }
}

/// One step of a life that appends, truncates, purges and so begins and drops chunks; synced at its end.
fn step(log: &mut Log, number: u64) {
    let state = log.state();
    let last = state.last.map_or(0, |id| id.index);
    let committed = state.committed.map_or(0, |id| id.index);
    let term = number / 7 + 1;
    match number % 9 {
        // What is not committed goes, in part.
        3 if last > committed + 2 => {
            log.truncate(Some(log.reader().log_id(last - 2).unwrap())).unwrap();
        }
        6 if last > 25 => {
            log.commit(log.reader().log_id(last - 4).unwrap()).unwrap();
            log.purge(log.reader().log_id(last - 20).unwrap()).unwrap();
        }
        _ => log.append(entries(term, last + 1..last + 2 + number % 8)).unwrap(),
    }
    log.sync().unwrap();
}

fn assert_verified(directory: &Path) {
    let report = verify(directory).unwrap();
    assert_eq!(report.verdict, Verdict::Clean, "{report:#?}");
}

fn open_at(directory: &Path) -> Log {
    Log::open(Config { directory: directory.to_owned(), must_exist: true, ..small() }).unwrap()
}

#[test]
fn a_checkpoint_under_full_load_is_the_log_as_it_was_durable_100_times_in_a_row() {
    let place = tempfile::tempdir().unwrap();
    let config = Config { directory: place.path().join("log"), ..small() };
    let mut log = Log::open(config).unwrap();
    (0..40).for_each(|number| step(&mut log, number));
    let reader = log.reader();
    let moments = Arc::new(Mutex::new(vec![Moment::of(&log)]));
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = {
        let (moments, is_over) = (moments.clone(), is_over.clone());
        std::thread::spawn(move || {
            let mut number = 40;
            while !is_over.load(Ordering::Relaxed) {
                step(&mut log, number);
                moments.lock().unwrap().push(Moment::of(&log));
                number += 1;
            }
            (log, number)
        })
    };
    let (mut linked, mut moved) = (0, 0);
    for round in 0..100 {
        let backup = place.path().join(format!("backup-{round}"));
        let before = moments.lock().unwrap().last().unwrap().durable;
        let report = reader.checkpoint(&backup).unwrap();
        linked += report.linked_chunks;
        moved += u64::from(moments.lock().unwrap().last().unwrap().durable > before);

        let (chunk, end) = report.end.unwrap();
        let at = Position::new(chunk.offset() + end);
        assert!(at >= before, "round {round}: what was durable before is in it");
        assert_verified(&backup);
        let restored = open_at(&backup);
        assert_eq!(restored.report().end, report.end, "round {round}");
        assert_eq!(restored.report().warnings, []);
        // The writer notes a moment after its sync, so it may be on its way.
        let moment = loop {
            let known = moments.lock().unwrap().iter().rfind(|moment| moment.durable == at).cloned();
            if let Some(known) = known {
                break known;
            }
            assert!(!writer.is_finished(), "round {round}: nobody synced up to {at:?}");
            std::thread::yield_now();
        };
        assert_eq!(restored.state().purged, moment.purged, "round {round}");
        assert!(contents(&restored) == moment.entries, "round {round}: entries");
        drop(restored);
        std::fs::remove_dir_all(&backup).unwrap();
        moments.lock().unwrap().retain(|moment| moment.durable >= before);
    }
    is_over.store(true, Ordering::Relaxed);
    let (log, number) = writer.join().unwrap();
    println!("{number} steps, {linked} chunks linked, {} chunks made", log.stats().wal.chunks_fresh);
    assert!(moved > 50, "the writer went on during {moved} of 100 checkpoints");
    assert!(linked > 100 && log.stats().purged_entries > 100 && log.stats().truncated_entries > 10);
    drop(log);
    assert_verified(&place.path().join("log"));
}

/// The files of a checkpoint by name.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    let mut files: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn what_the_log_does_afterwards_does_not_reach_a_checkpoint() {
    for takes_checkpoint in [true, false] {
        let place = tempfile::tempdir().unwrap();
        let mut config = Config { directory: place.path().join("log"), ..small() };
        // Chunks that are worth reusing.
        config.chunk.max_size = 4096;
        config.chunk.max_records = 1000;
        let mut log = Log::open(config).unwrap();
        log.append(entries(1, 0..200)).unwrap();
        log.sync().unwrap();
        let backup = place.path().join("backup");
        let mut before = Vec::new();
        if takes_checkpoint {
            let report = log.checkpoint(&backup).unwrap();
            assert!(report.linked_chunks >= 2 && report.copied_chunks == 1, "{report:?}");
            before = files(&backup);
        }
        log.purge(id(1, 195)).unwrap();
        log.sync().unwrap();
        log.append(entries(2, 200..250)).unwrap();
        log.sync().unwrap();
        if takes_checkpoint {
            assert_eq!(log.wal().chunks_reused(), 0, "their files are part of a backup");
            assert!(files(&backup) == before);
            log.close().unwrap();
            let restored = open_at(&backup);
            assert_eq!(contents(&restored), entries(1, 0..200));
        } else {
            assert!(log.wal().chunks_reused() > 0, "the test makes chunks that would be reused");
        }
    }
}

#[test]
fn a_restored_log_goes_its_own_way_and_the_first_one_too() {
    let place = tempfile::tempdir().unwrap();
    let (home, backup) = (place.path().join("log"), place.path().join("backup"));
    let mut log = Log::open(Config { directory: home.clone(), ..small() }).unwrap();
    log.append(entries(1, 0..35)).unwrap();
    log.sync().unwrap();
    log.checkpoint(&backup).unwrap();
    let mut restored = open_at(&backup);
    for (log, term) in [(&mut log, 2), (&mut restored, 3)] {
        log.truncate(Some(id(1, 30))).unwrap();
        log.append(entries(term, 31..55)).unwrap();
        log.purge(id(1, 22)).unwrap();
        log.sync().unwrap();
        log.append(entries(term, 55..60)).unwrap();
        log.close().unwrap();
    }
    drop((log, restored));
    for (directory, term) in [(home, 2), (backup, 3)] {
        assert_verified(&directory);
        let log = open_at(&directory);
        let mut wanted = entries(1, 23..31);
        wanted.extend(entries(term, 31..60));
        assert_eq!(contents(&log), wanted);
    }
}

#[test]
fn nobody_waits_for_a_checkpoint_and_what_is_purged_meanwhile_is_in_it() {
    let place = tempfile::tempdir().unwrap();
    let watched = WatchedStorage::new(MemoryStorage::new());
    let mut log = Log::open_on(small(), Arc::new(watched.clone()) as Arc<dyn Storage>).unwrap();
    log.append(entries(1, 0..45)).unwrap();
    log.sync().unwrap();
    let (began, wait_for_it) = mpsc::channel();
    let (go_on, held_up) = mpsc::channel::<()>();
    let held_up = Mutex::new(held_up);
    watched.watch(move |call| {
        if matches!(call, Call::Read(_)) && std::thread::current().name() == Some("backup") {
            let _ = began.send(());
            // Each of its reads, until the writer is through.
            let _ = held_up.lock().unwrap().recv();
        }
    });
    let (reader, directory) = (log.reader(), place.path().join("backup"));
    let backup = {
        let directory = directory.clone();
        let thread = std::thread::Builder::new().name("backup".to_owned());
        thread.spawn(move || reader.checkpoint(directory).unwrap()).unwrap()
    };
    wait_for_it.recv().unwrap();
    log.purge(id(1, 44)).unwrap();
    log.sync().unwrap();
    log.append(entries(2, 45..70)).unwrap();
    log.sync().unwrap();
    assert_eq!(log.stats().wal.chunks, 4, "the chunks of the first entries are gone");
    drop(go_on);
    let report = backup.join().unwrap();
    assert_eq!((report.linked_chunks, report.copied_chunks), (0, 5), "memory has no links");
    assert_verified(&directory);
    assert_eq!(contents(&open_at(&directory)), entries(1, 0..45));
}

#[test]
fn an_unfinished_checkpoint_is_not_taken_for_a_log() {
    let place = tempfile::tempdir().unwrap();
    let memory = MemoryStorage::new();
    let log = lived(&memory, &small());
    let mut unfinished = 0;
    for pass in 0.. {
        let directory = place.path().join(format!("backup-{pass}"));
        memory.fail_after(pass, Operation::Read, 5, 1);
        let made = log.checkpoint(&directory);
        memory.clear_failures();
        match made {
            Ok(_) => {
                assert_eq!(contents(&open_at(&directory)), contents(&log));
                break;
            }
            Err(error) => assert!(matches!(error, CheckpointError::Chunk { .. }), "{error:?}"),
        }
        let refused = Log::open(directory.as_path()).unwrap_err();
        let OpenError::Recovery(RecoveryError::MissingData { .. }) = refused else { panic!("{refused:?}") };
        unfinished += 1;
    }
    assert!(unfinished >= 5, "{unfinished}");
}

#[test]
fn a_loss_of_power_leaves_the_whole_checkpoint_or_none() {
    let log = lived(&MemoryStorage::new(), &small());
    let (wanted, state) = (contents(&log), log.state());
    let disk = SimulatedDisk::new(5);
    let tried = Arc::new(Mutex::new((0, 0, 0)));
    let look = {
        let (tried, wanted, state) = (tried.clone(), wanted.clone(), state.clone());
        move |loss: PowerLoss<'_>| {
            loss.outcomes(64, &mut Random::new(1), &mut |outcome| {
                let image = outcome.image();
                let names = image.files();
                let mut tried = tried.lock().unwrap();
                tried.0 += 1;
                let storage: Arc<dyn Storage> = Arc::new(SimulatedDisk::holding(image, 6));
                match Log::open_on(small(), storage) {
                    // Nothing at all is there yet: the directory is as empty as it was given.
                    Ok(log) if log.report().chunks == 0 => {
                        assert!(names.keys().all(|name| name.ends_with(".tmp")), "{:?}", names.keys());
                    }
                    Ok(log) => {
                        assert!(contents(&log) == wanted && log.state() == state);
                        tried.1 += 1;
                    }
                    Err(OpenError::Recovery(RecoveryError::MissingData { .. })) => tried.2 += 1,
                    Err(other) => panic!("{other:?}"),
                }
            });
        }
    };
    let look = Arc::new(look);
    disk.watch(Some(look.clone()));
    log.reader().checkpoint_on(&disk).unwrap();
    disk.watch(None);
    let (states, whole, refused) = *tried.lock().unwrap();
    println!("{states} states, {whole} whole, {refused} refused");
    assert!(states > 200 && whole > 0 && refused > 100, "{states} states, {whole} whole, {refused} refused");

    // Now that it returned, all of it is there, whatever the disk had not been asked for.
    disk.if_power_goes(|loss| look(loss));
    let after = *tried.lock().unwrap();
    assert_eq!((after.1 - whole, after.2), (after.0 - states, refused), "each state afterwards is whole");
    assert!(after.0 > states);
}

#[test]
fn a_directory_that_is_not_empty_is_refused_and_not_touched() {
    let place = tempfile::tempdir().unwrap();
    let log = lived(&MemoryStorage::new(), &small());
    let directory = place.path().join("backup");
    log.checkpoint(&directory).unwrap();
    let before = files(&directory);
    let refused = log.checkpoint(&directory).unwrap_err();
    assert!(matches!(refused, CheckpointError::NotEmpty { .. }), "{refused:?}");
    assert!(files(&directory) == before);
    let refused = log.checkpoint(place.path().join("no/such")).unwrap_err();
    assert!(matches!(refused, CheckpointError::Directory { .. }), "{refused:?}");
    std::fs::write(place.path().join("file"), b"").unwrap();
    log.checkpoint(place.path().join("file")).unwrap_err();
}

#[test]
fn only_what_is_durable_is_in_a_checkpoint() {
    let place = tempfile::tempdir().unwrap();
    let memory = MemoryStorage::new();
    let mut log = open(&memory, &small()).unwrap();
    let report = log.checkpoint(place.path().join("empty")).unwrap();
    assert_eq!((report.end, report.copied_chunks), (None, 0));
    let empty = place.path().join("empty");
    let refused = Log::open(Config { directory: empty.clone(), must_exist: true, ..small() }).unwrap_err();
    assert!(matches!(refused, OpenError::NoLog { .. }), "nothing was durable: {refused:?}");
    assert_eq!(contents(&Log::open(&empty).unwrap()), []);

    log.append(entries(1, 0..12)).unwrap();
    let report = log.checkpoint(place.path().join("unsynced")).unwrap();
    assert_eq!(report.end, None, "two chunks are begun, and nothing is durable");
    log.sync().unwrap();
    log.append(entries(1, 12..40)).unwrap();
    log.checkpoint(place.path().join("synced")).unwrap();
    assert_eq!(contents(&open_at(&place.path().join("synced"))), entries(1, 0..12));

    // A poisoned log is no reason to go without a backup of what was durable.
    memory.fail_next(Operation::Sync, 5, 1);
    log.sync().unwrap_err();
    log.checkpoint(place.path().join("poisoned")).unwrap();
    assert_eq!(contents(&open_at(&place.path().join("poisoned"))), entries(1, 0..12));

    // Nor is a closed one; and it need not have been written to since it was opened.
    let mut log = open(&killed(&memory), &small()).unwrap();
    log.checkpoint(place.path().join("opened")).unwrap();
    let durable = contents(&log);
    assert!(durable.len() >= 12);
    assert_eq!(contents(&open_at(&place.path().join("opened"))), durable);
    log.close().unwrap();
    log.checkpoint(place.path().join("closed")).unwrap();
    assert_eq!(contents(&open_at(&place.path().join("closed"))), durable);
}
