//! What the writers know: for each key, which version was acknowledged and which was ever sent. Pure.
//!
//! A value follows from its key, version and the seed of the run, so that nothing needs to be remembered of it.

use std::collections::BTreeMap;

use crate::types::Put;

/// How far one key has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// The newest version that was acknowledged; 0 for none.
    pub(crate) acknowledged: u64,
    /// The newest version that was sent: the acknowledged one, or the one behind it, of which nothing is known.
    pub(crate) sent: u64,
}

/// All keys of one writer; nobody else writes them.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    seed: u64,
    keys: Vec<(String, History)>,
    turn: usize,
}

impl Page {
    pub(crate) fn new(seed: u64, writer: u64, keys: usize) -> Self {
        let key = |number| (format!("writer-{writer:03}/key-{number:03}"), History::default());
        Self { seed, keys: (0..keys).map(key).collect(), turn: 0 }
    }

    /// The next command: the next version of the key whose turn it is. It is the same one until it is acknowledged.
    pub(crate) fn next(&mut self) -> Put {
        let seed = self.seed;
        let (key, history) = self.current();
        history.sent = history.acknowledged + 1;
        Put { key: key.clone(), version: history.sent, value: value_of(seed, key, history.sent) }
    }

    /// The last command was acknowledged.
    pub(crate) fn acknowledge(&mut self) {
        let (_, history) = self.current();
        history.acknowledged = history.sent;
        self.turn += 1;
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the turn is taken modulo the number of keys, of which there is one"
    )]
    fn current(&mut self) -> (&String, &mut History) {
        let turn = self.turn % self.keys.len();
        let (key, history) = &mut self.keys[turn];
        (key, history)
    }

    pub(crate) fn histories(&self) -> BTreeMap<&str, History> {
        self.keys.iter().map(|(key, history)| (key.as_str(), *history)).collect()
    }
}

/// The one value that was ever sent for a version of a key.
pub(crate) fn value_of(seed: u64, key: &str, version: u64) -> String {
    let text = format!("{seed}/{key}/{version}");
    format!("{text}/{:08x}", crc32c::crc32c(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_stays_the_same_until_it_is_acknowledged() {
        let mut page = Page::new(7, 1, 2);
        let first = page.next();
        assert_eq!((first.version, page.next()), (1, first.clone()));
        page.acknowledge();
        let second = page.next();
        assert_ne!(second.key, first.key);
        page.acknowledge();
        assert_eq!((page.next().key, page.next().version), (first.key.clone(), 2));
        let histories = page.histories();
        assert_eq!(histories[first.key.as_str()], History { acknowledged: 1, sent: 2 });
        assert_eq!(histories[second.key.as_str()], History { acknowledged: 1, sent: 1 });
    }

    #[test]
    fn values_of_other_keys_versions_and_runs_differ() {
        let value = value_of(1, "a", 1);
        for other in [value_of(2, "a", 1), value_of(1, "b", 1), value_of(1, "a", 2)] {
            assert_ne!(value, other);
        }
    }
}
