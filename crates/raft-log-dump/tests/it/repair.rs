//! Repair: what it offers is true, what is unsafe needs its loss named, and what it does opens.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use bytes::Bytes;
use raft_log::{PlainVote, RaftLog, RaftLogWriter};
use serde_json::Value;

use crate::support::*;

/// What a log holds, as the log itself says.
#[derive(Debug, Clone, PartialEq)]
struct Held {
    vote: Option<PlainVote>,
    committed: Option<u64>,
    purged: Option<u64>,
    entries: BTreeMap<u64, (u64, Option<Bytes>)>,
}

/// Opens the log; an entry that cannot be read has no payload.
fn held(path: &Path) -> Held {
    let log = RaftLog::open(small(path)).unwrap();
    let (state, reader) = (log.state(), log.reader());
    let entries = reader.indexes().map(|index| {
        let payload = reader.entry(index).ok().map(|(_, payload)| payload);
        (index, (reader.log_id(index).unwrap().term, payload))
    });
    Held {
        vote: state.vote,
        committed: state.committed.map(|id| id.index),
        purged: state.purged.map(|id| id.index),
        entries: entries.collect(),
    }
}

/// A log with some life behind it: several terms, votes, a truncation, a purge; then killed.
fn life() -> Files {
    let directory = tempfile::tempdir().unwrap();
    let mut log = RaftLog::open(small(directory.path())).unwrap();
    live_a_little(&mut log);
    log.purge(id(1, 3)).unwrap();
    log.save_vote(PlainVote::new(3, 1)).unwrap();
    log.append(entries(3, 22..30)).unwrap();
    log.sync().unwrap();
    log.commit(id(3, 26)).unwrap();
    log.append(entries(3, 30..33)).unwrap();
    log.sync().unwrap();
    let mut files = files_of(directory.path());
    files.remove("LOCK");
    for bytes in files.values_mut() {
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let kept = (used + 64).min(bytes.len()).max(8192.min(bytes.len()));
        bytes.truncate(kept);
    }
    files
}

fn plan_of(path: &Path) -> (Output, Value) {
    let output = run(&["repair", "-o", "json"], &[path]);
    let plan = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output, plan)
}

/// Looks at the plan for a damaged directory, carries it out, and holds what it said against what came of it. Gives
/// whether a plan was offered, and whether it was called safe.
fn check(what: &str, files: &Files, whole: &Held) -> (bool, bool) {
    let directory = directory(files);
    let path = directory.path();
    let opens = RaftLog::open(small(crate::support::directory(files).path())).is_ok();
    let before = files_of(path);
    let (output, plan) = plan_of(path);
    assert_eq!(files_of(path), before, "{what}: a plan changes nothing");
    if opens {
        assert_eq!((code(&output), &plan), (0, &Value::Null), "{what}: {output:?}");
        return (false, false);
    }
    assert!([3, 4].contains(&code(&output)), "{what}: {output:?}");
    if plan.is_null() {
        assert!(text(&output.stderr).contains("no repair is offered: "), "{what}: {output:?}");
        return (false, false);
    }
    let is_safe = plan["is_safe"].as_bool().unwrap();
    let name = plan["kept"]["last"].as_str().unwrap_or("none").to_owned();
    let applied = if is_safe {
        run(&["repair", "--apply"], &[path])
    } else {
        // Not without its loss named, and not with another one.
        for arguments in
            [&["repair", "--apply"][..], &["repair", "--apply", "--accept-data-loss-after", "77:77"]]
        {
            let refused = run(arguments, &[path]);
            assert_eq!(code(&refused), 3, "{what}: {refused:?}");
            assert!(text(&refused.stderr).contains("nothing was changed"), "{what}: {refused:?}");
        }
        let mut now = files_of(path);
        now.retain(|name, _| name != "LOCK");
        assert_eq!(now, before, "{what}");
        run(&["repair", "--apply", "--accept-data-loss-after", &name], &[path])
    };
    assert_eq!(code(&applied), 0, "{what}: {applied:?}");

    // Damaged bytes stay where they are: every chunk is there, under its name or beside it.
    let after = files_of(path);
    for (name, bytes) in before.iter().filter(|(name, _)| name.ends_with(".wal")) {
        let aside = after.iter().find(|(after, _)| after.starts_with(&format!("{name}.aside-")));
        let aside = aside.map(|(_, bytes)| bytes).or_else(|| after.get(name));
        assert_eq!(aside, Some(bytes), "{what}: {name}");
    }
    assert_eq!(code(&run(&["repair"], &[path])), 0, "{what}: nothing is left to do");
    let now = held(path);
    assert_eq!(now.entries.len() as u64, plan["kept"]["entries"].as_u64().unwrap(), "{what}");

    let lost: Vec<u64> = whole
        .entries
        .iter()
        .filter(|(index, (term, _))| {
            now.purged.is_none_or(|purged| **index > purged)
                && now.entries.get(index).map(|(t, _)| t) != Some(term)
        })
        .map(|(index, _)| *index)
        .collect();
    let loses_committed = lost.iter().any(|index| whole.committed >= Some(*index));
    let loss = &plan["loss"];
    if is_safe {
        assert_eq!(lost, [0; 0], "{what}: {plan}");
        assert_eq!(now.vote, whole.vote, "{what}: {plan}");
    }
    if now.vote != whole.vote {
        assert_eq!(loss["vote"], "unknown", "{what}: {plan}");
    }
    if !lost.is_empty() {
        assert!(!is_safe, "{what}: {plan}");
        let said = loss["entries"]
            .as_array()
            .map_or((u64::MAX, 0), |range| (range[0].as_u64().unwrap(), range[1].as_u64().unwrap()));
        let is_said = lost.iter().all(|index| (said.0..=said.1).contains(index));
        assert!(is_said || loss["maybe_more"] == true, "{what}: {lost:?} are lost: {plan}");
    }
    if loses_committed {
        // Said outright where it can be known, and as what may be everywhere else.
        assert!(loss["loses_committed"] == true || loss["maybe_more"] == true, "{what}: {plan}");
        let shown = text(&run(&["repair"], &[crate::support::directory(files).path()]).stdout);
        assert!(
            shown.contains("UNSAFE")
                && (shown.contains("COMMITTED") || shown.contains("may be all the same")),
            "{what}: {shown}"
        );
    }
    // What stays is what was there.
    for (index, (term, payload)) in &now.entries {
        if let Some((whole_term, whole_payload)) = whole.entries.get(index)
            && whole_term == term
        {
            assert!(payload.is_none() || payload == whole_payload, "{what}: entry {index}");
        }
        let is_listed = plan["kept"]["damaged"].as_array().unwrap().contains(&Value::from(*index));
        assert_eq!(payload.is_none(), is_listed, "{what}: entry {index}: {plan}");
    }
    // And the log goes on.
    let mut log = RaftLog::open(small(path)).unwrap();
    let next = log.state().last.map_or(1, |last| last.index + 1);
    log.append([(id(50, next), Bytes::from_static(b"after"))]).unwrap();
    log.sync().unwrap();
    drop(log);
    // A damaged record that is no entry, such as a vote, stays as well.
    let verified = code(&run(&["verify", "-q"], &[path]));
    let has_damaged = !plan["kept"]["damaged"].as_array().unwrap().is_empty();
    assert!(verified == 1 || (verified == 0 && !has_damaged), "{what}: {verified}");
    (true, is_safe)
}

#[test]
fn a_flipped_bit_anywhere_is_mended_as_the_plan_says_or_not_at_all() {
    let files = life();
    let whole = held(directory(&files).path());
    let (mut offered, mut safe, mut unsafe_ones) = (0, 0, 0);
    for (name, bytes) in &files {
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
        for at in (0..=used).step_by(if name == "DURABLE" { 1021 } else { 53 }) {
            let mut bad = files.clone();
            bad.get_mut(name).unwrap()[at] ^= 1 << (at % 8);
            let (is_offered, is_safe) = check(&format!("{name} at {at}"), &bad, &whole);
            offered += u32::from(is_offered);
            safe += u32::from(is_offered && is_safe);
            unsafe_ones += u32::from(is_offered && !is_safe);
        }
    }
    assert!(
        offered > 3 && safe > 0 && unsafe_ones > 0,
        "{offered} offered, {safe} safe, {unsafe_ones} unsafe"
    );
}

#[test]
fn missing_and_cut_files_are_mended_as_the_plan_says_or_not_at_all() {
    let files = life();
    let whole = held(directory(&files).path());
    let mut offered = 0;
    for name in files.keys().filter(|name| name.ends_with(".wal")) {
        let mut bad = files.clone();
        bad.remove(name);
        offered += u32::from(check(&format!("without {name}"), &bad, &whole).0);
        for part in [4, 2] {
            let mut bad = files.clone();
            let bytes = bad.get_mut(name).unwrap();
            let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
            bytes.truncate(used / part);
            offered += u32::from(check(&format!("{name} cut to 1/{part}"), &bad, &whole).0);
        }
    }
    assert!(offered > 3, "{offered}");
}

#[test]
fn a_newest_chunk_from_an_earlier_time_is_not_taken_for_all() {
    let directory_ = tempfile::tempdir().unwrap();
    let mut log = RaftLog::open(small(directory_.path())).unwrap();
    log.append(entries(1, 0..3)).unwrap();
    log.sync().unwrap();
    let early = files_of(directory_.path());
    log.append(entries(1, 3..6)).unwrap();
    log.commit(id(1, 4)).unwrap();
    log.sync().unwrap();
    drop(log);
    let mut files = files_of(directory_.path());
    files.remove("LOCK");
    let whole = held(directory(&files).path());
    let newest = newest(&files);
    files.insert(newest.clone(), early[&newest].clone());
    let (is_offered, is_safe) = check("rolled back", &files, &whole);
    assert!(is_offered && !is_safe);
    // An old DURABLE is a lower bound, and no damage.
    let mut files = whole_with_old_durable(&early);
    files.remove("LOCK");
    assert_eq!(check("DURABLE rolled back", &files, &whole), (false, false));
}

fn whole_with_old_durable(early: &Files) -> Files {
    let directory = directory(early);
    let mut log = RaftLog::open(small(directory.path())).unwrap();
    log.append(entries(1, 3..6)).unwrap();
    log.sync().unwrap();
    let mut files = files_of(directory.path());
    files.insert("DURABLE".to_owned(), early["DURABLE"].clone());
    files
}

#[test]
fn a_directory_whose_lock_is_held_is_not_repaired() {
    let mut files = life();
    let name = newest(&files);
    let bytes = files.get_mut(&name).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[used / 2] ^= 1;
    let directory = directory(&files);
    let storage = raft_log_chunk::DirectoryStorage::open(directory.path()).unwrap();
    let lock = raft_log::LockFile::acquire(&storage).unwrap();
    assert_eq!(code(&run(&["repair"], &[directory.path()])), 3, "a plan needs no lock");
    let output = run(&["repair", "--apply"], &[directory.path()]);
    assert_eq!(code(&output), 5, "{output:?}");
    assert!(text(&output.stderr).contains("is open already"), "{output:?}");
    drop(lock);
    assert_ne!(code(&run(&["repair", "--apply"], &[directory.path()])), 5);
}

#[test]
fn where_ending_the_log_is_no_help_the_way_out_is_told() {
    let files = life();
    let other = life();
    let mut mixed = files.clone();
    mixed.insert("DURABLE".to_owned(), other["DURABLE"].clone());
    let mut bent = files.clone();
    bent.insert("r-1.wal".to_owned(), Vec::new());
    let mut headless = files.clone();
    let oldest = headless.keys().find(|name| name.ends_with(".wal")).unwrap().clone();
    headless.remove(&oldest);
    for (what, files, advice) in [
        ("another log's DURABLE", mixed, "separate the files of the two logs"),
        ("a bent name", bent, "give the file its name back"),
        ("without its beginning", headless, "the beginning of the log is gone"),
    ] {
        let directory = directory(&files);
        for arguments in [&["repair"][..], &["repair", "--apply", "--accept-data-loss-after", "none"]] {
            let output = run(arguments, &[directory.path()]);
            assert_eq!(code(&output), 3, "{what}: {output:?}");
            assert_eq!(output.stdout, b"", "{what}");
            assert!(text(&output.stderr).contains(advice), "{what}: {output:?}");
            assert!(text(&output.stderr).contains("replace this member"), "{what}: {output:?}");
        }
        assert_eq!(files_of(directory.path()), files, "{what}");
    }
}

#[test]
fn a_renamed_chunk_is_to_get_its_name_back() {
    let mut files = life();
    let name = files.keys().filter(|name| name.ends_with(".wal")).nth(1).unwrap().clone();
    let id = raft_log_chunk::ChunkId::from_file_name(&name).unwrap().unwrap();
    let elsewhere = raft_log_chunk::ChunkId::new(id.offset() + 8).file_name();
    let bytes = files.remove(&name).unwrap();
    files.insert(elsewhere.clone(), bytes);
    let (output, plan) = plan_of(directory(&files).path());
    assert!(plan.is_null(), "{plan}");
    assert!(text(&output.stderr).contains(&format!("rename {elsewhere} to {name}")), "{output:?}");
}

#[test]
fn chunks_that_bear_each_others_names_are_to_get_them_back() {
    let files = life();
    let names: Vec<String> = files.keys().filter(|name| name.ends_with(".wal")).cloned().collect();
    assert!(names.len() >= 4, "{names:?}");
    for circle in [&names[1..3], &names[..2], &names[1..4]] {
        let mut changed = files.clone();
        for (from, to) in circle.iter().zip(circle.iter().skip(1).chain(&circle[..1])) {
            changed.insert(to.clone(), files[from].clone());
        }
        let place = directory(&changed);
        let (output, plan) = plan_of(place.path());
        assert!(plan.is_null(), "{plan}");
        let said = text(&output.stderr);
        assert!(said.contains("by way of a name of no chunk, rename "), "{said}");
        let renames: Vec<(&str, &str)> = said
            .split("rename ")
            .skip(1)
            .map(|rename| rename.split(' ').collect::<Vec<_>>())
            .map(|words| (words[0], words[2].trim_end_matches([',', '.'])))
            .collect();
        assert_eq!(renames.len(), circle.len(), "{said}");
        for (name, is) in renames {
            assert_eq!(changed[name], files[is], "{said}");
        }
    }

    // A copy in the place of a chunk that is not there any more: no name makes that good.
    let mut copied = files.clone();
    copied.insert(names[1].clone(), files[&names[2]].clone());
    let (output, plan) = plan_of(directory(&copied).path());
    assert!(!plan.is_null(), "{output:?}");
}

#[test]
fn the_loss_must_be_named_as_a_log_id() {
    let directory = directory(&life());
    for text in ["5", "a:b", "1:2:3", "-1:2", ""] {
        let output = run(&["repair", "--apply", "--accept-data-loss-after", text], &[directory.path()]);
        assert_eq!(code(&output), 2, "{text}: {output:?}");
    }
    let output = run(&["repair", "--accept-data-loss-after", "1:2"], &[directory.path()]);
    assert_eq!(code(&output), 2, "it goes with --apply alone: {output:?}");
}
