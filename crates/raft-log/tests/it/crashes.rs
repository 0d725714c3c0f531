//! Crashes, failing calls and long lives on a simulated disk: the share of the fault suite that every run of the tests
//! goes through. `cargo xtask torture` tries more.

use raft_log_testkit::faults::{
    CrashBounds, DamageBounds, FailingBounds, LongBounds, Tally, crash_states, damage, failing_calls,
    long_runs, tiny_logs,
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

#[test]
fn damage_is_reported_or_harmless_in_every_row_of_the_verdict() {
    let tally = damage(&tiny_logs(), &DamageBounds::default());
    assert_flawless(&tally);
    for row in [
        "Io",
        "Unsupported",
        "Undecodable",
        "Foreign",
        "MissingData",
        "Corrupt",
        "Corrupt, a record against the rules",
        "Torn, where that is refused",
        "opens, with a damaged entry that says so",
        "the end is at X, all scanned",
        "the end is at X, footers believed",
        "the end is at X, and an unfinished write behind it",
    ] {
        assert!(tally.verdicts.get(row).is_some_and(|count| *count > 0), "{row}: {tally}");
    }
}
