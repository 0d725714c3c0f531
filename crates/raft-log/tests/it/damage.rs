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
    log.append(entries(1, 0..11)).unwrap();
    log.sync().unwrap();
    earlier.push(storage.snapshot());
    log.truncate(Some(id(1, 8))).unwrap();
    log.save_vote(raft_log::PlainVote::new(2, 8)).unwrap();
    log.append(entries(2, 9..17)).unwrap();
    log.sync().unwrap();
    earlier.push(storage.snapshot());
    log.commit(id(2, 12)).unwrap();
    log.purge(id(1, 6)).unwrap();
    log.save_user_data(Some(bytes::Bytes::from_static(b"mine"))).unwrap();
    log.append(entries(2, 17..18)).unwrap();
    log.sync().unwrap();
    earlier.push(storage.snapshot());
    let last_group = log.wal().end().offset;
    let durable_before = storage.file_bytes("DURABLE").unwrap();
    log.append(entries(2, 18..19)).unwrap();
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
    assert!(counts.reported > 5_000 && counts.harmless > 1_000, "{counts:?}");
}

#[test]
fn no_bit_flips_in_silence_after_a_kill() {
    let (counts, silent) = flip_every_bit(&live().killed);
    println!("single bit flips after a kill: {counts:?}");
    assert_eq!(silent, []);
    assert!(counts.reported > 5_000 && counts.harmless > 1_000, "{counts:?}");
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

/// The zeros ahead of the frames that the other directories were cut to.
#[test]
fn bits_in_the_laid_space_do_no_harm() {
    let mut directory = live().killed;
    let laid = directory.files.last_entry_chunk();
    let from = laid.len() - LAID_BYTES_KEPT;
    laid.resize(from + 64 * 1024, 0);
    let name = directory.newest().to_owned();
    let mut files = directory.files.clone();
    for at in (from..from + 64 * 1024).step_by(509) {
        for bit in 0..8 {
            files.get_mut(&name).unwrap()[at] ^= 1 << bit;
            let outcome = directory.judge(&files, &Victim::bytes(&name, at..at + 1));
            assert_eq!(outcome, Outcome::Harmless, "bit {bit} of byte {at}");
            files.get_mut(&name).unwrap()[at] ^= 1 << bit;
        }
    }
}

/// Damages both directories in many ways, each given with its victim; gives the counts and the silent ones.
fn damage_all(
    what: &str,
    directories: &[&Directory],
    damages: impl Fn(&Directory) -> Vec<(String, Victim, Files)>,
) {
    for directory in directories {
        let mut counts = Counts::default();
        let mut silent = Vec::new();
        for (name, victim, files) in damages(directory) {
            let outcome = directory.judge(&files, &victim);
            counts.add(outcome);
            if outcome == Outcome::Silent {
                silent.push(name);
            }
        }
        println!("{what}: {counts:?}");
        assert!(counts.cases > 0 && counts.reported + counts.harmless == counts.cases, "{silent:?}");
    }
}

fn with(directory: &Directory, name: &str, edit: impl FnOnce(&mut Vec<u8>)) -> Files {
    let mut files = directory.files.clone();
    edit(files.get_mut(name).unwrap());
    files
}

#[test]
fn no_file_is_cut_short_in_silence() {
    let life = live();
    damage_all("files cut short", &[&life.closed, &life.killed], |directory| {
        let mut damages = Vec::new();
        for (name, bytes) in &directory.files {
            let step = if name == "DURABLE" { 31 } else { 1 };
            for length in (0..bytes.len()).step_by(step) {
                let files = with(directory, name, |bytes| bytes.truncate(length));
                damages.push((format!("{name} at {length}"), Victim::whole(name), files));
            }
        }
        damages
    });
}

const SECTOR: usize = 512;

#[test]
fn no_sector_is_zeroed_in_silence() {
    let life = live();
    damage_all("sectors zeroed", &[&life.closed, &life.killed], |directory| {
        let mut damages = Vec::new();
        for (name, bytes) in &directory.files {
            for from in (0..bytes.len()).step_by(SECTOR) {
                let to = bytes.len().min(from + SECTOR);
                for fill in [0, 0xff, b'x'] {
                    let files = with(directory, name, |bytes| bytes[from..to].fill(fill));
                    damages.push((format!("{name} {from}"), Victim::bytes(name, from..to), files));
                }
            }
        }
        damages
    });
}

/// Also a loss of what the sector held: two sectors of a file change places, or one stands twice.
#[test]
fn no_sectors_are_swapped_in_silence() {
    let life = live();
    damage_all("sectors swapped or doubled", &[&life.closed, &life.killed], |directory| {
        let mut damages = Vec::new();
        for (name, bytes) in &directory.files {
            // The chunks are small, so smaller pieces of them change places as well.
            let size = if name == "DURABLE" { SECTOR } else { 64 };
            let sectors = bytes.len() / size;
            for one in 0..sectors {
                for other in (0..sectors).filter(|other| *other != one) {
                    let (from, to) = (one * size, other * size);
                    let victim = Victim::whole(name);
                    let doubled = with(directory, name, |file| file.copy_within(from..from + size, to));
                    damages.push((format!("{name} {one} over {other}"), victim.clone(), doubled));
                    if one < other {
                        let swapped = with(directory, name, |file| {
                            let (head, tail) = file.split_at_mut(to);
                            head[from..from + size].swap_with_slice(&mut tail[..size]);
                        });
                        damages.push((format!("{name} {one} and {other}"), victim, swapped));
                    }
                }
            }
        }
        damages
    });
}

#[test]
fn no_file_goes_missing_in_silence() {
    let life = live();
    damage_all("files deleted, one or several", &[&life.closed, &life.killed], |directory| {
        let mut damages = Vec::new();
        let names: Vec<&String> = directory.files.keys().collect();
        for chosen in 1..1_u32 << names.len() {
            let gone: Vec<&str> =
                (0..names.len()).filter(|at| chosen >> at & 1 == 1).map(|at| names[at].as_str()).collect();
            // Without `DURABLE` nothing is left that knows of the newest chunk: two files at once are above what can
            // be told. `what_two_missing_files_can_hide` counts these.
            if gone.contains(&"DURABLE") && gone.contains(&directory.newest()) {
                continue;
            }
            let mut files = directory.files.clone();
            files.retain(|name, _| !gone.contains(&name.as_str()));
            let mut chunks = gone.iter().filter(|name| name.starts_with("r-"));
            let victim = Victim::whole(chunks.next_back().unwrap_or(&gone[0]));
            damages.push((format!("{gone:?}"), victim, files));
        }
        damages
    });
}

/// Undetectable by its nature: where `DURABLE` and the newest chunks are gone, what is left is an older log, as it
/// really was once; and an empty directory is that of a log that never was.
#[test]
fn what_two_missing_files_can_hide() {
    let directory = live().closed;
    let chunks: Vec<String> = directory.chunks().into_iter().map(str::to_owned).collect();
    let mut silent = 0;
    let mut reported = 0;
    for kept in 0..chunks.len() {
        let mut files = directory.files.clone();
        files.remove("DURABLE");
        chunks[kept..].iter().for_each(|name| drop(files.remove(name)));
        match directory.judge(&files, &Victim::whole(&chunks[kept])) {
            Outcome::Silent => silent += 1,
            Outcome::Reported => reported += 1,
            Outcome::Harmless => panic!("with {kept} chunks nothing can be as it was"),
        }
    }
    println!("DURABLE and the newest chunks deleted: {silent} silent, {reported} reported");
    assert!(silent > 0 && silent + reported == chunks.len());
}

#[test]
fn no_chunk_is_copied_or_renamed_in_silence() {
    let life = live();
    damage_all("chunks under another name", &[&life.closed, &life.killed], |directory| {
        let mut damages = Vec::new();
        let chunks = directory.chunks();
        let ids: Vec<u64> = chunks.iter().map(|name| chunk_id(name)).collect();
        let mut targets = vec![0, ids[0] - 8, ids[0] + 8, ids[ids.len() - 1] + 8, ids[ids.len() - 1] + 4096];
        targets.extend(ids.windows(2).map(|pair| (pair[0] + pair[1]) / 16 * 8));
        targets.extend(&ids);
        targets.push(u64::MAX);
        for name in &chunks {
            for target in targets.iter().map(|id| raft_log::ChunkId::new(*id).file_name()) {
                if target == **name {
                    continue;
                }
                let mut copied = directory.files.clone();
                copied.insert(target.clone(), directory.files[*name].clone());
                let mut renamed = copied.clone();
                renamed.remove(*name);
                let victim = || Victim { other: Some(target.clone()), ..Victim::whole(name) };
                damages.push((format!("{name} copied to {target}"), victim(), copied));
                damages.push((format!("{name} renamed to {target}"), victim(), renamed));
            }
        }
        damages
    });
}

fn chunk_id(name: &str) -> u64 {
    raft_log::ChunkId::from_file_name(name).unwrap().unwrap().offset()
}

#[test]
fn no_file_is_rolled_back_in_silence() {
    let life = live();
    damage_all("files of an earlier time", &[&life.closed, &life.killed], |directory| {
        let mut damages = Vec::new();
        for (moment, earlier) in life.earlier.iter().enumerate() {
            for (name, bytes) in earlier {
                if directory.files.get(name) != Some(bytes) {
                    // A chunk that was purged since comes back, too.
                    let mut files = directory.files.clone();
                    files.insert(name.clone(), bytes.clone());
                    damages.push((format!("{name} of moment {moment}"), Victim::whole(name), files));
                }
            }
            // All chunks at once, and `DURABLE` as it is.
            let mut files = earlier.clone();
            files.insert("DURABLE".to_owned(), directory.files["DURABLE"].clone());
            let newest = directory.newest();
            damages.push((format!("all chunks of moment {moment}"), Victim::whole(newest), files));
        }
        damages
    });
}

#[test]
fn nothing_that_is_appended_to_a_file_matters() {
    let life = live();
    damage_all("zeros and junk appended", &[&life.closed, &life.killed], |directory| {
        let mut damages = Vec::new();
        for (name, bytes) in &directory.files {
            for count in [1, 7, 8, 24, 511, 512, 4096, 70_000] {
                let junk = (0..count).map(|at| (at as u32).wrapping_mul(0x9e37_79b9).to_le_bytes()[3]);
                let whole_again = bytes.iter().copied().cycle().take(count);
                for (what, tail) in [
                    ("zeros", vec![0; count]),
                    ("ones", vec![0xff; count]),
                    ("junk", junk.collect()),
                    ("its own bytes", whole_again.collect()),
                ] {
                    let files = with(directory, name, |file| file.extend(tail));
                    damages.push((format!("{count} of {what} behind {name}"), Victim::whole(name), files));
                }
            }
        }
        damages
    });
}

#[test]
fn a_full_check_finds_at_opening_what_is_otherwise_found_in_reading() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &flat()).unwrap();
    log.append(entries(1, 1..11)).unwrap();
    log.close().unwrap();
    drop(log);
    let mut log = open(&storage, &flat()).unwrap();
    log.append(entries(1, 11..12)).unwrap();
    log.close().unwrap();
    drop(log);

    let name = storage.snapshot().into_keys().find(|name| name.ends_with(".wal")).unwrap();
    let mut bytes = storage.file_bytes(&name).unwrap();
    let payload = bytes.windows(7).position(|window| window == b"of 5 xx").map(|at| at + 1);
    bytes[payload.expect("the payload of an entry stands in the file")] ^= 1;
    storage.put_file(&name, bytes);

    let log = open(&storage, &flat()).unwrap();
    assert_eq!((log.report().scanned_chunks, log.report().damaged.len()), (0, 0), "footers are believed");
    let reader = log.reader();
    assert!(reader.entry(5).is_err() && reader.entry(4).is_ok() && reader.entry(6).is_ok());
    drop(log);
    let log = open(&storage, &raft_log::Config { full_check: true, ..flat() }).unwrap();
    assert_eq!(log.report().damaged.len(), 1, "{:?}", log.report());
    assert_eq!(log.report().damaged[0].index, Some(5));
    assert!(log.report().scanned_chunks >= 1);
}
