//! Each command over directories of the log's own making: what it says, and its exit code.

use std::fs;

use raft_log::{RaftLog, RaftLogWriter};
use serde_json::Value;

use crate::support::*;

#[test]
fn info_tells_the_marks_the_sizes_the_lock_and_what_open_will_do() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = RaftLog::open(small(directory.path())).unwrap();
    live_a_little(&mut log);
    log.purge(id(1, 5)).unwrap();
    log.sync().unwrap();
    let shown = text(&run(&["info"], &[directory.path()]).stdout);
    for (name, value) in [
        ("first", "1:6"),
        ("last", "2:21"),
        ("committed", "2:15"),
        ("purged", "1:5"),
        ("user data", "4 bytes"),
        ("vote", "0x0200"),
        ("entries", "16 entries in 2 runs of one term"),
        ("open()", "opens"),
    ] {
        let line =
            shown.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {shown}"));
        assert!(line.contains(value), "{line}");
    }
    let lock = shown.lines().find(|line| line.starts_with("lock")).unwrap();
    assert!(lock.contains(&format!("held by process {}", std::process::id())), "{lock}");
    drop(log);
    let output = run(&["info", "-o", "json"], &[directory.path()]);
    assert_eq!(code(&output), 0);
    let info = json(&output);
    assert_eq!(info["v"], 1);
    assert_eq!(info["lock"]["state"], "free");
    assert_eq!((&info["last"], &info["entries"]), (&Value::from("2:21"), &Value::from(16)));
    assert_eq!(info["open"]["answer"], "opens");
    let csv = text(&run(&["info", "-o", "csv"], &[directory.path()]).stdout);
    assert!(csv.starts_with("field,value\n") && csv.contains("\nlast,2:21\n"), "{csv}");
}

#[test]
fn info_of_a_killed_writer_says_that_the_lock_is_free() {
    let (mut files, _) = closed_and_killed();
    // No process has this number: it is above the system's highest.
    files.insert("LOCK".to_owned(), b"process 2000000000".to_vec());
    let shown = text(&run(&["info"], &[directory(&files).path()]).stdout);
    assert!(shown.contains("free: process 2000000000 is named in LOCK and does not run here"), "{shown}");
}

#[test]
fn stats_count_kinds_terms_and_sizes() {
    let (closed, _) = closed_and_killed();
    let directory = directory(&closed);
    let object = json(&run(&["stats", "-o", "json"], &[directory.path()]));
    let kinds = object["kinds"].as_array().unwrap();
    let append = kinds.iter().find(|kind| kind["kind"] == "append").unwrap();
    assert_eq!(append["records"], 24);
    assert_eq!(object["terms"].as_array().unwrap().len(), 2, "{object}");
    let sizes: u64 = object["payload_bytes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|class| class["count"].as_u64().unwrap())
        .sum();
    assert_eq!(sizes, 24);
    let shown = text(&run(&["stats"], &[directory.path()]).stdout);
    for part in [
        "KIND",
        "append              24",
        "overhead",
        "TERM",
        "bytes of payload: 24",
        "entries per sync:",
        "█",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(text(&run(&["stats", "-o", "csv"], &[directory.path()]).stdout).contains("\nappend,24,"));
}

#[test]
fn logs_of_which_one_is_behind_differ_and_do_not_contradict_each_other() {
    let (closed, _) = closed_and_killed();
    let (a, b) = (directory(&closed), directory(&closed));
    assert_eq!(code(&run(&["diff"], &[a.path(), b.path()])), 0);
    let mut log = RaftLog::open(small(b.path())).unwrap();
    log.append(entries(2, 22..25)).unwrap();
    log.sync().unwrap();
    drop(log);
    let output = run(&["diff"], &[a.path(), b.path()]);
    assert_eq!(code(&output), 1, "{output:?}");
    let shown = text(&output.stdout);
    assert!(shown.contains("only in B   22 to 24") && shown.contains("do not contradict"), "{shown}");
    assert_eq!(text(&run(&["diff", "-q"], &[a.path(), b.path()]).stdout), "");
    assert_eq!(code(&run(&["diff", "--index", "..=21"], &[a.path(), b.path()])), 0);
    assert_eq!(code(&run(&["diff", "--index", "100.."], &[a.path(), b.path()])), 4);
}

#[test]
fn the_first_divergence_is_found_and_what_it_means() {
    let make = |term: u64, commits: bool| {
        let directory = tempfile::tempdir().unwrap();
        let mut log = RaftLog::open(small(directory.path())).unwrap();
        log.append(entries(1, 1..31)).unwrap();
        log.append(entries(term, 31..40)).unwrap();
        if commits {
            log.commit(id(term, 35)).unwrap();
        }
        log.sync().unwrap();
        drop(log);
        directory
    };
    let (a, b) = (make(2, true), make(3, false));
    let output = run(&["diff"], &[a.path(), b.path()]);
    assert_eq!(code(&output), 1, "{output:?}");
    let shown = text(&output.stdout);
    for part in [
        "the same    1 to 30, 30 entries",
        "divergence  at index 31: A has 2:31, B has 3:31",
        "it is committed in A: B is to truncate",
        "only in A   31 to 39",
        "-- they diverge",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let object = json(&run(&["diff", "-o", "json"], &[a.path(), b.path()]));
    assert_eq!(object["divergence"]["index"], 31);
    let both = run(&["diff"], &[a.path(), make(4, true).path()]);
    assert!(text(&both.stdout).contains("both call it committed: this must never be"), "{both:?}");
    let csv = text(&run(&["diff", "-o", "csv"], &[a.path(), b.path()]).stdout);
    assert!(csv.contains("\ndivergence,31,31\n"), "{csv}");
}

#[test]
fn one_id_for_two_payloads_is_a_divergence() {
    let make = |last: &'static str| {
        let directory = tempfile::tempdir().unwrap();
        let mut log = RaftLog::open(small(directory.path())).unwrap();
        log.append(entries(1, 1..5)).unwrap();
        log.append([(id(1, 5), last.into())]).unwrap();
        log.sync().unwrap();
        drop(log);
        directory
    };
    let output = run(&["diff"], &[make("x").path(), make("y").path()]);
    assert_eq!(code(&output), 1);
    assert!(text(&output.stdout).contains("one id stands for two entries"), "{output:?}");
}

#[test]
fn a_report_is_one_page_that_asks_for_nothing_else() {
    let (mut files, _) = closed_and_killed();
    let name = files.keys().find(|name| name.ends_with(".wal")).unwrap().clone();
    let bytes = files.get_mut(&name).unwrap();
    let at = bytes.windows(9).position(|window| window == b"payload 3").unwrap();
    bytes[at] ^= 1;
    let directory = directory(&files);
    let page = directory.path().join("page.html");
    let output = command().arg("report").arg(directory.path()).arg("-o").arg(&page).output().unwrap();
    assert_eq!((code(&output), text(&output.stdout)), (1, String::new()), "{output:?}");
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    for part in [
        "<svg",
        "url(#hatch)",
        "class=\"fault\"",
        "prefers-color-scheme: dark",
        "committed 15",
        "last 21",
        "term 2",
    ] {
        assert!(html.contains(part), "{part}");
    }
    for part in ["<script", "http:", "https:", "src=", "@import", "payload 4"] {
        assert!(!html.contains(part), "{part}");
    }
    let open = html.matches("<svg").count();
    assert_eq!(open, html.matches("</svg>").count());
    let piped = command().arg("report").arg(directory.path()).args(["-o", "-"]).output().unwrap();
    assert!(text(&piped.stdout).contains("<svg"));
    let nowhere =
        command().arg("report").arg(directory.path()).args(["-o", "/nowhere/x.html"]).output().unwrap();
    assert_eq!(code(&nowhere), 4, "{nowhere:?}");
}

#[test]
fn shells_and_man_get_their_pages_from_the_parser() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = command().args(["completions", shell]).output().unwrap();
        assert_eq!(code(&output), 0, "{shell}");
        let script = text(&output.stdout);
        for word in ["verify", "accept-data-loss-after", "raft-log-dump"] {
            assert!(script.contains(word), "{shell} {word}");
        }
    }
    let page = text(&command().arg("man").output().unwrap().stdout);
    assert!(page.contains(".TH raft-log-dump") && page.contains("Exit codes"), "{page}");
    let page = text(&command().args(["man", "repair"]).output().unwrap().stdout);
    assert!(page.contains("accept\\-data\\-loss\\-after"), "{page}");
    assert_eq!(code(&command().args(["man", "nothing"]).output().unwrap()), 2);
    assert_eq!(code(&command().args(["completions", "nothing"]).output().unwrap()), 2);
}
