//! What a follower does with the entries that a leader sends: it keeps what agrees, truncates what contradicts, appends
//! the rest, and answers only once all of it is durable.
//!
//! Run it with `cargo run -p raft-log --example follower_truncates`.

use raft_log::{PlainTypes, RaftLog, RaftLogWriter, TermIndex};

type Log = RaftLog<PlainTypes>;
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Takes entries that follow `previous`; `None` if they are the leader's first. `false` if the log does not have
/// `previous`: the leader must go further back.
fn append_entries(
    log: &mut Log,
    previous: Option<TermIndex>,
    entries: &[(TermIndex, &'static str)],
    committed: u64,
) -> Outcome<bool> {
    let (reader, state) = (log.reader(), log.state());
    let index = |id: Option<TermIndex>| id.map_or(0, |id| id.index); // here the first entry has index 1
    // What is purged was committed, so the leader has it, too.
    let has = |id: TermIndex| id.index < index(state.purged) || reader.log_id(id.index).ok() == Some(id);
    if previous.is_some_and(|previous| !has(previous)) {
        return Ok(false);
    }
    // Raft: an entry that is there already stays; the first that contradicts goes, with all behind it.
    let agreed = entries.iter().take_while(|(id, _)| has(*id)).count();
    let (old, new) = entries.split_at(agreed);
    if !new.is_empty() {
        log.truncate(old.last().map(|(id, _)| *id).or(previous))?; // nothing happens if the log ends there
        log.append(new.iter().map(|(id, text)| (*id, (*text).into())))?;
    }
    // No further than this message vouches for; and a late one may say less than is known already.
    let committed = committed.min(index(entries.last().map(|(id, _)| *id).or(previous)));
    if committed > index(state.committed) {
        log.commit(reader.log_id(committed)?)?;
    }
    log.sync()?;
    Ok(true)
}

pub(crate) fn main() -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let mut log = RaftLog::open(directory.path())?;
    let id = TermIndex::new;

    // From the leader of term 1, to a log that is empty. Entries 3 and 4 never reach a majority.
    let first: Vec<_> = (1..=4).map(|index| (id(1, index), "from the old leader")).collect();
    assert!(append_entries(&mut log, None, &first, 0)?);

    // The leader of term 2 has only 1 and 2 of them, and is first asked to go further back.
    assert!(!append_entries(&mut log, Some(id(2, 5)), &[(id(2, 6), "z")], 2)?);
    let second = [(id(1, 2), "same"), (id(2, 3), "x"), (id(2, 4), "y")];
    assert!(append_entries(&mut log, Some(id(1, 1)), &second, 3)?);
    // The same message once more changes nothing, nor does it once a snapshot has taken the place of entries.
    assert!(append_entries(&mut log, Some(id(1, 1)), &second, 3)?);
    log.purge(id(2, 3))?;
    assert!(append_entries(&mut log, Some(id(1, 1)), &second, 2)?);

    for (id, payload) in log.read(..)? {
        println!("{id}  {}", String::from_utf8_lossy(&payload));
    }
    let ids: Vec<_> = log.read(..)?.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [id(2, 4)]);
    assert_eq!((log.state().committed, log.state().purged), (Some(id(2, 3)), Some(id(2, 3))));
    Ok(())
}
