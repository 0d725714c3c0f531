//! Runs one scenario under many schedules: all with few preemptions, then others by lot; and tells how many there were.

use std::any::Any;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner};

use crate::bounded::{Bounded, Coverage};

/// How many schedules of each way: of those with few preemptions, uniformly random ones, and random ones by priorities
/// that change.
const ITERATIONS: &str = "RAFT_LOG_SCHEDULES_ITERATIONS";
const ITERATIONS_DEFAULT: u64 = 300;
/// What the random ones are drawn from.
const SEED: &str = "RAFT_LOG_SCHEDULES_SEED";
const SEED_DEFAULT: u64 = 1;

/// More preemptions than this are left to the random ways.
const PREEMPTIONS_MAX: usize = 4;
/// How often the priorities change, and once more.
const PCT_DEPTH: usize = 4;
/// An execution of more steps does not come to an end.
const STEPS_MAX: usize = 100_000;

/// Plays `scenario` under each way of scheduling, printing a line for each. A schedule in which a thread panics, nobody
/// can go on or no end is reached is printed by the scheduler, and fails the test.
pub(crate) fn explore(name: &str, scenario: fn()) {
    let iterations = usize::try_from(setting(ITERATIONS, ITERATIONS_DEFAULT)).unwrap();
    let seed = setting(SEED, SEED_DEFAULT);

    let mut left = iterations;
    let mut how = "dfs, the first".to_owned();
    let mut outcome = Ok(0);
    for preemptions in 0..=PREEMPTIONS_MAX {
        // Each bound is begun anew: its schedules are many times those of the bound before.
        let coverage = Arc::new(Coverage::default());
        outcome = run(Bounded::new(preemptions, left, coverage.clone()), scenario);
        let Ok(played) = outcome else { break };
        left -= played;
        if !coverage.is_complete.load(Relaxed) {
            how = match preemptions {
                0 => "dfs, some without a preemption".to_owned(),
                _ => format!("dfs, all with < {preemptions} preemptions and some with {preemptions}"),
            };
            break;
        }
        how = format!("dfs, all with <= {preemptions} preemptions");
        if !coverage.is_bounded.load(Relaxed) {
            how = "dfs, all there are".to_owned();
            break;
        }
    }
    tell(name, &how, None, outcome.map(|_| iterations - left));
    tell(name, "random", Some(seed), run(RandomScheduler::new_from_seed(seed, iterations), scenario));
    let pct = PctScheduler::new_from_seed(seed, PCT_DEPTH, iterations);
    tell(name, &format!("pct, depth {PCT_DEPTH}"), Some(seed), run(pct, scenario));
}

type Failure = Box<dyn Any + Send>;

fn run(scheduler: impl Scheduler + 'static, scenario: fn()) -> Result<usize, Failure> {
    let mut config = Config::new();
    config.stack_size = 256 << 10;
    config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
    // That it takes every atomic for a sequentially consistent one is known.
    config.silence_warnings = true;
    catch_unwind(AssertUnwindSafe(|| Runner::new(scheduler, config).run(scenario)))
}

fn tell(name: &str, how: &str, seed: Option<u64>, outcome: Result<usize, Failure>) {
    let seed = seed.map_or("-".to_owned(), |seed| seed.to_string());
    let (count, deadlocks, violations) = match &outcome {
        Ok(count) => (count.to_string(), 0, 0),
        Err(failure) if is_deadlock(failure) => ("?".to_owned(), 1, 0),
        Err(_) => ("?".to_owned(), 0, 1),
    };
    // For `cargo xtask schedules`, which makes a table of these lines.
    println!("\nschedules\t{name}\t{how}\t{count}\t{deadlocks}\t{violations}\t{seed}");
    if let Err(failure) = outcome {
        resume_unwind(failure);
    }
}

/// Nobody can go on, or somebody goes on for ever.
fn is_deadlock(failure: &Failure) -> bool {
    let text = match failure.downcast_ref::<String>() {
        Some(text) => text.as_str(),
        None => failure.downcast_ref::<&str>().copied().unwrap_or_default(),
    };
    text.starts_with("deadlock!") || text.starts_with("exceeded max_steps")
}

fn setting(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")),
        Err(_) => default,
    }
}

/// A test for each scenario, named after what it promises.
macro_rules! scenarios {
    ($($(#[$meta:meta])* fn $name:ident() $body:block)*) => {
        $(
            $(#[$meta])*
            #[test]
            fn $name() {
                fn scenario() $body
                $crate::explore::explore(stringify!($name), scenario);
            }
        )*
    };
}
pub(crate) use scenarios;
