//! The log in memory, so that only its own work is seen: appending one by one and in batches, with their flushes, and
//! reading from the cache and from chunks.
#![allow(missing_docs, reason = "the macro makes a function without")]

use std::sync::Arc;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use raft_log::{Config, PlainTypes, RaftLog, RaftLogWriter, TermIndex};
use raft_log_testkit::MemoryStorage;

/// Entries that stay alive: what is older is purged, so that memory stays as it is.
const ALIVE: u64 = 20_000;

struct Log {
    log: RaftLog<PlainTypes>,
    payload: Bytes,
    next: u64,
}

impl Log {
    fn new(cached: usize) -> Self {
        let mut config = Config::new("memory");
        config.log_cache_max_items = cached;
        config.chunk.max_size = 8 << 20;
        let log = RaftLog::open_on(config, Arc::new(MemoryStorage::new())).expect("memory opens");
        let mut log = Self { log, payload: vec![0x5a; 256].into(), next: 1 };
        log.append(ALIVE);
        log
    }

    fn append(&mut self, count: u64) {
        let (first, payload) = (self.next, &self.payload);
        let entries = (first..first + count).map(|index| (TermIndex::new(1, index), payload.clone()));
        self.log.append(entries).expect("memory has room");
        self.next += count;
        if self.next.is_multiple_of(ALIVE) && self.next > 2 * ALIVE {
            self.log.purge(TermIndex::new(1, self.next - ALIVE)).expect("it is there");
        }
        self.log.sync().expect("memory syncs");
    }
}

fn writing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append and sync, 256 bytes");
    for batch in [1_u64, 16, 1_000] {
        let mut log = Log::new(1_000);
        group.throughput(Throughput::Elements(batch));
        group.bench_function(format!("batches of {batch}"), |bencher| {
            bencher.iter_batched(|| (), |()| log.append(batch), BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read of 100 entries, 256 bytes");
    group.throughput(Throughput::Elements(100));
    for (name, cached) in [("cached", 100_000), ("from chunks", 0)] {
        let log = Log::new(cached);
        let reader = log.log.reader();
        group.bench_function(name, |bencher| bencher.iter(|| reader.read(10_000..10_100)));
    }
    group.finish();
}

criterion_group!(benches, writing, reading);
criterion_main!(benches);
