//! Purged chunks that become chunks again: which files, in which order, and what gives way on a full disk.

use std::io;
use std::sync::Arc;

use raft_log_chunk::{
    Chunk, ChunkHeader, ChunkId, RESERVE_BYTES, REUSABLE_FILES_MAX, ReusableFile, SPARE_BYTES, Space, Spares,
    Storage, SurveyOptions, is_no_space, is_temporary_file_name, is_worth_reusing, make_chunk,
    make_durable_file, reclaim, recover, set_aside,
};
use raft_log_codec::FrameSeed;
use raft_log_testkit::{MemoryStorage, Operation};

use crate::recorder::recorded;
use crate::written_log::{Machine, WrittenLog, entry, ids, options};

const BLOCK: u64 = 4096;
const SIZE: u64 = 50 * BLOCK;

/// The seed of the chunk that is made.
const NEXT: fn() -> FrameSeed = || FrameSeed::new(1, 2, 3);

fn header(chunk: u64) -> ChunkHeader {
    let chunk_id = ChunkId::new(chunk * SIZE);
    ChunkHeader { log_id: 1, chunk_id, salt: chunk, previous_salt: 0, space: Space::Fresh }
}

/// A chunk of `SIZE` bytes as its process has it, filled with its number.
fn chunk(storage: &dyn Storage, number: u64) -> Chunk {
    let header = header(number);
    let file = storage.create(&header.chunk_id.file_name()).unwrap();
    let bytes = vec![number as u8; SIZE as usize];
    assert_eq!(file.write_at(&bytes, 0).unwrap(), bytes.len());
    Chunk::new(file, header)
}

fn reclaimed(storage: &dyn Storage, number: u64) -> ReusableFile {
    let file = set_aside(storage, chunk(storage, number), SIZE).unwrap().unwrap();
    reclaim(storage, vec![file]).unwrap().remove(0)
}

/// Spares of which `reusable` files of purged chunks are kept, besides `count` others.
fn spares(storage: &MemoryStorage, count: usize, reusable: u64) -> Spares {
    let mut spares = Spares::new(Arc::new(storage.clone()), count, Vec::new());
    spares.refill().unwrap();
    (0..reusable).for_each(|number| spares.reuse(reclaimed(storage, number + 1)));
    spares
}

fn fill_disk(storage: &MemoryStorage) {
    storage.set_capacity(Some(storage.used_bytes()));
}

fn sizes(storage: &MemoryStorage) -> Vec<u64> {
    let mut sizes: Vec<u64> = storage.snapshot().values().map(|bytes| bytes.len() as u64).collect();
    sizes.sort_unstable();
    sizes
}

#[test]
fn a_purged_chunk_is_written_to_only_after_its_name_is_gone_for_good_and_its_links_were_seen() {
    let (storage, recorder) = recorded(MemoryStorage::new());
    let storage: Arc<dyn Storage> = Arc::new(storage);
    let purged = chunk(&*storage, 1);
    let log = WrittenLog::new();
    let mut durable = make_durable_file(&*storage, &log.chunks[0].header).unwrap();
    recorder.take();

    let file = set_aside(&*storage, purged, SIZE).unwrap().unwrap();
    let mut files = reclaim(&*storage, vec![file]).unwrap();
    let mut spares = Spares::new(storage.clone(), 0, Vec::new());
    spares.reuse(files.remove(0));
    let prepared = spares.prepare(1000, BLOCK, false, log.chunks[0].header.seed()).unwrap();
    let mut calls = recorder.take();
    let temporary = calls[0].strip_prefix("rename to ").unwrap().to_owned();
    assert!(is_temporary_file_name(&temporary), "{temporary}");
    assert_eq!(calls.split_off(1), ["sync the directory", "links prepared"], "nothing is laid");

    let header = ChunkHeader { space: prepared.space(), ..log.chunks[0].header };
    make_chunk(&*storage, None, prepared, header, log.chunks[0].head(), &mut durable).unwrap();
    let name = log.chunks[0].name();
    let calls = recorder.take();
    assert_eq!(
        calls[..3],
        ["write prepared".to_owned(), "sync prepared".into(), format!("rename to {name}")]
    );
}

#[test]
fn a_file_that_somebody_reads_is_left_alone() {
    let storage = MemoryStorage::new();
    let purged = chunk(&storage, 1);
    let reader = purged.clone();
    let before = storage.snapshot();
    assert!(set_aside(&storage, purged, SIZE).unwrap().is_none());
    assert_eq!(storage.snapshot(), before);
    // It was only this reader.
    assert!(set_aside(&storage, reader, SIZE).unwrap().is_some());
}

#[test]
fn a_file_with_a_second_name_loses_only_the_one_that_it_got() {
    let storage = MemoryStorage::new();
    let purged = [chunk(&storage, 1), chunk(&storage, 2)];
    storage.hard_link(&header(1).chunk_id.file_name(), "backup");
    let files = purged.map(|chunk| set_aside(&storage, chunk, SIZE).unwrap().unwrap());
    assert_eq!(reclaim(&storage, files.into()).unwrap().len(), 1);
    assert_eq!(storage.file_bytes("backup").unwrap(), vec![1; SIZE as usize]);
    assert_eq!(storage.names().len(), 2, "{:?}", storage.names());
}

#[test]
fn only_files_of_about_a_chunks_size_are_worth_it() {
    for (size, chunk_size_max, expected) in [
        (127, 256, false),
        (128, 256, true),
        (512, 256, true),
        (513, 256, false),
        ((32 << 20) - 1, 64 << 20, false),
        (32 << 20, 64 << 20, true),
        (128 << 20, 64 << 20, true),
        ((128 << 20) + 1, 64 << 20, false),
        (u64::MAX, u64::MAX, true),
    ] {
        assert_eq!(is_worth_reusing(size, chunk_size_max), expected, "{size} of {chunk_size_max}");
    }
    let storage = MemoryStorage::new();
    let before = chunk(&storage, 1);
    assert!(set_aside(&storage, before, 4 * SIZE).unwrap().is_none(), "too small");
    assert_eq!(storage.names(), [header(1).chunk_id.file_name()]);
}

#[test]
fn each_call_that_fails_leaves_no_file_to_be_written_to() {
    for operation in [Operation::Size, Operation::Random, Operation::Rename] {
        let storage = MemoryStorage::new();
        let purged = chunk(&storage, 1);
        let before = storage.snapshot();
        storage.fail_next(operation, io::ErrorKind::Other, 1);
        set_aside(&storage, purged, SIZE).unwrap_err();
        assert_eq!(storage.snapshot(), before, "{operation:?}");
    }
    for operation in [Operation::SyncDirectory, Operation::Links] {
        let storage = MemoryStorage::new();
        let files: Vec<_> = (1..3)
            .map(|number| set_aside(&storage, chunk(&storage, number), SIZE).unwrap().unwrap())
            .collect();
        storage.fail_next(operation, io::ErrorKind::Other, 1);
        let reclaimed = reclaim(&storage, files);
        let kept = if operation == Operation::Links { 1 } else { 0 };
        assert_eq!(reclaimed.map_or(0, |files| files.len()), kept);
        assert_eq!(storage.names().len(), kept, "{operation:?}");
    }
}

#[test]
fn a_reused_file_is_taken_first_and_as_it_is() {
    let storage = MemoryStorage::new();
    let mut spares = spares(&storage, 1, 1);
    storage.reset_counters();
    let prepared = spares.prepare(1000, BLOCK, false, NEXT()).unwrap();
    assert_eq!((prepared.space(), prepared.laid_end()), (Space::Reused, SIZE));
    assert_eq!(storage.bytes_written(), 0);
    assert!(storage.snapshot().values().any(|bytes| *bytes == vec![1; SIZE as usize]));
    let other = spares.prepare(1000, BLOCK, false, NEXT()).unwrap();
    assert_eq!(
        (other.space(), other.laid_end()),
        (Space::Fresh, 1000_u64.next_multiple_of(BLOCK) + RESERVE_BYTES)
    );
}

#[test]
fn a_file_that_is_too_small_gets_zeros_behind() {
    let storage = MemoryStorage::new();
    let mut spares = spares(&storage, 0, 1);
    let prepared = spares.prepare(SIZE, BLOCK, false, NEXT()).unwrap();
    assert_eq!((prepared.space(), prepared.laid_end()), (Space::Reused, SIZE + RESERVE_BYTES));
    let mut expected = vec![1; SIZE as usize];
    expected.resize((SIZE + RESERVE_BYTES) as usize, 0);
    assert_eq!(storage.snapshot().into_values().collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_file_whose_frames_would_pass_for_the_new_chunks_is_not_taken() {
    let storage = MemoryStorage::new();
    let mut spares = spares(&storage, 0, 1);
    let seed = header(1).seed();
    assert_eq!(spares.prepare(1000, BLOCK, false, seed).unwrap().space(), Space::Fresh);
    assert_eq!(spares.prepare(1000, BLOCK, false, NEXT()).unwrap().space(), Space::Reused);
    // On a full disk it gives way like any other.
    let storage = MemoryStorage::new();
    let mut spares = self::spares(&storage, 0, 1);
    fill_disk(&storage);
    assert_eq!(spares.prepare(1000, BLOCK, false, seed).unwrap().space(), Space::Fresh);
    assert!(!spares.give_up_one());
}

#[test]
fn a_reused_file_that_was_not_needed_is_kept_for_the_next_chunk() {
    let storage = MemoryStorage::new();
    let mut spares = spares(&storage, 0, 1);
    for needed in [1000, SIZE, 1000] {
        let room = spares.reuse_room();
        let prepared = spares.prepare(needed, BLOCK, false, NEXT()).unwrap();
        assert_eq!(prepared.space(), Space::Reused, "{needed}");
        spares.give_back(prepared);
        assert_eq!(spares.reuse_room(), room);
    }
    assert_eq!(sizes(&storage), [SIZE + RESERVE_BYTES]);
}

#[test]
fn no_more_files_are_kept_than_there_is_room_for() {
    let storage = MemoryStorage::new();
    let mut spares = spares(&storage, 0, 0);
    assert_eq!(spares.reuse_room(), REUSABLE_FILES_MAX);
    for number in 1..=REUSABLE_FILES_MAX as u64 + 3 {
        spares.reuse(reclaimed(&storage, number));
    }
    assert_eq!((spares.reuse_room(), storage.names().len()), (0, REUSABLE_FILES_MAX));
    for left in (0..REUSABLE_FILES_MAX).rev() {
        assert!(spares.give_up_one());
        assert_eq!(storage.names().len(), left);
    }
    assert!(!spares.give_up_one());
}

#[test]
fn on_a_full_disk_what_waits_to_be_reused_gives_way_before_the_reserve() {
    for may_use_spare in [false, true] {
        let storage = MemoryStorage::new();
        let mut spares = spares(&storage, 2, 2);
        fill_disk(&storage);
        // As they are, as long as they are large enough.
        let first = spares.prepare(1000, BLOCK, may_use_spare, NEXT()).unwrap();
        assert_eq!((first.space(), sizes(&storage).len()), (Space::Reused, 4));
        spares.give_back(first);
        // One is not enough, and is given up for the other.
        let large = spares.prepare(SIZE, BLOCK, may_use_spare, NEXT()).unwrap();
        assert_eq!(large.space(), Space::Reused);
        assert_eq!(sizes(&storage), [SPARE_BYTES, SPARE_BYTES, SIZE + RESERVE_BYTES], "the reserve is whole");
        drop(large);
        let outcome = spares.prepare(2 * SIZE, BLOCK, may_use_spare, NEXT());
        assert!(outcome.is_err_and(|error| is_no_space(&error)));
    }
}

#[test]
fn what_waits_to_be_reused_gives_way_for_what_the_reserve_lacks() {
    // A spare, or what makes one of full size.
    for spare in [None, Some(5 * BLOCK)] {
        let storage = MemoryStorage::new();
        let stale: Vec<String> = spare.map(|_| "spare-1.tmp".to_owned()).into_iter().collect();
        if let Some(size) = spare {
            storage.put_file("spare-1.tmp", vec![0; size as usize]);
        }
        let mut spares = Spares::new(Arc::new(storage.clone()), 1, stale);
        spares.reuse(reclaimed(&storage, 1));
        spares.reuse(reclaimed(&storage, 2));
        fill_disk(&storage);
        spares.refill().unwrap();
        assert_eq!(sizes(&storage), [SPARE_BYTES, SIZE], "one gave way, the other need not");
    }
}

#[test]
fn another_error_than_a_full_disk_leaves_the_other_files() {
    let storage = MemoryStorage::new();
    let mut spares = spares(&storage, 0, 2);
    storage.fail_next(Operation::Write, io::ErrorKind::Other, 1);
    assert_eq!(spares.prepare(SIZE, BLOCK, true, NEXT()).unwrap_err().kind(), io::ErrorKind::Other);
    assert_eq!(sizes(&storage), [SIZE]);
    assert_eq!(spares.prepare(SIZE, BLOCK, true, NEXT()).unwrap().space(), Space::Reused);
}

/// What `WrittenLog` writes into a reused file is read back, whatever the file held.
#[test]
fn a_chunk_in_reused_space_ends_where_its_own_frames_do() {
    let mut log = WrittenLog::new();
    (1..9).for_each(|index| log.must_write(&entry(1, index)));
    let storage = log.store(false);
    let name = log.newest().name();
    let mut former = WrittenLog::new();
    former.chunks[0].header.salt ^= 1;
    (1..60).for_each(|index| former.must_write(&entry(1, index)));
    storage.edit_file(&name, |bytes| {
        let reused = ChunkHeader { space: Space::Reused, ..log.newest().header };
        bytes[..64].copy_from_slice(&reused.encode());
        bytes.extend(&former.newest().bytes[bytes.len()..]);
    });
    let options = SurveyOptions { refuse_torn: true, ..options(true) };
    let (recovered, machine) = recover::<Machine>(&storage, &options).unwrap();
    assert_eq!(ids(&machine), log.ids());
    assert!(recovered.behind.first_nonzero.is_some());
    assert_eq!((recovered.behind.first_frame, recovered.behind.durable_end), (None, 0));
    assert_eq!(recovered.chunks[0].chunk.end(), log.newest().end());
}
