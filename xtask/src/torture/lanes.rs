//! Playing a part several times at once, each time with a seed and a directory of its own: most of them wait for the
//! disk, and not for a processor.

use std::path::PathBuf;
use std::{fs, thread};

use super::part::{Share, Tally};
use crate::Outcome;
use crate::random::Random;

/// Plays so many lanes, and adds their tallies up.
///
/// # Errors
/// The first error of a lane, when all have ended.
pub(super) fn play(share: &Share<'_>, count: u64, lane: fn(&Share<'_>) -> Outcome<Tally>) -> Outcome<Tally> {
    let mut random = Random::new(share.seed);
    let lanes: Vec<(u64, PathBuf)> =
        (0..count).map(|number| (random.next(), share.directory.join(format!("lane-{number}")))).collect();
    lanes.iter().try_for_each(|(_, directory)| fs::create_dir_all(directory))?;
    let played: Vec<Result<Tally, String>> = thread::scope(|scope| {
        let threads: Vec<_> = lanes
            .iter()
            .map(|(seed, directory)| {
                let share = Share { seed: *seed, directory, deadline: share.deadline };
                // The crate's errors stay on their thread; their text does not.
                scope.spawn(move || lane(&share).map_err(|error| error.to_string()))
            })
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<_, String>>| {
            thread.join().unwrap_or_else(|_| Err("a lane panicked".into()))
        };
        threads.into_iter().map(join).collect()
    });
    let mut sum = Tally::default();
    for tally in played {
        sum.join(tally?);
    }
    Ok(sum)
}
