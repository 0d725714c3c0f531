//! Every call fails, the first of its kind, the second, and so on, once or for good, with every error number that
//! matters; and then the power goes, or only the process.
//!
//! What always holds: a sync that failed is final, so that no later sync of the same process says `Ok`; a write that was
//! refused has not happened; and as soon as calls succeed again the log opens with all that it acknowledged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rustix::io::Errno;

use super::disk_log::{DiskLog, Opener};
use super::history::Life;
use super::promises::{Fault, Promises, digest_of};
use super::step::{Action, Step};
use super::tally::Tally;
use crate::{DiskImage, FailedSync, NaiveModel, Operation, Random, SimulatedDisk};

/// How much [`failing_calls`] tries.
#[derive(Debug, Clone)]
pub struct FailingBounds {
    /// What is drawn is drawn from this.
    pub seed: u64,
    /// How many lives calls fail in: the first is always the same, the others are drawn.
    pub lives: u64,
    /// How many steps a life has that is drawn.
    pub steps: u64,
    /// About so many of the contents that the disk may have at the end of each case are opened.
    pub outcomes: usize,
    /// How many threads work on it.
    pub threads: usize,
}

impl Default for FailingBounds {
    fn default() -> Self {
        Self { seed: 1, lives: 2, steps: 12, outcomes: 12, threads: 2 }
    }
}

/// A kind of call that fails, and how.
#[derive(Debug, Clone, Copy)]
struct Failing {
    operation: Operation,
    errno: Errno,
    /// How many of these calls fail; `u64::MAX` for good.
    count: u64,
    failed_sync: FailedSync,
}

/// A life in which every call is tried.
const LIFE: &[Action] = &[
    Action::Vote,
    Action::AppendMany,
    Action::Commit,
    Action::AppendOne,
    Action::PurgeSome,
    Action::AppendWide,
    Action::Kill,
    Action::AppendOne,
    Action::Truncate,
    Action::UserData,
    Action::Close,
    Action::AppendMany,
    Action::PurgeBeyond,
    Action::AppendOne,
];

/// Makes calls fail within the bounds, and says what came of it. The verdicts count the cells: a kind of call and an
/// error number.
pub fn failing_calls<O: Opener>(openers: &[O], bounds: &FailingBounds) -> Tally {
    let tally = Mutex::new(Tally::default());
    let failing = all_failing();
    let next = AtomicUsize::new(0);
    let work = || {
        // Once something is wrong, more of the same is of no use.
        while tally.lock().faults() == 0 {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let (rest, opener) = (number / openers.len(), number % openers.len());
            let life = (rest / failing.len()) as u64;
            let Some(failing) = failing.get(rest % failing.len()).filter(|_| life < bounds.lives) else {
                return;
            };
            let came_of_it = Cases { opener: &openers[opener], bounds, failing: *failing, life }.run();
            tally.lock().add(came_of_it);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..bounds.threads.max(1) {
            scope.spawn(work);
        }
    });
    tally.into_inner()
}

fn all_failing() -> Vec<Failing> {
    let mut all = Vec::new();
    for operation in Operation::ALL {
        for errno in [Errno::IO, Errno::NOSPC, Errno::DQUOT, Errno::INTR, Errno::AGAIN] {
            // A transient error for good would be waited out for good.
            let is_transient = matches!(errno, Errno::INTR | Errno::AGAIN);
            for count in if is_transient { vec![1] } else { vec![1, u64::MAX] } {
                let failed_sync = FailedSync::KeepsPending;
                all.push(Failing { operation, errno, count, failed_sync });
                if operation == Operation::Sync && !is_transient {
                    all.push(Failing { operation, errno, count, failed_sync: FailedSync::Drops });
                }
            }
        }
    }
    all
}

/// All cases of one kind of failure: after no such call, after one, and so on.
struct Cases<'a, O> {
    opener: &'a O,
    bounds: &'a FailingBounds,
    failing: Failing,
    life: u64,
}

impl<O: Opener> Cases<'_, O> {
    fn run(&self) -> Tally {
        let mut tally = Tally::default();
        for pass in 0.. {
            if tally.faults() > 0 {
                break;
            }
            let case = catch_unwind(AssertUnwindSafe(|| self.case(pass, &mut tally)));
            match case {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => {
                    tally.lost += 1;
                    tally.example(|| format!("a panic, {}", self.describe(pass)));
                    break;
                }
            }
        }
        tally
    }

    fn describe(&self, pass: u64) -> String {
        let Failing { operation, errno, count, failed_sync } = self.failing;
        let times = if count == 1 { "once" } else { "for good" };
        format!(
            "{operation:?} number {pass} failing {times} with {errno:?} ({failed_sync:?}) in life {}, seed {}",
            self.life, self.bounds.seed
        )
    }

    fn steps(&self) -> Vec<Step> {
        if self.life == 0 {
            return LIFE.iter().map(|action| Step { action: *action, is_synced: true }).collect();
        }
        let mut random = Random::new(self.bounds.seed ^ self.life);
        (0..self.bounds.steps).map(|_| Step::any(&mut random)).collect()
    }

    /// One life. `false` once no call fails any more.
    fn case(&self, pass: u64, tally: &mut Tally) -> bool {
        let disk = SimulatedDisk::new(self.bounds.seed);
        let Failing { operation, errno, count, failed_sync } = self.failing;
        disk.set_failed_sync(failed_sync);
        disk.fail_after(pass, operation, errno, count);
        let mut life = Life::on(self.opener, disk.clone(), NaiveModel::new(), 0);
        let mut has_failed = false;
        let mut is_open = self.open(&mut life, tally, pass);
        for step in self.steps() {
            if !is_open {
                break;
            }
            match step.action {
                Action::Close => {
                    let issued = life.promises().lock().issued();
                    match life.log().close() {
                        Ok(()) if has_failed => self.falsely(tally, "a close", pass),
                        Ok(()) => life.promises().lock().acknowledge(issued),
                        Err(_) => {}
                    }
                    life.restart();
                    (is_open, has_failed) = (self.open(&mut life, tally, pass), false);
                }
                Action::Kill => {
                    life.restart();
                    (is_open, has_failed) = (self.open(&mut life, tally, pass), false);
                }
                _ => {
                    // Whether it is refused or not: the promises say what may be there.
                    let _ = life.write(step);
                    match life.sync() {
                        Ok(()) if has_failed => self.falsely(tally, "a sync", pass),
                        Ok(()) => {}
                        Err(_) => has_failed = true,
                    }
                }
            }
        }
        let is_hit = disk.calls(operation) > pass;
        life.disk().clear_failures();
        self.look(&mut life, tally, pass);
        tally.failing_cases += 1;
        is_hit
    }

    fn falsely(&self, tally: &mut Tally, what: &str, pass: u64) {
        tally.false_acknowledgements += 1;
        tally.example(|| format!("{what} said Ok after a sync that failed, {}", self.describe(pass)));
    }

    /// Opens the log. If that fails it must have changed no chunk, and succeed once calls do. `false` if the failure
    /// lasts.
    fn open(&self, life: &mut Life<'_, O>, tally: &mut Tally, pass: u64) -> bool {
        let before = chunks(&life.disk().image());
        let Err(stop) = life.open() else { return true };
        if chunks(&life.disk().image()) != before {
            tally.silent += 1;
            tally
                .example(|| format!("an open that failed ({stop}) changed a chunk, {}", self.describe(pass)));
        }
        life.restart();
        if self.failing.count == u64::MAX {
            return false;
        }
        if let Err(stop) = life.open() {
            tally.lost += 1;
            tally.example(|| format!("at the second attempt: {stop}, {}", self.describe(pass)));
            return false;
        }
        true
    }

    /// The power goes, or only the process; and the power after that.
    fn look(&self, life: &mut Life<'_, O>, tally: &mut Tally, pass: u64) {
        let mut random = Random::new(self.bounds.seed ^ pass);
        let promises = life.promises().lock().clone();
        let mut images = Vec::new();
        life.disk().if_power_goes(|loss| {
            loss.outcomes(self.bounds.outcomes, &mut random, &mut |outcome| images.push(outcome.image()));
        });
        for image in images {
            self.weigh(image, &promises, "a loss of power", tally, pass);
        }
        life.restart();
        if let Err(stop) = life.open() {
            tally.lost += 1;
            tally.example(|| format!("after a kill: {stop}, {}", self.describe(pass)));
            return;
        }
        // What was returned is durable, whatever an earlier sync has dropped.
        let promises = life.promises().lock().clone();
        let image = life.disk().if_power_goes(|loss| loss.synced_only());
        self.weigh(image, &promises, "a kill, an open and a loss of power", tally, pass);
        for action in [Action::AppendOne, Action::Close] {
            if let Err(stop) = life.step(Step { action, is_synced: true }) {
                tally.lost += 1;
                tally.example(|| format!("it does not go on: {stop}, {}", self.describe(pass)));
                return;
            }
        }
    }

    fn weigh(&self, image: DiskImage, promises: &Promises, after: &str, tally: &mut Tally, pass: u64) {
        let disk = SimulatedDisk::holding(image, self.bounds.seed ^ 0xface);
        let found = self.opener.open(&disk).and_then(|log| log.contents());
        match found.map(|contents| promises.weigh(digest_of(&contents))) {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => {
                match fault {
                    Fault::Lost => tally.false_acknowledgements += 1,
                    Fault::Silent => tally.silent += 1,
                }
                tally.example(|| format!("{fault:?} after {after}, {}", self.describe(pass)));
            }
            Err(error) => {
                tally.lost += 1;
                tally.example(|| format!("{error}, after {after}, {}", self.describe(pass)));
            }
        }
    }
}

/// The chunks of a disk.
fn chunks(image: &DiskImage) -> u128 {
    image.digest(|name| !name.starts_with("r-"))
}
