//! Whatever is given in place of a directory of a log: a message, the right exit code, and no panic.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use raft_log_codec::ChecksumWriter;

use crate::support::*;

/// Every command that reads a directory, with what comes before and behind its path.
const COMMANDS: [(&[&str], &[&str]); 11] = [
    (&[], &[]),
    (&["dump"], &["--logical"]),
    (&["dump", "-o", "json"], &["-r"]),
    (&["dump", "-o", "csv"], &["--tail", "3"]),
    (&["info"], &[]),
    (&["verify"], &[]),
    (&["stats"], &[]),
    (&["repair"], &[]),
    (&["export"], &[]),
    (&["report"], &["-o", "-"]),
    (&["dump", "-x"], &["--payload", "hex"]),
];

fn each_command(path: &Path, mut check: impl FnMut(&str, &Output)) {
    for (before, behind) in COMMANDS {
        let output = command().args(before).arg(path).args(behind).output().unwrap();
        let name = format!("{before:?} {behind:?}");
        assert!(!text(&output.stderr).contains("panicked"), "{name}: {output:?}");
        check(&name, &output);
    }
    let output = run(&["diff"], &[path, path]);
    assert!(!text(&output.stderr).contains("panicked"), "diff: {output:?}");
    check("diff", &output);
}

#[test]
fn what_is_no_directory_of_a_log_is_4_for_every_command() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "text").unwrap();
    let other = directory.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes.txt"), "of something else").unwrap();
    for path in [empty, file, other, directory.path().join("absent")] {
        each_command(&path, |name, output| {
            assert_eq!(code(output), 4, "{name} {}: {output:?}", path.display());
            assert_eq!(text(&output.stderr).lines().count(), 1, "{name}: {output:?}");
            assert_eq!(output.stdout, b"", "{name}");
        });
    }
}

#[test]
fn another_version_of_the_format_is_4_for_every_command() {
    let (closed, _) = closed_and_killed();
    for name in [newest(&closed), "DURABLE".to_owned()] {
        let mut files = closed.clone();
        let bytes = files.get_mut(&name).unwrap();
        // The version stands behind the magic; the checksum at the end of the part that it covers.
        for (start, size) in if name == "DURABLE" { vec![(0, 52), (4096, 52)] } else { vec![(0, 60)] } {
            let mut writer = ChecksumWriter::new();
            let slot = &bytes[start..start + size];
            if slot.iter().all(|byte| *byte == 0) {
                continue;
            }
            writer.bytes(&slot[..8]).u32(2).bytes(&slot[12..]);
            let changed = writer.finish();
            bytes[start..start + changed.len()].copy_from_slice(&changed);
        }
        let directory = directory(&files);
        each_command(directory.path(), |command, output| {
            assert_eq!(code(output), 4, "{command} {name}: {output:?}");
            let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
            assert!(said.contains("version 2"), "{command} {name}: {output:?}");
        });
    }
}

#[test]
fn random_bytes_under_our_names_end_no_command() {
    let (closed, _) = closed_and_killed();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..6 {
        let mut files = closed.clone();
        for (number, (_, bytes)) in files.iter_mut().enumerate() {
            if number % 3 == round % 3 {
                for byte in bytes.iter_mut() {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    *byte = seed.to_le_bytes()[0];
                }
            }
        }
        let directory = directory(&files);
        each_command(directory.path(), |name, output| {
            assert!([0, 1, 3, 4].contains(&code(output)), "round {round} {name}: {output:?}");
        });
    }
}

#[test]
fn a_closed_pipe_ends_every_command_quietly() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = raft_log::RaftLog::open(directory.path()).unwrap();
    raft_log::RaftLogWriter::append(&mut log, entries(1, 0..5000)).unwrap();
    drop(log);
    for (before, behind) in COMMANDS {
        let mut child = command()
            .args(before)
            .arg(directory.path())
            .args(behind)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((code(&output), text(&output.stderr)), (0, String::new()), "{before:?}");
    }
}

#[test]
fn a_range_beyond_the_log_is_4_and_said_and_an_empty_one_is_usage() {
    let (closed, _) = closed_and_killed();
    let directory = directory(&closed);
    for arguments in [&["dump"][..], &["dump", "--logical"], &["dump", "-o", "json"], &["export"]] {
        let mut beyond = arguments.to_vec();
        beyond.extend(["--index", "1000.."]);
        let output = run(&beyond, &[directory.path()]);
        assert_eq!(code(&output), 4, "{arguments:?}: {output:?}");
        assert!(text(&output.stderr).contains("has an index in 1000.."), "{arguments:?}: {output:?}");
        let mut empty = arguments.to_vec();
        empty.extend(["--index", "5..5"]);
        assert_eq!(code(&run(&empty, &[directory.path()])), 2, "{arguments:?}");
    }
}

#[test]
fn a_directory_that_disappears_while_it_is_read_ends_no_command_badly() {
    let (closed, _) = closed_and_killed();
    for (before, behind) in COMMANDS {
        let directory = directory(&closed).keep();
        let mut child = command();
        let mut child = child
            .args(before)
            .arg(&directory)
            .args(behind)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        fs::remove_dir_all(&directory).unwrap();
        let status = child.wait().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(!text(&output.stderr).contains("panicked"), "{before:?}: {output:?}");
        assert!(status.code().is_some_and(|code| [0, 1, 3, 4].contains(&code)), "{before:?}: {status:?}");
    }
}

#[test]
fn a_directory_that_is_named_like_a_command_is_reached_by_its_path() {
    let (closed, _) = closed_and_killed();
    let parent = tempfile::tempdir().unwrap();
    let named = parent.path().join("info");
    fs::create_dir(&named).unwrap();
    write_files(&named, &closed);
    let output = command().arg("./info").current_dir(parent.path()).output().unwrap();
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(text(&output.stdout).starts_with("DURABLE"), "{output:?}");
}
