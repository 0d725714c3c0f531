//! Scans: what they find whatever the windows are, and that no bytes make them panic, read on, or take much memory.

use std::io;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use raft_log_chunk::{
    ChunkHeader, ChunkId, DURABLE_FILE, DurableFile, DurableMark, FrameScan, HEADER_SIZE, RecoveryError,
    Scanned, Space, Storage, StorageFile, SurveyOptions, find_frame, look_behind, recover,
};
use raft_log_codec::{
    FRAME_LEN_MAX, FrameSeed, GROUP_FRAME_SIZE, HeadFault, PlainTypes, RawLogId, RawTypes, Record,
    RecordKind, group_frame, push_frame,
};
use raft_log_testkit::MemoryStorage;

use crate::written_log::{
    LOG_ID, Machine, WrittenLog, any_history, entry, frame_head, id, log_of, options, parse_all, recover_with,
};

const SEED: fn() -> FrameSeed = || FrameSeed::new(1, 2, 3);

fn file(bytes: Vec<u8>) -> (MemoryStorage, Arc<dyn StorageFile>) {
    let storage = MemoryStorage::new();
    storage.put_file("file", bytes);
    let file = storage.open("file").unwrap();
    (storage, file)
}

/// Where the frames lie that a scan finds, and where and why it ends.
pub(crate) fn scan_all(mut scan: FrameScan) -> (Vec<u64>, u64, HeadFault) {
    let mut offsets = Vec::new();
    loop {
        assert!(offsets.len() < 100_000, "a scan without an end");
        match scan.next_frame().unwrap() {
            Scanned::Frame(frame) => {
                assert_eq!(frame.fault, None);
                offsets.push(frame.offset);
            }
            Scanned::End { offset, fault } => {
                assert!(
                    matches!(scan.next_frame().unwrap(), Scanned::End { offset: again, .. } if again == offset)
                );
                return (offsets, offset, fault);
            }
        }
    }
}

#[test]
fn the_same_frames_are_found_through_any_window_and_any_short_read() {
    let mut log = WrittenLog::new();
    (1..40).for_each(|index| log.must_write(&entry(1, index)));
    let chunk = log.newest();
    let expected = parse_all(chunk);
    assert_eq!(expected, chunk.frames);
    let longest = chunk.frames.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap() as usize;
    let (storage, file) = file(chunk.bytes.clone());
    for window in (0..300).chain([4096, usize::MAX]) {
        for read_limit in [None, Some(1), Some(7)] {
            storage.set_read_limit(read_limit);
            storage.reset_counters();
            let scan = FrameScan::new(file.clone(), chunk.header.seed(), None, window).unwrap();
            let (offsets, end, fault) = scan_all(scan);
            assert_eq!((offsets, end), (expected.clone(), chunk.end()), "window {window}");
            assert_eq!(fault, HeadFault::Incomplete { needed: 16 });
            // A frame at the end of a window is read again, and no byte more often than the parts of a head need.
            if window > 2 * longest {
                let read = storage.bytes_read();
                assert!(read <= 3 * chunk.end(), "window {window}: {read} of {}", chunk.end());
            }
        }
    }
}

#[test]
fn a_frame_larger_than_the_window_is_read_whole() {
    let mut log = WrittenLog::new();
    log.must_write(&Record::Append(id(1, 1), vec![7; 100_000].into()));
    log.must_write(&entry(1, 2));
    let chunk = log.newest();
    let (storage, file) = file(chunk.bytes.clone());
    let scan = FrameScan::new(file, chunk.header.seed(), None, 64).unwrap();
    assert_eq!(scan_all(scan).0, chunk.frames);
    assert!(storage.bytes_read() < chunk.end() + 1000);
}

#[test]
fn a_scan_ends_at_its_limit_and_never_with_a_part_of_a_frame() {
    let mut log = WrittenLog::new();
    (1..5).for_each(|index| log.must_write(&entry(1, index)));
    let chunk = log.newest();
    let (_storage, file) = file(chunk.bytes.clone());
    for limit in 0..chunk.end() + 20 {
        let scan = FrameScan::new(file.clone(), chunk.header.seed(), Some(limit), 40).unwrap();
        let (offsets, end, fault) = scan_all(scan);
        let whole = |end: &&u64| **end <= limit;
        let ends: Vec<u64> = chunk.frames.iter().skip(1).copied().chain([chunk.end()]).collect();
        assert_eq!(offsets.len(), ends.iter().filter(whole).count(), "limit {limit}");
        assert_eq!(
            end,
            ends.iter().filter(whole).max().copied().unwrap_or(HEADER_SIZE as u64),
            "limit {limit}"
        );
        assert!(matches!(fault, HeadFault::Incomplete { .. }), "limit {limit}");
    }
}

#[test]
fn a_scan_goes_on_from_any_frame() {
    let log = WrittenLog::of_three_chunks();
    let chunk = &log.chunks[1];
    let (_storage, file) = file(chunk.bytes.clone());
    for (position, offset) in chunk.frames.iter().enumerate() {
        let scan = FrameScan::new(file.clone(), chunk.header.seed(), None, 64).unwrap();
        assert_eq!(scan_all(scan.starting_at(*offset)).0, chunk.frames[position..]);
    }
}

#[test]
fn a_length_of_4_gb_reads_no_more_than_a_window() {
    let seed = SEED();
    let at = HEADER_SIZE as u64;
    // With a bad checksum, with a good one beyond the limit, and with a good one within it in a file that is smaller.
    let mut damaged = frame_head(seed, at, u32::MAX, 2, 0);
    damaged[0] ^= 1;
    for (head, is_limit) in [
        (damaged, true),
        (frame_head(seed, at, u32::MAX, 2, 0), true),
        (frame_head(seed, at, FRAME_LEN_MAX - 2000, 2, 0), false),
    ] {
        let mut bytes = vec![0; HEADER_SIZE];
        bytes.extend(head);
        bytes.resize(1 << 20, 0);
        let (storage, file) = file(bytes);
        let (offsets, end, fault) = scan_all(FrameScan::new(file, seed, None, 4096).unwrap());
        assert_eq!((offsets, end), (vec![], at));
        match fault {
            HeadFault::Limit => assert!(is_limit),
            HeadFault::Incomplete { needed } => assert!(!is_limit && needed > 200 << 20),
            other => panic!("{other:?}"),
        }
        assert!(storage.bytes_read() <= 2 * 4096, "{}", storage.bytes_read());
    }
}

#[test]
fn a_read_error_is_never_an_end() {
    let log = WrittenLog::of_three_chunks();
    let storage = log.store(true);
    let mut failed = 0;
    for use_footers in [true, false] {
        for pass in 0.. {
            storage.fail_after(pass, raft_log_testkit::Operation::Read, io::ErrorKind::Other, 1);
            match recover_with(&storage, use_footers) {
                Ok(_) => break,
                Err(RecoveryError::Io { .. }) => failed += 1,
                Err(error) => panic!("read {pass}: {error:?}"),
            }
        }
        storage.clear_failures();
    }
    assert!(failed > 10, "{failed} reads failed");
}

#[test]
fn a_group_is_found_at_every_place_behind_the_end() {
    let seed = SEED();
    // The windows overlap around multiples of 2,048: all places there are tried.
    let size = 4_400_usize;
    for window in [0, 2056, 3000] {
        for end in [64_u64, 72, 128] {
            for at in (end as usize..size - GROUP_FRAME_SIZE + 1).step_by(8) {
                let mut bytes = vec![0; size];
                bytes[at..at + GROUP_FRAME_SIZE].copy_from_slice(&group_frame(
                    seed,
                    at as u64,
                    at as u64 - 8,
                ));
                let first_nonzero = bytes.iter().position(|byte| *byte != 0).unwrap() as u64;
                let (_storage, file) = file(bytes);
                let behind = look_behind(&*file, seed, end, window).unwrap();
                assert_eq!(behind.durable_end, at as u64 - 8, "window {window}, at {at}");
                assert_eq!(behind.first_frame, Some(at as u64));
                assert_eq!(behind.first_nonzero, Some(first_nonzero));
                assert_eq!(behind.bytes, size as u64 - end);
            }
        }
    }
}

#[test]
fn the_highest_group_behind_the_end_counts_and_none_before_it() {
    let seed = SEED();
    let mut bytes = vec![0; 2000];
    for (at, durable_end) in [(80, 80), (200, 120), (800, 700), (1200, 640)] {
        bytes[at as usize..at as usize + GROUP_FRAME_SIZE].copy_from_slice(&group_frame(
            seed,
            at,
            durable_end,
        ));
    }
    let (_storage, file) = file(bytes);
    for (end, expected) in [(64, 700), (104, 700), (808, 640), (1208, 0), (2000, 0), (5000, 0)] {
        assert_eq!(look_behind(&*file, seed, end, 64).unwrap().durable_end, expected, "behind {end}");
    }
    let other = FrameSeed::new(1, 2, 4);
    assert_eq!(look_behind(&*file, other, 64, 64).unwrap().durable_end, 0);
}

/// What a chunk's file held before is full of frames, at the very places where the chunk's own could stand.
#[test]
fn frames_of_another_chunk_are_none_and_the_first_of_its_own_is_told() {
    let own = SEED();
    let former = FrameSeed::new(1, 2, 4);
    let mut stale = vec![0; HEADER_SIZE];
    let mut places = Vec::new();
    while stale.len() < 5_000 {
        places.push(stale.len() as u64);
        push_frame(&mut stale, former, places.last().copied().unwrap(), &entry(1, 3)).unwrap();
    }
    let end = places[2];
    let (_storage, untouched) = file(stale.clone());
    let behind = look_behind(&*untouched, own, end, 0).unwrap();
    assert_eq!((behind.first_nonzero, behind.first_frame, behind.durable_end), (Some(end), None, 0));
    assert_eq!(look_behind(&*untouched, former, end, 0).unwrap().first_frame, Some(end), "they are frames");

    for (number, at) in places.iter().enumerate().skip(2) {
        for is_body_whole in [true, false] {
            let mut bytes = stale[..*at as usize].to_vec();
            push_frame(&mut bytes, own, *at, &entry(1, 3)).unwrap();
            if !is_body_whole {
                *bytes.last_mut().unwrap() ^= 1;
            }
            bytes.extend(&stale[bytes.len()..]);
            // A later one does not count.
            if let Some(next) = places.get(number + 3) {
                bytes.truncate(*next as usize);
                push_frame(&mut bytes, own, *next, &entry(1, 3)).unwrap();
            }
            let (_storage, file) = file(bytes);
            assert_eq!(look_behind(&*file, own, end, 0).unwrap().first_frame, Some(*at), "{is_body_whole}");
        }
    }
}

#[test]
fn a_frame_is_found_at_every_place() {
    let seed = SEED();
    let small = Record::<PlainTypes>::Commit(id(1, 2));
    let large_id = RawLogId { term: 1, index: 2, rest: vec![5; 1024].into() };
    let large = Record::<RawTypes>::Commit(large_id);
    // The windows overlap around multiples of 2,048: all places there are tried.
    for at in (64..4300_u64).step_by(8) {
        for is_large in [false, true] {
            let mut bytes = vec![0; at as usize];
            match is_large {
                false => push_frame(&mut bytes, seed, at, &small).unwrap(),
                true => push_frame(&mut bytes, seed, at, &large).unwrap(),
            }
            let end = bytes.len() as u64;
            let (_storage, file) = file(bytes);
            for from in [0, 57, at - 8, at] {
                let (found, head) = find_frame(&*file, seed, from, u64::MAX, 0).unwrap().unwrap();
                assert_eq!((found, head.kind(), head.index()), (at, Some(RecordKind::Commit), Some(2)));
            }
            assert!(find_frame(&*file, seed, at + 1, end, 0).unwrap().is_none());
            assert!(find_frame(&*file, seed, 0, at, 0).unwrap().is_none(), "it begins at the limit");
        }
    }
}

#[test]
fn places_beyond_every_file_hold_nothing() {
    let (_storage, file) = file(vec![7; 100]);
    for from in [96, 100, 1 << 40, u64::MAX - 7, u64::MAX] {
        assert!(find_frame(&*file, SEED(), from, u64::MAX, 64).unwrap().is_none());
        let scan = FrameScan::new(file.clone(), SEED(), None, 64).unwrap();
        assert_eq!(scan_all(scan.starting_at(from)).1, from);
        assert_eq!(look_behind(&*file, SEED(), from, 64).unwrap().bytes, 100_u64.saturating_sub(from));
    }
}

#[test]
fn a_torn_tail_is_told_only_where_nothing_worse_is_found() {
    let log = WrittenLog::of_three_chunks();
    let storage = log.store(false);
    storage.edit_file(&log.newest().name(), |bytes| bytes.extend([0, 0, 0, 1]));
    let options = SurveyOptions { refuse_torn: true, ..options(true) };
    let error = recover::<Machine>(&storage, &options).unwrap_err();
    assert!(matches!(error, RecoveryError::Torn { .. }), "{error:?}");
    let (broken, at) = (&log.chunks[1], log.chunks[1].frames[3]);
    storage.edit_file(&broken.name(), |bytes| bytes[at as usize] ^= 1);
    let error = recover::<Machine>(&storage, &options).unwrap_err();
    assert!(matches!(error, RecoveryError::Corrupt { offset, .. } if offset == at), "{error:?}");
}

// Directories of anything.

/// What stands in a file: how much of it is good, and what follows.
#[derive(Debug, Clone)]
struct AnyFile {
    id: u64,
    header: Option<(u64, u64)>,
    kept: usize,
    noise: Vec<u8>,
    zeros: usize,
}

fn any_id() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => prop::sample::select(vec![0, 8, 63, 64, 100, 568, 1328, 4096]),
        1 => prop::sample::select(vec![ChunkId::MAX.offset() - 8, ChunkId::MAX.offset(), u64::MAX - 8, u64::MAX]),
        1 => any::<u64>(),
    ]
}

prop_compose! {
    fn any_file()(
        id in any_id(), header in prop::option::of((any_id(), 98..103_u64)), kept in 0..2000_usize,
        noise in vec(any::<u8>(), 0..300), zeros in 0..6000_usize,
    ) -> AnyFile {
        AnyFile { id, header, kept, noise, zeros }
    }
}

/// Mostly zeros, and many bytes that are the kind of a frame.
fn with_likely_kinds(mut bytes: Vec<u8>) -> Vec<u8> {
    for byte in &mut bytes {
        *byte = match *byte {
            0..180 => 0,
            180..220 => *byte % 9,
            other => other,
        };
    }
    bytes
}

/// Every error but one about I/O is an answer; and what was read is a small multiple of what is there.
fn assert_answered(storage: &MemoryStorage, refuse_torn: bool) -> Result<(), TestCaseError> {
    let before = storage.snapshot();
    let size: u64 = before.values().map(|bytes| bytes.len() as u64).sum();
    for use_footers in [true, false] {
        storage.reset_counters();
        let options = SurveyOptions { refuse_torn, ..options(use_footers) };
        match recover::<Machine>(storage, &options) {
            Ok((recovered, _)) => {
                for chunk in &recovered.chunks {
                    chunk.chunk.offsets(64).unwrap();
                }
            }
            Err(error) => prop_assert!(!matches!(error, RecoveryError::Io { .. }), "{error:?}"),
        }
        // A start of 4 KiB, a footer of 4 KiB and two scans in windows that may meet large frames; all of it twice.
        let read = storage.bytes_read();
        prop_assert!(read <= 16 * size + 4096, "{read} bytes were read of {size}");
    }
    prop_assert_eq!(storage.snapshot(), before);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_directory_of_anything_gets_an_answer(
        files in vec(any_file(), 0..5), durable in prop::option::of((any_id(), 98..103_u64, any_id())),
        durable_noise in prop::option::of(vec![any::<u8>(); 3]), refuse_torn in any::<bool>(),
    ) {
        let log = WrittenLog::of_three_chunks();
        let storage = MemoryStorage::new();
        for (number, file) in files.into_iter().enumerate() {
            let mut bytes = log.chunks[number % 3].bytes.clone();
            bytes.truncate(file.kept);
            if let Some((chunk_id, salt)) = file.header {
                let header = ChunkHeader {
                    log_id: LOG_ID,
                    chunk_id: ChunkId::new(chunk_id),
                    salt,
                    previous_salt: salt - 1,
                    space: Space::Fresh,
                };
                bytes.splice(..bytes.len().min(HEADER_SIZE), header.encode());
            }
            bytes.extend(file.noise);
            bytes.resize(bytes.len() + file.zeros, 0);
            storage.put_file(&ChunkId::new(file.id).file_name(), bytes);
        }
        if let Some((chunk_id, salt, end)) = durable {
            let mark = DurableMark { log_id: LOG_ID, chunk_id: ChunkId::new(chunk_id), salt, end };
            DurableFile::open(&storage, mark).unwrap();
        }
        if let Some(noise) = durable_noise {
            storage.put_file(DURABLE_FILE, noise);
        }
        assert_answered(&storage, refuse_torn)?;
    }

    #[test]
    fn a_log_with_changed_bytes_gets_an_answer(
        history in any_history(), footers in any::<bool>(), refuse_torn in any::<bool>(),
        changes in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>())),
    ) {
        let storage = log_of(&history).store(footers);
        let names = storage.names();
        for (name, at, byte) in changes {
            storage.edit_file(&names[name.index(names.len())], |bytes| {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            });
        }
        if let Some((name, size)) = cut {
            storage.edit_file(&names[name.index(names.len())], |bytes| bytes.truncate(size.index(bytes.len())));
        }
        assert_answered(&storage, refuse_torn)?;
    }

    #[test]
    fn any_bytes_are_scanned_in_bounded_time(
        bytes in vec(any::<u8>(), 0..3000).prop_map(with_likely_kinds),
        window in 0..500_usize, from in 0..4000_u64,
    ) {
        let size = bytes.len() as u64;
        let (storage, file) = file(bytes);
        let (offsets, _, _) = scan_all(FrameScan::new(file.clone(), SEED(), None, window).unwrap());
        prop_assert!(offsets.is_empty());
        prop_assert!(storage.bytes_read() <= 3 * (window as u64 + 2048));
        storage.reset_counters();
        look_behind(&*file, SEED(), from, window).unwrap();
        prop_assert!(storage.bytes_read() <= 2 * size);
        storage.reset_counters();
        prop_assert!(find_frame(&*file, SEED(), from, u64::MAX, window).unwrap().is_none());
        prop_assert!(storage.bytes_read() <= 2 * size);
    }
}
