//! Telling callbacks what became of their flush: exactly once, in the order of their submission, under no lock that
//! the disk or a reader needs, whatever another callback does.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::sync::Mutex;
use crate::{FlushCallback, FlushError};

type Outcome = Result<(), FlushError>;

/// Callbacks whose outcome is known.
#[derive(Default)]
pub(super) struct Delivery {
    due: Mutex<VecDeque<(FlushCallback, Outcome)>>,
    /// Held by whoever is calling them.
    turn: Mutex<()>,
}

impl Delivery {
    /// Puts callbacks behind those that are due already. The caller holds the lock that orders flushes.
    pub(super) fn put(&self, callbacks: Vec<FlushCallback>, outcome: &Outcome) {
        if !callbacks.is_empty() {
            self.due.lock().extend(callbacks.into_iter().map(|callback| (callback, outcome.clone())));
        }
    }

    /// Whether a callback waits to be called.
    pub(super) fn is_due(&self) -> bool {
        !self.due.lock().is_empty()
    }

    /// Calls what is due, unless somebody else is at it, who then calls these as well.
    pub(super) fn run(&self) {
        while !self.due.lock().is_empty() {
            let Some(turn) = self.turn.try_lock() else { return };
            loop {
                let due = std::mem::take(&mut *self.due.lock());
                if due.is_empty() {
                    break;
                }
                for (callback, outcome) in due {
                    if catch_unwind(AssertUnwindSafe(|| callback(outcome))).is_err() {
                        tracing::error!("a flush callback panicked");
                    }
                }
            }
            // Whoever came meanwhile and was turned away has put theirs before: the loop looks once more.
            drop(turn);
        }
    }
}
