//! `verify`: each fault and where it lies, and what is none.

use std::fs;

use raft_log::{RaftLog, RaftLogWriter};
use raft_log_dump::{FaultKind, Verdict, verify};

use crate::support::*;

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
