//! The part `kills`: a writer is killed by `SIGKILL` at random moments, again and again, on the same log.
//!
//! Every file that was written is there after such a death, so what is tried is the order of steps and the end of the
//! log, not the disk.

use std::path::PathBuf;
use std::{fs, thread};

use super::child::Start;
use super::judge::Case;
use super::ledger::{Fault, Ledger};
use super::part::{Share, Tally};
use super::random::Random;
use super::work::Style;
use crate::Outcome;

/// So many logs are worked on at once: a writer mostly waits for the disk.
const LANES: u64 = 4;

/// After so many kills, a new log is begun.
const KILLS_PER_LOG: u64 = 40;

/// What is told besides the tally.
#[derive(Default)]
struct Sums {
    submitted: usize,
    acknowledged: usize,
    torn: usize,
}

pub(super) fn play(share: &Share<'_>) -> Outcome<Tally> {
    let mut tally = Tally::of("kills");
    let mut sums = Sums::default();
    let mut random = Random::new(share.seed);
    let lanes: Vec<(u64, PathBuf)> =
        (0..LANES).map(|lane| (random.next(), share.directory.join(format!("lane-{lane}")))).collect();
    let played: Vec<Result<(Tally, Sums), String>> = thread::scope(|scope| {
        let threads: Vec<_> = lanes
            .iter()
            .map(|(seed, directory)| {
                let share = Share { seed: *seed, directory, deadline: share.deadline };
                // An error of the crate's kind is bound to its thread; its text is not.
                scope.spawn(move || play_lane(&share).map_err(|error| error.to_string()))
            })
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<_, String>>| {
            thread.join().unwrap_or_else(|_| Err("a lane panicked".into()))
        };
        threads.into_iter().map(join).collect()
    });
    for lane in played {
        let (lane_tally, lane_sums) = lane?;
        tally.join(lane_tally);
        sums.submitted += lane_sums.submitted;
        sums.acknowledged += lane_sums.acknowledged;
        sums.torn += lane_sums.torn;
    }
    let Sums { submitted, acknowledged, torn } = sums;
    tally.notes.push(format!(
        "{submitted} records submitted, {acknowledged} of them acknowledged, {torn} torn tails found"
    ));
    Ok(tally)
}

fn play_lane(share: &Share<'_>) -> Outcome<(Tally, Sums)> {
    let mut tally = Tally::of("kills");
    let mut sums = Sums::default();
    let mut random = Random::new(share.seed);
    let mut ledger = Ledger::new();
    let mut log = PathBuf::new();
    fs::create_dir_all(share.directory)?;
    while tally.count == 0 || !(share.is_over() || tally.is_hopeless()) {
        if tally.count % KILLS_PER_LOG == 0 {
            ledger = Ledger::new();
            if tally.is_clean() && log.is_dir() {
                fs::remove_dir_all(&log)?;
            }
            log = share.directory.join(format!("log-{}", tally.count / KILLS_PER_LOG));
        }
        let seed = random.next();
        let style = if random.once_in(4) { Style::Serial } else { Style::Mixed };
        let errors = share.directory.join("errors");
        let mut writer = Start { log: &log, seed, style, steps: None, below: Vec::new(), errors }.run()?;
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
        sums.submitted += submitted;
        sums.acknowledged += acknowledged;
        let use_it = random.once_in(5).then(|| random.next());
        if let Some(report) = case.judge(&mut tally, &mut ledger, use_it)? {
            sums.torn += usize::from(report.torn_tail.is_some());
        }
    }
    Ok((tally, sums))
}
