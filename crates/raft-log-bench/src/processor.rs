//! Processor time and memory of this process, as Linux tells them.

use std::fs;

use crate::Outcome;

fn first_number(path: &str, position: usize) -> Outcome<u64> {
    let text = fs::read_to_string(path)?;
    let number = text.split_whitespace().nth(position).ok_or_else(|| format!("{path} has no such number"))?;
    Ok(number.parse()?)
}

/// Nanoseconds that this thread has run.
pub(crate) fn thread_nanos() -> Outcome<u64> {
    first_number("/proc/thread-self/schedstat", 0)
}

/// Nanoseconds that all threads of this process have run, those that ended apart.
pub(crate) fn process_nanos() -> Outcome<u64> {
    let mut nanos = 0;
    for task in fs::read_dir("/proc/self/task")? {
        nanos += first_number(&task?.path().join("schedstat").to_string_lossy(), 0)?;
    }
    Ok(nanos)
}

/// Bytes of memory that this process holds.
pub(crate) fn resident_bytes() -> Outcome<u64> {
    // In pages; those of Linux have 4 KiB wherever this runs, and a larger page would only overstate.
    Ok(first_number("/proc/self/statm", 1)? * rustix::param::page_size() as u64)
}
