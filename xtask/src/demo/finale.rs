//! What comes after the rounds: a suffix is replaced, a prefix is purged, the log is closed and opened again, and its
//! end is shown.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use raft_log::{Config, PlainTypes, RaftLog, RaftLogWriter, ReadError, TermIndex};

use super::acknowledged::Acknowledged;
use super::because;
use super::compare::{Verdict, Written};
use super::round::{Stage, check};
use crate::Outcome;

/// What is appended, of that what is truncated again, and what takes its place.
const APPENDED: u64 = 300;
const TRUNCATED: u64 = 200;
const OVERWRITTEN: u64 = 250;

/// How many records of the end are shown.
const SHOWN: &str = "8";

/// Replaces a suffix, purges the first half, closes the log, opens it again and compares. `before` is what the log
/// holds; entries are written in `term` and the next.
///
/// # Errors
/// When the log refuses any of it.
pub(super) fn play(
    stage: &Stage<'_>,
    before: Acknowledged,
    term: u64,
    written: &mut Written,
) -> Outcome<(Acknowledged, Verdict)> {
    let mut config = Config::new(stage.directory);
    config.chunk.max_size = stage.chunk_bytes;
    let mut log = RaftLog::open(config).map_err(|error| because("cannot open the log", &error))?;
    let chunks_before = chunks_in(stage.directory)?;

    let end = before.entries + APPENDED;
    append(&mut log, stage, written, before.entries..end, term, 0)?;
    let kept = end - TRUNCATED;
    log.truncate(Some(log.reader().log_id(kept - 1)?))?;
    let end = kept + OVERWRITTEN;
    append(&mut log, stage, written, kept..end, term + 1, 1)?;
    log.sync()?;
    println!("truncated {TRUNCATED} entries behind {}, wrote {OVERWRITTEN} others in their place", kept - 1);

    let purged = log.reader().log_id(end / 2)?;
    log.purge(purged)?;
    log.sync()?;
    let promised = Acknowledged { entries: end, committed: before.committed.max(purged.index + 1), ..before };
    log.close()?;
    drop(log);
    let chunks = chunks_in(stage.directory)?;
    println!("purged up to {purged}: {chunks_before} chunk files before, {chunks} after");

    let log =
        RaftLog::open(stage.directory).map_err(|error| because("cannot open the closed log", &error))?;
    let (found, mut verdict) = check(&log, stage.input, written, promised);
    if found.first != purged.index + 1 || found.marks != promised {
        verdict.wrong(format!("after the purge up to {purged} the log says {found:?}"));
    }
    match log.read(purged.index..) {
        Err(ReadError::Purged { first, .. }) if first == found.first => {}
        other => verdict.wrong(format!("reading a purged entry gave {:?}", other.map(|read| read.len()))),
    }
    if log.report().torn_tail.is_some() {
        verdict.wrong("a closed log has a torn tail".to_owned());
    }
    println!(
        "opened again in {:.1} ms: {} entries, compared line by line",
        log.report().elapsed.as_secs_f64() * 1e3,
        found.marks.entries - found.first
    );
    show_end(stage.directory)?;
    Ok((found.marks, verdict))
}

fn append(
    log: &mut RaftLog<PlainTypes>,
    stage: &Stage<'_>,
    written: &mut Written,
    indexes: std::ops::Range<u64>,
    term: u64,
    shift: u64,
) -> Outcome {
    written.begin(indexes.start, term, shift);
    log.append(indexes.map(|index| (TermIndex::new(term, index), stage.input.line(index + shift).clone())))?;
    Ok(())
}

/// Shows the end of what the dump tool says of the directory, while the log is open.
fn show_end(directory: &Path) -> Outcome {
    println!("the end of its dump:");
    let status = Command::new(env::current_exe()?)
        .arg("dump")
        .arg(directory)
        .args(["--tail", SHOWN])
        .status()
        .map_err(|error| format!("cannot run the dump tool: {error}"))?;
    if !status.success() {
        return Err(format!("the dump tool does not call the directory clean: {status}").into());
    }
    Ok(())
}

fn chunks_in(directory: &Path) -> Outcome<usize> {
    let mut chunks = 0;
    for entry in fs::read_dir(directory)? {
        chunks += usize::from(entry?.file_name().to_string_lossy().ends_with(".wal"));
    }
    Ok(chunks)
}
