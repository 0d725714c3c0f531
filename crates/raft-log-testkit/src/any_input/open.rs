//! Any bytes, taken for a directory that is opened: it makes a log or is refused, and the answer stays the same.
//!
//! What must hold: a failed open changes nothing, and no open changes a chunk; opening twice, in whatever pieces the
//! files are read, gives the same log; what is read of it is the same each time; and it can be written to, ended in any
//! way, and opened again.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use bytes::Bytes;
use raft_log::{
    Config, OpenError, PlainTypes, PlainVote, RaftLog, RaftLogState, RaftLogWriter, ReadError, Storage,
    TermIndex, WriteError,
};
use raft_log_chunk::{RecoveryError, SurveyOptions, recover};
use raft_log_codec::RawTypes;
use raft_log_state::{RaftLogSM, StateMachine};

use super::{AnyDirectory, Watch, full_text, watched};
use crate::MemoryStorage;

/// What is taken for each byte of the files, and besides: windows, the reserve of a chunk that is begun, the log itself.
const BYTES_PER_BYTE: u64 = 24;
const BYTES_BESIDES: u64 = 1 << 20;

/// How many entries are read one by one at either end of the log. A footer can say that there are billions.
const ENTRIES_MAX: u64 = 24;

/// The numbers that the directory draws, so that the same input is always the same work.
const RANDOM_SEED: u64 = 42;

type Log = RaftLog<PlainTypes>;
type Entry = (TermIndex, Bytes);
type Files = BTreeMap<String, Vec<u8>>;

/// Opens the directory again and again, and writes to it.
///
/// # Panics
/// When a promise is broken.
pub fn open(bytes: &[u8], watch: Watch<'_>) {
    let directory = AnyDirectory::of(bytes);
    let size = directory.size();
    let bytes_max = BYTES_PER_BYTE * size + BYTES_BESIDES;
    watched(watch, bytes_max, || open_directory(&directory));
}

/// Lets `tool` look at the directory and demands that it changes nothing; it gives the number of things it saw.
///
/// # Panics
/// When it does change something, or sees more than there can be.
pub fn look(bytes: &[u8], watch: Watch<'_>, tool: impl Fn(Arc<dyn Storage>, &AnyDirectory) -> u64) {
    let directory = AnyDirectory::of(bytes);
    let storage = storage_of(&directory.files);
    let size = directory.size();
    let bytes_max = BYTES_PER_BYTE * size + (8 << 20);
    let seen = watched(watch, bytes_max, || tool(Arc::new(storage.clone()), &directory));
    assert!(storage.snapshot() == directory.files, "looking changed a file");
    // Frames and gaps take at least 8 bytes, and there are a few items for each file.
    let seen_max = size / 8 + 8 * directory.files.len() as u64 + 8;
    assert!(seen <= seen_max, "{seen} things were seen in {size} bytes");
}

fn storage_of(files: &Files) -> MemoryStorage {
    let storage = MemoryStorage::from_snapshot(files.clone());
    storage.set_random_seed(RANDOM_SEED);
    storage
}

/// What a loss of the process leaves: what was written, and no lock.
fn killed(storage: &MemoryStorage) -> MemoryStorage {
    let copy = MemoryStorage::from_snapshot(storage.snapshot());
    copy.set_random_seed(RANDOM_SEED + 1);
    copy
}

fn config(directory: &AnyDirectory) -> Config {
    let mut config = Config::new("unused");
    config.read_buffer_size = 4096;
    config.truncate_incomplete_record = !directory.refuse_torn;
    config.chunk.space_step = 0;
    config.chunk.spares = 0;
    config.chunk.max_records = 1 + directory.number % 8;
    config
}

fn open_on(storage: &MemoryStorage, config: &Config) -> Result<Log, OpenError> {
    Log::open_on(config.clone(), Arc::new(storage.clone()))
}

/// Opens what was open before, which must succeed.
///
/// Only a footer that lies under good checksums can make it fail: where `DURABLE` was missing, the newest chunk was
/// scanned the first time; then its footer is asked and does not fit, so that everything is scanned, and older damage
/// is seen that the older footers had covered. It is refused then, and nothing changes.
fn open_again(storage: &MemoryStorage, config: &Config, directory: &AnyDirectory) -> Option<Log> {
    let before = storage.snapshot();
    match open_on(storage, config) {
        Ok(log) => Some(log),
        Err(error) => {
            let text = text_of(&error);
            assert!(directory.has_false_footer, "opened once, and then refused: {text}");
            assert_unchanged(storage, &before);
            None
        }
    }
}

/// An error of the file system is no answer: memory has none, but for what is more than any file may hold.
fn text_of(error: &OpenError) -> String {
    let is_io = matches!(error, OpenError::Io { .. } | OpenError::Recovery(RecoveryError::Io { .. }));
    assert!(!is_io, "{}", full_text(error));
    full_text(error)
}

fn open_directory(directory: &AnyDirectory) {
    let config = config(directory);
    survey(directory);
    let storage = storage_of(&directory.files);
    let opened = open_on(&storage, &config);
    let read = storage.bytes_read();
    let size = directory.size();
    // The starts, the footers and the frames of each file; all of it twice where a footer was wrong.
    let read_max = 16 * size + 3 * 8192 + 16 * 4096 * directory.files.len() as u64;
    assert!(read <= read_max, "{read} bytes were read of {size}");
    assert_chunks_kept(&storage, &directory.files);
    match opened {
        Err(error) => {
            let text = text_of(&error);
            assert_unchanged(&storage, &directory.files);
            let again = open_on(&storage, &config).expect_err("refused once, refused again");
            assert_eq!(text_of(&again), text);
            assert_unchanged(&storage, &directory.files);
        }
        Ok(log) => {
            let seen = Contents::of(&log);
            let report = report_of(&log);
            // Killed right away, and opened again.
            if let Some(again) = open_again(&killed(&storage), &config, directory) {
                seen.assert_again(&again, directory);
                assert!(directory.has_false_footer || report_of(&again) == report, "after a kill");
            }
            // Ended by dropping it.
            drop(log);
            if let Some(log) = open_again(&storage, &config, directory) {
                seen.assert_again(&log, directory);
                write(log, &storage, &config, directory);
            }
        }
    }
}

/// Surveys the directory with other types and in other pieces: the same answer each time, and nothing changes.
fn survey(directory: &AnyDirectory) {
    let storage = storage_of(&directory.files);
    for (use_footers, check_frames) in [(true, false), (true, true), (false, false)] {
        let answer = |window_bytes, sync_first| {
            let refuse_torn = directory.refuse_torn;
            let options = SurveyOptions { window_bytes, refuse_torn, sync_first, use_footers, check_frames };
            match recover::<RaftLogSM<RawTypes>>(&storage, &options) {
                Ok((recovered, machine)) => {
                    let chunks = recovered.chunks.iter();
                    let chunks = chunks.map(|found| {
                        (found.chunk.chunk().id(), found.chunk.end(), found.live.clone(), found.is_scanned)
                    });
                    Ok(format!(
                        "{:?} {:?} {:?}",
                        machine.state(),
                        recovered.leftovers,
                        chunks.collect::<Vec<_>>()
                    ))
                }
                Err(error) => {
                    assert!(!matches!(error, RecoveryError::Io { .. }), "{}", full_text(&error));
                    Err(full_text(&error))
                }
            }
        };
        assert_eq!(answer(directory.window_bytes, true), answer(1 << 16, false), "footers: {use_footers}");
    }
    assert!(storage.snapshot() == directory.files, "a survey changed a file");
}

fn assert_unchanged(storage: &MemoryStorage, before: &Files) {
    let mut after = storage.snapshot();
    // An open that is refused leaves its lock file, with nothing in it.
    if !before.contains_key("LOCK") {
        assert_eq!(after.remove("LOCK"), Some(Vec::new()));
    }
    assert!(after == *before, "a failed open changed a file");
}

fn assert_chunks_kept(storage: &MemoryStorage, before: &Files) {
    for (name, bytes) in before {
        let is_own = matches!(name.as_str(), "LOCK" | "DURABLE");
        assert!(is_own || storage.file_bytes(name).as_ref() == Some(bytes), "opening changed {name}");
    }
}

/// What a log says of itself when it was opened, but for what it may mend.
fn report_of(log: &Log) -> String {
    let report = log.report();
    format!(
        "{} {} {} {:?} {:?}",
        report.chunks, report.leftovers, report.entries, report.end, report.torn_tail
    )
}

/// What a log holds, as far as it is looked at.
#[derive(Debug, PartialEq)]
struct Contents {
    state: RaftLogState<PlainTypes>,
    indexes: std::ops::Range<u64>,
    /// Each entry, or what is said of it.
    entries: Vec<(u64, Result<Entry, String>)>,
}

impl Contents {
    fn of(log: &Log) -> Self {
        let reader = log.reader();
        let (state, indexes) = (log.state(), reader.indexes());
        // By index: a purge below the first entry may name any term, and a replay cannot know better.
        let marks = [&state.purged, &state.committed, &state.last].map(|mark| mark.map(|id| id.index));
        assert!(marks.is_sorted(), "{state:?}");
        assert_eq!(indexes.end, state.end_index());
        let middle = indexes.start.saturating_add(ENTRIES_MAX).min(indexes.end);
        let tail = indexes.end.saturating_sub(ENTRIES_MAX).max(middle);
        let entries: Vec<_> = (indexes.start..middle)
            .chain(tail..indexes.end)
            .map(|index| (index, reader.entry(index).map_err(|error| told(&error, index))))
            .collect();
        for (index, entry) in &entries {
            let id = reader.log_id(*index).expect("a live entry has an id");
            assert_eq!(id.index, *index);
            if let Ok(entry) = entry {
                assert_eq!(entry.0, id);
            }
        }
        let whole = reader.read(..);
        if middle == tail {
            // Together they are what they are one by one, and the first that cannot be read is named.
            let one_by_one: Result<Vec<_>, _> = entries.iter().map(|(_, entry)| entry.clone()).collect();
            let first = entries.iter().find(|(_, entry)| entry.is_err()).map_or(0, |(index, _)| *index);
            assert_eq!(whole.map_err(|error| told(&error, first)), one_by_one);
        }
        let least = reader.read_limited(indexes.start, indexes.end, 1);
        assert!(
            least.is_err() || least.is_ok_and(|entries| entries.len() == usize::from(!indexes.is_empty()))
        );
        for run in reader.term_runs(..) {
            assert!(indexes.start <= run.indexes.start && run.indexes.end <= indexes.end, "{run:?}");
        }
        Self { state, indexes, entries }
    }

    /// Holds what the log is now against what it was.
    fn assert_again(&self, log: &Log, directory: &AnyDirectory) {
        let again = Self::of(log);
        // A footer that lies is believed where it fits, and was perhaps not asked the last time.
        if !directory.has_false_footer {
            assert_eq!(again, *self);
        }
    }
}

fn told(error: &ReadError, index: u64) -> String {
    match error {
        ReadError::Damaged { index: named, .. } | ReadError::Undecodable { index: named, .. } => {
            assert_eq!(*named, index, "{error}");
        }
        other => panic!("entry {index}: {}", full_text(other)),
    }
    full_text(error)
}

/// Writes what the rules allow, and opens what is left after a kill and after a close.
fn write(mut log: Log, storage: &MemoryStorage, config: &Config, directory: &AnyDirectory) {
    let mut expected = log.state();
    let term = expected.vote.map_or(1, |vote| vote.term.saturating_add(1));
    let vote = PlainVote::new(term, 1);
    let has_voted = is_accepted(log.save_vote(vote));
    if has_voted {
        expected.vote = Some(vote);
    }
    let id = TermIndex::new(expected.last.map_or(1, |id| id.term), expected.end_index());
    let entry = (id, Bytes::from_static(b"written"));
    let has_appended = is_accepted(log.append([entry.clone()]));
    if has_appended {
        expected.last = Some(id);
        if is_accepted(log.commit(id)) {
            expected.committed = Some(id);
        }
    }
    log.sync().expect("memory can be synced");
    assert_eq!(log.state(), expected);
    let written = Contents::of(&log);
    if has_appended {
        assert_eq!(written.entries.last(), Some(&(id.index, Ok(entry))));
    }

    if let Some(again) = open_again(&killed(storage), config, directory) {
        written.assert_again(&again, directory);
    }

    log.close().expect("memory can be synced");
    drop(log);
    let Some(mut log) = open_again(storage, config, directory) else { return };
    written.assert_again(&log, directory);

    // Nothing is left but the marks.
    let Some(last) = expected.last else { return };
    if is_accepted(log.purge(last)) {
        log.sync().expect("memory can be synced");
        drop(log);
        let Some(log) = open_again(storage, config, directory) else { return };
        let state = RaftLogState { purged: Some(last), committed: Some(last), ..expected };
        assert!(directory.has_false_footer || (log.reader().indexes().is_empty() && log.state() == state));
    }
}

/// Whether it was written; a rule may forbid it, and a log whose ids are used up takes no more chunks.
fn is_accepted(outcome: Result<(), WriteError<PlainTypes>>) -> bool {
    match outcome {
        Ok(()) => true,
        Err(WriteError::Rejected(error)) => {
            let _ = error.to_string();
            false
        }
        Err(WriteError::Io(error)) if error.kind() == ErrorKind::FileTooLarge => false,
        Err(error) => panic!("{}", full_text(&error)),
    }
}
