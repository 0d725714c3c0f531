//! The part `tears`: the kernel cuts a write of the log in the middle of a frame, by a limit on the size of files.

use rustix::process::Signal;

use super::child::Start;
use super::judge::Case;
use super::ledger::{Fault, Ledger};
use super::part::{Share, Tally};
use super::said::Said;
use super::work::Style;
use crate::Outcome;
use crate::random::Random;

/// After so many cuts, a new log is begun.
const TEARS_PER_LOG: u64 = 20;

pub(super) fn play(share: &Share<'_>) -> Outcome<Tally> {
    let mut tally = Tally::of("cut writes");
    let mut random = Random::new(share.seed);
    let mut ledger = Ledger::new();
    let mut log = share.directory.join("log-0");
    while tally.count == 0 || !(share.is_over() || tally.is_hopeless()) {
        if tally.count > 0 && tally.count.is_multiple_of(TEARS_PER_LOG) {
            ledger = Ledger::new();
            if tally.is_clean() {
                std::fs::remove_dir_all(&log)?;
            }
            log = share.directory.join(format!("log-{}", tally.count / TEARS_PER_LOG));
        }
        let seed = random.next();
        let steps = Some(random.between(1, 200));
        let mut life = Start { steps, ..Start::new(&log, seed, Style::Tear, share) }.run()?.finish()?;
        tally.count += 1;

        let limit = life.said.iter().find_map(|said| match said {
            Said::Limited(limit, _) => Some(*limit),
            _ => None,
        });
        let case = Case {
            share,
            log: &log,
            what: format!("cut {} at {limit:?} of a writer with seed {seed}", tally.count),
        };
        // Where SIGXFSZ is ignored, as below some shells and test runners, the cut write is an error instead.
        let is_poisoned = life.said.iter().any(|said| matches!(said, Said::Poisoned(_)));
        let is_cut = life.died_of(Signal::XFSZ) || (life.status.success() && is_poisoned);
        tally.add("poisoned instead of killed", is_poisoned.into());
        if limit.is_some() && !is_cut {
            case.report(&mut tally, Fault::Silent(format!("no write was cut: {}", life.status)))?;
        }
        if is_cut {
            life.status = Default::default();
        }
        case.hear(&mut tally, &mut ledger, seed, &life)?;
        let use_it = random.once_in(5).then(|| random.next());
        if let Some(report) = case.judge(&mut tally, &mut ledger, use_it)? {
            tally.add("torn tails", report.torn_tail.is_some().into());
        }
    }
    Ok(tally)
}
