//! A footer is a cache: with it, without it, and with a damaged one a directory leads to the same log.

use proptest::prelude::*;
use raft_log_chunk::{
    DirectoryStorage, DurableFile, FrameScan, MissingKind, RecoveryError, Scanned, Storage, SummaryBuilder,
    SurveyOptions, encode_footer, mark_at, read_footer, recover,
};
use raft_log_codec::Record;
use raft_log_state::StateMachine;
use raft_log_testkit::MemoryStorage;

use crate::written_log::{Machine, View, WrittenLog, any_history, entry, id, log_of, options, recover_with};

fn view(storage: &MemoryStorage, use_footers: bool) -> View {
    View::of(&recover_with(storage, use_footers).unwrap())
}

/// A full check.
fn checking() -> SurveyOptions {
    SurveyOptions { check_frames: true, ..options(true) }
}

/// Which chunks were scanned.
fn scanned(storage: &MemoryStorage) -> Vec<bool> {
    let (recovered, _) = recover_with(storage, true).unwrap();
    recovered.chunks.iter().map(|found| found.is_scanned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_footer_tells_what_a_scan_tells(history in any_history()) {
        let log = log_of(&history);
        let storage = log.store(true);
        let by_footer = recover_with(&storage, true).unwrap();
        let by_scan = recover_with(&storage, false).unwrap();
        prop_assert!(by_footer.0.chunks.iter().all(|found| !found.is_scanned && found.chunk.footer_end().is_some()));
        prop_assert!(by_scan.0.chunks.iter().all(|found| found.is_scanned));
        let view = View::of(&by_scan);
        prop_assert_eq!(&View::of(&by_footer), &view);
        prop_assert_eq!(&view.state, log.machine.state());
        prop_assert_eq!(&view.ids, &log.ids());
        prop_assert_eq!(view.chunks.len() + view.leftovers.len(), log.chunks.len());

        let state = &by_footer.0.chunks.last().unwrap().state_at_end;
        prop_assert_eq!(state.as_deref(), Some(&log.encoded_state()[..]));

        let checked = recover::<Machine>(&storage, &checking()).unwrap();
        prop_assert!(checked.0.chunks.iter().all(|found| !found.is_scanned && found.is_checked));
        prop_assert_eq!(&View::of(&checked), &view);

        let unclosed = recover_with(&log.store(false), true).unwrap();
        prop_assert_eq!(&View::of(&unclosed), &view);
    }

    #[test]
    fn a_sum_from_a_footer_is_the_sum_from_a_scan(history in any_history()) {
        let log = log_of(&history);
        let storage = log.store(true);
        for chunk in &log.chunks {
            let file = storage.open(&chunk.name()).unwrap();
            let seed = chunk.header.seed();
            let footer = read_footer(&*file, seed, chunk.end()).unwrap().unwrap();
            let mut scan = FrameScan::new(file.clone(), seed, Some(chunk.end()), 64).unwrap();
            let mut builder = SummaryBuilder::new();
            while let Scanned::Frame(frame) = scan.next_frame().unwrap() {
                builder.watch(&frame);
            }
            let (summary, offsets) = builder.finish();
            prop_assert_eq!(&footer.summary, &summary);
            prop_assert_eq!(footer.table().read(&*file).unwrap(), Some(offsets));
            prop_assert_eq!(footer.end(), chunk.end());
        }
    }
}

#[test]
fn every_flipped_bit_of_a_footer_leads_to_the_same_log() {
    let log = WrittenLog::of_three_chunks();
    let storage = log.store(true);
    let good = view(&storage, true);
    assert_eq!(scanned(&storage), [false; 3]);
    for (position, chunk) in log.chunks.iter().enumerate() {
        let footer = log.footer(position);
        let table = footer.len() - chunk.offsets().len() * 4 - 4;
        let (mut refused, mut believed) = (0, 0);
        for bit in 0..footer.len() * 8 {
            let at = chunk.bytes.len() + bit / 8;
            storage.edit_file(&chunk.name(), |bytes| bytes[at] ^= 1 << (bit % 8));
            assert_eq!(view(&storage, true), good, "bit {bit} of footer {position}");
            let is_scanned = scanned(&storage)[position];
            // The table is read on demand, and not by opening.
            assert!(!is_scanned || bit / 8 < table, "bit {bit} of footer {position}");
            *(if is_scanned { &mut refused } else { &mut believed }) += 1;
            storage.edit_file(&chunk.name(), |bytes| bytes[at] ^= 1 << (bit % 8));
        }
        // But for up to seven bytes of padding the head is under its checksum.
        assert!(refused >= (table - 7) * 8 && believed >= (footer.len() - table) * 8, "{refused} {believed}");
    }
}

#[test]
fn every_prefix_of_a_footer_leads_to_the_same_log() {
    let log = WrittenLog::of_three_chunks();
    let good = view(&log.store(true), true);
    for (position, chunk) in log.chunks.iter().enumerate() {
        for length in 0..log.footer(position).len() {
            let storage = log.store(true);
            storage.edit_file(&chunk.name(), |bytes| bytes.truncate(chunk.bytes.len() + length));
            assert_eq!(view(&storage, true), good, "{length} bytes of footer {position}");
        }
    }
}

/// Puts other bytes behind the frames of a chunk.
fn replace_footer(storage: &MemoryStorage, log: &WrittenLog, position: usize, footer: &[u8]) {
    let chunk = &log.chunks[position];
    storage.edit_file(&chunk.name(), |bytes| {
        bytes.truncate(chunk.bytes.len());
        bytes.extend_from_slice(footer);
    });
}

#[test]
fn a_footer_of_another_chunk_is_not_believed() {
    // Two chunks of equal records: only the seed tells their footers apart.
    let mut log = WrittenLog::new();
    log.must_write(&entry(1, 1));
    (0..3).for_each(|_| log.begin_chunk());
    let storage = log.store(true);
    let good = view(&storage, true);
    assert_eq!(log.chunks[1].end(), log.chunks[2].end());
    replace_footer(&storage, &log, 1, &log.footer(2));
    assert_eq!(scanned(&storage), [false, true, false, false]);
    assert_eq!(view(&storage, true), good);
}

#[test]
fn a_footer_with_another_state_than_the_next_chunk_begins_with_is_not_believed() {
    let log = WrittenLog::of_three_chunks();
    let storage = log.store(true);
    let good = view(&storage, true);
    replace_footer(&storage, &log, 0, &log.footer_with_state(0, &log.encoded_state()));
    assert_eq!(scanned(&storage), [true, false, false]);
    assert_eq!(view(&storage, true), good);
}

#[test]
fn a_footer_that_is_whole_and_wrong_is_found_out_by_a_scan() {
    let log = WrittenLog::of_three_chunks();
    let good = view(&log.store(true), true);
    for position in 0..3 {
        let chunk = &log.chunks[position];
        let mut wrong = Vec::new();
        // The first entry of the first chunk is purged: nobody misses it.
        if position > 0 {
            let mut summary = chunk.summary().clone();
            summary.runs[0].index += 1;
            wrong.push((summary, &chunk.offsets()[1..]));
        }
        let mut summary = chunk.summary().clone();
        summary.end_index -= 1;
        wrong.push((summary, &chunk.offsets()[1..]));
        let mut summary = chunk.summary().clone();
        summary.runs[0].term = 9;
        wrong.push((summary, chunk.offsets()));
        for (summary, offsets) in wrong {
            let storage = log.store(true);
            let file = storage.open(&chunk.name()).unwrap();
            let seed = chunk.header.seed();
            let state = read_footer(&*file, seed, chunk.end()).unwrap().unwrap().state;
            let footer = encode_footer(seed, chunk.end(), &summary, offsets, &state);
            replace_footer(&storage, &log, position, &footer);
            assert!(read_footer(&*file, seed, chunk.end()).unwrap().is_some());
            assert_eq!(view(&storage, true), good, "{summary:?} of chunk {position}");
            assert_eq!(scanned(&storage), [true; 3], "{summary:?} of chunk {position}");
        }
    }
}

#[test]
fn a_full_check_believes_footers_only_where_every_frame_says_the_same() {
    let log = WrittenLog::of_three_chunks();
    let good = view(&log.store(true), true);
    let is_scanned = |storage: &MemoryStorage| {
        let recovered = recover::<Machine>(storage, &checking()).unwrap();
        assert_eq!(View::of(&recovered), good);
        assert!(recovered.0.chunks.iter().all(|found| found.is_checked));
        (recovered.0.chunks[0].is_scanned, recovered.0.damaged)
    };
    assert_eq!(is_scanned(&log.store(true)), (false, vec![]));
    assert_eq!(is_scanned(&log.store(false)).1, []);
    for (position, chunk) in log.chunks.iter().enumerate() {
        // What nobody else would notice: a number of records, and a place.
        let mut summary = chunk.summary().clone();
        summary.records += 1;
        let mut offsets = chunk.offsets().to_vec();
        *offsets.last_mut().unwrap() += 1;
        for (summary, offsets) in [(&summary, chunk.offsets()), (chunk.summary(), &offsets)] {
            let storage = log.store(true);
            let file = storage.open(&chunk.name()).unwrap();
            let state = read_footer(&*file, chunk.header.seed(), chunk.end()).unwrap().unwrap().state;
            let footer = encode_footer(chunk.header.seed(), chunk.end(), summary, offsets, &state);
            replace_footer(&storage, &log, position, &footer);
            assert_eq!(scanned(&storage), [false; 3], "the footer is believed");
            assert_eq!(is_scanned(&storage), (true, vec![]), "the footer of chunk {position}");
        }
        // Damage to the last body of the chunk.
        let storage = log.store(true);
        storage.edit_file(&chunk.name(), |bytes| bytes[chunk.end() as usize - 8] ^= 1);
        let by_scan = recover_with(&storage, false).map(|(recovered, _)| recovered.damaged);
        let by_check = recover::<Machine>(&storage, &checking()).map(|(recovered, _)| recovered.damaged);
        assert_eq!(format!("{by_check:?}"), format!("{by_scan:?}"), "chunk {position}");
        assert!(by_scan.is_err() || !by_scan.unwrap().is_empty());
    }
}

#[test]
fn the_footer_of_the_newest_chunk_counts_only_where_durable_leads_to_it() {
    let log = WrittenLog::of_three_chunks();
    let storage = log.store(true);
    let good = view(&storage, true);
    storage.remove_file("DURABLE");
    let chunk = log.newest();
    let state_end = chunk.head().len() as u64;
    DurableFile::open(&storage, mark_at(&chunk.header, state_end)).unwrap();
    let recovered = recover_with(&storage, true).unwrap();
    assert_eq!(View::of(&recovered), good);
    assert_eq!(scanned(&storage), [false, false, true]);
    assert!(recovered.0.behind.is_footer);
    // It is what a clean close leaves, and nothing torn.
    recover::<Machine>(&storage, &SurveyOptions { refuse_torn: true, ..options(true) }).unwrap();
}

#[test]
fn damage_to_a_table_costs_a_scan_when_the_offsets_are_wanted() {
    let log = WrittenLog::of_three_chunks();
    let storage = log.store(true);
    let chunk = &log.chunks[1];
    storage.edit_file(&chunk.name(), |bytes| *bytes.last_mut().unwrap() ^= 1);
    let (recovered, _) = recover_with(&storage, true).unwrap();
    let found = &recovered.chunks[1];
    assert!(!found.is_scanned);
    storage.reset_counters();
    assert_eq!(found.chunk.offsets(64).unwrap().to_vec(), chunk.offsets());
    let first = storage.bytes_read();
    assert!(first > chunk.end() / 2, "{first} bytes were read");
    found.chunk.offsets(64).unwrap();
    assert_eq!(storage.bytes_read(), first, "they are kept");
}

#[test]
fn a_mark_beyond_every_file_is_missing_data_and_not_a_failed_read() {
    let mut log = WrittenLog::new();
    log.must_write(&entry(1, 1));
    log.must_write(&Record::Commit(id(1, 1)));
    let chunk = log.newest();
    for end in [chunk.end() + 1, 1 << 40, u64::MAX] {
        let directory = tempfile::TempDir::new().unwrap();
        std::fs::write(directory.path().join(chunk.name()), &chunk.bytes).unwrap();
        let storage = DirectoryStorage::open(directory.path()).unwrap();
        DurableFile::open(&storage, mark_at(&chunk.header, end)).unwrap();
        let error = recover_with(&storage, true).unwrap_err();
        let expected =
            MissingKind::CutChunk { chunk: chunk.header.chunk_id, file_size: chunk.end(), needed: end };
        assert!(matches!(&error, RecoveryError::MissingData(kind) if *kind == expected), "{error:?}");
    }
}
