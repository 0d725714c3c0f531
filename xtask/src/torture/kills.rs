//! The part `kills`: a writer is killed by `SIGKILL` at random moments, again and again, on the same log.
//!
//! Every file that was written is there after such a death, so what is tried is the order of steps and the end of the
//! log, not the disk.

use std::fs;
use std::path::PathBuf;

use super::child::Start;
use super::judge::Case;
use super::lanes;
use super::ledger::{Fault, Ledger};
use super::part::{Share, Tally};
use super::work::Style;
use crate::Outcome;
use crate::random::Random;

/// So many logs are worked on at once.
const LANES: u64 = 4;

/// After so many kills, a new log is begun.
const KILLS_PER_LOG: u64 = 40;

pub(super) fn play(share: &Share<'_>) -> Outcome<Tally> {
    lanes::play(share, LANES, play_lane)
}

fn play_lane(share: &Share<'_>) -> Outcome<Tally> {
    let mut tally = Tally::of("kills");
    let mut random = Random::new(share.seed);
    let mut ledger = Ledger::new();
    let mut log = PathBuf::new();
    while tally.count == 0 || !(share.is_over() || tally.is_hopeless()) {
        if tally.count.is_multiple_of(KILLS_PER_LOG) {
            ledger = Ledger::new();
            if tally.is_clean() && log.is_dir() {
                fs::remove_dir_all(&log)?;
            }
            log = share.directory.join(format!("log-{}", tally.count / KILLS_PER_LOG));
        }
        let seed = random.next();
        let style = if random.once_in(4) { Style::Serial } else { Style::Mixed };
        let mut writer = Start::new(&log, seed, style, share).run()?;
        let has_spoken = writer.wait_a_while(&mut random);
        let life = writer.kill()?;
        tally.count += 1;

        let what = format!("kill {} of a writer with seed {seed}", tally.count);
        let case = Case { share, log: &log, what };
        case.hear(&mut tally, &mut ledger, seed, &life)?;
        if !has_spoken {
            case.report(&mut tally, Fault::Silent("the writer hung".into()))?;
        }
        if life.status.success() {
            let why = format!("the writer ended by itself, and said {:?}", life.said.last());
            case.report(&mut tally, Fault::Silent(why))?;
        }
        let (submitted, acknowledged) = ledger.figures();
        tally.add("records submitted", submitted as u64);
        tally.add("acknowledged", acknowledged as u64);
        let use_it = random.once_in(5).then(|| random.next());
        if let Some(report) = case.judge(&mut tally, &mut ledger, use_it)? {
            tally.add("torn tails", report.torn_tail.is_some().into());
        }
    }
    Ok(tally)
}
