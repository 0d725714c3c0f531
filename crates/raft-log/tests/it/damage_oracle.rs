//! What becomes of a damaged directory: it is opened, all of it is read, and the outcome is held against what the
//! directory is known to hold.
//!
//! How the damage is done is in `damage`.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use raft_log::{
    ChunkId, MissingKind, OpenError, PlainTypes, RaftLogState, ReadError, RecoveryError, TermIndex,
};
use raft_log_testkit::MemoryStorage;

use crate::support::*;

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A directory and the log that was acknowledged in it.
pub(crate) struct Directory {
    pub(crate) files: Files,
    state: RaftLogState<PlainTypes>,
    entries: BTreeMap<u64, (TermIndex, Bytes)>,
    /// Where the newest chunk's last group begins.
    pub(crate) last_group: u64,
}

/// What became of one damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A typed error at opening or at reading names the place; where it is an entry, its neighbours are read.
    Reported,
    /// State and all entries are as they were.
    Harmless,
    /// Another log than was acknowledged, and nobody says so.
    Silent,
}

/// Counts of outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) cases: u64,
    pub(crate) reported: u64,
    pub(crate) harmless: u64,
    pub(crate) silent: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.cases += 1;
        match outcome {
            Outcome::Reported => self.reported += 1,
            Outcome::Harmless => self.harmless += 1,
            Outcome::Silent => self.silent += 1,
        }
    }
}

/// Where the damage was done: the file, and the bytes if it is not the whole file.
#[derive(Debug, Clone)]
pub(crate) struct Victim {
    pub(crate) file: String,
    pub(crate) bytes: Option<Range<u64>>,
    /// Another file that the damage concerns.
    pub(crate) other: Option<String>,
}

impl Victim {
    pub(crate) fn whole(file: &str) -> Self {
        Self { file: file.to_owned(), bytes: None, other: None }
    }

    pub(crate) fn bytes(file: &str, bytes: Range<usize>) -> Self {
        Self { file: file.to_owned(), bytes: Some(bytes.start as u64..bytes.end as u64), other: None }
    }
}

impl Directory {
    /// The files of `storage`, which hold what `log` holds.
    pub(crate) fn of(log: &Log, files: Files, last_group: u64) -> Self {
        let entries = contents(log).into_iter().map(|(id, payload)| (id.index, (id, payload))).collect();
        Self { files, state: log.state(), entries, last_group }
    }

    /// The names of the chunks, oldest first.
    pub(crate) fn chunks(&self) -> Vec<&str> {
        self.files.keys().map(String::as_str).filter(|name| name.starts_with("r-")).collect()
    }

    pub(crate) fn newest(&self) -> &str {
        self.chunks().last().copied().unwrap()
    }

    /// Opens the damaged files, reads everything, and says what became of it.
    ///
    /// # Panics
    /// When an open changes a chunk, a failed one changes anything, or an error names another place than the damaged.
    pub(crate) fn judge(&self, damaged: &Files, victim: &Victim) -> Outcome {
        let storage = MemoryStorage::from_snapshot(damaged.clone());
        match open(&storage, &flat()) {
            Err(error) => {
                let mut after = storage.snapshot();
                if !damaged.contains_key("LOCK") {
                    assert_eq!(
                        after.remove("LOCK"),
                        Some(Vec::new()),
                        "the lock leaves nothing but its file"
                    );
                }
                assert!(after == *damaged, "a failed open changed {victim:?}");
                assert_names(&error, victim);
                Outcome::Reported
            }
            Ok(log) => {
                let outcome = self.compare(&log, victim);
                drop(log);
                for (name, bytes) in storage.snapshot() {
                    let is_kept = !name.starts_with("r-") || damaged.get(&name) == Some(&bytes);
                    assert!(is_kept, "opening changed {name}, with {victim:?}");
                }
                outcome
            }
        }
    }

    fn compare(&self, log: &Log, victim: &Victim) -> Outcome {
        let wanted = self.entries.keys().next().copied().unwrap()..self.entries.len() as u64;
        let wanted = wanted.start..wanted.start + wanted.end;
        if log.state() != self.state || log.reader().indexes() != wanted {
            return Outcome::Silent;
        }
        let is_right = |entry: &(TermIndex, Bytes)| self.entries.get(&entry.0.index) == Some(entry);
        match log.read(wanted.clone()) {
            Ok(entries) if entries.len() == self.entries.len() && entries.iter().all(is_right) => {
                return Outcome::Harmless;
            }
            Ok(_) => return Outcome::Silent,
            Err(error) => assert_damaged(&error, victim),
        }
        // One by one: the neighbours of what is damaged can be read.
        let mut unreadable = 0;
        for index in wanted {
            match log.read(index..index + 1) {
                Ok(entries) if entries.len() == 1 && entries.iter().all(is_right) => {}
                Ok(_) => return Outcome::Silent,
                Err(error) => {
                    assert_damaged(&error, victim);
                    let ReadError::Damaged { index: named, .. } = error else { unreachable!() };
                    assert_eq!(named, index);
                    unreadable += 1;
                }
            }
        }
        let damaged_bytes = victim.bytes.as_ref().map_or(u64::MAX, |bytes| bytes.end - bytes.start);
        // The smallest frame of an entry takes 32 bytes.
        let unreadable_max = damaged_bytes.div_ceil(32).saturating_add(1);
        assert!(
            unreadable > 0 && unreadable <= unreadable_max,
            "{unreadable} entries are lost to {victim:?}"
        );
        if damaged_bytes == 1 {
            assert_eq!(unreadable, 1, "one flipped bit, {victim:?}");
        }
        Outcome::Reported
    }
}

/// The error names the damaged chunk, and an offset from which the damage is in reach.
fn assert_names(error: &OpenError, victim: &Victim) {
    let OpenError::Recovery(error) = error else { panic!("{error:?} for {victim:?}") };
    let message = error.to_string();
    match error {
        RecoveryError::Corrupt { chunk, offset, .. } => {
            assert_place(*chunk, *offset, victim, &message);
        }
        // What is not there cannot be named, its neighbours can.
        RecoveryError::MissingData(MissingKind::BrokenChain { .. } | MissingKind::OlderChunk { .. }) => {}
        RecoveryError::MissingData(_) => {
            let is_named = |file: &String| message.contains(file.trim_end_matches(".wal"));
            let is_named = is_named(&victim.file) || victim.other.as_ref().is_some_and(is_named);
            assert!(is_named, "{message} for {victim:?}");
        }
        RecoveryError::InvalidChunkFileName(error) => {
            assert_eq!(Some(&error.name), victim.other.as_ref(), "{message} for {victim:?}");
        }
        _ => panic!("{error:?} for {victim:?}"),
    }
}

fn assert_damaged(error: &ReadError, victim: &Victim) {
    let ReadError::Damaged { chunk, offset, .. } = error else { panic!("{error:?} for {victim:?}") };
    assert_place(*chunk, *offset, victim, &error.to_string());
}

fn assert_place(chunk: ChunkId, offset: u64, victim: &Victim, message: &str) {
    let file = chunk.file_name();
    assert!(file == victim.file || Some(&file) == victim.other.as_ref(), "{message} for {victim:?}");
    if let Some(bytes) = &victim.bytes {
        // No frame in these directories is larger than 256 bytes.
        let is_near = offset < bytes.end && bytes.start < offset + 256;
        assert!(is_near, "{message}, and the damage is at {bytes:?} of {}", victim.file);
    }
}

/// As `small`, with as little space laid ahead as can be. What recovery does is left at its defaults.
pub(crate) fn flat() -> raft_log::Config {
    let mut config = small();
    config.chunk.max_records = 6;
    config.chunk.space_step = 0;
    config.read_buffer_size = 4096;
    config
}
