//! Random operations, orderly ends and kills: after each step the log is what the naive model says.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use raft_log::{Config, RaftLogWriter, Storage, WriteError};
use raft_log_testkit::{Driver, Ending, Figures, LogOperation, LogStore, MemoryStorage, operations};

use crate::support::{Log, entries, id, open, small};

/// Settings that make little data meet every bound: chunks of a few records or bytes, caches of a few entries.
fn config() -> impl Strategy<Value = Config> {
    let chunk = prop_oneof![
        (1..8_u64).prop_map(|records| (records, 64 << 20)),
        (256..2000_u64).prop_map(|size| (1 << 20, size)),
        (1..8_u64, 256..2000_u64),
        Just((1 << 20, 64 << 20)),
    ];
    let step = prop_oneof![Just(0_u64), Just(512), Just(4096)];
    let items = prop_oneof![Just(0_usize), 1..10_usize, Just(100_000)];
    let capacity = prop_oneof![Just(0_usize), 1..2000_usize, Just(256 << 20)];
    (chunk, step, items, capacity, 0..2_usize).prop_map(|(chunk, step, items, capacity, spares)| {
        let mut config = Config::new("unused");
        (config.chunk.max_records, config.chunk.max_size) = chunk;
        config.chunk.space_step = step;
        config.chunk.spares = spares;
        config.log_cache_max_items = items;
        config.log_cache_capacity = capacity;
        config.read_buffer_size = 4096;
        config
    })
}

fn on_memory(config: &Config, operations: &[LogOperation]) -> Figures {
    let mut storage = MemoryStorage::new();
    let open = |ending| {
        if ending == Ending::Killed {
            storage = MemoryStorage::from_snapshot(storage.snapshot());
        }
        Log::open_on(config.clone(), Arc::new(storage.clone()) as Arc<dyn Storage>).unwrap()
    };
    let mut driver = Driver::new(LogStore::new(open));
    driver.run(operations);
    driver.figures().clone()
}

/// What the directory is at this moment, in another one. Nothing may be writing to it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn on_files(config: &Config, operations: &[LogOperation]) -> Figures {
    let parent = tempfile::tempdir().unwrap();
    let mut lives = 0;
    let open = |ending| {
        let path = |life: u32| parent.path().join(life.to_string());
        if ending == Ending::Killed {
            copy(&path(lives), &path(lives + 1));
            lives += 1;
        }
        let config = Config { directory: path(lives), ..config.clone() };
        Log::open(config).unwrap()
    };
    let mut driver = Driver::new(LogStore::new(open));
    for operation in operations {
        // A copy takes its time, and its files must be of one moment: no flush goes on beside it here.
        let operation = if *operation == LogOperation::Flush { &LogOperation::Sync } else { operation };
        driver.step(operation);
    }
    driver.figures().clone()
}

fn quick(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 2000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(quick(300))]

    #[test]
    fn a_log_is_what_the_model_says(config in config(), operations in operations(0..121)) {
        on_memory(&config, &operations);
    }
}

proptest! {
    #![proptest_config(quick(15))]

    #[test]
    fn a_log_on_real_files_is_what_the_model_says(config in config(), operations in operations(0..121)) {
        on_files(&config, &operations);
    }
}

#[test]
fn a_log_that_begins_above_zero_knows_it_also_after_reopening() {
    let storage = MemoryStorage::new();
    let refused = |log: &mut Log| {
        let answer = log.commit(id(0, 0));
        assert!(matches!(answer, Err(WriteError::Rejected(_))), "{answer:?}");
        let answer = log.purge(id(0, 1));
        assert!(matches!(answer, Err(WriteError::Rejected(_))), "{answer:?}");
    };
    let mut log = open(&storage, &small()).unwrap();
    log.append(entries(0, 2..4)).unwrap();
    refused(&mut log);
    drop(log);
    let mut log = open(&storage, &small()).unwrap();
    assert_eq!(log.report().scanned_chunks, 0, "a footer told it");
    refused(&mut log);
}

/// A long life in one directory, and the figures that show what it met.
#[test]
fn a_long_life_meets_everything() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut config = Config::new("unused");
    (config.chunk.max_records, config.chunk.space_step, config.chunk.spares) = (5, 0, 0);
    (config.log_cache_max_items, config.read_buffer_size) = (3, 4096);
    let operations = operations(1500..1501).new_tree(&mut runner).unwrap().current();
    let figures = on_memory(&config, &operations);
    println!("{figures:?}");
    for (figure, least) in [
        (figures.accepted, 600),
        (figures.refused, 100),
        (figures.reopened, 30),
        (figures.killed, 30),
        (figures.lost, 30),
    ] {
        assert!(figure >= least, "{figures:?}");
    }
}
