//! What is handed to a log and must not be: directories, files, settings, ids, sizes, encoders. Each is refused with a
//! typed error that says what and where, and nothing is written.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use raft_log::{
    Config, Decode, DecodeError, Encode, EncodeError, LogId, OpenError, OpenWarning, PlainTypes, PlainVote,
    RaftLog, RaftLogWriter, ReadError, RecoveryError, StateError, Storage, TermIndex, Types, Vote,
    WriteError,
};
use raft_log_testkit::MemoryStorage;

use crate::support::*;

/// An error and all its causes, as a person reads them.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// The files of a real directory; what is no file, by its kind.
fn look(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let bytes = match entry.file_type().unwrap() {
                kind if kind.is_file() => fs::read(entry.path()).unwrap(),
                kind => format!("{kind:?}").into_bytes(),
            };
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect()
}

/// A directory with a log of one vote and ten entries in it, closed.
fn with_log() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut log = Log::open(directory.path()).unwrap();
    log.save_vote(PlainVote::new(1, 1)).unwrap();
    log.append(entries(1, 0..10)).unwrap();
    log.close().unwrap();
    directory
}

/// Opens, and demands that it fails, says all of `words`, and changes nothing.
fn refused(directory: &Path, words: &[&str]) -> OpenError {
    let before = look(directory);
    let error = Log::open(directory).unwrap_err();
    assert_eq!(look(directory), before, "{error:?}");
    let text = told(&error);
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
    error
}

#[test]
fn a_missing_parent_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("absent").join("log");
    let error = Log::open(&path).unwrap_err();
    assert!(
        matches!(&error, OpenError::Directory(source) if source.kind() == ErrorKind::NotFound),
        "{error:?}"
    );
    assert!(told(&error).contains(path.to_str().unwrap()), "{}", told(&error));
    assert!(look(parent.path()).is_empty());
}

#[test]
fn only_the_last_component_is_created() {
    let parent = tempfile::tempdir().unwrap();
    drop(Log::open(parent.path().join("log")).unwrap());
    assert_eq!(look(&parent.path().join("log")).into_keys().collect::<Vec<_>>(), ["LOCK"]);
}

#[test]
fn a_log_that_must_exist_is_not_created() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("log");
    let mut config = Config::new(&path);
    config.must_exist = true;
    let error = Log::open(config.clone()).unwrap_err();
    assert!(
        matches!(&error, OpenError::Directory(source) if source.kind() == ErrorKind::NotFound),
        "{error:?}"
    );
    assert!(told(&error).contains(path.to_str().unwrap()), "{}", told(&error));
    assert!(!path.exists());
    fs::create_dir(&path).unwrap();
    drop(Log::open(config).unwrap());
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("log");
    fs::write(&path, "not a directory").unwrap();
    let error = Log::open(&path).unwrap_err();
    assert!(
        matches!(&error, OpenError::Directory(source) if source.kind() == ErrorKind::NotADirectory),
        "{error:?}"
    );
    assert!(told(&error).contains(path.to_str().unwrap()), "{}", told(&error));
    assert_eq!(fs::read(&path).unwrap(), b"not a directory");
}

#[test]
fn a_directory_that_cannot_be_written_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("log");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(path.join("probe"), "").is_ok() {
        println!("skipped: this user may write everywhere");
        return;
    }
    let error = refused(&path, &["cannot lock LOCK", path.to_str().unwrap()]);
    assert!(matches!(error, OpenError::Io { action: "lock", file: "LOCK", .. }), "{error:?}");
}

#[test]
fn a_second_owner_is_refused_and_told_of_the_first() {
    let directory = with_log();
    let log = Log::open(directory.path()).unwrap();
    let owner = format!("process {}", std::process::id());
    let path = directory.path().to_str().unwrap().to_owned();
    let error = refused(directory.path(), &[&owner, &path, "close it there first"]);
    let OpenError::Locked(locked) = error else { panic!("{error:?}") };
    assert_eq!((locked.owner, locked.directory), (owner.clone(), path));

    // Deleted or replaced, `LOCK` keeps others out all the same.
    fs::remove_file(directory.path().join("LOCK")).unwrap();
    assert!(matches!(refused(directory.path(), &["is open already"]), OpenError::Locked(_)));
    fs::write(directory.path().join("LOCK"), "somebody").unwrap();
    assert!(matches!(refused(directory.path(), &["is open already"]), OpenError::Locked(_)));
    drop(log);
    drop(Log::open(directory.path()).unwrap());

    let storage = MemoryStorage::new();
    let log = open(&storage, &small()).unwrap();
    let OpenError::Locked(locked) = open(&storage, &small()).unwrap_err() else { panic!("a second handle") };
    assert_eq!(locked.owner, owner);
    drop(log);
    drop(open(&storage, &small()).unwrap());
}

#[test]
fn foreign_files_are_left_alone_with_a_warning() {
    let directory = with_log();
    let foreign = ["notes.txt", "r-1", "build.tmp", "spare-x.tmp", "spare-.tmp", "lost.wal"];
    for name in foreign {
        fs::write(directory.path().join(name), "mine").unwrap();
    }
    fs::create_dir(directory.path().join("spare-7.tmp")).unwrap();
    let mut log = Log::open(directory.path()).unwrap();
    for name in foreign.iter().chain(&["spare-7.tmp"]) {
        let warning = OpenWarning::ForeignFile((*name).to_owned());
        assert!(log.report().warnings.contains(&warning), "{name}: {:?}", log.report().warnings);
        assert!(warning.to_string().contains(name), "{warning}");
    }
    assert_eq!(log.report().warnings.len(), foreign.len() + 1);
    log.append(entries(1, 10..20)).unwrap();
    log.close().unwrap();
    drop(log);
    for name in foreign {
        assert_eq!(fs::read(directory.path().join(name)).unwrap(), b"mine", "{name}");
    }
}

#[test]
fn bent_chunk_names_are_refused() {
    for name in ["r-1.wal", "r-.wal", "r-00_000_000_000_000_00x_000.wal", "r-99_999_999_999_999_999_999.wal"]
    {
        let directory = with_log();
        fs::write(directory.path().join(name), "").unwrap();
        let error = refused(directory.path(), &[name, "rename or move it away"]);
        assert!(
            matches!(&error, OpenError::Recovery(RecoveryError::InvalidChunkFileName(bent)) if bent.name == name),
            "{error:?}"
        );
    }
}

#[test]
fn what_is_no_file_is_not_taken_for_a_chunk() {
    let name = "r-00_000_000_000_000_100_000.wal";
    type Make = fn(&Path);
    let makers: [(&str, Make); 4] = [
        ("directory", |path| fs::create_dir(path).unwrap()),
        ("link", |path| symlink("/dev/zero", path).unwrap()),
        ("dangling link", |path| symlink("nowhere", path).unwrap()),
        ("FIFO", |path| {
            assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
        }),
    ];
    for (what, make) in makers {
        let directory = with_log();
        make(&directory.path().join(name));
        let error = refused(directory.path(), &[name, "not a regular file"]);
        assert!(
            matches!(&error, OpenError::Recovery(RecoveryError::NotAFile { file }) if file == name),
            "{what}: {error:?}"
        );
        // The log's other files are not followed or waited for either.
        for ours in ["DURABLE", "LOCK"] {
            let directory = with_log();
            fs::remove_file(directory.path().join(ours)).unwrap();
            make(&directory.path().join(ours));
            let error = refused(directory.path(), &[ours]);
            match (&error, ours) {
                (OpenError::Io { file: "LOCK", .. }, "LOCK") => {}
                (OpenError::Recovery(RecoveryError::Io { file, .. }), "DURABLE") => assert_eq!(file, ours),
                _ => panic!("{what} as {ours}: {error:?}"),
            }
        }
    }
}

#[test]
fn settings_out_of_bounds_are_refused() {
    type Set = fn(&mut Config, u64);
    let cases: [(&str, Set, &[u64]); 8] = [
        ("read_buffer_size", |config, to| config.read_buffer_size = to as usize, &[0, 4095, (1 << 30) + 1]),
        ("chunk.max_records", |config, to| config.chunk.max_records = to, &[0, (16 << 20) + 1]),
        ("chunk.max_size", |config, to| config.chunk.max_size = to, &[0, 255, (4 << 30) + 1, u64::MAX]),
        ("chunk.space_step", |config, to| config.chunk.space_step = to, &[(1 << 30) + 1, u64::MAX]),
        ("chunk.spares", |config, to| config.chunk.spares = to as usize, &[65]),
        ("max_unsynced_bytes", |config, to| config.max_unsynced_bytes = to, &[0, 65_535, (4 << 30) + 1]),
        ("flush_delay_micros", |config, to| config.flush_delay_micros = to, &[1_000_001]),
        ("slow_sync_millis", |config, to| config.slow_sync_millis = to, &[0, 600_001]),
    ];
    let parent = tempfile::tempdir().unwrap();
    for (option, set, values) in cases {
        for value in values {
            let mut config = Config::new(parent.path().join("log"));
            set(&mut config, *value);
            for opened in [
                Log::open(config.clone()),
                Log::open_on(config.clone(), Arc::new(MemoryStorage::new()) as Arc<dyn Storage>),
            ] {
                let error = opened.unwrap_err();
                let OpenError::Config(bad) = &error else { panic!("{error:?}") };
                assert_eq!((bad.option, bad.value), (option, *value));
                assert!(bad.value < bad.min || bad.value > bad.max);
                let text = told(&error);
                assert!(text.contains(option) && text.contains(&value.to_string()), "{text}");
            }
            assert!(look(parent.path()).is_empty(), "nothing is created for {option} = {value}");
        }
    }
}

/// A log in memory with the entries 1:5 to 1:14, committed up to 10 and purged up to 7.
fn with_marks() -> (MemoryStorage, Log) {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    log.save_vote(PlainVote::new(3, 1)).unwrap();
    log.append(entries(1, 5..15)).unwrap();
    log.commit(id(1, 10)).unwrap();
    log.purge(id(1, 7)).unwrap();
    log.sync().unwrap();
    (storage, log)
}

type Refusal = Result<(), WriteError<PlainTypes>>;

#[test]
fn operations_against_the_rules_are_refused_and_leave_no_trace() {
    let (storage, mut log) = with_marks();
    let (before, state, held) = (storage.snapshot(), log.state(), contents(&log));
    let one = |term, index| vec![(id(term, index), payload(index))];
    type Try<'a> = Box<dyn Fn(&mut Log) -> Refusal + 'a>;
    let cases: Vec<(Try<'_>, StateError<PlainTypes>, &str)> = vec![
        (
            Box::new(|log| log.save_vote(PlainVote::new(2, 9))),
            StateError::VoteReversal { current: PlainVote::new(3, 1), given: PlainVote::new(2, 9) },
            "may not replace",
        ),
        (
            Box::new(|log| log.save_vote(PlainVote::new(3, 2))),
            StateError::VoteReversal { current: PlainVote::new(3, 1), given: PlainVote::new(3, 2) },
            "may not replace",
        ),
        (
            Box::new(|log| log.append(one(1, 14))),
            StateError::LogIdReversal { last: id(1, 14), given: id(1, 14) },
            "1:14",
        ),
        (
            Box::new(|log| log.append(one(0, 15))),
            StateError::LogIdReversal { last: id(1, 14), given: id(0, 15) },
            "0:15 does not come after 1:14",
        ),
        (
            Box::new(|log| log.append(one(1, 16))),
            StateError::LogIdNonConsecutive { last: id(1, 14), given: id(1, 16) },
            "index 15 is next",
        ),
        (
            // The first two are good; all three are refused.
            Box::new(|log| log.append([one(1, 15), one(2, 16), one(1, 17)].concat())),
            StateError::LogIdReversal { last: id(2, 16), given: id(1, 17) },
            "1:17 does not come after 2:16",
        ),
        (
            Box::new(|log| log.append([one(1, 15), one(1, 17)].concat())),
            StateError::LogIdNonConsecutive { last: id(1, 15), given: id(1, 17) },
            "index 16 is next",
        ),
        (
            Box::new(|log| log.truncate(Some(id(1, 6)))),
            StateError::TruncateBelowPurged { purged: id(1, 7), given: id(1, 6) },
            "purged up to 1:7",
        ),
        (
            Box::new(|log| log.truncate(Some(id(1, 9)))),
            StateError::TruncateBelowCommitted { committed: id(1, 10), given: Some(id(1, 9)) },
            "committed up to 1:10",
        ),
        (
            Box::new(|log| log.truncate(None)),
            StateError::TruncateBelowCommitted { committed: id(1, 10), given: None },
            "committed up to 1:10",
        ),
        (
            Box::new(|log| log.truncate(Some(id(2, 12)))),
            StateError::LogIdMismatch { own: Some(id(1, 12)), given: id(2, 12) },
            "contradicts",
        ),
        (
            Box::new(|log| log.purge(id(2, 9))),
            StateError::LogIdMismatch { own: Some(id(1, 9)), given: id(2, 9) },
            "contradicts",
        ),
        (
            Box::new(|log| log.purge(id(9, u64::MAX))),
            StateError::IndexOutOfRange { index: u64::MAX },
            "18446744073709551615",
        ),
        (
            Box::new(|log| log.commit(id(1, 9))),
            StateError::CommitReversal { committed: id(1, 10), given: id(1, 9) },
            "1:10 is committed",
        ),
        (
            Box::new(|log| log.commit(id(1, 15))),
            StateError::CommitBeyondLast { last: Some(id(1, 14)), given: id(1, 15) },
            "the last entry is 1:14",
        ),
    ];
    for (attempt, expected, words) in cases {
        let error = attempt(&mut log).unwrap_err();
        let WriteError::Rejected(found) = &error else { panic!("{error:?}") };
        assert_eq!(found, &expected);
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!((log.state(), contents(&log)), (state.clone(), held.clone()));
    }
    log.sync().unwrap();
    assert!(storage.snapshot() == before, "something was written");
    log.append(entries(1, 15..16)).unwrap();
}

#[test]
fn reads_outside_the_log_are_refused() {
    let (_storage, log) = with_marks();
    assert_eq!(log.reader().indexes(), 8..15);
    let error = log.read(7..9).unwrap_err();
    assert!(matches!(error, ReadError::Purged { index: 7, first: 8 }), "{error:?}");
    assert!(error.to_string().contains("index 7 is purged") && error.to_string().contains('8'), "{error}");
    assert!(matches!(log.read(0..).unwrap_err(), ReadError::Purged { index: 0, first: 8 }));
    for index in [15, 16, u64::MAX] {
        let error = log.reader().entry(index).unwrap_err();
        assert!(
            matches!(error, ReadError::IndexNotFound { index: at, first: 8, end: 15 } if at == index),
            "{error:?}"
        );
        assert!(error.to_string().contains(&index.to_string()), "{error}");
    }
    assert!(matches!(log.reader().log_id(3), Err(ReadError::Purged { index: 3, first: 8 })));
    assert!(matches!(log.reader().log_id(15), Err(ReadError::IndexNotFound { index: 15, .. })));
    assert_eq!(log.reader().log_id(7).unwrap(), id(1, 7));
    // An inverted or empty range holds nothing, wherever it lies.
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is tried")]
    for range in [12..9, 9..9, 3..1, 20..30, 15..15, u64::MAX..0] {
        assert_eq!(log.read(range.clone()).unwrap(), [], "{range:?}");
    }
    assert_eq!(log.read(13..100).unwrap(), entries(1, 13..15));

    let storage = MemoryStorage::new();
    let mut log = open(&storage, &small()).unwrap();
    log.append(entries(1, 5..8)).unwrap();
    assert!(matches!(log.read(4..8), Err(ReadError::IndexNotFound { index: 4, first: 5, end: 8 })));
}

/// Types whose parts do as they are told.
#[derive(Debug)]
struct Unruly;

impl Types for Unruly {
    type LogId = LongId;
    type Vote = Told;
    type Payload = Told;
    type UserData = Told;
}

/// What an encoder is to do.
#[derive(Debug, Clone, PartialEq)]
enum Told {
    Bytes(usize),
    /// Write these many bytes, then fail.
    Fail(usize),
    /// Write these many bytes, then panic.
    Panic(usize),
}

impl Encode for Told {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let (Self::Bytes(size) | Self::Fail(size) | Self::Panic(size)) = self;
        out.resize(out.len() + size, b'x');
        match self {
            Self::Bytes(_) => Ok(()),
            Self::Fail(_) => Err(EncodeError::custom("it was told to fail")),
            // As `panic!`, without a word of it in the output of the tests.
            Self::Panic(_) => resume_unwind(Box::new("it was told to panic")),
        }
    }
}

impl Decode for Told {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        Ok(Self::Bytes(bytes.len()))
    }
}

impl Vote for Told {
    fn may_replace(&self, _: &Self) -> bool {
        true
    }
}

/// An id with a rest of any length.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct LongId(TermIndex, usize);

impl LogId for LongId {
    fn term(&self) -> u64 {
        self.0.term
    }
    fn index(&self) -> u64 {
        self.0.index
    }
    fn encode_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.resize(out.len() + self.1, b'r');
        Ok(())
    }
    fn decode(term: u64, index: u64, rest: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self(TermIndex::new(term, index), rest.len()))
    }
}

fn unruly(storage: &MemoryStorage) -> RaftLog<Unruly> {
    RaftLog::<Unruly>::open_on(small(), Arc::new(storage.clone()) as Arc<dyn Storage>).unwrap()
}

fn entry(index: u64, payload: Told) -> (LongId, Told) {
    (LongId(id(1, index), 4), payload)
}

#[test]
fn what_is_over_its_limit_is_refused_and_leaves_no_trace() {
    let storage = MemoryStorage::new();
    let mut log = unruly(&storage);
    log.append((0..5).map(|index| entry(index, Told::Bytes(10)))).unwrap();
    log.sync().unwrap();
    let before = storage.snapshot();
    let long_id = (LongId(id(1, 6), 1025), Told::Bytes(1));
    let large = entry(6, Told::Bytes((256 << 20) + 1));
    let outcomes = [
        (log.save_vote(Told::Bytes(1025)), "vote", 1025, 1024),
        (log.save_user_data(Some(Told::Bytes(16_385))), "user data", 16_385, 16_384),
        (log.append([entry(5, Told::Bytes(1)), long_id]), "rest of the log id", 1025, 1024),
        (log.append([entry(5, Told::Bytes(1)), large]), "payload", (256 << 20) + 1, 256 << 20),
    ];
    for (outcome, part, was, limit) in outcomes {
        let error = outcome.unwrap_err();
        let WriteError::Encode(EncodeError::TooLarge { what, size, max }) = &error else {
            panic!("{part}: {error:?}")
        };
        assert_eq!((*what, *size, *max), (part, was, limit));
        let text = told(&error);
        assert!(text.contains(part) && text.contains(&was.to_string()), "{text}");
        assert_eq!((log.reader().indexes(), log.state().vote), (0..5, None));
    }
    log.sync().unwrap();
    assert!(storage.snapshot() == before, "something was written");

    // What is exactly at its limit is taken.
    log.save_vote(Told::Bytes(1024)).unwrap();
    log.save_user_data(Some(Told::Bytes(16_384))).unwrap();
    log.append([(LongId(id(1, 5), 1024), Told::Bytes(0))]).unwrap();
    log.close().unwrap();
    drop(log);
    let log = unruly(&storage);
    assert_eq!(log.state().vote, Some(Told::Bytes(1024)));
    assert_eq!(log.read(5..6).unwrap(), [(LongId(id(1, 5), 1024), Told::Bytes(0))]);
}

#[test]
fn an_encoder_that_fails_or_panics_leaves_no_trace() {
    for size in [0, 1, 1000, 200_000] {
        // With nothing else in the group that gathers, and with something.
        for gathered in [0, 3] {
            let storage = MemoryStorage::new();
            let mut log = unruly(&storage);
            log.append((0..5).map(|index| entry(index, Told::Bytes(10)))).unwrap();
            log.sync().unwrap();
            let before = storage.snapshot();
            let end = 5 + gathered;
            log.append((5..end).map(|index| entry(index, Told::Bytes(20)))).unwrap();
            let state = log.state();

            // Enough before it that it begins a chunk, too.
            let batch = |bad: Told| {
                let good = (end..end + 12).map(|index| entry(index, Told::Bytes(30)));
                good.chain([entry(end + 12, bad)]).collect::<Vec<_>>()
            };
            for batch in [vec![entry(end, Told::Fail(size))], batch(Told::Fail(size))] {
                let error = log.append(batch).unwrap_err();
                assert!(matches!(error, WriteError::Encode(EncodeError::Custom(_))), "{error:?}");
                assert!(told(&error).contains("it was told to fail"), "{}", told(&error));
            }
            assert!(matches!(log.save_vote(Told::Fail(size)), Err(WriteError::Encode(_))));
            assert!(matches!(log.save_user_data(Some(Told::Fail(size))), Err(WriteError::Encode(_))));
            for batch in [vec![entry(end, Told::Panic(size))], batch(Told::Panic(size))] {
                assert!(catch_unwind(AssertUnwindSafe(|| log.append(batch))).is_err());
            }
            assert!(catch_unwind(AssertUnwindSafe(|| log.save_vote(Told::Panic(size)))).is_err());

            assert_eq!(log.state(), state);
            assert_eq!(log.reader().indexes(), 0..end);
            assert_eq!(storage.snapshot(), before, "something was written");
            log.append((end..end + 30).map(|index| entry(index, Told::Bytes(40)))).unwrap();
            log.sync().unwrap();
            let sizes = |log: &RaftLog<Unruly>| {
                let read = log.read(..).unwrap();
                read.into_iter().map(|(id, payload)| (id.index(), payload)).collect::<Vec<_>>()
            };
            let held = sizes(&log);
            assert_eq!(held.len() as u64, end + 30);
            let after = unruly(&killed(&storage));
            assert_eq!((after.state(), sizes(&after)), (log.state(), held));
        }
    }
}
