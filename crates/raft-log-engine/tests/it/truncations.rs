//! Truncations, by the last entry that stays or by the first that goes: the same, wherever the log begins.

use raft_log_engine::Ends;
use raft_log_testkit::MemoryStorage;

use crate::tiny::{Id, append, config, entries, id, open};

#[test]
fn both_ways_to_say_it_leave_the_same() {
    for index in 1..12 {
        let mut logs = [open(config(100), MemoryStorage::new()), open(config(100), MemoryStorage::new())];
        logs.iter_mut().for_each(|log| append(log, 2..9));
        logs[0].truncate_after(Some(id(&(index - 1)))).unwrap();
        logs[1].truncate_from(index).unwrap();
        let left: Vec<u64> = (2..9).filter(|entry| *entry < index).collect();
        assert_eq!((entries(&logs[0]), entries(&logs[1])), (left.clone(), left), "from {index}");
    }
}

#[test]
fn what_is_purged_stays_and_cannot_be_truncated() {
    let mut log = open(config(100), MemoryStorage::new());
    append(&mut log, 0..9);
    log.purge(id(&3)).unwrap();
    for index in 0..4 {
        log.truncate_from(index).unwrap_err();
        assert_eq!(entries(&log), [4, 5, 6, 7, 8], "from {index}");
    }
    log.truncate_from(4).unwrap();
    assert_eq!(log.ends(), Ends { purged: Some(Id(1, 3)), last: Some(Id(1, 3)) });
    append(&mut log, 4..6);
    log.truncate_after(None).unwrap();
    assert_eq!(log.ends(), Ends { purged: Some(Id(1, 3)), last: Some(Id(1, 3)) });
}
