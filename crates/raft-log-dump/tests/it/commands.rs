//! Each command over directories of the log's own making: what it says, and its exit code.

use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};

use raft_log::{RaftLog, RaftLogWriter};
use raft_log_dump::{FaultKind, Verdict, verify};
use serde_json::Value;

use crate::support::*;

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

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
fn verify_of_a_good_directory_finds_nothing() {
    let (closed, killed) = closed_and_killed();
    for files in [closed, killed] {
        let directory = directory(&files);
        let output = run(&["verify"], &[directory.path()]);
        assert_eq!((code(&output), text(&output.stderr)), (0, String::new()), "{output:?}");
        assert!(text(&output.stdout).contains("all checksums and all rules good"), "{output:?}");
        assert!(text(&output.stdout).contains("last 2:21, committed 2:15, purged none"), "{output:?}");
        assert_eq!(text(&run(&["verify", "-q"], &[directory.path()]).stdout), "");
        let report = verify(directory.path()).unwrap();
        assert_eq!(report.verdict, Verdict::Clean, "{report:?}");
        assert_eq!((report.entries, report.faults.len()), (24, 0));
    }
}

#[test]
fn verify_names_each_of_many_faults_and_where_the_next_good_record_begins() {
    let (mut files, _) = closed_and_killed();
    let names: Vec<String> = files.keys().filter(|name| name.ends_with(".wal")).cloned().collect();
    let find =
        |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what).unwrap();
    // A body, a head, and a header.
    let first = files.get_mut(&names[0]).unwrap();
    let at = find(first, b"payload 3");
    first[at] ^= 1;
    let at = find(first, b"payload 6");
    first[at - 20] ^= 1;
    files.get_mut(&names[1]).unwrap()[20] ^= 1;
    let directory = directory(&files);
    let report = verify(directory.path()).unwrap();
    let kinds: Vec<FaultKind> = report.faults.iter().map(|fault| fault.fault).collect();
    assert_eq!(kinds, [FaultKind::Body, FaultKind::Gap, FaultKind::Header], "{:?}", report.faults);
    let body = &report.faults[0];
    assert_eq!((body.index, body.next.as_deref()), (Some(3), Some("append 1:4")), "{body:?}");
    assert!(body.expected.is_some() && body.found.is_some() && body.next_offset > Some(body.offset));
    let gap = &report.faults[1];
    assert_eq!(gap.next.as_deref(), Some("append 1:7"), "{gap:?}");
    assert_eq!(report.verdict, Verdict::Refused);

    let output = run(&["verify"], &[directory.path()]);
    assert_eq!(code(&output), 3, "{output:?}");
    let shown = text(&output.stdout);
    for part in
        ["BODY  append 1:3  body checksum", "next valid record at ", "(append 1:4)", "HEADER", "3 FAULTS"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(text(&output.stderr).starts_with("open() would refuse: "), "{output:?}");
    let object = json(&run(&["verify", "-o", "json"], &[directory.path()]));
    assert_eq!(object["faults"].as_array().unwrap().len(), 3);
    assert_eq!(object["verdict"], "refused");
    let csv = text(&run(&["verify", "-o", "csv"], &[directory.path()]).stdout);
    assert_eq!(csv.lines().count(), 4, "{csv}");
    let one = run(&["verify", "--chunk", "0", "-q"], &[directory.path()]);
    assert_eq!(text(&one.stdout).lines().filter(|line| line.starts_with("r-")).count(), 2, "{one:?}");
}

#[test]
fn verify_tells_a_header_that_hides_its_chunk_once() {
    let (_, mut files) = closed_and_killed();
    // Of the newest chunk, whose salt stands in no other, and without what `DURABLE` knows.
    files.remove("DURABLE");
    let name = newest(&files);
    files.get_mut(&name).unwrap()[..64].fill(0x5a);
    let directory = directory(&files);
    let faults = verify(directory.path()).unwrap().faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!((faults[0].fault, faults[0].file.as_str()), (FaultKind::Header, name.as_str()));
    assert!(faults[0].message.contains("without its header the chunk cannot be read"), "{faults:?}");
    let shown = text(&run(&["verify"], &[directory.path()]).stderr);
    assert!(shown.lines().any(|line| line.starts_with("hint: raft-log-dump repair")), "{shown}");
}

#[test]
fn verify_says_that_durable_is_another_logs_and_not_that_it_is_old() {
    let (mut files, _) = closed_and_killed();
    let (other, _) = closed_and_killed();
    files.insert("DURABLE".to_owned(), other["DURABLE"].clone());
    let report = verify(directory(&files).path()).unwrap();
    let kinds: Vec<FaultKind> = report.faults.iter().map(|fault| fault.fault).collect();
    assert_eq!(kinds, [FaultKind::Durable], "{:?}", report.faults);
    assert!(report.faults[0].message.contains("another log"), "{:?}", report.faults);
    assert_eq!((report.verdict, report.notes.len()), (Verdict::Refused, 0), "{:?}", report.notes);
}

#[test]
fn verify_says_that_a_damaged_entry_keeps_nobody_from_opening() {
    let (mut files, _) = closed_and_killed();
    let name = files.keys().find(|name| name.ends_with(".wal")).unwrap().clone();
    let bytes = files.get_mut(&name).unwrap();
    let at = bytes.windows(9).position(|window| window == b"payload 3").unwrap();
    bytes[at] ^= 1;
    let report = verify(directory(&files).path()).unwrap();
    assert_eq!(report.verdict, Verdict::PassedOver);
    assert!(report.notes.iter().any(|note| note.contains("reading a damaged entry fails")), "{report:?}");
}

#[test]
fn verify_sees_a_record_that_breaks_a_rule_though_its_checksums_are_good() {
    use raft_log_codec::{RawLogId, RawTypes, Record, push_frame};

    let (_, mut killed) = closed_and_killed();
    let newest_name = newest(&killed);
    let directory_before = directory(&killed);
    let (_, last) = good_records(&items(directory_before.path())).into_iter().next_back().unwrap();
    let bytes = killed.get_mut(&newest_name).unwrap();
    let header = raft_log_chunk::ChunkHeader::decode(bytes).unwrap();
    let at = usize::try_from(last).unwrap();
    // In place of the last entry one with an index far ahead.
    let wrong = RawLogId { term: 2, index: 99, rest: bytes::Bytes::new() };
    let mut frame = Vec::new();
    let record: Record<RawTypes> = Record::Append(wrong, bytes::Bytes::from_static(b"payload 99"));
    push_frame(&mut frame, header.seed(), last, &record).unwrap();
    bytes.truncate(at);
    bytes.extend_from_slice(&frame);
    bytes.resize(at + 4096, 0);
    let directory = directory(&killed);
    let report = verify(directory.path()).unwrap();
    assert_eq!(report.faults.len(), 1, "{:?}", report.faults);
    assert_eq!((report.faults[0].fault, report.faults[0].index), (FaultKind::Rule, Some(99)));
    assert_eq!(code(&run(&["verify", "-q"], &[directory.path()])), 3);
}

#[test]
fn verify_tells_a_missing_chunk_and_a_footer_that_says_something_else() {
    let (closed, _) = closed_and_killed();
    let names: Vec<String> = closed.keys().filter(|name| name.ends_with(".wal")).cloned().collect();
    let mut files = closed.clone();
    files.remove(&names[1]);
    let report = verify(directory(&files).path()).unwrap();
    let chain = report.faults.iter().find(|fault| fault.fault == FaultKind::Chain).unwrap();
    assert_eq!(chain.file, names[2], "{:?}", report.faults);
    assert!(chain.expected.is_some() && chain.found.is_some() && chain.expected != chain.found, "{chain:?}");

    // A footer under good checksums that counts one record more.
    let mut files = closed.clone();
    let whole = directory(&closed);
    let storage = raft_log_chunk::DirectoryStorage::open(whole.path()).unwrap();
    let file = raft_log_chunk::Storage::open(&storage, &names[0]).unwrap();
    let bytes = files.get_mut(&names[0]).unwrap();
    let seed = raft_log_chunk::ChunkHeader::decode(bytes).unwrap().seed();
    let end = raft_log_chunk::ChunkId::from_file_name(&names[1]).unwrap().unwrap().offset();
    let footer = raft_log_chunk::read_footer(&*file, seed, end).unwrap().unwrap();
    let offsets = footer.table().read(&*file).unwrap().unwrap();
    let mut summary = footer.summary.clone();
    summary.records += 1;
    let wrong = raft_log_chunk::encode_footer(seed, end, &summary, &offsets, &footer.state);
    let at = usize::try_from(end).unwrap();
    bytes.splice(at..at + wrong.len(), wrong);
    let report = verify(directory(&files).path()).unwrap();
    assert_eq!(report.faults.len(), 1, "{:?}", report.faults);
    assert_eq!((report.faults[0].fault, report.verdict), (FaultKind::Footer, Verdict::PassedOver));
}

#[test]
fn a_stale_durable_is_a_note_and_no_fault() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = RaftLog::open(small(directory.path())).unwrap();
    log.append(entries(1, 0..5)).unwrap();
    log.sync().unwrap();
    let old = fs::read(directory.path().join("DURABLE")).unwrap();
    log.append(entries(1, 5..25)).unwrap();
    log.sync().unwrap();
    drop(log);
    fs::write(directory.path().join("DURABLE"), old).unwrap();
    let output = run(&["verify"], &[directory.path()]);
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(text(&output.stdout).contains("DURABLE is from an earlier time, which is safe"), "{output:?}");
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
