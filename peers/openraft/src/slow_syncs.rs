//! Makes the syncs of raft-log 0.4.6 take longer, from outside: it opens its files itself, so nothing can be put beneath it.
//!
//! Its thread says in the program's log, for each group that it has gathered, that it is about to write it. Whoever takes
//! that message may hold the thread up there: as with a sync that takes longer, nobody is told before, and the next group
//! gathers meanwhile. What always holds: while nothing is to be slower, the messages are switched off.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record};

/// Where that thread's code is, as its messages say.
const FLUSHING: &str = "chunked_wal::wal::flush_worker";

/// How long each group is held up, in microseconds.
static DELAY_MICROS: AtomicU64 = AtomicU64::new(0);

struct HoldUp;

/// From now on each group of every log of this process waits for `delay` before it is written and synced.
///
/// # Panics
/// When somebody else takes the program's log.
pub(crate) fn delay_syncs(delay: Duration) {
    static HOLD_UP: HoldUp = HoldUp;
    let is_ours = log::set_logger(&HOLD_UP).is_ok() || std::ptr::eq(log::logger(), &HOLD_UP as &dyn Log);
    assert!(is_ours, "the messages of the log go elsewhere");
    DELAY_MICROS.store(delay.as_micros().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    log::set_max_level(if delay.is_zero() { LevelFilter::Off } else { LevelFilter::Debug });
}

impl Log for HoldUp {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == FLUSHING
    }

    fn log(&self, record: &Record<'_>) {
        if record.target() == FLUSHING && record.args().to_string().starts_with("batched write") {
            thread::sleep(Duration::from_micros(DELAY_MICROS.load(Ordering::Relaxed)));
        }
    }

    fn flush(&self) {}
}
