//! A writer's window: how many flushes it has under way at most, and waiting for room.
//!
//! Nothing but counting: what it costs is measured as if it were the log's, so it takes no lock.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::thread::{Thread, park};

/// Flushes under way, for one writer: the thread that made it.
pub struct Window {
    size: u64,
    begun: u64,
    shared: Arc<Shared>,
}

struct Shared {
    done: AtomicU64,
    is_writer_waiting: AtomicBool,
    writer: Thread,
    failure: OnceLock<String>,
}

/// A flush under way.
pub struct Flight(Arc<Shared>);

impl Window {
    /// At most `size` flushes at once.
    pub fn new(size: u64) -> Self {
        let shared = Shared {
            done: AtomicU64::new(0),
            is_writer_waiting: AtomicBool::new(false),
            writer: std::thread::current(),
            failure: OnceLock::new(),
        };
        Self { size, begun: 0, shared: Arc::new(shared) }
    }

    /// Waits until there is room for one more flush, which is to be told when it has ended.
    ///
    /// # Errors
    /// When an earlier flush failed.
    pub fn begin(&mut self) -> Result<Flight, String> {
        self.wait_for(self.size - 1)?;
        self.begun += 1;
        Ok(Flight(self.shared.clone()))
    }

    /// Waits until no flush is under way.
    ///
    /// # Errors
    /// When a flush failed.
    pub fn drain(&self) -> Result<(), String> {
        self.wait_for(0)
    }

    /// Waits until no more than `count` flushes are under way.
    fn wait_for(&self, count: u64) -> Result<(), String> {
        let is_room = || self.begun - self.shared.done.load(SeqCst) <= count;
        while !is_room() {
            self.shared.is_writer_waiting.store(true, SeqCst);
            // Once more: what ended before the line above woke nobody.
            if !is_room() {
                park();
            }
            self.shared.is_writer_waiting.store(false, SeqCst);
        }
        self.shared.failure.get().map_or(Ok(()), |error| Err(error.clone()))
    }
}

impl Flight {
    /// It has ended, on whatever thread.
    pub fn end<E: Display>(self, outcome: Result<(), E>) {
        let Self(shared) = self;
        if let Err(error) = outcome {
            // The first one counts.
            let _ = shared.failure.set(error.to_string());
        }
        shared.done.fetch_add(1, SeqCst);
        if shared.is_writer_waiting.load(SeqCst) && shared.is_writer_waiting.swap(false, SeqCst) {
            shared.writer.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn no_more_are_under_way_than_the_window_holds_and_all_end() {
        let (sender, receiver) = mpsc::channel::<Flight>();
        let ender = std::thread::spawn(move || {
            let mut ended = 0_u64;
            for flight in receiver {
                flight.end(Ok::<_, String>(()));
                ended += 1;
            }
            ended
        });
        let mut window = Window::new(3);
        for _ in 0..10_000 {
            let flight = window.begin().unwrap();
            assert!(window.begun - window.shared.done.load(SeqCst) <= 3);
            sender.send(flight).unwrap();
        }
        window.drain().unwrap();
        assert_eq!(window.shared.done.load(SeqCst), 10_000);
        drop(sender);
        assert_eq!(ender.join().unwrap(), 10_000);
    }

    #[test]
    fn a_failure_reaches_the_writer() {
        let mut window = Window::new(1);
        window.begin().unwrap().end(Err("the disk is gone"));
        assert_eq!(window.begin().err().unwrap(), "the disk is gone");
        assert!(window.drain().is_err());
    }
}
