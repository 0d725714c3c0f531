//! Damage anywhere: nothing panics, everything else is listed, and the exit code tells what `open` does.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;

use raft_log::{OpenError, RaftLog};
use raft_log_dump::cli::Outcome;
use raft_log_dump::{Item, OpenAnswer, ask_open};
use raft_log_testkit::MemoryStorage;

use crate::support::*;

/// Flips a bit in every byte of every file, and looks each time.
fn flip_every_byte(good: &Files) {
    let directory = directory(good);
    let whole: BTreeSet<(u64, u64)> = good_records(&items(directory.path())).into_iter().collect();
    let newest = newest(good);
    let end = whole.last().map_or(0, |(_, offset)| *offset + 64);
    let mut faults = 0;
    for (name, bytes) in good {
        let chunk = bytes_of_chunk(name);
        for at in 0..bytes.len() {
            // What may be a write in flight is waited for, each time: so not everywhere.
            if *name == newest && at as u64 > end && !at.is_multiple_of(16) {
                continue;
            }
            // Its two slots are 4 KiB apart, and nothing stands between them.
            if name == "DURABLE" && at % 4096 >= 64 && !at.is_multiple_of(256) {
                continue;
            }
            let mut bad = bytes.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(directory.path().join(name), &bad).unwrap();
            let items = items(directory.path());
            let found: BTreeSet<(u64, u64)> = good_records(&items).into_iter().collect();
            let missing: Vec<&(u64, u64)> = whole.difference(&found).collect();
            let extra: Vec<&(u64, u64)> = found.difference(&whole).collect();
            assert!(missing.len() <= 1, "{name} at {at}: {missing:?} are not listed");
            assert_eq!(extra, Vec::<&(u64, u64)>::new(), "{name} at {at}");
            if let Some((of, offset)) = missing.first() {
                assert_eq!(Some(*of), chunk, "{name} at {at}");
                assert!(*offset <= at as u64, "{name} at {at}: the record at {offset} is not listed");
                let Some(Item::End(counts)) = items.last() else { panic!("{items:?}") };
                assert!(counts.damaged > 0 || counts.is_torn, "{name} at {at}: {counts:?}");
                faults += 1;
            }
        }
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    assert!(faults > 1000, "{faults} faults");
}

fn bytes_of_chunk(name: &str) -> Option<u64> {
    raft_log_chunk::ChunkId::from_file_name(name).unwrap().map(raft_log_chunk::ChunkId::offset)
}

/// The same files with zeros behind the frames cut short, so that flipping them all takes no time.
fn without_laid_space(mut files: Files) -> Files {
    for (name, bytes) in &mut files {
        if name.ends_with(".wal") {
            let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            bytes.truncate((used + 64).min(bytes.len()));
        }
    }
    files.retain(|name, _| name != "LOCK");
    files
}

#[test]
fn a_flipped_bit_costs_one_record_of_a_closed_log_at_most() {
    flip_every_byte(&without_laid_space(closed_and_killed().0));
}

#[test]
fn a_flipped_bit_costs_one_record_of_a_killed_log_at_most() {
    flip_every_byte(&without_laid_space(closed_and_killed().1));
}

#[test]
fn the_exit_code_is_what_open_does() {
    let good = without_laid_space(closed_and_killed().1);
    let directory = directory(&good);
    let mut seen = BTreeSet::new();
    for (name, bytes) in &good {
        // A prime step meets every part of a frame; all places would take a minute.
        for at in (0..bytes.len()).step_by(37) {
            let mut bad = bytes.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(directory.path().join(name), &bad).unwrap();
            let output = dump(directory.path(), &["-q"]);
            let refused = text(&output.stderr).contains("open() would refuse");
            let files = files_of(directory.path());
            let opened = RaftLog::open(small(crate::support::directory(&files).path()));
            assert_eq!(refused, opened.is_err(), "{name} at {at}: {output:?} {opened:?}");
            let says_fault = !output.stdout.is_empty();
            match code(&output) {
                0 => assert!(!refused && !says_fault, "{name} at {at}: {output:?}"),
                1 => assert!(!refused && says_fault, "{name} at {at}: {output:?}"),
                3 => assert!(refused, "{name} at {at}: {output:?}"),
                // An error of ours can look like a newer version only where no checksum is.
                other => panic!("{name} at {at}: {other} {output:?}"),
            }
            seen.insert(code(&output));
        }
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    assert_eq!(seen, BTreeSet::from([0, 1, 3]));
}

#[test]
fn a_damaged_entry_is_told_with_its_place_what_was_found_and_the_next_record() {
    let (mut files, _) = closed_and_killed();
    let name = files.keys().find(|name| name.ends_with(".wal")).unwrap().clone();
    let bytes = files.get_mut(&name).unwrap();
    let at = bytes.windows(9).position(|window| window == b"payload 3").unwrap();
    bytes[at] ^= 1;
    let directory = directory(&files);
    let output = dump(directory.path(), &["--kind", "bad"]);
    let shown = text(&output.stdout);
    let line = shown.lines().find(|line| line.contains("DAMAGED")).unwrap();
    for part in ["chunk r-00_000_000_000_000_000_000  offset ", "append 1:3", "body checksum ", "expected "] {
        assert!(line.contains(part), "{part}: {shown}");
    }
    assert!(shown.contains("next valid record at ") && shown.contains("(append 1:4)"), "{shown}");
    assert!(shown.contains("hint: damaged at index 3"), "{shown}");
    assert_eq!(code(&output), i32::from(Outcome::PassedOver.code()), "{output:?}");
}

#[test]
fn a_cut_file_is_listed_up_to_its_cut() {
    let (good, _) = closed_and_killed();
    let name = good.keys().find(|name| name.ends_with(".wal")).unwrap().clone();
    let whole = good_records(&items(directory(&good).path()));
    let end = good.keys().find_map(|name| bytes_of_chunk(name).filter(|offset| *offset > 0)).unwrap();
    for size in (0..usize::try_from(end).unwrap()).step_by(7) {
        let mut files = good.clone();
        files.get_mut(&name).unwrap().truncate(size);
        let directory = directory(&files);
        let found = good_records(&items(directory.path()));
        let missing: Vec<_> = whole.iter().filter(|place| !found.contains(place)).collect();
        assert!(missing.iter().all(|(chunk, _)| *chunk == 0), "size {size}");
        let Some(Item::End(counts)) = items(directory.path()).pop() else { panic!() };
        assert!(counts.damaged > 0, "size {size}: {counts:?}");
    }
}

#[test]
fn any_bytes_under_our_names_give_an_answer() {
    let (good, _) = closed_and_killed();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for round in 0..300 {
        let mut files = good.clone();
        for bytes in files.values_mut() {
            match next() % 4 {
                0 => bytes.truncate(usize::try_from(next()).unwrap() % (bytes.len() + 1)),
                1 => (0..next() % 300).for_each(|_| bytes.push(next().to_le_bytes()[0])),
                2 => {
                    for _ in 0..1 + next() % 40 {
                        if let Some(at) = usize::try_from(next()).unwrap().checked_rem(bytes.len()) {
                            bytes[at] = next().to_le_bytes()[0];
                        }
                    }
                }
                _ => {
                    let size = bytes.len();
                    bytes.clear();
                    (0..size).for_each(|_| bytes.push(next().to_le_bytes()[0]));
                }
            }
        }
        if round % 3 == 0 {
            let moved = files.pop_last().unwrap().1;
            files.insert("r-18_446_744_073_709_551_615.wal".into(), moved.clone());
            files.insert("r-00_000_000_000_000_000_009.wal".into(), moved);
        }
        let directory = directory(&files);
        let ended = catch_unwind(|| items(directory.path()));
        assert!(matches!(ended.unwrap().last(), Some(Item::End(_))), "round {round}");
        if round % 10 == 0 {
            assert!([0, 1, 3, 4].contains(&code(&dump(directory.path(), &[]))), "round {round}");
        }
    }
}

#[test]
fn asking_changes_and_syncs_nothing() {
    let (_, killed) = closed_and_killed();
    let storage = MemoryStorage::from_snapshot(killed.clone());
    assert!(matches!(ask_open(&storage), OpenAnswer::Opens(_)));
    assert_eq!(storage.snapshot(), killed);
    let directory = directory(&killed);
    assert_eq!(code(&dump(directory.path(), &[])), 0);
    assert_eq!(files_of(directory.path()), killed);
}

#[test]
fn a_locked_directory_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = RaftLog::open(small(directory.path())).unwrap();
    live_a_little(&mut log);
    assert!(matches!(RaftLog::open(small(directory.path())), Err(OpenError::Locked(_))));
    let output = dump(directory.path(), &[]);
    assert_eq!(code(&output), 0, "{output:?}");
    drop(log);
}

#[test]
fn verify_finds_what_a_scan_finds_wherever_a_bit_flips() {
    let good = without_laid_space(closed_and_killed().1);
    let mut faults = 0;
    for (name, bytes) in good.iter().filter(|(name, _)| name.ends_with(".wal")) {
        for at in (0..bytes.len()).step_by(23) {
            let mut bad = good.clone();
            bad.get_mut(name).unwrap()[at] ^= 1 << (at % 8);
            let storage = std::sync::Arc::new(MemoryStorage::from_snapshot(bad));
            let mut scan =
                raft_log_dump::scan_storage(storage.clone(), raft_log_dump::ScanOptions::default()).unwrap();
            scan.by_ref().for_each(drop);
            let counts = scan.counts();
            let report = raft_log_dump::verify_storage(storage).unwrap();
            assert_eq!(
                (report.records, report.entries, report.torn.is_some()),
                (counts.records, counts.entries, counts.is_torn),
                "{name} at {at}"
            );
            let physical =
                report.faults.iter().filter(|fault| fault.fault != raft_log_dump::FaultKind::Chain).count();
            assert_eq!(physical as u64, counts.damaged, "{name} at {at}: {:?}", report.faults);
            faults += physical;
        }
    }
    assert!(faults > 30, "{faults}");
}
