//! A ticket for a flush, which can be awaited or waited for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::FlushError;
use crate::sync::{Condvar, Mutex};

/// A flush under way: a [`Future`] for any executor, and [`FlushTicket::wait`] for none.
///
/// `Ok` means that everything submitted before the ticket was taken survives a loss of power. Dropping the ticket
/// changes nothing about the flush.
pub struct FlushTicket {
    state: Arc<TicketState>,
}

#[derive(Default)]
struct TicketState {
    outcome: Mutex<Outcome>,
    is_done: Condvar,
}

#[derive(Default)]
struct Outcome {
    result: Option<Result<(), FlushError>>,
    waker: Option<Waker>,
}

impl FlushTicket {
    /// A ticket, and what redeems it.
    pub(crate) fn new() -> (Self, impl FnOnce(Result<(), FlushError>) + Send + 'static) {
        let state = Arc::new(TicketState::default());
        let ticket = Self { state: state.clone() };
        let redeem = move |result| {
            let waker = {
                let mut outcome = state.outcome.lock();
                outcome.result = Some(result);
                outcome.waker.take()
            };
            state.is_done.notify_all();
            if let Some(waker) = waker {
                waker.wake();
            }
        };
        (ticket, redeem)
    }

    /// Blocks until the flush is done.
    ///
    /// # Errors
    /// When a write or a sync failed, or the log was closed before.
    pub fn wait(self) -> Result<(), FlushError> {
        let mut outcome = self.state.outcome.lock();
        loop {
            match outcome.result.take() {
                Some(result) => return result,
                None => self.state.is_done.wait(&mut outcome),
            }
        }
    }
}

impl Future for FlushTicket {
    type Output = Result<(), FlushError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut outcome = self.state.outcome.lock();
        match &outcome.result {
            Some(result) => Poll::Ready(result.clone()),
            None => {
                outcome.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl fmt::Debug for FlushTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlushTicket").field("result", &self.state.outcome.lock().result).finish()
    }
}
