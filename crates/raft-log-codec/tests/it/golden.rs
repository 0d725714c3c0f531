//! The bytes of format version 1, as files: a change of them is a change of the format.
//!
//! `UPDATE_GOLDEN=1 cargo test -p raft-log-codec golden` writes them anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Once;

use bytes::Bytes;
use raft_log_codec::{Decode, Encode, Frame, RawTypes, Record, RecordKind};

use crate::samples::{OFFSET, frames, records, seed};

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn frameless() -> Vec<(String, Bytes)> {
    let encoded = |record: &Record<RawTypes>| {
        let mut out = Vec::new();
        record.encode(&mut out).unwrap();
        Bytes::from(out)
    };
    records().iter().map(|(name, record)| (format!("{name}.frameless.bin"), encoded(record))).collect()
}

fn framed() -> Vec<(String, Bytes)> {
    frames().into_iter().map(|(name, frame)| (format!("{name}.bin"), frame)).collect()
}

fn all() -> Vec<(String, Bytes)> {
    framed().into_iter().chain(frameless()).collect()
}

/// Writes the files before any test of this process reads them.
fn update_if_asked() {
    static UPDATE: Once = Once::new();
    UPDATE.call_once(|| {
        if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
            for (name, bytes) in all() {
                fs::write(directory().join(name), bytes).unwrap();
            }
        }
    });
}

#[test]
fn the_bytes_of_every_record_are_those_of_the_golden_files() {
    update_if_asked();
    let all = all();
    for (name, bytes) in &all {
        let golden = fs::read(directory().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(golden == bytes[..], "{name} changed:\n golden {golden:02x?}\n now    {:02x?}", &bytes[..]);
    }
    let expected: BTreeSet<String> = all.into_iter().map(|(name, _)| name).collect();
    let found: BTreeSet<String> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, expected, "no golden file is without its record");
}

#[test]
fn the_golden_files_are_read_as_the_records_they_were() {
    update_if_asked();
    let mut kinds = BTreeSet::new();
    for (name, record) in records() {
        let frame = fs::read(directory().join(format!("{name}.bin"))).unwrap();
        let frame = Frame::parse(&frame.into(), seed(), OFFSET).unwrap();
        assert_eq!(frame.fault, None, "{name}");
        assert_eq!(frame.record::<RawTypes>().unwrap(), record, "{name}");
        kinds.extend(frame.head.kind());

        let bytes = fs::read(directory().join(format!("{name}.frameless.bin"))).unwrap();
        assert_eq!(Record::<RawTypes>::decode(bytes.into()).unwrap(), record, "{name}");
    }
    // A group is no record; its frame has its own reader.
    kinds.insert(RecordKind::Group);
    assert_eq!(kinds, BTreeSet::from(RecordKind::ALL), "every kind has a golden file");
}
