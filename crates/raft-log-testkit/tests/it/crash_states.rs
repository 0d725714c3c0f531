//! Crashes on a simulated disk.

use std::time::Instant;

use raft_log::Config;
use raft_log_testkit::faults::*;

/// Chunks of a few records, and space laid so scarcely that every operation claims some.
fn tiny(spares: usize) -> Config {
    let mut config = Config::new("unused");
    config.chunk.max_records = 4;
    config.chunk.max_size = 4096;
    config.chunk.space_step = 512;
    config.chunk.spares = spares;
    config.read_buffer_size = 4096;
    config
}

#[test]
fn nothing_acknowledged_is_lost_in_a_crash() {
    let steps = std::env::var("STEPS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let bounds = CrashBounds { steps, recover_one_of: 1024, ..CrashBounds::default() };
    let begin = Instant::now();
    let tally = crash_states(vec![tiny(0), tiny(1)], &bounds);
    println!("{tally}{:?}", begin.elapsed());
    assert_eq!(tally.faults(), 0, "{tally}");
}

#[test]
fn nothing_is_acknowledged_falsely_when_a_call_fails() {
    let begin = Instant::now();
    let tally = failing_calls(&[tiny(0), tiny(1)], &FailingBounds { lives: 1, ..FailingBounds::default() });
    println!("{tally}{:?}", begin.elapsed());
    assert_eq!(tally.faults(), 0, "{tally}");
}

#[test]
fn long_lives_keep_their_promises() {
    let begin = Instant::now();
    let tally = long_runs(vec![tiny(0), tiny(1)], &LongBounds::default());
    println!("{tally}{:?}", begin.elapsed());
    assert_eq!(tally.faults(), 0, "{tally}");
}
