//! What a follower does with the entries that a leader sends: it keeps what agrees, truncates what contradicts, appends
//! the rest, and answers only once all of it is durable.
//!
//! Run it with `cargo run -p raft-log --example follower_truncates`.

use raft_log::{PlainTypes, RaftLog, RaftLogWriter, TermIndex};

type Log = RaftLog<PlainTypes>;
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Takes entries that follow `previous`. `false` if the log does not have `previous`: the leader must go further back.
fn append_entries(
    log: &mut Log,
    previous: TermIndex,
    entries: &[(TermIndex, &'static str)],
    committed: u64,
) -> Outcome<bool> {
    let reader = log.reader();
    if reader.log_id(previous.index).ok() != Some(previous) {
        return Ok(false);
    }
    // Raft: an entry that is there already stays; the first that contradicts goes, with all behind it.
    let is_new = |(id, _): &&(TermIndex, _)| reader.log_id(id.index).ok() != Some(*id);
    let agreed = entries.iter().take_while(|entry| !is_new(entry)).count();
    let new = entries.get(agreed..).unwrap_or_default();
    if let Some((first, _)) = new.first() {
        let keep = reader.log_id(first.index - 1)?;
        log.truncate(Some(keep))?; // nothing happens if the log ends there
        log.append(new.iter().map(|(id, text)| (*id, (*text).into())))?;
    }
    let last = entries.last().map_or(previous, |(id, _)| *id);
    let committed = reader.log_id(committed.min(last.index))?;
    if log.state().committed < Some(committed) {
        log.commit(committed)?;
    }
    log.sync()?;
    Ok(true)
}

pub(crate) fn main() -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let mut log = RaftLog::open(directory.path())?;
    let id = TermIndex::new;

    // From the leader of term 1. Entries 3 and 4 never reached a majority.
    log.append((1..=4).map(|index| (id(1, index), "from the old leader".into())))?;
    log.sync()?;

    // The leader of term 2 has only 1 and 2 of them, and is first asked to go further back.
    assert!(!append_entries(&mut log, id(2, 5), &[(id(2, 6), "z")], 2)?);
    assert!(append_entries(&mut log, id(1, 1), &[(id(1, 2), "same"), (id(2, 3), "x"), (id(2, 4), "y")], 3)?);
    // The same message once more changes nothing.
    assert!(append_entries(&mut log, id(1, 1), &[(id(1, 2), "same"), (id(2, 3), "x"), (id(2, 4), "y")], 3)?);

    for (id, payload) in log.read(1..)? {
        println!("{id}  {}", String::from_utf8_lossy(&payload));
    }
    let ids: Vec<_> = log.read(1..)?.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [id(1, 1), id(1, 2), id(2, 3), id(2, 4)]);
    assert_eq!(log.state().committed, Some(id(2, 3)));
    Ok(())
}
