//! The parts on a simulated disk: the fault suite of `raft-log-testkit`, for as long as there is time.
//!
//! The first round of each is always played as a whole: it is the share that is run before every merge. Nothing is drawn
//! in the first round of the crashes, so that its figures are the same each time.

use std::time::Instant;

use raft_log_testkit::faults::{
    self, CrashBounds, DamageBounds, FailingBounds, LongBounds, Tally as Found, tiny_logs,
};

use super::part::{Share, Tally};
use crate::Outcome;

/// All lives of up to two steps, and then longer ones.
pub(super) fn crash_states(share: &Share<'_>) -> Outcome<Tally> {
    let time = share.deadline.saturating_duration_since(Instant::now());
    // A recovery passes through as many states as a hundred lives, so without time there are few.
    let (recover_one_of, kill_one_of) = if time.is_zero() { (32_768, 1_024) } else { (4_096, 128) };
    let bounds = CrashBounds {
        seed: share.seed,
        longer: u64::MAX,
        recover_one_of,
        kill_one_of,
        time,
        ..CrashBounds::default()
    };
    let found = faults::crash_states(tiny_logs(), &bounds);
    Ok(tally("distinct states", found.states, found))
}

/// Each kind of call with each error, in a life that is always the same and then in drawn ones.
pub(super) fn failing_calls(share: &Share<'_>) -> Outcome<Tally> {
    rounds(share, "failing cases", |seed, round| {
        let lives = if round == 0 { 1 } else { 2 };
        let found =
            faults::failing_calls(&tiny_logs(), &FailingBounds { seed, lives, ..FailingBounds::default() });
        (found.failing_cases, found)
    })
}

/// Ten thousand steps and more in each life.
pub(super) fn long_lives(share: &Share<'_>) -> Outcome<Tally> {
    rounds(share, "crash clones", |seed, _| {
        let found = faults::long_runs(tiny_logs(), &LongBounds { seed, lives: 4, ..LongBounds::default() });
        (found.clones, found)
    })
}

/// Bits, sectors, lengths, files and forged records.
pub(super) fn damage(share: &Share<'_>) -> Outcome<Tally> {
    rounds(share, "damages", |seed, _| {
        let found = faults::damage(&tiny_logs(), &DamageBounds { seed, ..DamageBounds::default() });
        (found.damages, found)
    })
}

/// Plays rounds, each with a seed of its own, until the time is up or something is wrong.
fn rounds(
    share: &Share<'_>,
    counted: &'static str,
    play: impl Fn(u64, u64) -> (u64, Found),
) -> Outcome<Tally> {
    let mut sum = Tally::of(counted);
    for round in 0.. {
        let (count, found) = play(share.seed.wrapping_add(round), round);
        sum.join(tally(counted, count, found));
        if share.is_over() || !sum.is_clean() {
            break;
        }
    }
    Ok(sum)
}

fn tally(counted: &'static str, count: u64, found: Found) -> Tally {
    let mut tally = Tally::of(counted);
    tally.count = count;
    (tally.lost, tally.false_acks, tally.silent) = (found.lost, found.false_acknowledgements, found.silent);
    for (what, count) in [
        ("histories", found.histories),
        ("crash points", found.crash_points),
        ("states in recovery", found.recovery_states),
    ] {
        if count > 0 {
            tally.add(what, count);
        }
    }
    found.verdicts.into_iter().for_each(|(verdict, count)| tally.add(verdict, count));
    tally.examples = found.examples;
    tally
}
