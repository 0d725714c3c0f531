//! Damage to a directory that holds an acknowledged log: it is reported or does no harm, and never passes for the end
//! of the log.
//!
//! What counts as reported, harmless and silent is in `damage_oracle`.

use raft_log::RaftLogWriter;
use raft_log_testkit::MemoryStorage;

use crate::damage_oracle::*;
use crate::support::*;

/// Zeros that were laid ahead of the newest chunk's frames and are kept in these directories. A chunk has 64 KiB and
/// more of them, which all play the same part; `bits_in_the_laid_space_do_no_harm` looks into the rest.
const LAID_BYTES_KEPT: usize = 64;

/// A log that voted, truncated, committed, purged and stored data over five chunks, and then synced one more group;
/// and how it was left.
struct Life {
    closed: Directory,
    killed: Directory,
    /// After a loss of power that took the last write of `DURABLE`.
    powerless: Directory,
    /// The files at earlier moments of the same life.
    earlier: Vec<Files>,
}

fn live() -> Life {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &flat()).unwrap();
    let mut earlier = Vec::new();
    log.save_vote(raft_log::PlainVote::new(1, 7)).unwrap();
    log.append(entries(1, 0..25)).unwrap();
    log.sync().unwrap();
    earlier.push(storage.snapshot());
    log.truncate(Some(id(1, 19))).unwrap();
    log.save_vote(raft_log::PlainVote::new(2, 8)).unwrap();
    log.append(entries(2, 20..41)).unwrap();
    log.sync().unwrap();
    earlier.push(storage.snapshot());
    log.commit(id(2, 30)).unwrap();
    log.purge(id(1, 12)).unwrap();
    log.save_user_data(Some(bytes::Bytes::from_static(b"mine"))).unwrap();
    log.append(entries(2, 41..44)).unwrap();
    log.sync().unwrap();
    earlier.push(storage.snapshot());
    let last_group = log.wal().end().offset;
    let durable_before = storage.file_bytes("DURABLE").unwrap();
    log.append(entries(2, 44..47)).unwrap();
    log.sync().unwrap();

    let mut files = storage.snapshot();
    let end = usize::try_from(log.wal().end().offset).unwrap();
    files.last_entry_chunk().truncate(end + LAID_BYTES_KEPT);
    let killed = Directory::of(&log, files.clone(), last_group);
    assert!(killed.chunks().len() >= 3, "{:?}", killed.chunks());
    assert_ne!(files.insert("DURABLE".to_owned(), durable_before.clone()), Some(durable_before));
    let powerless = Directory::of(&log, files, last_group);

    log.close().unwrap();
    let mut files = storage.snapshot();
    let newest = files.last_entry_chunk();
    let end = newest.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    newest.truncate(end + LAID_BYTES_KEPT);
    let closed = Directory::of(&log, files, last_group);
    Life { closed, killed, powerless, earlier }
}

trait NewestChunk {
    fn last_entry_chunk(&mut self) -> &mut Vec<u8>;
}

impl NewestChunk for Files {
    fn last_entry_chunk(&mut self) -> &mut Vec<u8> {
        self.iter_mut().rfind(|(name, _)| name.starts_with("r-")).unwrap().1
    }
}

/// Flips every bit of every file, one at a time; gives the counts, and where the silent ones were.
fn flip_every_bit(directory: &Directory) -> (Counts, Vec<(String, u64)>) {
    let mut counts = Counts::default();
    let mut silent = Vec::new();
    let mut files = directory.files.clone();
    for (name, bytes) in &directory.files {
        for at in 0..bytes.len() {
            for bit in 0..8 {
                files.get_mut(name).unwrap()[at] ^= 1 << bit;
                let outcome = directory.judge(&files, &Victim::bytes(name, at..at + 1));
                files.get_mut(name).unwrap()[at] ^= 1 << bit;
                counts.add(outcome);
                if outcome == Outcome::Silent {
                    silent.push((name.clone(), at as u64));
                }
            }
        }
    }
    assert!(files == directory.files);
    (counts, silent)
}

#[test]
fn no_bit_flips_in_silence_after_a_clean_close() {
    let (counts, silent) = flip_every_bit(&live().closed);
    println!("single bit flips after a clean close: {counts:?}");
    assert_eq!(silent, []);
    assert!(counts.reported > 10_000 && counts.harmless > 1_000, "{counts:?}");
}

#[test]
fn no_bit_flips_in_silence_after_a_kill() {
    let (counts, silent) = flip_every_bit(&live().killed);
    println!("single bit flips after a kill: {counts:?}");
    assert_eq!(silent, []);
    assert!(counts.reported > 10_000 && counts.harmless > 1_000, "{counts:?}");
}

/// What cannot be told apart: nothing that was synced later vouches for the last group, so damage to it looks like a
/// write that the power cut short.
#[test]
fn after_a_loss_of_power_only_the_last_group_can_go_in_silence() {
    let directory = live().powerless;
    let (counts, silent) = flip_every_bit(&directory);
    println!("single bit flips with DURABLE one sync behind: {counts:?}");
    assert!(counts.silent > 0, "otherwise this directory is not the one it should be");
    for (file, at) in silent {
        assert_eq!(file, directory.newest());
        assert!(at >= directory.last_group, "{at} in {file}");
    }
}
