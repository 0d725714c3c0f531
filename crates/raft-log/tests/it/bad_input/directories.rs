//! Directories and files that are none of a log.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use raft_log::{Config, OpenError, OpenWarning, PlainVote, RaftLogWriter, RecoveryError};
use raft_log_testkit::MemoryStorage;

use super::observed::*;
use crate::support::*;

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

    // A directory that is there, and where a log was opened, is no log before something was written.
    drop(Log::open(&path).unwrap());
    let error = Log::open(config.clone()).unwrap_err();
    assert!(matches!(&error, OpenError::NoLog { .. }), "{error:?}");
    assert!(told(&error).contains(path.to_str().unwrap()), "{}", told(&error));
    assert_eq!(look(&path).into_keys().collect::<Vec<_>>(), ["LOCK"]);

    let mut log = Log::open(&path).unwrap();
    log.save_vote(PlainVote::new(1, 2)).unwrap();
    log.close().unwrap();
    drop(log);
    drop(Log::open(config.clone()).unwrap());
    for (name, _) in look(&path).into_iter().filter(|(name, _)| name.ends_with(".wal") || name == "DURABLE") {
        fs::remove_file(path.join(name)).unwrap();
    }
    assert!(matches!(Log::open(config), Err(OpenError::NoLog { .. })), "all was removed");
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
