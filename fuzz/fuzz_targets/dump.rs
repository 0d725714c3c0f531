//! Any bytes as a directory that the dump tool looks at.

#![no_main]

use libfuzzer_sys::fuzz_target;
use raft_log_dump::{ScanOptions, scan_storage};
use raft_log_fuzz::watch;
use raft_log_testkit::any_input;

fuzz_target!(|bytes: &[u8]| {
    any_input::look(bytes, &watch, |storage, _| {
        // A directory without a log is an answer, too.
        scan_storage(storage, ScanOptions::default()).map_or(0, |scan| scan.count() as u64)
    });
});
