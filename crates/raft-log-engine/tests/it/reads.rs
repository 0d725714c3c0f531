//! Reads: what the cache has is there at once; all else is work for a thread that may block, errors included.

use std::io::ErrorKind;

use raft_log_engine::{EngineReader, Found, decoded};
use raft_log_testkit::MemoryStorage;

use crate::tiny::{Tiny, append, config, decode, id, open};

/// Whether it was cached, and the entries or the kind of the error.
fn taken(found: Found<Tiny>) -> (bool, Result<Vec<u64>, ErrorKind>) {
    let (is_cached, stored) = match found {
        Found::Cached(stored) => (true, Ok(stored)),
        Found::OnDisk(read) => (false, read.read()),
    };
    (is_cached, stored.and_then(|stored| decoded(stored, decode)).map_err(|error| error.kind()))
}

#[test]
fn the_cache_is_given_at_once_and_the_rest_as_work() {
    let mut log = open(config(4), MemoryStorage::new());
    (0..20).for_each(|index| append(&mut log, index..index + 1));
    log.purge(id(&4)).unwrap();
    let reader = log.reader().clone();
    assert_eq!(taken(reader.all(18..30)), (true, Ok(vec![18, 19])));
    assert_eq!(taken(reader.some(18..19)), (true, Ok(vec![18])));
    assert_eq!(taken(reader.all(30..40)), (true, Ok(vec![])));
    assert_eq!(taken(reader.some(30..30)), (true, Ok(vec![])));
    assert_eq!(taken(reader.all(0..7)), (false, Ok(vec![5, 6])));
    assert_eq!(taken(reader.some(5..7)), (false, Ok(vec![5, 6])));
    for gone_or_missing in [0..7, 4..7, 20..21] {
        assert_eq!(taken(reader.some(gone_or_missing)), (false, Err(ErrorKind::NotFound)));
    }
}

#[test]
fn a_limit_is_of_one_read_and_never_below_one_entry() {
    for cached in [0, 100] {
        let mut log = open(config(cached), MemoryStorage::new());
        (0..20).for_each(|index| append(&mut log, index..index + 1));
        let limited = |bytes_max| EngineReader::new(log.log().reader(), bytes_max);
        assert_eq!(taken(limited(0).some(3..20)).1, Ok(vec![3]));
        let some = taken(limited(100).some(3..20)).1.unwrap();
        assert!(some.len() > 1 && some.len() < 10, "{some:?}");
        assert_eq!(taken(limited(0).all(3..20)).1.unwrap().len(), 17);
    }
}
