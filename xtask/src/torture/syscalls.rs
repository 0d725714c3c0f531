//! The part `syscalls`: a writer is killed before each system call of a short script that opens, writes, rotates,
//! purges and closes.

use rustix::process::Signal;

use super::lanes;
use super::part::{Share, Tally};
use super::script::{CALLS, Script, shuffle};
use crate::Outcome;
use crate::random::Random;

/// So many scripts are run at once.
const LANES: u64 = 3;

pub(super) fn play(share: &Share<'_>) -> Outcome<Tally> {
    lanes::play(share, LANES, play_lane)
}

fn play_lane(share: &Share<'_>) -> Outcome<Tally> {
    let mut tally = Tally::of("kills before a call");
    let mut random = Random::new(share.seed);
    while tally.count == 0 || !(share.is_over() || tally.is_hopeless()) {
        let script = Script::choose(share, &mut random)?;
        let whole = script.run("")?;
        script.judge(&mut tally, "the whole run", &whole, None)?;
        let mut cases: Vec<(&str, u64)> =
            CALLS.iter().flat_map(|call| whole.numbers(call).map(move |number| (*call, number))).collect();
        tally.add("of all the scripts have", cases.len() as u64);
        tally.add("scripts", 1);
        shuffle(&mut cases, &mut random);
        for (call, number) in cases {
            if tally.count > 0 && (share.is_over() || tally.is_hopeless()) {
                break;
            }
            let run = script.run(&format!("{call}:signal=SIGKILL:when={number}"))?;
            let is_killed = run.life.died_of(Signal::KILL);
            tally.count += u64::from(is_killed);
            tally.add("met nothing", (!is_killed).into());
            let use_it = random.once_in(3).then(|| random.next());
            script.judge(&mut tally, &format!("a kill before {call} number {number}"), &run, use_it)?;
        }
        if tally.count == 0 {
            return Err("the tracer killed no writer".into());
        }
    }
    Ok(tally)
}
