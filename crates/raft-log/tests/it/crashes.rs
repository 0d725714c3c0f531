//! Crashes, failing calls and long lives on a simulated disk: the share of the fault suite that every run of the tests
//! goes through. `cargo xtask torture` tries more.

use raft_log_testkit::faults::{
    CrashBounds, FailingBounds, LongBounds, Tally, crash_states, failing_calls, long_runs, tiny_logs,
};

fn assert_flawless(tally: &Tally) {
    println!("{tally}");
    assert_eq!(tally.faults(), 0, "{tally}");
}

#[test]
fn after_any_crash_a_log_holds_what_it_acknowledged() {
    let tally =
        crash_states(tiny_logs(), &CrashBounds { steps: 1, recover_one_of: 1024, ..CrashBounds::default() });
    assert_flawless(&tally);
    assert!(tally.states > 30_000 && tally.recovery_states > 5_000, "{tally}");
    assert!(tally.verdicts.len() >= 4, "an end in every way: {tally}");
}

#[test]
fn whatever_call_fails_nothing_is_acknowledged_falsely() {
    let bounds = FailingBounds { lives: 1, outcomes: 8, ..FailingBounds::default() };
    let tally = failing_calls(&tiny_logs()[1..], &bounds);
    assert_flawless(&tally);
    assert!(tally.failing_cases > 4_000, "{tally}");
}

#[test]
fn a_long_life_with_a_flush_thread_keeps_its_promises() {
    let tally = long_runs(tiny_logs(), &LongBounds { lives: 3, steps: 1_500, ..LongBounds::default() });
    assert_flawless(&tally);
    assert!(tally.clones > 1_000, "{tally}");
}
