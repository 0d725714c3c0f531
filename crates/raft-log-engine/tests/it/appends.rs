//! Appends: what is refused has told nobody and left nothing, and a callback is told whatever happens.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;

use raft_log_engine::ToldOnce;
use raft_log_testkit::MemoryStorage;

use crate::tiny::{append, config, encode, entries, id, open};

#[test]
fn a_refused_append_is_told_by_its_result_alone() {
    let mut log = open(config(100), MemoryStorage::new());
    append(&mut log, 0..3);
    let (done, told) = channel();
    let callback = ToldOnce::new(move |outcome: std::io::Result<()>| done.send(outcome.is_ok()).unwrap());
    let refused = log.append([3, 7], id, encode, callback).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    assert!(told.recv().is_err(), "the callback is gone, untold");
    assert_eq!(entries(&log), [0, 1, 2]);
}

/// The iterator is the engine's code.
#[test]
fn an_append_that_panics_tells_an_error_and_the_log_goes_on() {
    let mut log = open(config(100), MemoryStorage::new());
    let (done, told) = channel();
    let callback = ToldOnce::new(move |outcome: std::io::Result<()>| done.send(outcome).unwrap());
    let panicking = (0..3).map(|index| if index == 2 { panic!("in the caller's iterator") } else { index });
    let appending = || log.append(panicking, id, encode, callback);
    catch_unwind(AssertUnwindSafe(appending)).unwrap_err();
    assert!(told.recv().unwrap().unwrap_err().to_string().contains("dropped before its sync"));
    append(&mut log, 0..2);
    assert_eq!(entries(&log), [0, 1]);
}

#[test]
fn the_encoders_memory_holds_one_entry_and_none_of_the_one_before() {
    let mut log = open(config(100), MemoryStorage::new());
    let long_and_short = |entry: &u64, out: &mut Vec<u8>| {
        out.extend(std::iter::repeat_n(7, if *entry == 0 { 3 << 20 } else { 2 }));
        Ok(())
    };
    log.append(0..3, id, long_and_short, ToldOnce::new(|outcome| outcome.unwrap())).unwrap();
    let sizes: Vec<usize> = log.log().read(..).unwrap().iter().map(|(_, bytes)| bytes.len()).collect();
    assert_eq!(sizes, [3 << 20, 2, 2]);
}
