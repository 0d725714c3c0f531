//! Telling callbacks what became of their flush: exactly once, in the order of their submission, under no lock that
//! the disk or a reader needs, whatever another callback does.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::sync::Mutex;
use crate::{FlushCallback, FlushError};

type Outcome = Result<(), FlushError>;

/// So many callbacks that were called are kept for their memory.
const SPENT_MAX: usize = 4096;

/// Callbacks of one flush, how many operations they waited for, and what became of it.
type Told = (Vec<FlushCallback>, u64, Outcome);

/// Callbacks whose outcome is known.
#[derive(Default)]
pub(super) struct Delivery {
    due: Mutex<VecDeque<Told>>,
    /// Held by whoever is calling them.
    turn: Mutex<()>,
    /// Those that were called, for the writer: memory is cheapest where it came from.
    spent: Mutex<Vec<FlushCallback>>,
}

impl Delivery {
    /// Puts callbacks behind those that are due already. The caller holds the lock that orders flushes.
    pub(super) fn put(&self, callbacks: Vec<FlushCallback>, operations: u64, outcome: Outcome) {
        if !callbacks.is_empty() {
            self.due.lock().push_back((callbacks, operations, outcome));
        }
    }

    /// Whether a callback waits to be called.
    pub(super) fn is_due(&self) -> bool {
        !self.due.lock().is_empty()
    }

    /// Calls what is due, unless somebody else is at it, who then calls these as well. Gives how many operations they
    /// waited for.
    pub(super) fn run(&self) -> u64 {
        let mut told = 0;
        while self.is_due() {
            let Some(turn) = self.turn.try_lock() else { break };
            while let Some((callbacks, operations, outcome)) = self.next() {
                told += operations;
                self.call(callbacks, &outcome);
            }
            // Whoever came meanwhile and was turned away has put theirs before: the loop looks once more.
            drop(turn);
        }
        told
    }

    fn next(&self) -> Option<Told> {
        self.due.lock().pop_front()
    }

    fn call(&self, mut callbacks: Vec<FlushCallback>, outcome: &Outcome) {
        for callback in &mut callbacks {
            if catch_unwind(AssertUnwindSafe(|| callback.call(outcome.clone()))).is_err() {
                tracing::error!("a flush callback panicked");
            }
        }
        let mut spent = self.spent.lock();
        let room = SPENT_MAX - spent.len();
        spent.extend(callbacks.into_iter().filter(FlushCallback::is_small).take(room));
    }

    /// Callbacks that were called.
    pub(super) fn take_spent(&self) -> Vec<FlushCallback> {
        std::mem::take(&mut *self.spent.lock())
    }
}
