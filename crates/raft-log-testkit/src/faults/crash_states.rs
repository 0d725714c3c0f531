//! Everything that a disk may hold when the power goes, at every call of short lives of a log: each is opened, and some
//! of them again and again, with the power going at every call of the recovery.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::disk_log::{DiskLog, Opener};
use super::history::Life;
use super::promises::{Digest, Fault, Promises, digest_of};
use super::step::{Action, Step};
use super::tally::Tally;
use crate::random::splitmix;
use crate::{DiskImage, NaiveModel, PowerLoss, Random, SimulatedDisk};

/// How much [`crash_states`] tries.
#[derive(Debug, Clone)]
pub struct CrashBounds {
    /// What is drawn is drawn from this.
    pub seed: u64,
    /// All lives of up to so many steps are tried, from each of the beginnings.
    pub steps: u32,
    /// How many longer lives, of one or two steps more, are drawn.
    pub longer: u64,
    /// Up to so many outcomes of one crash point all are tried; of more, so many are drawn. 4,096 are all subsets of
    /// twelve units.
    pub outcomes: usize,
    /// One of so many states is recovered with the power going at each call, and then gone on with. 0 for none.
    pub recover_one_of: u64,
    /// At one of so many calls in a life not the power goes at first, but the process is killed: the next one opens what
    /// was written, and then the power goes. 0 for none.
    pub kill_one_of: u64,
    /// No longer life is begun after this time; and no life at all once one came to harm.
    pub time: Duration,
    /// How many threads work on it.
    pub threads: usize,
}

impl Default for CrashBounds {
    fn default() -> Self {
        Self {
            seed: 1,
            steps: 2,
            longer: 0,
            outcomes: 4096,
            recover_one_of: 1024,
            kill_one_of: 8,
            time: Duration::from_secs(3600),
            threads: 2,
        }
    }
}

/// Tries all crashes within the bounds on logs that are opened by each of `openers`, and says what came of it.
pub fn crash_states<O: Opener + Send + 'static>(openers: Vec<O>, bounds: &CrashBounds) -> Tally {
    let suite = Arc::new(Suite {
        openers,
        bounds: bounds.clone(),
        known: (0..64).map(|_| Mutex::default()).collect(),
        tally: Mutex::default(),
    });
    let next = AtomicU64::new(0);
    let begin = Instant::now();
    let work = || {
        // Once something is wrong, more of the same is of no use.
        while suite.tally.lock().faults() == 0 {
            let Some(plan) = suite.plan(next.fetch_add(1, Ordering::Relaxed)) else { return };
            if plan.steps.len() > suite.bounds.steps as usize && begin.elapsed() > suite.bounds.time {
                return;
            }
            suite.live(&plan);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..bounds.threads.max(1) {
            scope.spawn(work);
        }
    });
    suite.tally.lock().clone()
}

struct Suite<O> {
    openers: Vec<O>,
    bounds: CrashBounds,
    /// What each state of a disk was found to hold, by its digest.
    known: Vec<Mutex<Known>>,
    tally: Mutex<Tally>,
}

type Known = HashMap<u128, Answer, BuildHasherDefault<Identity>>;

/// What a log answered when it was opened on a disk.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Holds(Digest),
    /// It did not open, or did not go on as it must.
    Failed,
}

/// A life to try.
#[derive(Debug)]
struct Plan {
    number: u64,
    opener: usize,
    beginning: &'static [Step],
    steps: Vec<Step>,
}

const fn synced(action: Action) -> Step {
    Step { action, is_synced: true }
}

const fn unsynced(action: Action) -> Step {
    Step { action, is_synced: false }
}

/// What a log has gone through before it is watched: nothing; a life over several chunks; the same and a clean close; a
/// kill that leaves a tail unsynced.
const BEGINNINGS: [&[Step]; 4] = [
    &[],
    &[
        synced(Action::Vote),
        synced(Action::AppendMany),
        synced(Action::AppendOne),
        synced(Action::Truncate),
        synced(Action::Commit),
        synced(Action::AppendWide),
        synced(Action::PurgeSome),
    ],
    &[synced(Action::AppendMany), synced(Action::Commit), synced(Action::PurgeSome), unsynced(Action::Close)],
    &[
        synced(Action::AppendMany),
        unsynced(Action::AppendOne),
        unsynced(Action::UserData),
        unsynced(Action::Kill),
    ],
];

impl<O: Opener + Send + 'static> Suite<O> {
    /// The life with this number; `None` behind the last.
    fn plan(&self, number: u64) -> Option<Plan> {
        let all = Step::all();
        let openers = self.openers.len() as u64;
        let beginnings = BEGINNINGS.len() as u64;
        let (mut rest, opener) = (number / openers, number % openers);
        let beginning = BEGINNINGS[index(rest % beginnings)];
        rest /= beginnings;
        let mut steps = Vec::new();
        for length in 0..=self.bounds.steps {
            let lives = (all.len() as u64).pow(length);
            if rest < lives {
                for _ in 0..length {
                    steps.push(all[index(rest % all.len() as u64)]);
                    rest /= all.len() as u64;
                }
                return Some(Plan { number, opener: index(opener), beginning, steps });
            }
            rest -= lives;
        }
        if rest * openers * beginnings >= self.bounds.longer {
            return None;
        }
        let mut random = Random::new(splitmix(self.bounds.seed) ^ splitmix(number));
        let length = u64::from(self.bounds.steps) + 1 + random.below(2);
        steps.extend((0..length).map(|_| Step::any(&mut random)));
        Some(Plan { number, opener: index(opener), beginning, steps })
    }

    fn live(self: &Arc<Self>, plan: &Plan) {
        let opener = &self.openers[plan.opener];
        let mut life = Life::on(opener, SimulatedDisk::new(self.bounds.seed), NaiveModel::new(), 0);
        let mut done = life.open();
        for step in plan.beginning {
            done = done.and_then(|()| life.step(*step));
        }
        let watcher = {
            let (suite, promises, opener) = (self.clone(), life.promises().clone(), plan.opener);
            let what = format!("{plan:?}");
            let random = Mutex::new(Random::new(splitmix(self.bounds.seed ^ plan.number)));
            Arc::new(move |loss: PowerLoss<'_>| {
                let (promises, random) = (&*promises.lock(), &mut *random.lock());
                suite.crash(loss, promises, opener, random, Depth::Life, &what);
                if suite.bounds.kill_one_of > 0 && random.below(suite.bounds.kill_one_of) == 0 {
                    let disk = loss.killed_instead(suite.bounds.seed ^ 0xdead);
                    suite.recover_watched(disk, promises.clone(), opener, &what);
                }
            })
        };
        life.disk().watch(Some(watcher.clone()));
        for step in &plan.steps {
            done = done.and_then(|()| life.step(*step));
        }
        life.disk().if_power_goes(|loss| watcher(loss));
        let mut tally = self.tally.lock();
        tally.histories += 1;
        if let Err(stop) = done {
            tally.lost += 1;
            tally.example(|| format!("{stop}, without a crash, in {plan:?}"));
        }
    }

    /// The power goes: whatever the disk may hold, a log is opened on it.
    fn crash(
        self: &Arc<Self>,
        loss: PowerLoss<'_>,
        promises: &Promises,
        opener: usize,
        random: &mut Random,
        depth: Depth,
        what: &str,
    ) {
        let mut new = 0;
        let mut faults = Vec::new();
        let is_all = loss.outcomes(self.bounds.outcomes, random, &mut |outcome| {
            let key = outcome.digest().wrapping_add(opener as u128);
            let known = self.known(key).lock().get(&key).copied();
            let answer = known.unwrap_or_else(|| {
                let answer = self.recover(key, &outcome.image(), promises, opener, depth, what);
                if self.known(key).lock().insert(key, answer).is_none() {
                    new += 1;
                }
                answer
            });
            if let Answer::Holds(found) = answer
                && let Err(fault) = promises.weigh(found)
            {
                faults.push((fault, outcome.image()));
            }
        });
        let mut tally = self.tally.lock();
        tally.crash_points += 1;
        tally.sampled_points += u64::from(!is_all);
        match depth {
            Depth::Life => tally.states += new,
            Depth::Recovery => tally.recovery_states += new,
        }
        for (fault, image) in faults {
            match fault {
                Fault::Lost => tally.lost += 1,
                Fault::Silent => tally.silent += 1,
            }
            tally.example(|| {
                format!("{fault:?} after a crash in {depth:?} of {what}, disk {:?}", sizes(&image))
            });
        }
    }

    fn known(&self, key: u128) -> &Mutex<Known> {
        &self.known[index(key as u64 % 64)]
    }

    /// Opens a log on what the disk holds after a crash.
    fn recover(
        self: &Arc<Self>,
        digest: u128,
        image: &DiskImage,
        promises: &Promises,
        opener: usize,
        depth: Depth,
        what: &str,
    ) -> Answer {
        let disk = SimulatedDisk::holding(image.clone(), self.bounds.seed ^ 0xface);
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let log = self.openers[opener].open(&disk)?;
            let contents = log.contents()?;
            Ok((digest_of(&contents), log.how_it_ended()))
        }));
        // Dropping a log closes it; what it would write is of no interest.
        let opened = opened.unwrap_or_else(|_| Err("it panicked".to_owned()));
        match opened {
            Ok((found, how)) => {
                *self.tally.lock().verdicts.entry(how).or_default() += 1;
                if depth == Depth::Life
                    && self.bounds.recover_one_of > 0
                    && digest.is_multiple_of(u128::from(self.bounds.recover_one_of))
                    && let Some(model) = promises.model_of(found)
                {
                    let disk = SimulatedDisk::holding(image.clone(), self.bounds.seed ^ 0xdeed);
                    self.recover_watched(disk, Promises::of(model.clone()), opener, what);
                }
                Answer::Holds(found)
            }
            Err(error) => {
                let mut tally = self.tally.lock();
                tally.lost += 1;
                tally.example(|| {
                    format!("{error}, after a crash in {depth:?} of {what}, disk {:?}", sizes(image))
                });
                Answer::Failed
            }
        }
    }

    /// Recovers, with the power going at every call: as soon as the log was opened it must hold what was found then. Then
    /// it is gone on with.
    fn recover_watched(self: &Arc<Self>, disk: SimulatedDisk, promises: Promises, opener: usize, what: &str) {
        let mut life = Life::with(&self.openers[opener], disk, promises, 1_000_000);
        let watcher = {
            let (suite, promises, what) = (self.clone(), life.promises().clone(), what.to_owned());
            let random = Mutex::new(Random::new(self.bounds.seed));
            Arc::new(move |loss: PowerLoss<'_>| {
                suite.crash(loss, &promises.lock(), opener, &mut random.lock(), Depth::Recovery, &what);
            })
        };
        life.disk().watch(Some(watcher.clone()));
        let done = life
            .open()
            .and_then(|()| life.step(synced(Action::AppendOne)))
            .and_then(|()| life.step(unsynced(Action::Close)));
        life.disk().if_power_goes(|loss| watcher(loss));
        if let Err(stop) = done {
            let mut tally = self.tally.lock();
            tally.lost += 1;
            tally.example(|| format!("{stop}, after a recovery, in {what}"));
        }
    }
}

/// Where the power went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    Life,
    Recovery,
}

/// Names and sizes, for messages.
fn sizes(image: &DiskImage) -> Vec<(String, usize)> {
    image.files().into_iter().map(|(name, bytes)| (name, bytes.len())).collect()
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A hasher of digests, which are as good as hashed.
#[derive(Debug, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.as_chunks::<8>().0 {
            self.0 = splitmix(self.0 ^ u64::from_le_bytes(*chunk));
        }
    }
}
