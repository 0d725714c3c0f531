//! Whatever bytes are found, the memory that they take is bounded by their size: a binary of its own, for its allocator
//! counts.
//!
//! The bounds themselves are stated where the work is done, in `any_input`.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use peak_alloc::PeakAlloc;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use raft_log_chunk::{
    Chunk, ChunkHeader, ChunkId, EntryFault, FrameScan, HEADER_SIZE, Scanned, Space, Storage,
};
use raft_log_codec::HeadFault;
use raft_log_dump::{ScanOptions, scan_storage};
use raft_log_testkit::MemoryStorage;
use raft_log_testkit::any_input::{self, Watch};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// One at a time: what another test takes would be counted, too.
static ALONE: Mutex<()> = Mutex::new(());

fn taken_by(work: &mut dyn FnMut()) -> u64 {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    work();
    MEMORY.peak_usage().saturating_sub(before) as u64
}

/// The largest share of what was allowed that was taken, in thousandths.
static LARGEST_SHARE: AtomicU64 = AtomicU64::new(0);

fn watch(bytes_max: u64, work: &mut dyn FnMut()) {
    let taken = taken_by(work);
    LARGEST_SHARE.fetch_max(taken * 1000 / bytes_max, Ordering::Relaxed);
    assert!(taken <= bytes_max, "{taken} bytes were taken at once, {bytes_max} are allowed");
}

fn dump(bytes: &[u8], watch: Watch<'_>) {
    any_input::look(bytes, watch, |storage, _| {
        scan_storage(storage, ScanOptions::default()).map_or(0, |scan| scan.count() as u64)
    });
}

fn check(target: &str, cases: u32, body: fn(&[u8], Watch<'_>)) {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut count = 0;
    LARGEST_SHARE.store(0, Ordering::Relaxed);
    for entry in std::fs::read_dir(corpus).unwrap() {
        body(&std::fs::read(entry.unwrap().path()).unwrap(), &watch);
        count += 1;
    }
    assert!(count >= 6, "{target}: {count} inputs");
    let mut runner = TestRunner::deterministic();
    let bytes = vec(prop_oneof![5 => 0..20_u8, 2 => any::<u8>()], 0..300);
    for _ in 0..cases {
        body(&bytes.new_tree(&mut runner).unwrap().current(), &watch);
    }
    let share = LARGEST_SHARE.load(Ordering::Relaxed);
    println!("{target}: up to {} % of what is allowed was taken", share / 10);
    // A bound that nothing comes near would not be missed.
    assert!(share >= 100, "{target}: {share} of 1000");
}

/// A head whose checksum is good may state a body of 256 MiB that is not there.
#[test]
fn a_stated_length_takes_no_memory() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let header =
        ChunkHeader { log_id: 1, chunk_id: ChunkId::new(0), salt: 2, previous_salt: 0, space: Space::Fresh };
    let mut file = header.encode().to_vec();
    // An entry with term 1 and index 1.
    let mut head = header.seed().writer_at(file.len() as u64);
    head.u32(0).u32(16 + (256 << 20)).u8(2).u8(0).u16(16).u64(1).u64(1);
    let mut head = head.finish();
    head.rotate_right(4);
    file.extend(head);
    let at = HEADER_SIZE as u64;
    let storage = MemoryStorage::new();
    storage.put_file("chunk", file.clone());
    let chunk = Chunk::new(storage.open("chunk").unwrap(), header);
    let taken = taken_by(&mut || {
        for given in [0, 8, 16, 24, 32] {
            let given = Bytes::copy_from_slice(&file[HEADER_SIZE..HEADER_SIZE + given]);
            let fault = chunk.entry(given.clone(), at, 1).unwrap_err();
            let is_short =
                matches!(fault, EntryFault::Head(HeadFault::Incomplete { needed }) if needed > 256 << 20);
            assert!(is_short, "{fault:?}");
        }
        let mut scan = FrameScan::new(chunk.file().clone(), header.seed(), None, 4096).unwrap();
        assert!(matches!(scan.next_frame().unwrap(), Scanned::End { offset, .. } if offset == at));
    });
    assert!(taken < 64 << 10, "{taken} bytes were taken");
}

#[test]
fn decoding_takes_memory_by_the_size_of_the_bytes() {
    check("decode", 2000, any_input::decode);
}

#[test]
fn scanning_takes_memory_by_the_size_of_the_chunk() {
    check("scan", 200, any_input::scan);
}

#[test]
fn opening_takes_memory_by_the_size_of_the_directory() {
    check("open", 150, any_input::open);
}

#[test]
fn looking_takes_memory_by_the_size_of_the_directory() {
    check("dump", 20, dump);
}

#[test]
fn the_watch_sees_what_is_taken_and_given_back() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut take = || drop(std::hint::black_box(vec![1_u8; 1 << 20]));
    let taken = taken_by(&mut take);
    // The threads that wait for this one take and give back a little as well.
    assert!(((1 << 20) - 4096..(1 << 20) + 4096).contains(&taken), "{taken}");
    watch(2 << 20, &mut take);
    let refused = catch_unwind(AssertUnwindSafe(|| watch((1 << 20) - 4096, &mut take)));
    assert!(refused.is_err(), "a bound that is too small is no bound");
}
