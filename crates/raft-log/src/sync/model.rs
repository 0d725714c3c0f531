//! The same locks, atomics and threads, under a scheduler that a test controls: each operation is a place where another
//! thread may go on, and a state in which nobody can go on is a failure.
//!
//! As with the real ones, no lock is poisoned by a panic, and whoever waits is woken by nothing but a notification or
//! the end of its time. Time does not pass by itself: it ends a wait when a test says so ([`let_time_pass`]), so that
//! no timeout hides a wake-up that was lost. What a store makes visible to other threads is stronger than on real
//! hardware: every operation is sequentially consistent.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, PoisonError, TryLockError, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64};
pub(crate) use shuttle::thread::{JoinHandle, current, yield_now};

/// Starts a named thread.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    shuttle::thread::Builder::new().name(name.to_owned()).spawn(run)
}

/// How long somebody sleeps promises nothing about what others do meanwhile.
/// Waits that give way to other threads. Time does not pass of itself here: it is over after a few.
pub(crate) struct Patience(std::cell::Cell<u32>);

impl Patience {
    pub(crate) fn new(_: std::time::Instant) -> Self {
        Self(std::cell::Cell::new(3))
    }

    /// Gives way once; `false` when the time is over.
    pub(crate) fn wait(&self) -> bool {
        yield_now();
        self.0.set(self.0.get().saturating_sub(1));
        self.0.get() > 0
    }
}

pub(crate) fn sleep(_: Duration) {
    scheduling_point();
}

/// Another thread may go on here.
fn scheduling_point() {
    shuttle::thread::sleep(Duration::ZERO);
}

/// A lock, as parking_lot has it.
#[derive(Default)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

/// The held lock. `inner` is empty only while its holder waits at a [`Condvar`].
pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    inner: Option<shuttle::sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, inner: Some(self.lock_inner()) }
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let inner = match self.0.try_lock() {
            Ok(inner) => inner,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(MutexGuard { mutex: self, inner: Some(inner) })
    }

    fn lock_inner(&self) -> shuttle::sync::MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        let Some(inner) = &self.inner else { unreachable!("nobody looks behind a lock while waiting") };
        inner
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        let Some(inner) = &mut self.inner else { unreachable!("nobody looks behind a lock while waiting") };
        inner
    }
}

/// A lock for many readers or one writer. Taking it twice for reading on one thread is a failure here: on a real one
/// it waits forever when a writer came in between.
pub(crate) struct RwLock<T>(shuttle::sync::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::RwLock::new(value))
    }

    pub(crate) fn read(&self) -> shuttle::sync::RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> shuttle::sync::RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A value that is set once.
pub(crate) struct OnceLock<T>(std::sync::OnceLock<T>);

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self(std::sync::OnceLock::new())
    }

    pub(crate) fn get(&self) -> Option<&T> {
        scheduling_point();
        self.0.get()
    }

    /// `init` must not wait for anybody: it is one step.
    pub(crate) fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        scheduling_point();
        self.0.get_or_init(init)
    }
}

/// Where threads wait to be told that something has changed.
///
/// What is inside is changed between two scheduling points, so a lock of the system is never waited for.
#[derive(Default)]
pub(crate) struct Condvar {
    waiters: std::sync::Mutex<VecDeque<Arc<Waiter>>>,
}

#[derive(Default)]
struct Waiter(std::sync::Mutex<Wait>);

#[derive(Default)]
struct Wait {
    end: Option<End>,
    waker: Option<Waker>,
}

/// What ends a wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Notified,
    TimedOut,
}

/// What became of a wait with an end.
pub(crate) struct WaitTimeoutResult(End);

impl WaitTimeoutResult {
    pub(crate) fn timed_out(&self) -> bool {
        self.0 == End::TimedOut
    }
}

thread_local! {
    /// Who waits with an end. An execution of a test has one thread of the system to itself.
    static TIMED: RefCell<Vec<Weak<Waiter>>> = const { RefCell::new(Vec::new()) };
}

/// Ends the waits that have an end and are under way; gives their number.
pub(crate) fn let_time_pass() -> usize {
    scheduling_point();
    let timed = TIMED.take();
    timed.iter().filter_map(Weak::upgrade).filter(|waiter| waiter.end(End::TimedOut)).count()
}

impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        self.wait_with(guard, |_| {});
    }

    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _: Duration) -> WaitTimeoutResult {
        let end =
            self.wait_with(guard, |waiter| TIMED.with_borrow_mut(|timed| timed.push(Arc::downgrade(waiter))));
        WaitTimeoutResult(end)
    }

    pub(crate) fn notify_one(&self) {
        scheduling_point();
        // Whose time has ended is not waiting any more, although it has not come round to leaving.
        while let Some(waiter) = lock(&self.waiters).pop_front() {
            if waiter.end(End::Notified) {
                break;
            }
        }
    }

    pub(crate) fn notify_all(&self) {
        scheduling_point();
        for waiter in lock(&self.waiters).drain(..) {
            waiter.end(End::Notified);
        }
    }

    fn wait_with<T>(&self, guard: &mut MutexGuard<'_, T>, begin: impl FnOnce(&Arc<Waiter>)) -> End {
        let waiter = Arc::new(Waiter::default());
        // Others go on before the lock is let go of, and not again before this thread waits: the two are one step, as
        // they are in a real one. A notification before them is not heard.
        guard.inner = None;
        lock(&self.waiters).push_back(waiter.clone());
        begin(&waiter);
        let end = shuttle::future::block_on(poll_fn(|context| {
            let mut wait = lock(&waiter.0);
            match wait.end {
                Some(end) => Poll::Ready(end),
                None => {
                    wait.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        }));
        lock(&self.waiters).retain(|other| !Arc::ptr_eq(other, &waiter));
        guard.inner = Some(guard.mutex.lock_inner());
        end
    }
}

impl Waiter {
    /// Ends the wait, unless that has happened already.
    fn end(&self, end: End) -> bool {
        let mut wait = lock(&self.0);
        if wait.end.is_some() {
            return false;
        }
        wait.end = Some(end);
        if let Some(waker) = wait.waker.take() {
            waker.wake();
        }
        true
    }
}

/// Takes a lock of the system, which nobody holds at a scheduling point.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
