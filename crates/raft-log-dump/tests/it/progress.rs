//! How far long work has come is shown on a terminal, and nowhere else.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::thread;

use raft_log::{RaftLog, RaftLogWriter};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::*;

/// A terminal: the side that reads what is shown, and the side for a program.
fn terminal() -> (File, File) {
    let reader: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&reader).unwrap();
    unlockpt(&reader).unwrap();
    let name = ptsname(&reader, Vec::new()).unwrap();
    let program = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    (reader.into(), program)
}

#[test]
fn long_work_shows_its_progress_on_a_terminal_and_nothing_in_a_pipe() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = RaftLog::open(directory.path()).unwrap();
    let payload = bytes::Bytes::from(vec![7; 64 * 1024]);
    log.append((0..800).map(|index| (id(1, index), payload.clone()))).unwrap();
    drop(log);
    let export = run(&["export"], &[directory.path()]);
    let file = directory.path().join("export.json");
    std::fs::write(&file, &export.stdout).unwrap();
    let copy = directory.path().join("copy");
    let (file, copy) = (file.to_str().unwrap(), copy.to_str().unwrap());
    let path = directory.path().to_str().unwrap();
    for arguments in [
        &["verify", path][..],
        &["export", path],
        &["report", path, "-o", "-"],
        &["stats", path],
        &["import", copy, file],
    ] {
        let (mut reader, program) = terminal();
        let shown = thread::spawn(move || {
            let mut shown = Vec::new();
            // It ends with an error when the other side is closed.
            drop(reader.read_to_end(&mut shown));
            String::from_utf8_lossy(&shown).into_owned()
        });
        let mut command = command();
        command.args(arguments).env("TERM", "xterm").stdout(Stdio::null()).stderr(Stdio::from(program));
        let status = command.status().unwrap();
        drop(command);
        let shown = shown.join().unwrap();
        assert!(status.success(), "{arguments:?}: {shown}");
        for part in ["%", "MiB", "/s", "left"] {
            assert!(shown.contains(part), "{arguments:?} {part}: {shown:?}");
        }
        std::fs::remove_dir_all(copy).ok();
        let piped = crate::support::command().args(arguments).output().unwrap();
        assert_eq!(text(&piped.stderr), "", "{arguments:?}");
    }
}

#[test]
fn a_terminal_gets_colour_unless_no_color_is_set() {
    let (closed, _) = closed_and_killed();
    let directory = directory(&closed);
    for (no_color, is_colored) in [(None, true), (Some(""), true), (Some("1"), false)] {
        let (mut reader, program) = terminal();
        let shown = thread::spawn(move || {
            let mut shown = Vec::new();
            drop(reader.read_to_end(&mut shown));
            String::from_utf8_lossy(&shown).into_owned()
        });
        let mut command = command();
        command.arg(directory.path()).env_remove("NO_COLOR").stdout(Stdio::from(program));
        if let Some(no_color) = no_color {
            command.env("NO_COLOR", no_color);
        }
        assert!(command.status().unwrap().success());
        drop(command);
        let shown = shown.join().unwrap();
        assert!(shown.contains("chunk r-"), "{shown}");
        assert_eq!(shown.contains('\u{1b}'), is_colored, "{no_color:?}: {shown:?}");
    }
}
