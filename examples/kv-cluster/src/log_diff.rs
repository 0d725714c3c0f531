//! The logs of stopped nodes held against each other, two by two, by raft-log's `diff`.
//!
//! Compared is what Raft promises: entries that both have, up to an index to which all is committed, have the same ids
//! and the same payloads. Votes, where a purge stands, the bounds of chunks, and what lies behind that index may differ.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::Outcome;

/// What `diff --output json` says, as far as it is wanted here.
#[derive(Debug, Clone, Deserialize)]
struct Difference {
    a: Side,
    b: Side,
    same: Option<Span>,
    divergence: Option<Divergence>,
    unreadable: Vec<Unreadable>,
}

#[derive(Debug, Clone, Deserialize)]
struct Side {
    first: Option<u64>,
    last: Option<String>,
    committed: Option<String>,
}

/// Indexes, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

#[derive(Debug, Clone, Deserialize)]
struct Divergence {
    index: u64,
    a: String,
    b: String,
    same_id: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct Unreadable {
    side: String,
    index: u64,
}

/// How far two logs must be the same.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    /// Up to this index, which both must have: every node had applied it.
    Applied(u64),
    /// Up to where both call their entries committed: a kill may have taken the newest mark, and one may lag behind.
    Marks,
}

/// What two logs have in common: entries from `first` to `last` that were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) committed: Option<Span>,
    /// How many entries behind those are the same as well.
    pub(crate) same_behind: u64,
    /// The entries behind those differ, as they may.
    pub(crate) is_tail_different: bool,
}

/// Compares the logs in two directories.
///
/// # Errors
/// When they contradict each other, or cannot be read.
pub(crate) fn compare(a: &Path, b: &Path, bound: Bound) -> Outcome<Compared> {
    // The tool prints, so it is a process of its own.
    let output = Command::new(std::env::current_exe()?)
        .args(["log", "diff", "--output", "json"])
        .args([a, b])
        .output()?;
    let told = || format!("{} {}", output.status, String::from_utf8_lossy(&output.stderr));
    // 1: they differ, which is for us to judge.
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(format!("diff {} {}: {}", a.display(), b.display(), told()).into());
    }
    let found =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("diff: {error}; {}", told()))?;
    judge(&found, bound).map_err(|why| format!("the logs {} and {}: {why}", a.display(), b.display()).into())
}

fn judge(found: &Difference, bound: Bound) -> Result<Compared, String> {
    let committed = match bound {
        Bound::Applied(index) => Some(index),
        Bound::Marks => match (index_of(&found.a.committed)?, index_of(&found.b.committed)?) {
            (Some(a), Some(b)) => Some(a.min(b)),
            _ => None,
        },
    };
    if let Some(Unreadable { side, index }) = found.unreadable.first() {
        return Err(format!("entry {index} of {side} cannot be read"));
    }
    if let Some(Divergence { index, a, b, same_id }) = &found.divergence
        && (*same_id || Some(*index) <= committed)
    {
        let committed = committed.map_or("nothing".to_owned(), |index| index.to_string());
        let why = if *same_id { "one id stands for two entries" } else { "committed entries differ" };
        return Err(format!(
            "they contradict each other at index {index}, {why}: {a} and {b}; committed up to {committed}"
        ));
    }
    if let Bound::Applied(index) = bound {
        for (name, side) in [("the first", &found.a), ("the second", &found.b)] {
            let (first, last) = (side.first, index_of(&side.last)?);
            if first.is_none_or(|first| first > index) || last < Some(index) {
                return Err(format!(
                    "{name} has entries {first:?} to {last:?}, and not {index}, which it applied"
                ));
            }
        }
        if found.same.is_none_or(|same| same.first > index || same.last < index) {
            return Err(format!("only {:?} of them was found to be the same, and not {index}", found.same));
        }
    }
    let same_to = found.same.map(|same| (same.first, same.last));
    let span =
        same_to.zip(committed).map(|((first, last), committed)| Span { first, last: last.min(committed) });
    let span = span.filter(|span| span.first <= span.last);
    let same_behind = match (same_to, committed) {
        (Some((first, last)), Some(committed)) => (last + 1).saturating_sub(first.max(committed + 1)),
        (Some((first, last)), None) => last + 1 - first,
        (None, _) => 0,
    };
    Ok(Compared { committed: span, same_behind, is_tail_different: found.divergence.is_some() })
}

/// The index of an id that is written `term:index`.
fn index_of(id: &Option<String>) -> Result<Option<u64>, String> {
    let Some(id) = id else { return Ok(None) };
    let index = id.split_once(':').and_then(|(_, index)| index.parse().ok());
    index.map(Some).ok_or_else(|| format!("no log id: {id:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(first: u64, last: u64, committed: u64) -> Side {
        let id = |index| Some(format!("2:{index}"));
        Side { first: Some(first), last: id(last), committed: id(committed) }
    }

    /// 11 to 20 and 15 to 22, the same from 15 to 20, committed to 18 and 19.
    fn difference() -> Difference {
        Difference {
            a: side(11, 20, 18),
            b: side(15, 22, 19),
            same: Some(Span { first: 15, last: 20 }),
            divergence: None,
            unreadable: vec![],
        }
    }

    fn diverging(index: u64, same_id: bool) -> Difference {
        let divergence = Divergence { index, a: "1:1".into(), b: "2:1".into(), same_id };
        Difference {
            same: Some(Span { first: 15, last: index - 1 }),
            divergence: Some(divergence),
            ..difference()
        }
    }

    #[test]
    fn what_both_have_is_compared_up_to_the_bound() {
        let compared = |last, same_behind| Compared {
            committed: Some(Span { first: 15, last }),
            same_behind,
            is_tail_different: false,
        };
        assert_eq!(judge(&difference(), Bound::Applied(17)), Ok(compared(17, 3)));
        assert_eq!(judge(&difference(), Bound::Marks), Ok(compared(18, 2)));
    }

    #[test]
    fn a_contradiction_in_what_is_committed_is_an_error_and_behind_it_is_none() {
        assert!(judge(&diverging(18, false), Bound::Marks).is_err());
        assert!(judge(&diverging(17, false), Bound::Applied(17)).is_err());
        let compared = judge(&diverging(19, false), Bound::Marks).unwrap();
        assert!(compared.is_tail_different);
        assert_eq!(compared.committed, Some(Span { first: 15, last: 18 }));
        // One id for two entries is wrong wherever it is.
        assert!(judge(&diverging(19, true), Bound::Marks).is_err());
    }

    #[test]
    fn an_applied_entry_that_one_log_does_not_have_is_an_error() {
        assert!(judge(&difference(), Bound::Applied(21)).is_err());
        assert!(judge(&difference(), Bound::Applied(14)).is_err());
        let none = Difference { same: None, ..difference() };
        assert!(judge(&none, Bound::Applied(17)).is_err());
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_an_error() {
        let unreadable = vec![Unreadable { side: "a".into(), index: 16 }];
        let found = Difference { unreadable, ..difference() };
        assert!(judge(&found, Bound::Marks).is_err_and(|why| why.contains("entry 16 of a")));
    }
}
