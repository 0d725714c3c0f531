//! The keys and their values, and the one rule for changing them: versions of a key come one after the other.
//!
//! Pure. The rule makes each key a chain: a write that was lost breaks it at the next write of that key, on whichever
//! node that is applied.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::types::{Answer, Put};

/// What stands behind a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Versioned {
    pub(crate) version: u64,
    pub(crate) value: String,
}

/// All keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents(BTreeMap<String, Versioned>);

impl Contents {
    /// Stores the next version of a key. An old one changes nothing, and neither does one that comes too early.
    pub(crate) fn put(&mut self, put: Put) -> Answer {
        let found = self.0.get(&put.key).map_or(0, |there| there.version);
        if put.version <= found {
            return Answer::Known;
        }
        if put.version > found + 1 {
            return Answer::Gap { found };
        }
        self.0.insert(put.key, Versioned { version: put.version, value: put.value });
        Answer::Stored
    }

    pub(crate) fn find(&self, key: &str) -> Option<&Versioned> {
        self.0.get(key)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, version: u64) -> Put {
        Put { key: key.to_owned(), version, value: format!("{key} {version}") }
    }

    #[test]
    fn versions_of_a_key_are_stored_one_after_the_other() {
        let mut contents = Contents::default();
        assert_eq!(contents.put(put("a", 1)), Answer::Stored);
        assert_eq!(contents.put(put("b", 1)), Answer::Stored);
        assert_eq!(contents.put(put("a", 2)), Answer::Stored);
        assert_eq!(contents.find("a"), Some(&Versioned { version: 2, value: "a 2".into() }));
        assert_eq!(contents.keys().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_command_that_comes_twice_or_late_changes_nothing() {
        let mut contents = Contents::default();
        contents.put(put("a", 1));
        contents.put(put("a", 2));
        let before = contents.clone();
        for version in [1, 2] {
            let again = Put { value: "another".into(), ..put("a", version) };
            assert_eq!(contents.put(again), Answer::Known);
        }
        assert_eq!(contents, before);
    }

    #[test]
    fn a_lost_version_is_told_by_the_next_one() {
        let mut contents = Contents::default();
        contents.put(put("a", 1));
        assert_eq!(contents.put(put("a", 3)), Answer::Gap { found: 1 });
        assert_eq!(contents.put(put("b", 2)), Answer::Gap { found: 0 });
        assert_eq!(contents.keys().count(), 1);
        assert_eq!(contents.find("a").map(|there| there.version), Some(1));
    }
}
