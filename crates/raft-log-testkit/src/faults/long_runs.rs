//! Long lives with a flush thread: callbacks, groups that gather, chunks that come and go, and now and then a look at what
//! the disk would hold if the power went.
//!
//! The steps are told by the seed; how writer and flush thread take turns is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::disk_log::{DiskLog, Opener};
use super::history::{Life, Stop};
use super::promises::{Fault, digest_of};
use super::step::{Action, Step};
use super::tally::Tally;
use crate::random::splitmix;
use crate::{NaiveModel, PowerLoss, Random, SimulatedDisk};

/// How much [`long_runs`] tries.
#[derive(Debug, Clone)]
pub struct LongBounds {
    /// What is drawn is drawn from this.
    pub seed: u64,
    /// How many lives.
    pub lives: u64,
    /// How many steps each has.
    pub steps: u64,
    /// At one of so many calls the disk is looked at.
    pub look_one_of: u64,
    /// No life is begun after this time.
    pub time: Duration,
    /// How many threads work on it.
    pub threads: usize,
}

impl Default for LongBounds {
    fn default() -> Self {
        Self {
            seed: 1,
            lives: 2,
            steps: 10_000,
            look_one_of: 20,
            time: Duration::from_secs(3600),
            threads: 2,
        }
    }
}

/// Runs long lives within the bounds, and says what came of it.
pub fn long_runs<O: Opener + Send + 'static>(openers: Vec<O>, bounds: &LongBounds) -> Tally {
    let openers = Arc::new(openers);
    let tally = Mutex::new(Tally::default());
    let next = AtomicU64::new(0);
    let begin = Instant::now();
    let work = || {
        while begin.elapsed() < bounds.time && tally.lock().faults() == 0 {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= bounds.lives {
                return;
            }
            let lived = live(&openers, number, bounds);
            tally.lock().add(lived);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..bounds.threads.max(1) {
            scope.spawn(work);
        }
    });
    tally.into_inner()
}

fn live<O: Opener + Send + 'static>(openers: &Arc<Vec<O>>, number: u64, bounds: &LongBounds) -> Tally {
    let seed = splitmix(bounds.seed) ^ number;
    let place = usize::try_from(number).unwrap_or_default() % openers.len();
    let mut random = Random::new(seed);
    let mut life = Life::on(&openers[place], SimulatedDisk::new(seed), NaiveModel::new(), 0);
    let tally = Arc::new(Mutex::new(Tally { histories: 1, ..Tally::default() }));
    let watcher = {
        let (openers, promises, tally) = (openers.clone(), life.promises().clone(), tally.clone());
        let (random, look_one_of) = (Mutex::new(Random::new(!seed)), bounds.look_one_of);
        Arc::new(move |loss: PowerLoss<'_>| {
            let random = &mut *random.lock();
            if random.below(look_one_of) != 0 {
                return;
            }
            let promises = promises.lock().clone();
            let tally = &mut *tally.lock();
            tally.crash_points += 1;
            tally.sampled_points += u64::from(!loss.outcomes(6, random, &mut |outcome| {
                tally.clones += 1;
                let disk = SimulatedDisk::holding(outcome.image(), seed ^ 0xface);
                let found = openers[place].open(&disk).and_then(|log| log.contents());
                let fault = match found.map(|contents| promises.weigh(digest_of(&contents))) {
                    Ok(Ok(())) => return,
                    Ok(Err(fault)) => fault,
                    Err(error) => {
                        tally.example(|| format!("{error}, in the long life {number}, seed {seed}"));
                        Fault::Lost
                    }
                };
                match fault {
                    Fault::Lost => tally.lost += 1,
                    Fault::Silent => tally.silent += 1,
                }
                tally.example(|| format!("{fault:?} in the long life {number}, seed {seed}"));
            }));
        })
    };
    let mut done = life.open();
    life.disk().watch(Some(watcher));
    for _ in 0..bounds.steps {
        done = done.and_then(|()| step(&mut life, &mut random));
    }
    drop(life);
    let mut tally = std::mem::take(&mut *tally.lock());
    if let Err(stop) = done {
        tally.lost += 1;
        tally.example(|| format!("{stop}, without a crash, in the long life {number}, seed {seed}"));
    }
    tally
}

/// One step: most are written and flushed by a callback, so that groups gather.
fn step<O: Opener>(life: &mut Life<'_, O>, random: &mut Random) -> Result<(), Stop> {
    let mut step = Step::any(random);
    // Restarts end what gathers, and a log that only grows would make the comparison slow.
    match step.action {
        Action::Close | Action::Kill if random.below(20) != 0 => step.action = Action::AppendOne,
        _ if life.promises().lock().newest().ids().len() > 100 => step.action = Action::PurgeSome,
        _ => {}
    }
    if matches!(step.action, Action::Close | Action::Kill) {
        return life.step(step);
    }
    life.write(step)?;
    match random.below(8) {
        0 => life.sync(),
        1..=4 => {
            let promises = life.promises().clone();
            let issued = promises.lock().issued();
            life.log().flush(Box::new(move |outcome| {
                if outcome.is_ok() {
                    promises.lock().acknowledge(issued);
                }
            }));
            Ok(())
        }
        _ => Ok(()),
    }
}
