//! Any bytes as the chunks of a directory, each of which is scanned.

#![no_main]

use libfuzzer_sys::fuzz_target;
use raft_log_fuzz::watch;
use raft_log_testkit::any_input;

fuzz_target!(|bytes: &[u8]| any_input::scan(bytes, &watch));
