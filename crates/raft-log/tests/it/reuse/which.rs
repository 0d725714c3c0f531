//! Which files are reused, and that their former frames never come back.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft_log::{ChunkId, RaftLogWriter};
use raft_log_chunk::{ChunkHeader, RESERVE_BYTES, SPARE_BYTES, Space};
use raft_log_codec::Frame;
use raft_log_testkit::{MemoryStorage, Operation};

use super::life::*;
use crate::support::*;

#[test]
fn a_log_that_purges_goes_on_in_the_files_of_its_purged_chunks() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &config()).unwrap();
    fill_chunks(&mut log, 6);
    let before = log.wal().chunks_reused();
    let (creates, used) = (storage.calls(Operation::Create), storage.used_bytes());
    storage.reset_counters();
    fill_chunks(&mut log, 20);
    assert_eq!(log.wal().chunks_reused() - before, 20, "all of them");
    assert_eq!(storage.calls(Operation::Create), 0, "after {creates} files no more are made");
    let content = 20 * ENTRIES_PER_CHUNK * text(0).len() as u64;
    // Beyond its content: the reserve behind the last entry of each chunk, a mark for each sync, and footers.
    let content = content + 20 * RESERVE_BYTES;
    assert!(storage.bytes_written() < content + content / 20, "{} for {content}", storage.bytes_written());
    assert!(storage.used_bytes() <= used + (256 << 10), "{} after {used}", storage.used_bytes());

    let (state, held) = (log.state(), expected(&log));
    assert_eq!(held.len() as u64, 3 * ENTRIES_PER_CHUNK);
    assert_eq!(contents(&log), held);
    let newest = storage.file_bytes(chunk_names(&storage).last().unwrap()).unwrap();
    assert_eq!(header_of(&newest).space, Space::Reused);
    for config in [config(), strict()] {
        let killed = open(&killed(&storage), &config).unwrap();
        assert_eq!(
            (killed.state(), contents(&killed), killed.report().torn_tail),
            (state.clone(), held.clone(), None)
        );
    }
    log.close().unwrap();
    drop(log);
    assert_eq!(
        temporary_sizes(&storage),
        [SPARE_BYTES],
        "a closed log keeps nothing for itself but the reserve"
    );
    let mut log = open(&storage, &strict()).unwrap();
    assert_eq!((log.state(), contents(&log), log.report().torn_tail), (state, held, None));
    assert_eq!(log.report().scanned_chunks, 0);
    fill_chunks(&mut log, 6);
    assert!(log.wal().chunks_reused() > 0, "so does the next process, with what it made itself");
    assert_eq!(contents(&log), expected(&log));
}

#[test]
fn chunks_that_another_process_made_are_not_reused() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &config()).unwrap();
    fill_chunks(&mut log, 2);
    drop(log);
    let mut log = open(&storage, &config()).unwrap();
    log.purge(id(1, ENTRIES_PER_CHUNK)).unwrap();
    log.sync().unwrap();
    assert_eq!(chunk_names(&storage).len(), 2, "the first is gone");
    assert_eq!(temporary_sizes(&storage), [SPARE_BYTES]);
}

/// A chunk that is cut off in the middle is the size it was purged with, and no larger file is kept for it.
#[test]
fn small_chunks_are_removed() {
    let storage = MemoryStorage::new();
    let mut config = config();
    config.chunk.max_records = 10;
    let mut log = open(&storage, &config).unwrap();
    fill_chunks(&mut log, 6);
    assert_eq!((log.wal().chunks_reused(), temporary_sizes(&storage)), (0, vec![SPARE_BYTES]));
}

#[test]
fn frames_of_the_former_chunk_never_come_back_though_they_lie_where_the_next_ones_would() {
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &config()).unwrap();
    let mut headers: BTreeMap<ChunkId, ChunkHeader> = BTreeMap::new();
    let mut stale_at_end = 0;
    for _ in 0..16 {
        fill_chunk(&mut log, |log| {
            let newest = storage.file_bytes(chunk_names(&storage).last().unwrap()).unwrap();
            let header = header_of(&newest);
            headers.insert(header.chunk_id, header);
            if header.space == Space::Fresh {
                return;
            }
            for config in [config(), strict()] {
                let killed = open(&killed(&storage), &config).unwrap();
                assert_eq!(contents(&killed), expected(log));
                assert_eq!((killed.state(), killed.report().torn_tail), (log.state(), None));
                let (chunk, end) = killed.report().end.unwrap();
                assert_eq!(chunk, header.chunk_id);
                // A group, or what else stands there, of an earlier life of the file.
                let bytes = Bytes::from(newest.clone()).slice(end as usize..);
                let is_frame =
                    |seed| Frame::parse(&bytes, seed, end).is_ok_and(|frame| frame.fault.is_none());
                assert!(!is_frame(header.seed()));
                stale_at_end += u64::from(headers.values().any(|former| is_frame(former.seed())));
            }
        });
    }
    assert!(log.wal().chunks_reused() >= 12);
    let ends = 2 * ENTRIES_PER_CHUNK * log.wal().chunks_reused();
    assert!(stale_at_end > ends / 2, "only {stale_at_end} of {ends} ends had a former frame behind them");
}
