//! Settings out of their bounds.

use std::sync::Arc;

use raft_log::{Config, OpenError, Storage};
use raft_log_testkit::MemoryStorage;

use super::observed::*;
use crate::support::*;

#[test]
fn settings_out_of_bounds_are_refused() {
    type Set = fn(&mut Config, u64);
    let cases: [(&str, Set, &[u64]); 8] = [
        ("read_buffer_size", |config, to| config.read_buffer_size = to as usize, &[0, 4095, (1 << 30) + 1]),
        ("chunk.max_records", |config, to| config.chunk.max_records = to, &[0, (16 << 20) + 1]),
        ("chunk.max_size", |config, to| config.chunk.max_size = to, &[0, 255, (4 << 30) + 1, u64::MAX]),
        ("chunk.space_step", |config, to| config.chunk.space_step = to, &[(1 << 30) + 1, u64::MAX]),
        ("chunk.spares", |config, to| config.chunk.spares = to as usize, &[65]),
        ("max_unsynced_bytes", |config, to| config.max_unsynced_bytes = to, &[0, 65_535, (4 << 30) + 1]),
        ("flush_delay_micros", |config, to| config.flush_delay_micros = to, &[1_000_001]),
        ("slow_sync_millis", |config, to| config.slow_sync_millis = to, &[0, 600_001]),
    ];
    let parent = tempfile::tempdir().unwrap();
    for (option, set, values) in cases {
        for value in values {
            let mut config = Config::new(parent.path().join("log"));
            set(&mut config, *value);
            for opened in [
                Log::open(config.clone()),
                Log::open_on(config.clone(), Arc::new(MemoryStorage::new()) as Arc<dyn Storage>),
            ] {
                let error = opened.unwrap_err();
                let OpenError::Config(bad) = &error else { panic!("{error:?}") };
                assert_eq!((bad.option, bad.value), (option, *value));
                assert!(bad.value < bad.min || bad.value > bad.max);
                let text = told(&error);
                assert!(text.contains(option) && text.contains(&value.to_string()), "{text}");
            }
            assert!(look(parent.path()).is_empty(), "nothing is created for {option} = {value}");
        }
    }
}
