//! A log that purges as it grows, chunk by chunk, and what is looked at in its files.

use std::sync::Arc;

use bytes::Bytes;
use raft_log::{Config, Entry, PlainTypes, PlainVote, RaftLogWriter, Storage};
use raft_log_chunk::{ChunkHeader, is_temporary_file_name};
use raft_log_testkit::{MemoryStorage, WatchedStorage};

use crate::support::*;

/// What a chunk takes: a purge and so many entries.
pub(super) const ENTRIES_PER_CHUNK: u64 = 35;

/// Every chunk has the same records at the same places, so that frames of an earlier one lie exactly where those of a
/// later one come.
pub(super) fn config() -> Config {
    let mut config = Config::new("unused");
    config.chunk.max_records = ENTRIES_PER_CHUNK + 1;
    config.chunk.max_size = 256 << 10;
    config.chunk.space_step = 4096;
    config.chunk.spares = 1;
    config.log_cache_max_items = 0;
    config
}

/// The same with an error for whatever an unfinished write left.
pub(super) fn strict() -> Config {
    Config { truncate_incomplete_record: false, ..config() }
}

pub(super) fn text(index: u64) -> Bytes {
    Bytes::from(format!("{index:08}").repeat(500))
}

pub(super) fn entry(index: u64) -> Entry<PlainTypes> {
    (id(1, index), text(index))
}

pub(super) fn open_watched(storage: &WatchedStorage) -> Log {
    Log::open_on(config(), Arc::new(storage.clone()) as Arc<dyn Storage>).unwrap()
}

/// Fills one chunk: a purge of all but the newest two chunks, then entries, each synced.
pub(super) fn fill_chunk(log: &mut Log, mut each: impl FnMut(&mut Log)) {
    let end = log.state().end_index();
    // In the first chunks there is nothing to purge yet, and a vote takes its place.
    match end.checked_sub(2 * ENTRIES_PER_CHUNK) {
        Some(first) if first > 0 => log.purge(id(1, first - 1)).unwrap(),
        _ => log.save_vote(PlainVote::new(end + 1, 1)).unwrap(),
    }
    for index in end..end + ENTRIES_PER_CHUNK {
        log.append([entry(index)]).unwrap();
        log.sync().unwrap();
        each(log);
    }
}

pub(super) fn fill_chunks(log: &mut Log, count: u64) {
    (0..count).for_each(|_| fill_chunk(log, |_| {}));
}

pub(super) fn expected(log: &Log) -> Vec<Entry<PlainTypes>> {
    log.reader().indexes().map(entry).collect()
}

pub(super) fn chunk_names(storage: &MemoryStorage) -> Vec<String> {
    storage.names().into_iter().filter(|name| name.starts_with("r-")).collect()
}

/// The sizes of all temporary files.
pub(super) fn temporary_sizes(storage: &MemoryStorage) -> Vec<u64> {
    let files = storage.snapshot();
    let temporary = files.iter().filter(|(name, _)| is_temporary_file_name(name));
    temporary.map(|(_, bytes)| bytes.len() as u64).collect()
}

pub(super) fn header_of(bytes: &[u8]) -> ChunkHeader {
    ChunkHeader::decode(bytes).unwrap()
}
