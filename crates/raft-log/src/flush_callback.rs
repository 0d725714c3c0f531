//! A callback that is called once, in memory that is used again for the next: callbacks come by the million.

use std::any::Any;
use std::fmt;

use crate::FlushError;

/// Told once, with `Ok` when everything submitted before it is durable.
pub struct FlushCallback {
    slot: Box<dyn Slot>,
}

/// Memory for one callback of some type.
trait Slot: Any + Send {
    /// Calls what is there, and leaves the slot empty.
    fn call(&mut self, outcome: Result<(), FlushError>);
}

impl<F: FnOnce(Result<(), FlushError>) + Send + 'static> Slot for Option<F> {
    fn call(&mut self, outcome: Result<(), FlushError>) {
        if let Some(done) = self.take() {
            done(outcome);
        }
    }
}

/// A slot larger than this is not kept.
const SLOT_BYTES_KEPT: usize = 128;

impl FlushCallback {
    /// Has `done` told.
    pub fn new(done: impl FnOnce(Result<(), FlushError>) + Send + 'static) -> Self {
        Self { slot: Box::new(Some(done)) }
    }

    /// As [`FlushCallback::new`], in the memory of a callback that was called, if that was one of the same type.
    pub(crate) fn renew<F>(spent: Option<Self>, done: F) -> Self
    where
        F: FnOnce(Result<(), FlushError>) + Send + 'static,
    {
        if let Some(mut spent) = spent {
            let slot: &mut dyn Any = &mut *spent.slot;
            if let Some(slot) = slot.downcast_mut::<Option<F>>() {
                *slot = Some(done);
                return spent;
            }
        }
        Self::new(done)
    }

    /// Tells what came of the flush. A second call does nothing.
    pub fn call(&mut self, outcome: Result<(), FlushError>) {
        self.slot.call(outcome);
    }

    /// Whether its memory is worth keeping.
    pub(crate) fn is_small(&self) -> bool {
        size_of_val(&*self.slot) <= SLOT_BYTES_KEPT
    }
}

impl fmt::Debug for FlushCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlushCallback").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use super::*;

    #[test]
    fn it_is_called_once_whatever_its_memory_held_before() {
        let sum = Arc::new(AtomicU64::new(0));
        let adding = |count: u64| {
            let sum = sum.clone();
            move |outcome: Result<(), FlushError>| {
                outcome.unwrap();
                sum.fetch_add(count, SeqCst);
            }
        };
        let mut callback = FlushCallback::new(adding(1));
        callback.call(Ok(()));
        callback.call(Ok(()));
        assert_eq!(sum.load(SeqCst), 1);

        let place = std::ptr::from_ref(&*callback.slot).cast::<u8>();
        let mut callback = FlushCallback::renew(Some(callback), adding(10));
        assert_eq!(std::ptr::from_ref(&*callback.slot).cast::<u8>(), place, "the same memory");
        callback.call(Ok(()));
        assert_eq!(sum.load(SeqCst), 11);

        // Another type.
        let other = sum.clone();
        let mut callback = FlushCallback::renew(Some(callback), move |_| {
            other.fetch_add(100, SeqCst);
        });
        callback.call(Ok(()));
        assert_eq!(sum.load(SeqCst), 111);
        assert_eq!(Arc::strong_count(&sum), 1, "what was called holds nothing");
    }

    #[test]
    fn only_small_memory_is_kept() {
        assert!(FlushCallback::new(drop).is_small());
        let large = [0_u8; 1000];
        assert!(!FlushCallback::new(move |_| assert_eq!(large[0], 0)).is_small());
    }
}
