//! Reading: exact ranges, a limit in bytes, key ids from memory, and no disk on the threads of the runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use openraft::entry::RaftEntry;
use openraft::storage::{LeaderBoundedStreamError, RaftLogReader, RaftLogStorage};
use openraft::type_config::alias::LeaderIdOf;
use openraft::vote::RaftLeaderId;
use raft_log_testkit::{Call, MemoryStorage, WatchedStorage};

use crate::stage::{Entry, Store, Types, append, entry, indexes, log_id, open, small_chunks, vote};

async fn collect<I>(stream: impl futures_util::Stream<Item = I>) -> Vec<I> {
    futures_util::StreamExt::collect(stream).await
}

#[tokio::test]
async fn a_range_begins_where_it_was_asked_to_or_is_an_error() {
    let mut store = open(MemoryStorage::new());
    append(&mut store, (0..10).map(|index| entry(1, index)).collect()).await;
    store.purge(log_id(1, 1, 3)).await.unwrap();
    let mut reader = store.get_log_reader().await;

    // All there is: what was purged and what is not there yet may be missing.
    assert_eq!(indexes(&reader.try_get_log_entries(0..6).await.unwrap()), [4, 5]);
    assert_eq!(indexes(&reader.try_get_log_entries(8..=30).await.unwrap()), [8, 9]);
    assert_eq!(indexes(&reader.try_get_log_entries(20..30).await.unwrap()), [0; 0]);
    assert_eq!(indexes(&reader.try_get_log_entries(0..2).await.unwrap()), [0; 0]);
    // For a follower: exactly from there on.
    assert_eq!(indexes(&reader.limited_get_log_entries(4, 7).await.unwrap()), [4, 5, 6]);
    assert_eq!(indexes(&reader.limited_get_log_entries(7, 7).await.unwrap()), [0; 0]);
    for (start, end) in [(3, 7), (0, 2), (10, 12)] {
        let error = reader.limited_get_log_entries(start, end).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{start}..{end}: {error}");
    }
}

#[tokio::test]
async fn a_limited_read_ends_with_the_entry_that_fills_it_and_gives_one_in_any_case() {
    let mut store = open(MemoryStorage::new()).limit_reads(1);
    append(&mut store, (0..10).map(|index| entry(1, index)).collect()).await;
    assert_eq!(indexes(&store.get_log_reader().await.limited_get_log_entries(2, 9).await.unwrap()), [2]);
    let mut reader = store.limit_reads(300).get_log_reader().await;
    let some = indexes(&reader.limited_get_log_entries(2, 9).await.unwrap());
    assert!(some.len() > 1 && some.len() < 7, "{some:?}");
    // The limit is of a read, and not of what openraft asks for.
    assert_eq!(indexes(&reader.try_get_log_entries(2..9).await.unwrap()).len(), 7);
    let streamed = collect(reader.entries_stream(2..9).await).await;
    let streamed: Vec<Entry> = streamed.into_iter().map(Result::unwrap).collect();
    assert_eq!(indexes(&streamed), [2, 3, 4, 5, 6, 7, 8]);
}

/// openraft applies what a stream gives, and compares no indexes.
#[tokio::test]
async fn a_stream_that_would_have_to_leave_purged_entries_out_is_an_error() {
    let mut store = open(MemoryStorage::new());
    append(&mut store, (0..10).map(|index| entry(1, index)).collect()).await;
    store.save_vote(&vote(1, 1, true)).await.unwrap();
    store.purge(log_id(1, 1, 3)).await.unwrap();
    let mut reader = store.get_log_reader().await;
    for range in [0..8, 3..8, 0..2] {
        let streamed = collect(reader.entries_stream(range.clone()).await).await;
        let [Err(error)] = streamed.as_slice() else { panic!("{range:?}: {streamed:?}") };
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        let leader = LeaderIdOf::<Types>::new(1, 1);
        let streamed = collect(reader.leader_bounded_stream(leader, range).await).await;
        assert!(matches!(streamed.as_slice(), [Err(LeaderBoundedStreamError::IoError(_))]), "{streamed:?}");
    }
    for (streamed, expected) in [
        (collect(reader.entries_stream(4..6).await).await, vec![4, 5]),
        (collect(reader.entries_stream(..6).await).await, vec![4, 5]),
        (collect(reader.entries_stream(8..20).await).await, vec![8, 9]),
        (collect(reader.entries_stream(20..30).await).await, vec![]),
    ] {
        let streamed: Vec<Entry> = streamed.into_iter().map(Result::unwrap).collect();
        assert_eq!(indexes(&streamed), expected);
    }
}

#[tokio::test]
async fn a_stream_of_a_leader_ends_when_another_one_leads() {
    let mut store = open(MemoryStorage::new()).limit_reads(1);
    append(&mut store, (0..10).map(|index| entry(1, index)).collect()).await;
    store.save_vote(&vote(1, 1, true)).await.unwrap();
    let leader = LeaderIdOf::<Types>::new(1, 1);
    let mut reader = store.get_log_reader().await;

    let whole = collect(reader.leader_bounded_stream(leader, 2..30).await).await;
    assert_eq!(indexes(&whole.into_iter().map(Result::unwrap).collect::<Vec<_>>()), [2, 3, 4, 5, 6, 7, 8, 9]);

    let mut stream = Box::pin(reader.leader_bounded_stream(leader, 2..30).await);
    let first = futures_util::StreamExt::next(&mut stream).await.unwrap().unwrap();
    assert_eq!(first.index(), 2);
    store.save_vote(&vote(2, 2, false)).await.unwrap();
    store.truncate_after(Some(log_id(1, 1, 4))).await.unwrap();
    let rest = collect(stream).await;
    let [Err(LeaderBoundedStreamError::LeaderChanged(changed))] = rest.as_slice() else {
        panic!("the stream went on: {rest:?}")
    };
    assert_eq!(changed.current_vote, Some(vote(2, 2, false)));

    let other = collect(store.get_log_reader().await.leader_bounded_stream(leader, 0..1).await).await;
    assert!(matches!(other.as_slice(), [Err(LeaderBoundedStreamError::LeaderChanged(_))]));
}

#[tokio::test]
async fn key_log_ids_are_those_that_openraft_finds_and_cost_no_read() {
    let reads = Arc::new(AtomicU64::new(0));
    let storage = WatchedStorage::new(MemoryStorage::new());
    let counted = reads.clone();
    storage.watch(move |call| {
        if matches!(call, Call::Read(_)) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    // Leaders of one term and of several, with one entry and with many.
    let leaders = [(1, 1, 5), (1, 2, 1), (1, 3, 20), (2, 1, 1), (4, 2, 9), (4, 4, 2), (7, 1, 1)];
    let mut entries = Vec::new();
    let mut expected = Vec::new();
    for (term, node, count) in leaders {
        let first = entries.len() as u64;
        entries.extend((first..first + count).map(|index| Entry::new_blank(log_id(term, node, index))));
        expected.push(entries.last().unwrap().log_id);
    }
    let ids: Vec<_> = entries.iter().map(|entry| entry.log_id).collect();
    let mut store = Store::open_on(small_chunks(), Arc::new(storage.clone())).unwrap();
    append(&mut store, entries).await;
    drop(store);
    // As a node that starts.
    let mut reader = Store::open_on(small_chunks(), Arc::new(storage)).unwrap().get_log_reader().await;
    reads.store(0, Ordering::Relaxed);
    assert_eq!(reader.get_key_log_ids(ids[0]..=*ids.last().unwrap()).await.unwrap(), expected);
    for (from, to) in [(0, 0), (3, 5), (5, 6), (6, 25), (7, 8), (30, 38), (38, 38)] {
        let expected: Vec<_> = ids[from..=to]
            .chunk_by(|a, b| a.leader_id == b.leader_id)
            .map(|run| *run.last().unwrap())
            .collect();
        assert_eq!(reader.get_key_log_ids(ids[from]..=ids[to]).await.unwrap(), expected, "{from}..={to}");
    }
    assert_eq!(reads.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_disk_is_never_read_on_a_thread_of_the_runtime_and_the_cache_needs_no_other() {
    let own = thread::current().id();
    let (reads, own_reads) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let storage = WatchedStorage::new(MemoryStorage::new());
    let counts = (reads.clone(), own_reads.clone());
    storage.watch(move |call| {
        if matches!(call, Call::Read(_)) {
            counts.0.fetch_add(1, Ordering::Relaxed);
            if thread::current().id() == own {
                counts.1.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let mut config = small_chunks();
    config.log_cache_max_items = 6;
    let mut store = Store::open_on(config, Arc::new(storage)).unwrap();
    for index in 0..40 {
        append(&mut store, vec![entry(1, index)]).await;
    }
    // Once more, so that what is durable by now leaves the cache.
    append(&mut store, vec![entry(1, 40)]).await;
    let mut reader = store.get_log_reader().await;
    reads.store(0, Ordering::Relaxed);
    own_reads.store(0, Ordering::Relaxed);

    assert_eq!(indexes(&reader.try_get_log_entries(36..).await.unwrap()), [36, 37, 38, 39, 40]);
    assert_eq!(reads.load(Ordering::Relaxed), 0, "these are cached");
    assert_eq!(reader.try_get_log_entries(0..41).await.unwrap().len(), 41);
    assert_eq!(indexes(&reader.limited_get_log_entries(3, 5).await.unwrap()), [3, 4]);
    assert_eq!(collect(reader.entries_stream(..20).await).await.len(), 20);
    assert!(reads.load(Ordering::Relaxed) > 0, "these are not");
    assert_eq!(own_reads.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_reader_from_before_sees_what_comes_later_and_outlives_the_store() {
    let mut store = open(MemoryStorage::new());
    let mut reader = store.get_log_reader().await;
    append(&mut store, vec![entry(1, 0)]).await;
    store.save_vote(&vote(1, 1, true)).await.unwrap();
    drop(store);
    assert_eq!(indexes(&reader.try_get_log_entries(..).await.unwrap()), [0]);
    assert_eq!(reader.read_vote().await.unwrap(), Some(vote(1, 1, true)));
}

#[tokio::test]
async fn an_entry_that_does_not_decode_is_an_error_that_names_it() {
    let storage = MemoryStorage::new();
    {
        use raft_log::{RaftLog, RaftLogWriter, RawTypes};
        let mut store = open(storage.clone());
        append(&mut store, vec![entry(1, 0), entry(1, 1)]).await;
        drop(store);
        let mut log = RaftLog::<RawTypes>::open_on("unused", Arc::new(storage.clone())).unwrap();
        let mut id = log.read(1..2).unwrap().remove(0).0;
        for (index, bytes) in
            [(2, b"".as_slice()), (3, b"\x07"), (4, b"\0\x01\x03abc\0\0\0left"), (5, b"\0\x01\xff")]
        {
            id.index = index;
            log.append([(id.clone(), bytes::Bytes::copy_from_slice(bytes))]).unwrap();
        }
    }
    let mut reader = open(storage).get_log_reader().await;
    assert_eq!(indexes(&reader.try_get_log_entries(0..2).await.unwrap()), [0, 1]);
    for index in 2..6 {
        let error = reader.limited_get_log_entries(index, index + 1).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert_eq!(error.to_string(), format!("entry {index} does not decode"));
    }
}
