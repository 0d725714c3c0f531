//! `export` and `import`: the same log comes out, or nothing.

use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};

use raft_log::{RaftLog, RaftLogWriter};

use crate::support::*;

fn import_from(input: &[u8], directory: &std::path::Path) -> Output {
    let mut child = command()
        .arg("import")
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end before it has read everything.
    drop(child.stdin.take().unwrap().write_all(input));
    child.wait_with_output().unwrap()
}

#[test]
fn what_was_exported_is_imported_as_the_same_log() {
    let place = tempfile::tempdir().unwrap();
    let purged = {
        let directory = tempfile::tempdir().unwrap();
        let mut log = RaftLog::open(small(directory.path())).unwrap();
        live_a_little(&mut log);
        log.purge(id(2, 13)).unwrap();
        log.sync().unwrap();
        drop(log);
        files_of(directory.path())
    };
    let all_purged = {
        let directory = tempfile::tempdir().unwrap();
        let mut log = RaftLog::open(small(directory.path())).unwrap();
        log.append(entries(1, 3..9)).unwrap();
        log.purge(id(4, 100)).unwrap();
        log.sync().unwrap();
        drop(log);
        files_of(directory.path())
    };
    let empty = {
        let directory = tempfile::tempdir().unwrap();
        drop(RaftLog::open(small(directory.path())).unwrap());
        files_of(directory.path())
    };
    let (closed, killed) = closed_and_killed();
    let own_types = files_of(std::path::Path::new("../raft-log/tests/golden/v1-own-types"));
    for (number, files) in [closed, killed, purged, all_purged, empty, own_types].into_iter().enumerate() {
        let from = directory(&files);
        let exported = run(&["export"], &[from.path()]);
        assert_eq!((code(&exported), text(&exported.stderr)), (0, String::new()));
        let to = place.path().join(format!("copy-{number}"));
        let imported = import_from(&exported.stdout, &to);
        assert_eq!(code(&imported), 0, "{number}: {imported:?}");
        let same = run(&["diff", "--state"], &[from.path(), &to]);
        assert_eq!(code(&same), 0, "{number}: {same:?}");
        assert_eq!(code(&run(&["verify"], &[&to])), 0);
        assert_eq!(run(&["export"], &[&to]).stdout, exported.stdout, "{number}");
    }
    let names: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 6, "nothing else is left: {names:?}");
}

#[test]
fn what_is_no_whole_export_is_not_imported_and_leaves_nothing() {
    let (closed, _) = closed_and_killed();
    let from = directory(&closed);
    let whole = text(&run(&["export"], &[from.path()]).stdout);
    let lines: Vec<&str> = whole.lines().collect();
    let without = |left_out: usize| {
        let kept = lines.iter().enumerate().filter(|(number, _)| *number != left_out).map(|(_, line)| *line);
        kept.collect::<Vec<&str>>().join("\n")
    };
    let redacted = text(&run(&["export", "--redact"], &[from.path()]).stdout);
    let partial = text(&run(&["export", "--index", "3..=9"], &[from.path()]).stdout);
    assert!(!redacted.contains("payload\"") && redacted.contains("\"len\":"), "{redacted}");
    let (_, at) = (0, whole.find("\"payload\":\"").unwrap() + 12);
    let mut bent = whole.clone().into_bytes();
    bent[at] = b'!';
    for (what, input) in [
        ("nothing", String::new()),
        ("no JSON", "hello\n".to_owned()),
        ("no first line", without(0)),
        ("an entry missing", without(5)),
        ("no last line", without(lines.len() - 1)),
        ("cut in a line", whole[..whole.len() / 2].to_owned()),
        ("redacted", redacted),
        ("partial", partial),
        ("a bent payload", String::from_utf8(bent).unwrap()),
        ("another version", whole.replacen("\"v\":1", "\"v\":2", 1)),
    ] {
        let place = tempfile::tempdir().unwrap();
        let output = import_from(input.as_bytes(), &place.path().join("new"));
        assert_eq!(code(&output), 4, "{what}: {output:?}");
        assert!(text(&output.stderr).contains("nothing was imported"), "{what}: {output:?}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "{what}");
    }
}

#[test]
fn import_takes_no_directory_that_holds_anything_and_none_that_is_locked() {
    let (closed, _) = closed_and_killed();
    let from = directory(&closed);
    let whole = run(&["export"], &[from.path()]).stdout;
    let before = files_of(from.path());
    assert_eq!(code(&import_from(&whole, from.path())), 2);
    assert_eq!(files_of(from.path()).keys().count(), before.len().max(files_of(from.path()).len()));
    let live = tempfile::tempdir().unwrap();
    let log = RaftLog::open(small(live.path())).unwrap();
    let output = import_from(&whole, live.path());
    assert_eq!(code(&output), 5, "{output:?}");
    assert!(text(&output.stderr).contains(&format!("process {}", std::process::id())), "{output:?}");
    drop(log);
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(code(&import_from(&whole, empty.path())), 0);
    assert_eq!(code(&run(&["diff", "--state"], &[from.path(), empty.path()])), 0);
}

#[test]
fn a_damaged_entry_is_said_in_an_export() {
    let (mut files, _) = closed_and_killed();
    let name = files.keys().find(|name| name.ends_with(".wal")).unwrap().clone();
    let bytes = files.get_mut(&name).unwrap();
    let at = bytes.windows(9).position(|window| window == b"payload 3").unwrap();
    bytes[at] ^= 1;
    let output = run(&["export"], &[directory(&files).path()]);
    assert_eq!(code(&output), 1, "{output:?}");
    assert!(text(&output.stdout).contains("{\"type\":\"damaged\",\"index\":3}"), "{output:?}");
    assert!(text(&output.stderr).contains("1 of the entries"), "{output:?}");
    let place = tempfile::tempdir().unwrap();
    assert_eq!(code(&import_from(&output.stdout, &place.path().join("new"))), 4);
}
