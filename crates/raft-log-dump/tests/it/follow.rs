//! Following a log that another process writes, rotates and purges, and whose files it uses again: every record once, gaps
//! told, nothing called corrupt.
//!
//! `RAFT_LOG_DUMP_SECONDS=30` has the writers run for that long.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use raft_log::{PlainTypes, RaftLog, RaftLogWriter};
use raft_log_chunk::ChunkId;
use raft_log_dump::Item;
use serde_json::Value;

use crate::reusing_storage::ReusingStorage;
use crate::support::*;

const DIRECTORY: &str = "RAFT_LOG_DUMP_TEST_DIRECTORY";
const KEPT: &str = "RAFT_LOG_DUMP_TEST_KEPT";

fn seconds() -> u64 {
    env::var("RAFT_LOG_DUMP_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

/// Not a test of its own: the process that writes, when it is started by one.
#[test]
fn writer_process() {
    let Some(directory) = env::var_os(DIRECTORY) else { return };
    let mut config = small(Path::new(&directory));
    config.chunk.max_records = 300;
    config.chunk.space_step = 64 * 1024;
    config.chunk.spares = 2;
    // How many entries are kept: either several chunks, so that a reader that keeps up is not overtaken, or few.
    let kept: u64 = env::var(KEPT).unwrap().parse().unwrap();
    let began = Instant::now();
    let mut next = 0;
    // Now and then another process takes over, and so begins a chunk behind an end that no successor told.
    while began.elapsed() < Duration::from_secs(seconds()) {
        let storage = Arc::new(ReusingStorage::open(Path::new(&directory)));
        let mut log = RaftLog::<PlainTypes>::open_on(config.clone(), storage).unwrap();
        for _ in 0..400 {
            log.append(entries(1, next..next + 5)).unwrap();
            next += 5;
            log.sync().unwrap();
            if next % 100 == 0 {
                log.commit(id(1, next - 1)).unwrap();
            }
            if next % 500 == 0 && next > kept {
                log.purge(id(1, next - kept)).unwrap();
            }
            thread::sleep(Duration::from_micros(300));
        }
    }
    println!("wrote {next}");
}

struct Writer(Child);

impl Writer {
    fn start(directory: &Path, kept: u64) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--exact", "follow::writer_process"])
            .env(DIRECTORY, directory)
            .env(KEPT, kept.to_string());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while !directory.join(ChunkId::new(0).file_name()).exists() {
            thread::sleep(Duration::from_millis(5));
        }
        Self(child)
    }

    fn is_done(&mut self) -> bool {
        match self.0.try_wait().unwrap() {
            None => false,
            Some(status) => {
                assert!(status.success(), "the writer failed");
                true
            }
        }
    }
}

struct Follower {
    child: Child,
    lines: Receiver<String>,
}

impl Follower {
    /// Reads nothing for `pause`, so that it is held up by a full pipe.
    fn start(directory: &Path, pause: Duration) -> Self {
        let mut child = command()
            .args(["-f", "-o", "json", "--payload", "text"])
            .arg(directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        thread::spawn(move || {
            thread::sleep(pause);
            for line in out.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    /// All it says until it has been silent for a second after the writer ended.
    fn collect(mut self, writer: &mut Writer) -> Vec<Value> {
        let mut values = Vec::new();
        loop {
            match self.lines.recv_timeout(Duration::from_secs(1)) {
                Ok(line) => values.push(serde_json::from_str(&line).unwrap()),
                Err(RecvTimeoutError::Timeout) if writer.is_done() => break,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("the follower ended"),
            }
        }
        self.child.kill().unwrap();
        let output = self.child.wait_with_output().unwrap();
        assert_eq!(text(&output.stderr), "");
        values
    }
}

fn place(value: &Value) -> (u64, u64) {
    let chunk = value["chunk"].as_str().unwrap();
    let chunk = ChunkId::from_file_name(&format!("{chunk}.wal")).unwrap().unwrap();
    (chunk.offset(), value["offset"].as_u64().unwrap())
}

/// Checks that what was seen is without a break but where a gap is told; gives the gaps, and the places of the records.
fn check(values: &[Value]) -> (usize, BTreeSet<(u64, u64)>) {
    let mut seen = BTreeSet::new();
    let mut gaps = 0;
    let mut end: Option<u64> = None;
    let mut is_behind_gap = true;
    for value in values {
        match value["type"].as_str().unwrap() {
            "record" => {
                assert_eq!(value.get("fault"), None, "{value}");
                let (chunk, offset) = place(value);
                assert!(seen.insert((chunk, offset)), "twice: {value}");
                let size = value["size"].as_u64().unwrap();
                // Between two chunks lies the header of the second.
                let begin = chunk + offset - if offset == 64 { 64 } else { 0 };
                if !std::mem::take(&mut is_behind_gap) {
                    assert_eq!(end, Some(begin), "records are missing before {value}");
                }
                end = Some(chunk + offset + size);
                if value["kind"] == "append" {
                    let index = value["index"].as_u64().unwrap();
                    assert!(value["data"].as_str().unwrap().contains(&format!("payload {index}")), "{value}");
                }
            }
            "skipped" => {
                gaps += 1;
                is_behind_gap = true;
            }
            "chunk" => assert_eq!(value.get("fault"), None, "{value}"),
            other => panic!("{other}: {value}"),
        }
    }
    (gaps, seen)
}

fn places_on_disk(directory: &Path) -> BTreeSet<(u64, u64)> {
    good_records(&items(directory)).into_iter().collect()
}

#[test]
fn a_follower_that_keeps_up_sees_every_record_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = Writer::start(directory.path(), 3000);
    let follower = Follower::start(directory.path(), Duration::ZERO);
    let values = follower.collect(&mut writer);
    let (_, seen) = check(&values);
    assert!(seen.len() > 1000, "{} records", seen.len());
    let first_chunk = seen.first().unwrap().0;
    assert_eq!(first_chunk, 0, "it was there from the beginning");
    let missing: Vec<_> = places_on_disk(directory.path()).difference(&seen).copied().collect();
    assert_eq!(missing, [], "what is left on the disk was seen");
    let chunks = seen.iter().map(|(chunk, _)| *chunk).collect::<BTreeSet<u64>>();
    let left = places_on_disk(directory.path()).first().unwrap().0;
    assert!(chunks.len() > 5 && left > 0, "it was rotated and purged: {chunks:?}, {left}");
}

#[test]
fn a_follower_that_was_overtaken_tells_the_gap_and_calls_nothing_corrupt() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = Writer::start(directory.path(), 300);
    let follower = Follower::start(directory.path(), Duration::from_secs(seconds() * 3 / 4));
    let values = follower.collect(&mut writer);
    let (gaps, seen) = check(&values);
    assert!(gaps > 0, "it was held up for long enough to be overtaken");
    let skip = values.iter().find(|value| value["type"] == "skipped").unwrap();
    assert!(skip["data"].as_str().unwrap().contains("were purged before they were reached"), "{skip}");
    let missing: Vec<_> = places_on_disk(directory.path()).difference(&seen).copied().collect();
    assert_eq!(missing, [], "what is left on the disk was seen");
}

#[test]
fn following_shows_the_last_lines_first_and_ends_with_its_count() {
    let (closed, _) = closed_and_killed();
    let directory = directory(&closed);
    let all = dump(directory.path(), &["--kind", "append", "-o", "csv"]);
    let all: Vec<String> = text(&all.stdout).lines().map(str::to_owned).collect();
    let mut child = command()
        .args(["-f", "--kind", "append", "-o", "csv", "--tail", "3"])
        .arg(directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let shown: Vec<String> = lines.by_ref().take(4).collect();
    assert_eq!(shown[0], all[0]);
    assert_eq!(shown[1..], all[all.len() - 3..]);
    // Now as they come.
    let mut log = RaftLog::open(small(directory.path())).unwrap();
    log.append(entries(3, 22..23)).unwrap();
    log.sync().unwrap();
    assert!(lines.next().unwrap().contains(",append,3,22,"));
    child.kill().unwrap();
    child.wait().unwrap();

    let output = dump(directory.path(), &["-f", "-n", "2", "--kind", "append"]);
    assert_eq!(code(&output), 0);
    assert_eq!(text(&output.stdout).lines().filter(|line| line.contains("  append  ")).count(), 2);
}

#[test]
fn a_follower_ends_when_its_reader_is_gone_or_the_directory_is() {
    let (closed, _) = closed_and_killed();
    let kept = directory(&closed);
    let wait = |mut child: Child| {
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if began.elapsed() > Duration::from_secs(10) {
                child.kill().unwrap();
                panic!("it does not end");
            }
            thread::sleep(Duration::from_millis(10));
        }
        child.wait_with_output().unwrap()
    };
    let start = |path: PathBuf| {
        command().arg("-f").arg(path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut child = start(kept.path().to_owned());
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    drop(reader);
    let output = wait(child);
    assert_eq!((code(&output), text(&output.stderr)), (0, String::new()));

    let gone = directory(&closed).keep();
    let mut child = start(gone.clone());
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    std::fs::remove_dir_all(&gone).unwrap();
    let output = wait(child);
    assert_eq!(code(&output), 4, "{output:?}");
    assert!(text(&output.stderr).contains("is gone"), "{output:?}");
}

#[test]
fn a_damaged_record_behind_the_reader_is_told_and_passed() {
    let (mut files, _) = closed_and_killed();
    let name = files.keys().find(|name| name.ends_with(".wal")).unwrap().clone();
    let bytes = files.get_mut(&name).unwrap();
    let at = bytes.windows(9).position(|window| window == b"payload 3").unwrap();
    bytes[at] ^= 1;
    // And a head.
    bytes[at - 60] ^= 1;
    let directory = directory(&files);
    let mut following = raft_log_dump::follow(std::sync::Arc::new(
        raft_log_chunk::DirectoryStorage::open(directory.path()).unwrap(),
    ));
    let mut items = Vec::new();
    while let raft_log_dump::Followed::Item(item) = following.next_item().unwrap() {
        items.push(item);
    }
    let bad = items.iter().filter(|item| matches!(item, Item::Record(record) if record.is_bad())).count();
    let gaps = items.iter().filter(|item| matches!(item, Item::Gap(_))).count();
    assert_eq!((bad, gaps), (1, 1), "{items:?}");
    assert_eq!(following.counts().damaged, 2);
    assert_eq!(following.counts().entries, 24 - 1, "the entries but that of the damaged head");
}

#[test]
fn a_chunk_that_is_reused_under_the_reader_is_a_gap_and_no_damage() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = small(directory.path());
    config.chunk.max_records = 1000;
    let mut log = RaftLog::open(config).unwrap();
    // Larger than what is read at once.
    let payload = bytes::Bytes::from(vec![b'x'; 1000]);
    for index in 0..1500 {
        log.append([(id(1, index), payload.clone())]).unwrap();
    }
    log.sync().unwrap();
    drop(log);
    let storage = std::sync::Arc::new(raft_log_chunk::DirectoryStorage::open(directory.path()).unwrap());
    let mut following = raft_log_dump::follow(storage);
    let mut items = Vec::new();
    let mut is_reused = false;
    while let raft_log_dump::Followed::Item(item) = following.next_item().unwrap() {
        items.push(item);
        if items.len() == 20 {
            // As the log does it: another name first, then another header, and then other records over the old ones.
            let name = directory.path().join(ChunkId::new(0).file_name());
            let spare = directory.path().join("spare-1.tmp");
            std::fs::rename(name, &spare).unwrap();
            let mut bytes = std::fs::read(&spare).unwrap();
            let mut header = raft_log_chunk::ChunkHeader::decode(&bytes).unwrap();
            header.salt ^= 1;
            header.chunk_id = ChunkId::new(1 << 40);
            bytes[..64].copy_from_slice(&header.encode());
            let half = bytes.len() / 2;
            bytes[64..half].fill(0x5a);
            std::fs::write(&spare, bytes).unwrap();
            is_reused = true;
        }
    }
    assert!(is_reused);
    assert_eq!(following.counts().damaged, 0);
    let skips = items.iter().filter(|item| matches!(item, Item::Skipped(_))).count();
    assert_eq!(skips, 1);
    let last = items.iter().rev().find_map(|item| match item {
        Item::Record(record) => record.frame.head.index(),
        _ => None,
    });
    assert_eq!(last, Some(1499));
    let places: Vec<(u64, u64)> = good_records(&items);
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "in order, and once");
}
