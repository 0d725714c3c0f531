//! `docs/format.md` says what is stored: its worked dump is a stored file, and by its rules alone that file and every
//! golden chunk can be read. Nothing of the codec is used here.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/format.md")).unwrap()
}

#[test]
fn the_worked_dump_is_the_golden_file() {
    let page = page();
    let block = page.split("```hex\n").nth(1).unwrap().split("```").next().unwrap();
    let mut bytes = Vec::new();
    for line in block.lines().filter(|line| !line.trim_start().starts_with("--")) {
        let (fields, _) = line.split_once('|').unwrap();
        let mut fields = fields.split_whitespace();
        let offset = usize::from_str_radix(fields.next().unwrap(), 16).unwrap();
        assert_eq!(offset, bytes.len(), "{line}");
        bytes.extend(fields.map(|byte| u8::from_str_radix(byte, 16).unwrap()));
    }
    let name = "crates/raft-log/tests/golden/v1-small/r-00_000_000_000_000_000_000.wal";
    assert!(page.contains(name));
    assert_eq!(bytes, std::fs::read(root().join(name)).unwrap());
}

/// Continues a CRC-32C, bit by bit.
fn crc(sum: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!sum, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0x82f6_3b78 * (sum & 1)))
    })
}

fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    bytes[at..at + size].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn checksum(bytes: &[u8], at: usize) -> u32 {
    u32::try_from(number(bytes, at, 4)).unwrap()
}

/// Reads a chunk as the page says: the kinds of its frames, up to the first place that is none, and the entries that
/// its footer there tells of.
fn walk(bytes: &[u8]) -> (Vec<u8>, usize, Option<usize>) {
    assert_eq!(&bytes[..8], b"RAFTLOG\n");
    assert_eq!(crc(0, &bytes[..60]), checksum(bytes, 60));
    let seed = crc(0, &bytes[16..48]);
    let start = |offset: usize| {
        let place = (offset as u64).rotate_right(3);
        seed ^ (place & 0xffff_ffff) as u32 ^ (place >> 32) as u32
    };
    let mut kinds = Vec::new();
    let mut at = 64;
    while at + 16 <= bytes.len() && bytes[at + 12] != 0 {
        let (len, id_len) = (number(bytes, at + 8, 4) as usize, number(bytes, at + 14, 2) as usize);
        let (body, end) = (at + 16 + id_len, (at + 16 + len).next_multiple_of(8));
        let is_head = body <= bytes.len() && crc(start(at), &bytes[at + 4..body]) == checksum(bytes, at);
        if !is_head || end > bytes.len() {
            break;
        }
        assert_eq!(crc(0, &bytes[body..end]), checksum(bytes, at + 4), "body at {at}");
        kinds.push(bytes[at + 12]);
        at = end;
    }
    if !bytes[at..].starts_with(b"RLFOOTER") {
        return (kinds, at, None);
    }
    let head_size = number(bytes, at + 8, 4) as usize;
    let head_end = at + head_size - 4;
    assert_eq!(crc(start(at), &bytes[at..head_end]), checksum(bytes, head_end));
    assert_eq!(number(bytes, at + 12, 8) as usize, at);
    let table = (at + head_size).next_multiple_of(8);
    let entries = match number(bytes, at + 45, 4) {
        0 => 0,
        _ => (number(bytes, at + 37, 8) - number(bytes, at + 57, 8)) as usize,
    };
    let table_end = table + entries * 4;
    assert_eq!(crc(start(table), &bytes[table..table_end]), checksum(bytes, table_end));
    for entry in (table..table_end).step_by(4) {
        assert_eq!(bytes[number(bytes, entry, 4) as usize * 8 + 12], 2, "an entry's frame is an append");
    }
    (kinds, at, Some(entries))
}

#[test]
fn every_golden_chunk_can_be_read_by_the_rules_of_the_page() {
    assert_eq!(crc(0, b"123456789"), 0xe306_9283);
    let mut seen = std::collections::BTreeSet::new();
    let mut chunks = 0;
    for directory in std::fs::read_dir(root().join("crates/raft-log/tests/golden")).unwrap() {
        let directory = directory.unwrap().path();
        if !directory.is_dir() {
            continue;
        }
        let names = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<_> = names.filter(|path| path.extension().is_some()).collect();
        names.sort();
        let id = |path: &Path| -> u64 {
            let digits: String = path.file_stem().unwrap().to_str().unwrap().chars().skip(2).collect();
            digits.replace('_', "").parse().unwrap()
        };
        for (position, path) in names.iter().enumerate() {
            let bytes = std::fs::read(path).unwrap();
            let (kinds, end, footer) = walk(&bytes);
            assert_eq!(number(&bytes, 32, 8), id(path));
            assert_eq!(&kinds[..2], [6, 8], "a State, and then a group");
            if let Some(next) = names.get(position + 1) {
                assert_eq!(id(path) + end as u64, id(next), "a chunk ends where its successor's id says");
                assert!(footer.is_some());
            }
            seen.extend(kinds);
            chunks += 1;
        }
    }
    assert!(chunks >= 15, "{chunks}");
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8], "every kind is in them");
}
