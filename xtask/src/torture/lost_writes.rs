//! The part `lost-writes`: an ext4 lies in a file with holes, on a file system in memory that is full. Writes into the
//! loop device fail when they are carried out, and a sync that really fails reports it.
//!
//! What ext4 keeps about itself has its room: only the contents of files are lost. An ext4 that loses its own blocks
//! would stop at the first failure, and show little.

use std::thread;
use std::time::Duration;

use super::child::Start;
use super::judge::Case;
use super::lanes;
use super::ledger::Ledger;
use super::mounts::{Mounted, fill, make_ext4};
use super::part::{Share, Tally};
use super::said::Said;
use super::work::Style;
use crate::Outcome;
use crate::random::Random;

/// So many disks are worked on at once.
const LANES: u64 = 2;

/// How much the memory takes, and how much the file system in it believes to have.
const MEMORY_BYTES: u64 = 24 << 20;
const IMAGE_BYTES: u64 = 128 << 20;

/// A writer that met no error after so many steps is let go.
const STEPS: u64 = 1500;

/// Free when the filling begins, at most.
const FREE_MAX: u64 = 2 << 20;

pub(super) fn play(share: &Share<'_>) -> Outcome<Tally> {
    lanes::play(share, LANES, play_lane)
}

fn play_lane(share: &Share<'_>) -> Outcome<Tally> {
    let mut tally = Tally::of("failed disks");
    let mut random = Random::new(share.seed);
    let memory_point = share.directory.join("memory");
    let point = share.directory.join("mounted");
    let log = point.join("log");
    let mut runs = 0;
    while runs == 0 || !(share.is_over() || tally.is_hopeless()) {
        runs += 1;
        let memory = Mounted::memory(&memory_point, MEMORY_BYTES)?;
        let (image, filler) = (memory.point().join("ext4"), memory.point().join("filler"));
        make_ext4(&image, IMAGE_BYTES)?;
        let mut mounted = Mounted::image(&image, &point)?;
        mounted.write_single_blocks()?;
        let mut ledger = Ledger::new();
        let seed = random.next();
        let style = if random.once_in(3) { Style::Mixed } else { Style::Growing };
        let start = Start { steps: Some(STEPS), ..Start::new(&log, seed, style, share) };
        let case =
            Case { share, log: &log, what: format!("failed disk {runs}, under a writer with seed {seed}") };
        let life = if random.once_in(2) {
            // Nearly full from the beginning: the log's own growth finds the end.
            fill(&filler, random.between(1, FREE_MAX / 4096) * 4096)?;
            start.run()?.finish()?
        } else {
            // All at once, in the middle of the work.
            let writer = start.run()?;
            thread::sleep(Duration::from_millis(random.between(1, 150)));
            fill(&filler, 0)?;
            writer.finish()?
        };
        let is_poisoned = life.said.iter().any(|said| matches!(said, Said::Poisoned(_)));
        let is_refused = life.said.iter().any(|said| matches!(said, Said::NotOpened(_)));
        tally.count += u64::from(is_poisoned || is_refused);
        tally.add("poisoned", is_poisoned.into());
        tally.add("not opened", is_refused.into());
        tally.add("met no error", (!is_poisoned && !is_refused).into());
        case.hear(&mut tally, &mut ledger, seed, &life)?;
        tally.add("acknowledged records", ledger.figures().1 as u64);

        // Room is made before the file system is let go: from here on nothing fails any more.
        memory.grow_memory(2 * IMAGE_BYTES)?;
        mounted.unmount()?;
        mounted = Mounted::image(&image, &point)?;
        let use_it = random.once_in(2).then(|| random.next());
        case.judge(&mut tally, &mut ledger, use_it)?;
        mounted.unmount()?;
        memory.unmount()?;
    }
    if tally.count == 0 && runs > 3 {
        return Err(format!("no sync failed in {runs} runs").into());
    }
    Ok(tally)
}
