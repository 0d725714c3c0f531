//! The watch on the memory that all fuzz targets share: an allocator that counts.
//!
//! What the targets do is in `raft_log_testkit::any_input`, so that the tests can do the same.

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Does the work, and panics if it took more than `bytes_max` at any moment, beyond what was there before.
///
/// # Panics
/// Then.
pub fn watch(bytes_max: u64, work: &mut dyn FnMut()) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    work();
    let taken = MEMORY.peak_usage().saturating_sub(before) as u64;
    assert!(taken <= bytes_max, "{taken} bytes were taken at once, {bytes_max} are allowed");
}
