//! What an entry costs on disk beside its payload: its frame, its share of the footer, `Group` frames apart.

use bytes::Bytes;
use raft_log::{Config, RaftLogWriter};
use raft_log_testkit::MemoryStorage;

use crate::support::*;

#[test]
fn an_entry_of_256_bytes_costs_at_most_44_bytes_more() {
    const ENTRIES: u64 = 10_000;
    const PAYLOAD: usize = 256;
    // One chunk and one flush, sealed by a successor, so that its file ends with its footer.
    let storage = MemoryStorage::new();
    let mut log = open(&storage, &Config::new("unused")).unwrap();
    log.append((0..ENTRIES).map(|index| (id(1, index), Bytes::from(vec![7; PAYLOAD])))).unwrap();
    log.sync().unwrap();
    drop(log);
    let mut log = open(&storage, &Config::new("unused")).unwrap();
    log.append(entries(1, ENTRIES..ENTRIES + 1)).unwrap();
    log.sync().unwrap();

    let (first, second) = (chunk_files(&storage)[0].clone(), chunk_files(&storage)[1].clone());
    let frames_end: u64 = second[2..28].replace('_', "").parse().unwrap();
    let frames = frames_end as f64 / ENTRIES as f64 - PAYLOAD as f64;
    let closed = storage.file_bytes(&first).unwrap();
    let footer_end = closed.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
    let footer = (footer_end - frames_end) as f64 / ENTRIES as f64;
    println!("overhead of a 256-byte entry: frame {frames:.2} bytes, footer {footer:.2} bytes");
    assert!(footer > 3.9, "the footer is there");
    assert!(frames + footer <= 44.0);
}

fn chunk_files(storage: &MemoryStorage) -> Vec<String> {
    let mut names = storage.names();
    names.retain(|name| name.ends_with(".wal"));
    names.sort();
    names
}
