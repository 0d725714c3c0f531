//! A scheduler that plays every schedule with at most so many preemptions, each once.
//!
//! A preemption is a switch away from a thread that could have gone on; switches where a thread waits, yields or ends
//! are free. Two preemptions show nearly every race that there is, and their schedules are few enough to play all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

/// A thread that has run for so many steps on end makes way as if it yielded: it may be waiting for another in a loop.
const STEPS_ON_END_MAX: usize = 1_000;

/// Plays schedules in depth-first order.
pub(crate) struct Bounded {
    preemptions_max: usize,
    executions_left: usize,
    /// The choices of the execution before, and in the current one as far as it has come.
    trail: Vec<Choice>,
    depth: usize,
    preemptions: usize,
    steps_on_end: usize,
    is_begun: bool,
    coverage: Arc<Coverage>,
}

/// What the schedules that were played are of all there are.
#[derive(Default)]
pub(crate) struct Coverage {
    /// All within the bound were played.
    pub(crate) is_complete: AtomicBool,
    /// There are schedules beyond the bound.
    pub(crate) is_bounded: AtomicBool,
}

struct Choice {
    /// Who could go on; first whoever costs no preemption.
    options: Vec<TaskId>,
    taken: usize,
    /// All options but the first are preemptions.
    is_preemption: bool,
}

impl Bounded {
    pub(crate) fn new(preemptions_max: usize, executions_max: usize, coverage: Arc<Coverage>) -> Self {
        Self {
            preemptions_max,
            executions_left: executions_max,
            trail: Vec::new(),
            depth: 0,
            preemptions: 0,
            steps_on_end: 0,
            is_begun: false,
            coverage,
        }
    }

    /// Turns the trail to the next schedule. `false` if there is none.
    fn advance(&mut self) -> bool {
        while let Some(last) = self.trail.last_mut() {
            last.taken += 1;
            if last.taken < last.options.len() {
                return true;
            }
            self.trail.pop();
        }
        false
    }
}

impl Scheduler for Bounded {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.is_begun && !self.advance() {
            self.coverage.is_complete.store(true, Ordering::Relaxed);
            return None;
        }
        self.executions_left = self.executions_left.checked_sub(1)?;
        self.is_begun = true;
        (self.depth, self.preemptions, self.steps_on_end) = (0, 0, 0);
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let mut options: Vec<TaskId> = runnable.iter().map(|task| task.id()).collect();
        let mut is_preemption = false;
        if let Some(position) = options.iter().position(|task| Some(*task) == current)
            && options.len() > 1
        {
            if is_yielding || self.steps_on_end >= STEPS_ON_END_MAX {
                options.remove(position);
            } else {
                is_preemption = true;
                options[..=position].rotate_right(1);
                if self.preemptions == self.preemptions_max {
                    self.coverage.is_bounded.store(true, Ordering::Relaxed);
                    options.truncate(1);
                }
            }
        }
        let next = match options.as_slice() {
            [only] => *only,
            _ => {
                if self.depth == self.trail.len() {
                    self.trail.push(Choice { options: options.clone(), taken: 0, is_preemption });
                }
                let choice = &self.trail[self.depth];
                assert_eq!(choice.options, options, "the scenario depends on more than the schedule");
                self.depth += 1;
                self.preemptions += usize::from(choice.is_preemption && choice.taken > 0);
                choice.options[choice.taken]
            }
        };
        self.steps_on_end = if Some(next) == current { self.steps_on_end + 1 } else { 0 };
        Some(next)
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("no scenario draws lots")
    }
}
