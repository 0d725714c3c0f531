//! Processor time, interrupts and memory, as Linux tells them.

use std::fs;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

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

/// Does some work, and gives the processor that took the fewest interrupts of devices meanwhile, of those that this
/// thread may run on.
pub(crate) fn least_interrupted<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, usize)> {
    // Where the system does not tell, one processor is as good as another.
    let read = || device_interrupts(&fs::read_to_string("/proc/interrupts").unwrap_or_default());
    let count = |counts: &[(usize, u64)], processor| {
        counts.iter().find(|(of, _)| *of == processor).map_or(0, |(_, count)| *count)
    };
    let before = read();
    let result = work()?;
    let after = read();
    let allowed = sched_getaffinity(None)?;
    let processor = (0..CpuSet::MAX_CPU)
        .filter(|processor| allowed.is_set(*processor))
        .min_by_key(|processor| count(&after, *processor).saturating_sub(count(&before, *processor)))
        .ok_or("this thread may run on no processor")?;
    Ok((result, processor))
}

/// Each processor, and how many interrupts of devices it has taken. Those of the processors themselves have letters
/// instead of numbers, and do not count.
fn device_interrupts(table: &str) -> Vec<(usize, u64)> {
    let mut lines = table.lines();
    let header = lines.next().unwrap_or_default().split_whitespace();
    let mut counts: Vec<(usize, u64)> =
        header.filter_map(|name| Some((name.strip_prefix("CPU")?.parse().ok()?, 0))).collect();
    for line in lines {
        let mut fields = line.split_whitespace();
        let label = fields.next().and_then(|label| label.strip_suffix(':'));
        if label.is_none_or(|label| label.parse::<u32>().is_err()) {
            continue;
        }
        for ((_, count), field) in counts.iter_mut().zip(fields) {
            *count += field.parse().unwrap_or(0);
        }
    }
    counts
}

/// Keeps this thread on one processor.
pub(crate) fn stay_on(processor: usize) -> Outcome {
    let mut set = CpuSet::new();
    set.set(processor);
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupts_of_devices_are_counted_for_each_processor() {
        let table = "           CPU0       CPU2
  1:          3          0   IO-APIC   1-edge      i8042
 36:         10       5044   PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0
LOC:     900000     800000   Local timer interrupts
ERR:          7
";
        assert_eq!(device_interrupts(table), [(0, 13), (2, 5044)]);
        assert_eq!(device_interrupts(""), []);
    }

    #[test]
    fn a_thread_stays_on_the_processor_it_is_given() {
        let (answer, processor) = least_interrupted(|| Ok(42)).unwrap();
        assert_eq!(answer, 42);
        std::thread::spawn(move || {
            stay_on(processor).unwrap();
            let allowed = sched_getaffinity(None).unwrap();
            assert!(allowed.is_set(processor) && allowed.count() == 1);
        })
        .join()
        .unwrap();
    }
}
