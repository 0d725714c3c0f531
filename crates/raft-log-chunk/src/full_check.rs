//! The full check of chunks that have footers: every frame is read, and a footer is believed where it says what the
//! frames do. Chunks do not depend on each other, so they are checked side by side.

use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use raft_log_codec::{FRAME_FIXED_SIZE, FrameHead, FrameSeed, HeadFault};

use crate::HEADER_SIZE;
use crate::footer::Footer;
use crate::storage::{StorageFile, read_full_at};
use crate::summary::SummaryBuilder;

/// No more threads than this: they read from one disk.
const THREADS_MAX: usize = 8;

/// A chunk and its footer.
pub(crate) struct Candidate {
    pub(crate) file: Arc<dyn StorageFile>,
    pub(crate) seed: FrameSeed,
    pub(crate) footer: Footer,
}

/// Whether all chunks are whole, and what their footers say of them. What exactly is wrong, a scan tells. A chunk that
/// cannot be read is not whole.
pub(crate) fn are_whole(candidates: &[Candidate], window_bytes: usize) -> bool {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = threads.min(candidates.len()).min(THREADS_MAX);
    let next = AtomicUsize::new(0);
    let is_good = AtomicBool::new(true);
    let work = || {
        // The largest come first, as a rule: the newest is the shortest.
        while is_good.load(Ordering::Relaxed)
            && let Some(candidate) = candidates.get(next.fetch_add(1, Ordering::Relaxed))
        {
            if !is_whole(candidate, window_bytes).unwrap_or(false) {
                is_good.store(false, Ordering::Relaxed);
            }
        }
    };
    if threads <= 1 {
        work();
    } else {
        thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    }
    is_good.into_inner()
}

fn is_whole(candidate: &Candidate, window_bytes: usize) -> io::Result<bool> {
    let Candidate { file, seed, footer } = candidate;
    let mut builder = SummaryBuilder::new();
    let mut window = Vec::new();
    // Where the window begins in the file, and the next frame in the window.
    let (mut window_at, mut at) = (HEADER_SIZE as u64, 0);
    let mut needed = FRAME_FIXED_SIZE;
    loop {
        let offset = window_at + at as u64;
        if offset == footer.end() {
            break;
        }
        let bytes = window.get(at..).unwrap_or_default();
        match FrameHead::parse_whole(bytes, *seed, offset) {
            Ok((head, None)) if head.kind().is_some() => {
                builder.watch_head(&head, head.id_rest(bytes), offset);
                at += head.size();
                needed = FRAME_FIXED_SIZE;
            }
            Err(HeadFault::Incomplete { needed: more }) if more >= needed && more > bytes.len() => {
                let left = footer.end().saturating_sub(offset);
                if left < more as u64 {
                    return Ok(false);
                }
                needed = more;
                let size = usize::try_from(left.min(window_bytes.max(needed) as u64)).unwrap_or(usize::MAX);
                window.resize(size, 0);
                let found = read_full_at(&**file, &mut window, offset)?;
                if found < needed {
                    return Ok(false);
                }
                window.truncate(found);
                (window_at, at) = (offset, 0);
            }
            _ => return Ok(false),
        }
    }
    let (summary, offsets) = builder.finish();
    Ok(summary == footer.summary && footer.table().read(&**file)?.is_some_and(|table| table == offsets))
}
