//! What a node holds against what was acknowledged. Pure: the same contents and pages give the same verdict.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::contents::Contents;
use crate::ledger::{History, Page, value_of};

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Loss {
    #[error("LOST on node {node}: {key} was acknowledged at version {expected}, found is {}", version_text(.found))]
    Acknowledged { node: u64, key: String, expected: u64, found: Option<u64> },
    #[error("WRONG on node {node}: {key} is at version {found}, and none above {sent} was ever sent")]
    NeverSent { node: u64, key: String, found: u64, sent: u64 },
    #[error("WRONG on node {node}: {key} version {version} should be {expected:?}, found is {found:?}")]
    Value { node: u64, key: String, version: u64, expected: String, found: String },
    #[error("WRONG on node {node}: nobody ever wrote {key:?}")]
    UnknownKey { node: u64, key: String },
    #[error("WRONG: nodes {nodes:?} applied the same entries, and have {} and {} of {key}", 
            version_text(&.versions.0), version_text(&.versions.1))]
    Different { nodes: (u64, u64), key: String, versions: (Option<u64>, Option<u64>) },
    #[error("LOST before {key} version {version} was applied: the version before it, which was acknowledged, \
             was not there, found was {}", version_text(&Some(*.found)))]
    Gap { key: String, version: u64, found: u64 },
}

fn version_text(found: &Option<u64>) -> String {
    match found {
        None | Some(0) => "nothing".to_owned(),
        Some(version) => format!("version {version}"),
    }
}

/// What was found to be as it should.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) keys: u64,
    /// Writes that were not acknowledged, and are there.
    pub(crate) unacknowledged_there: u64,
    /// Writes that were not acknowledged, and are not there.
    pub(crate) unacknowledged_gone: u64,
}

/// Holds what one node has against all pages.
///
/// # Errors
/// The first broken promise.
pub(crate) fn check(node: u64, contents: &Contents, pages: &[Page], seed: u64) -> Result<Found, Loss> {
    let histories: BTreeMap<&str, History> = pages.iter().flat_map(Page::histories).collect();
    let mut sum = Found::default();
    for (key, History { acknowledged, sent }) in &histories {
        let there = contents.find(key);
        let found = there.map_or(0, |there| there.version);
        let key = || (*key).to_owned();
        if found < *acknowledged {
            let found = there.map(|there| there.version);
            return Err(Loss::Acknowledged { node, key: key(), expected: *acknowledged, found });
        }
        if found > *sent {
            return Err(Loss::NeverSent { node, key: key(), found, sent: *sent });
        }
        if let Some(there) = there {
            let expected = value_of(seed, &key(), found);
            if there.value != expected {
                let found = there.value.clone();
                return Err(Loss::Value { node, key: key(), version: there.version, expected, found });
            }
            sum.keys += 1;
        }
        if found > *acknowledged {
            sum.unacknowledged_there += 1;
        } else if sent > acknowledged {
            sum.unacknowledged_gone += 1;
        }
    }
    match contents.keys().find(|key| !histories.contains_key(key)) {
        Some(key) => Err(Loss::UnknownKey { node, key: key.to_owned() }),
        None => Ok(sum),
    }
}

/// Holds what two nodes have against each other. Both have applied the same entries.
///
/// # Errors
/// The first key that differs.
pub(crate) fn same((a, ours): (u64, &Contents), (b, theirs): (u64, &Contents)) -> Result<(), Loss> {
    match ours.keys().chain(theirs.keys()).find(|key| ours.find(key) != theirs.find(key)) {
        None => Ok(()),
        Some(key) => {
            let version = |contents: &Contents| contents.find(key).map(|there| there.version);
            let versions = (version(ours), version(theirs));
            Err(Loss::Different { nodes: (a, b), key: key.to_owned(), versions })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Put;

    const SEED: u64 = 7;

    /// One writer with two keys: the first acknowledged at version 2, the second sent at version 2 and acknowledged at 1.
    fn page() -> Page {
        let mut page = Page::new(SEED, 1, 2);
        for _ in 0..3 {
            page.next();
            page.acknowledge();
        }
        page.next();
        page
    }

    fn contents(versions: [u64; 2]) -> Contents {
        let mut contents = Contents::default();
        for (key, version) in page().histories().keys().zip(versions) {
            for version in 1..=version {
                let value = value_of(SEED, key, version);
                contents.put(Put { key: (*key).to_owned(), version, value });
            }
        }
        contents
    }

    #[test]
    fn what_was_acknowledged_must_be_there_and_what_was_only_sent_may() {
        let sum = |there, gone| Found { keys: 2, unacknowledged_there: there, unacknowledged_gone: gone };
        assert_eq!(check(1, &contents([2, 1]), &[page()], SEED), Ok(sum(0, 1)));
        assert_eq!(check(1, &contents([2, 2]), &[page()], SEED), Ok(sum(1, 0)));
    }

    #[test]
    fn a_stale_or_a_missing_value_is_a_loss() {
        let lost =
            |found| Loss::Acknowledged { node: 3, key: "writer-001/key-000".into(), expected: 2, found };
        assert_eq!(check(3, &contents([1, 1]), &[page()], SEED), Err(lost(Some(1))));
        assert_eq!(check(3, &contents([0, 1]), &[page()], SEED), Err(lost(None)));
        assert!(lost(None).to_string().contains("found is nothing"));
    }

    #[test]
    fn nodes_that_differ_in_one_key_are_found() {
        assert_eq!(same((1, &contents([2, 1])), (2, &contents([2, 1]))), Ok(()));
        let different =
            |versions| Err(Loss::Different { nodes: (1, 2), key: "writer-001/key-001".into(), versions });
        let (less, more) = (contents([2, 0]), contents([2, 1]));
        assert_eq!(same((1, &less), (2, &more)), different((None, Some(1))));
        assert_eq!(same((1, &more), (2, &less)), different((Some(1), None)));
    }

    #[test]
    fn what_nobody_wrote_is_found() {
        let key = "writer-001/key-000".to_owned();
        assert_eq!(
            check(1, &contents([3, 1]), &[page()], SEED),
            Err(Loss::NeverSent { node: 1, key: key.clone(), found: 3, sent: 2 })
        );
        let outcome = check(1, &contents([2, 1]), &[page()], SEED + 1);
        assert!(matches!(outcome, Err(Loss::Value { version: 2, .. })), "{outcome:?}");
        let mut more = contents([2, 1]);
        more.put(Put { key: "x".into(), version: 1, value: String::new() });
        assert_eq!(check(1, &more, &[page()], SEED), Err(Loss::UnknownKey { node: 1, key: "x".into() }));
    }
}
