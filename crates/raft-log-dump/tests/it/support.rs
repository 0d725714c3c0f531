//! What the tests share: directories of a few chunks, copies of them, and runs of the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bytes::Bytes;
use raft_log::{Config, PlainTypes, PlainVote, RaftLog, RaftLogWriter, TermIndex};
use raft_log_dump::{Item, ScanOptions, scan};

pub(crate) fn id(term: u64, index: u64) -> TermIndex {
    TermIndex::new(term, index)
}

pub(crate) fn entries(term: u64, indexes: std::ops::Range<u64>) -> Vec<(TermIndex, Bytes)> {
    indexes.map(|index| (id(term, index), Bytes::from(format!("payload {index}\u{1b}[2J")))).collect()
}

/// A small configuration, so that little data makes many chunks.
pub(crate) fn small(path: &Path) -> Config {
    let mut config = Config::new(path);
    config.chunk.max_records = 10;
    config.chunk.space_step = 0;
    config.chunk.spares = 0;
    config
}

/// Some life: votes, entries over several chunks, a truncation, a commit and a purge, all durable. Dropped, it is a log
/// that was closed.
pub(crate) fn live_a_little(log: &mut RaftLog<PlainTypes>) {
    log.save_vote(PlainVote::new(1, 7)).unwrap();
    log.append(entries(1, 0..14)).unwrap();
    log.sync().unwrap();
    log.truncate(Some(id(1, 11))).unwrap();
    log.save_vote(PlainVote::new(2, 8)).unwrap();
    log.append(entries(2, 12..17)).unwrap();
    log.sync().unwrap();
    log.commit(id(2, 15)).unwrap();
    log.save_user_data(Some(Bytes::from_static(b"mine"))).unwrap();
    log.append(entries(2, 17..20)).unwrap();
    log.sync().unwrap();
    log.append(entries(2, 20..22)).unwrap();
    log.sync().unwrap();
}

/// A directory's files by their names.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

pub(crate) fn files_of(path: &Path) -> Files {
    let entries = fs::read_dir(path).unwrap().map(Result::unwrap);
    entries.map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap())).collect()
}

pub(crate) fn write_files(path: &Path, files: &Files) {
    for (name, bytes) in files {
        fs::write(path.join(name), bytes).unwrap();
    }
}

/// The files of a log that was closed, and of the same log killed before that.
pub(crate) fn closed_and_killed() -> (Files, Files) {
    let directory = tempfile::tempdir().unwrap();
    let mut log = RaftLog::open(small(directory.path())).unwrap();
    live_a_little(&mut log);
    let killed = files_of(directory.path());
    log.close().unwrap();
    drop(log);
    (files_of(directory.path()), killed)
}

/// A directory that holds these files.
pub(crate) fn directory(files: &Files) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write_files(directory.path(), files);
    directory
}

pub(crate) fn newest(files: &Files) -> String {
    files.keys().rfind(|name| name.ends_with(".wal")).unwrap().clone()
}

pub(crate) fn items(path: &Path) -> Vec<Item> {
    scan(path, ScanOptions::default()).unwrap().collect()
}

/// The places of all good records: chunk and offset.
pub(crate) fn good_records(items: &[Item]) -> Vec<(u64, u64)> {
    let good = items.iter().filter_map(|item| match item {
        Item::Record(record) if !record.is_bad() => Some((record.chunk.offset(), record.frame.offset)),
        _ => None,
    });
    good.collect()
}

/// The program over a directory, with more arguments.
pub(crate) fn dump(path: &Path, arguments: &[&str]) -> Output {
    command().arg(path).args(arguments).output().unwrap()
}

/// A command of the program, over directories.
pub(crate) fn run(arguments: &[&str], directories: &[&Path]) -> Output {
    command().args(arguments).args(directories).output().unwrap()
}

pub(crate) fn command() -> Command {
    Command::new(PathBuf::from(env!("CARGO_BIN_EXE_raft-log-dump")))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("no exit code: {output:?}"))
}

/// What a command printed as one JSON value.
pub(crate) fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}
