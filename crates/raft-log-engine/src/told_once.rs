//! The callback of an append, in a guard: it is told exactly once, and an error if nobody tells it.
//!
//! An engine waits for it without a limit, so one that was dropped in silence would hang the node.

use std::io;

use raft_log::FlushError;

use crate::io_error;

/// A callback that will be told.
pub struct ToldOnce<F: FnOnce(io::Result<()>)> {
    callback: Option<F>,
}

/// Nobody said what became of an append.
#[derive(Debug, thiserror::Error)]
#[error("the append's callback was dropped before its sync: whether it is durable is unknown")]
struct Untold;

impl<F: FnOnce(io::Result<()>)> ToldOnce<F> {
    /// Holds `callback` from now on.
    pub fn new(callback: F) -> Self {
        Self { callback: Some(callback) }
    }

    /// Tells what became of the append.
    pub fn tell(mut self, outcome: Result<(), FlushError>) {
        self.complete(outcome.map_err(io_error::of_flush));
    }

    /// For an append that fails while it is called: the engine takes the error that is returned, and need not be told
    /// twice.
    pub fn leave_to_the_result(mut self) {
        self.callback = None;
    }

    fn complete(&mut self, outcome: io::Result<()>) {
        if let Some(callback) = self.callback.take() {
            callback(outcome);
        }
    }
}

impl<F: FnOnce(io::Result<()>)> Drop for ToldOnce<F> {
    fn drop(&mut self) {
        self.complete(Err(io::Error::other(Untold)));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    type Boxed = Box<dyn FnOnce(io::Result<()>)>;

    /// What a callback is told when `end` ends its guard.
    fn told(end: impl FnOnce(ToldOnce<Boxed>)) -> Vec<bool> {
        let told = Rc::new(RefCell::new(Vec::new()));
        let kept = told.clone();
        end(ToldOnce::new(Box::new(move |outcome: io::Result<()>| kept.borrow_mut().push(outcome.is_ok()))));
        told.take()
    }

    #[test]
    fn a_callback_is_told_once_and_an_error_if_it_is_dropped() {
        assert_eq!(told(|guard| guard.tell(Ok(()))), [true]);
        assert_eq!(told(|guard| guard.tell(Err(FlushError::Closed))), [false]);
        assert_eq!(told(drop), [false]);
        assert_eq!(told(ToldOnce::leave_to_the_result), [false; 0]);
    }
}
