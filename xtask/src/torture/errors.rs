//! The part `errors`: a system call of a short script fails, once or from then on, with an error that did not happen.
//!
//! Nothing is acknowledged that rests on the call; what was acknowledged before is there afterwards; nothing hangs; a
//! failed open has changed no chunk; and an interrupted read or write is continued.

use super::lanes;
use super::part::{Share, Tally};
use super::script::{CALLS, Script, shuffle};
use crate::Outcome;
use crate::random::Random;

/// So many scripts are run at once.
const LANES: u64 = 3;

const ERRORS: [&str; 5] = ["EIO", "ENOSPC", "EINTR", "EAGAIN", "EDQUOT"];

/// One error, in one place.
#[derive(Debug, Clone, Copy)]
struct Cell {
    call: &'static str,
    number: u64,
    error: &'static str,
    goes_on: bool,
}

impl Cell {
    /// Whether the log must go on as if nothing had been.
    fn must_be_continued(self) -> bool {
        matches!((self.call, self.error), ("pwrite64" | "pread64", "EINTR" | "EAGAIN"))
    }

    fn injection(self) -> String {
        let Self { call, number, error, goes_on } = self;
        let last = match goes_on {
            false => String::new(),
            // What is interrupted for ever is tried for ever.
            true if error == "EINTR" || self.must_be_continued() => format!("..{}", number + 4),
            true => "+".into(),
        };
        format!("{call}:error={error}:when={number}{last}")
    }
}

pub(super) fn play(share: &Share<'_>) -> Outcome<Tally> {
    lanes::play(share, LANES, play_lane)
}

fn play_lane(share: &Share<'_>) -> Outcome<Tally> {
    let mut tally = Tally::of("failed calls");
    let mut random = Random::new(share.seed);
    while tally.count == 0 || !(share.is_over() || tally.is_hopeless()) {
        let script = Script::choose(share, &mut random)?;
        let whole = script.run("")?;
        script.judge(&mut tally, "the whole run", &whole, None)?;
        let mut cells = Vec::new();
        for call in CALLS {
            for number in whole.numbers(call) {
                for error in ERRORS {
                    cells.extend([false, true].map(|goes_on| Cell { call, number, error, goes_on }));
                }
            }
        }
        tally.add("of all the scripts have", cells.len() as u64);
        tally.add("scripts", 1);
        shuffle(&mut cells, &mut random);
        for cell in cells {
            if tally.count > 0 && (share.is_over() || tally.is_hopeless()) {
                break;
            }
            let injection = cell.injection();
            let run = script.run(&injection)?;
            tally.count += u64::from(run.is_hit());
            tally.add("met nothing", (!run.is_hit()).into());
            tally.add("ended as if nothing had been", run.has_ended_well().into());
            let use_it = random.once_in(3).then(|| random.next());
            let what = format!("{injection} in the run");
            script.judge(&mut tally, &what, &run, use_it)?;
            if cell.must_be_continued() && !run.has_ended_well() {
                script.report(&mut tally, &what, "it was not continued")?;
            }
        }
        if tally.count == 0 {
            return Err("the tracer made no call fail".into());
        }
    }
    Ok(tally)
}
