//! The examples run, and say what they say about themselves.

#[path = "../../examples/async_flush.rs"]
mod async_flush;
#[path = "../../examples/backup_and_restore.rs"]
mod backup_and_restore;
#[path = "../../examples/follower_truncates.rs"]
mod follower_truncates;
#[path = "../../examples/many_readers.rs"]
mod many_readers;
#[path = "../../examples/metrics_http.rs"]
pub(crate) mod metrics_http;
#[path = "../../examples/own_types.rs"]
mod own_types;
#[path = "../../examples/quickstart.rs"]
mod quickstart;
#[expect(dead_code, reason = "its `main` takes arguments")]
#[path = "../../examples/stats_cost.rs"]
mod stats_cost;

#[test]
fn async_flush_runs() {
    async_flush::main().unwrap();
}

#[test]
fn backup_and_restore_runs() {
    backup_and_restore::main().unwrap();
}

#[test]
fn follower_truncates_runs() {
    follower_truncates::main().unwrap();
}

#[test]
fn many_readers_runs() {
    many_readers::main().unwrap();
}

#[test]
fn metrics_http_runs() {
    metrics_http::main().unwrap();
}

#[test]
fn own_types_runs() {
    own_types::main().unwrap();
}

#[test]
fn quickstart_runs() {
    quickstart::main().unwrap();
}

#[test]
fn stats_cost_runs() {
    stats_cost::run(16, 20).unwrap();
}

#[test]
fn no_example_is_left_out() {
    let here = include_str!("examples.rs");
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut count = 0;
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(here.contains(&format!("fn {name}_runs()")), "{name} has no test");
        count += 1;
    }
    assert!(count >= 8, "{count}");
}
