//! The program: its exit codes, and where it writes.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use raft_log::RaftLogWriter;

use crate::support::*;

#[test]
fn wrong_usage_is_2() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        &["--index", "9..3"][..],
        &["--kind", "nothing"],
        &["--payload", "all"],
        &["--chunk", "r-1"],
        &["-n"],
    ] {
        let output = dump(directory.path(), arguments);
        assert_eq!(code(&output), 2, "{output:?}");
        assert_eq!(output.stdout, b"");
    }
    assert_eq!(code(&command().output().unwrap()), 2);
}

#[test]
fn what_cannot_be_read_is_4() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "no directory").unwrap();
    for path in [&directory.path().join("absent"), &file, directory.path()] {
        let output = dump(path, &[]);
        assert_eq!(code(&output), 4, "{output:?}");
        assert_eq!(output.stdout, b"");
        assert_eq!(text(&output.stderr).lines().count(), 1, "{output:?}");
    }
}

#[test]
fn a_log_that_was_never_written_is_clean() {
    let directory = tempfile::tempdir().unwrap();
    drop(raft_log::RaftLog::open(small(directory.path())).unwrap());
    let output = dump(directory.path(), &[]);
    assert_eq!(code(&output), 0, "{output:?}");
}

#[test]
fn a_torn_tail_is_1_and_the_rest_is_listed() {
    let (_, mut killed) = closed_and_killed();
    let whole = good_records(&items(directory(&killed).path()));
    let end = {
        let items = items(directory(&killed).path());
        let tail = items.iter().find_map(|item| match item {
            raft_log_dump::Item::Tail(tail) => Some(tail.at),
            _ => None,
        });
        usize::try_from(tail.unwrap()).unwrap()
    };
    let bytes = killed.get_mut(&newest(&killed.clone())).unwrap();
    bytes.resize(bytes.len().max(end + 64), 0);
    bytes[end + 8..end + 40].fill(0x5a);
    let directory = directory(&killed);
    let output = dump(directory.path(), &[]);
    assert_eq!(code(&output), 1, "{output:?}");
    assert!(text(&output.stdout).contains("TORN"), "{output:?}");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(good_records(&items(directory.path())), whole);
    raft_log::RaftLog::open(small(directory.path())).expect("and the log opens");
}

#[test]
fn a_lost_chunk_is_3_and_said_in_one_line() {
    let (mut closed, _) = closed_and_killed();
    let name = newest(&closed);
    closed.remove(&name);
    let output = dump(directory(&closed).path(), &["-q"]);
    assert_eq!(code(&output), 3, "{output:?}");
    assert!(text(&output.stderr).starts_with("open() would refuse: data is missing"), "{output:?}");
    assert_eq!(text(&output.stderr).lines().count(), 1);
}

#[test]
fn odd_names_do_not_stop_the_listing() {
    let (closed, _) = closed_and_killed();
    let directory = directory(&closed);
    let whole = good_records(&items(directory.path()));
    fs::write(directory.path().join("r-1\u{1b}.wal"), "bent").unwrap();
    fs::create_dir(directory.path().join("r-09_000_000_000_000_000_000.wal")).unwrap();
    let output = dump(directory.path(), &[]);
    assert_eq!(code(&output), 3, "{output:?}");
    assert!(!text(&output.stdout).contains('\u{1b}') && !text(&output.stderr).contains('\u{1b}'));
    assert_eq!(good_records(&items(directory.path())), whole);
}

#[test]
fn an_absent_chunk_is_said() {
    let (closed, _) = closed_and_killed();
    let output = dump(directory(&closed).path(), &["--chunk", "77"]);
    assert_eq!(code(&output), 4, "{output:?}");
    assert!(text(&output.stderr).contains("r-00_000_000_000_000_000_077"), "{output:?}");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = raft_log::RaftLog::open(directory.path()).unwrap();
    log.append(entries(1, 0..20_000)).unwrap();
    log.sync().unwrap();
    drop(log);
    let mut child =
        command().arg(directory.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut start = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0, "{output:?}");
    assert_eq!(text(&output.stderr), "");
}
