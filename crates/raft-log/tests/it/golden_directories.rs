//! Directories as format version 1 wrote them, kept byte by byte under `tests/golden`: they open for ever, to the
//! same content, and what is written today is still the same bytes.
//!
//! Beside each directory stands a text of what a log opened on it holds. `UPDATE_GOLDEN=1 cargo test -p raft-log golden`
//! makes the directories and texts that are missing, and never touches one that is there: another format is another
//! version, and gets directories of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use raft_log::{
    Config, Decode, DecodeError, DirectoryStorage, Encode, EncodeError, LogId, PlainTypes, PlainVote,
    RaftLog, RaftLogSM, RaftLogWriter, RawTypes, StateMachine, Storage, Types, Vote,
};
use raft_log_chunk::{ChunkId, DURABLE_FILE, LOCK_FILE, SurveyOptions, recover};
use raft_log_testkit::MemoryStorage;

use crate::support::{Log, entries, id};

type Files = BTreeMap<String, Vec<u8>>;

/// One golden directory: how its files were made, and what a log on them holds.
struct Golden {
    name: &'static str,
    make: fn() -> Files,
    describe: fn(Arc<dyn Storage>) -> String,
    /// Whether the newest chunk ends without a footer.
    is_killed: bool,
}

const GOLDEN: [Golden; 5] = [
    Golden { name: "v1-small", make: small, describe: describe::<PlainTypes>, is_killed: false },
    Golden { name: "v1-closed", make: closed, describe: describe::<PlainTypes>, is_killed: false },
    Golden { name: "v1-killed", make: killed, describe: describe::<PlainTypes>, is_killed: true },
    Golden { name: "v1-torn", make: torn, describe: describe::<PlainTypes>, is_killed: true },
    Golden { name: "v1-own-types", make: own_types, describe: describe::<NodeTypes>, is_killed: false },
];

#[test]
fn golden_directories_open_to_what_they_held_when_they_were_written() {
    for golden in &GOLDEN {
        let files = files_of(golden);
        // A copy on a real disk, and one in memory: opening writes DURABLE and LOCK, and nothing else.
        let copy = tempfile::tempdir().unwrap();
        for (name, bytes) in &files {
            std::fs::write(copy.path().join(name), bytes).unwrap();
        }
        let on_disk = (golden.describe)(Arc::new(DirectoryStorage::open(copy.path()).unwrap()));
        let memory = MemoryStorage::from_snapshot(files.clone());
        let in_memory = (golden.describe)(Arc::new(memory.clone()));
        assert_eq!(on_disk, expected_text(golden), "{}", golden.name);
        assert_eq!(in_memory, on_disk, "{}", golden.name);
        for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".wal")) {
            assert_eq!(&std::fs::read(copy.path().join(name)).unwrap(), bytes, "{}: {name}", golden.name);
        }
    }
}

#[test]
fn looking_at_a_golden_directory_changes_no_byte_of_it() {
    for golden in &GOLDEN {
        let before = files_of(golden);
        let storage = DirectoryStorage::open(path_of(golden)).unwrap();
        let mut answers = Vec::new();
        for use_footers in [true, false] {
            let options = SurveyOptions { sync_first: false, use_footers, ..SurveyOptions::default() };
            let (recovered, machine) = recover::<RaftLogSM<RawTypes>>(&storage, &options).unwrap();
            let scanned = recovered.chunks.iter().filter(|chunk| chunk.is_scanned).count();
            let expected = if use_footers { usize::from(golden.is_killed) } else { recovered.chunks.len() };
            assert_eq!(scanned, expected, "{}: footers are used: {use_footers}", golden.name);
            let live: Vec<_> = recovered.chunks.iter().map(|chunk| chunk.live.clone()).collect();
            let ids: Vec<_> = live.iter().cloned().flatten().map(|index| machine.log_id(index)).collect();
            answers.push((machine.state().clone(), live, ids));
        }
        assert_eq!(answers.first(), answers.last(), "{}: a footer and a scan agree", golden.name);
        assert_eq!(files_of(golden), before, "{}", golden.name);
    }
}

#[test]
fn a_golden_log_goes_on_and_its_frames_stay() {
    for golden in GOLDEN.iter().filter(|golden| golden.name != "v1-own-types") {
        let files = files_of(golden);
        let storage = MemoryStorage::from_snapshot(files.clone());
        let mut log = Log::open_on(tiny(), Arc::new(storage.clone())).unwrap();
        let last = log.state().last.unwrap();
        log.append(entries(last.term + 1, last.index + 1..last.index + 3)).unwrap();
        log.close().unwrap();
        drop(log);
        let log = Log::open_on(tiny(), Arc::new(storage.clone())).unwrap();
        assert_eq!(log.state().last.unwrap().index, last.index + 2, "{}", golden.name);
        // The newest chunk of before gets a footer behind its frames; what stood before that end stays.
        let chunks = chunk_ids(&storage.snapshot());
        for (position, chunk) in chunk_ids(&files).into_iter().enumerate() {
            assert_eq!(chunks[position], chunk, "{}", golden.name);
            let end = (chunks[position + 1].offset() - chunk.offset()) as usize;
            let name = chunk.file_name();
            assert_eq!(storage.file_bytes(&name).unwrap()[..end], files[&name][..end], "{}", golden.name);
        }
    }
}

#[test]
fn what_is_written_today_is_what_was_written_then() {
    for golden in &GOLDEN {
        let today = (golden.make)();
        let then = files_of(golden);
        assert_eq!(today.keys().collect::<Vec<_>>(), then.keys().collect::<Vec<_>>(), "{}", golden.name);
        for (name, bytes) in &then {
            assert!(today[name] == *bytes, "{}: {name} would be written with other bytes", golden.name);
        }
    }
}

/// The files of a golden directory, as they are in the repository.
fn files_of(golden: &Golden) -> Files {
    let path = path_of(golden);
    if !path.exists() && std::env::var_os("UPDATE_GOLDEN").is_some() {
        let files = (golden.make)();
        std::fs::create_dir_all(&path).unwrap();
        for (name, bytes) in &files {
            std::fs::write(path.join(name), bytes).unwrap();
        }
        let text = (golden.describe)(Arc::new(MemoryStorage::from_snapshot(files)));
        std::fs::write(path.with_extension("txt"), text).unwrap();
    }
    let mut files = Files::new();
    for entry in std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
        let entry = entry.unwrap();
        files.insert(entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap());
    }
    assert!(files.contains_key(DURABLE_FILE), "{}: a directory without DURABLE proves little", golden.name);
    assert!(!chunk_ids(&files).is_empty(), "{}: a directory without chunks proves nothing", golden.name);
    files
}

fn expected_text(golden: &Golden) -> String {
    std::fs::read_to_string(path_of(golden).with_extension("txt")).unwrap()
}

fn path_of(golden: &Golden) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(golden.name)
}

fn chunk_ids(files: &Files) -> Vec<ChunkId> {
    files.keys().filter_map(|name| ChunkId::from_file_name(name).unwrap()).collect()
}

/// What a log opened on the directory holds.
fn describe<T: Types>(storage: Arc<dyn Storage>) -> String {
    let log = RaftLog::<T>::open_on(tiny(), storage).unwrap();
    let (report, state) = (log.report(), log.state());
    let mut text = String::new();
    writeln!(text, "chunks: {}, {} scanned", report.chunks, report.scanned_chunks).unwrap();
    writeln!(text, "end: {:?}", report.end).unwrap();
    writeln!(text, "torn tail: {:?}", report.torn_tail).unwrap();
    assert!(report.damaged.is_empty() && report.warnings.is_empty(), "{report:?}");
    writeln!(text, "vote: {:?}", state.vote).unwrap();
    writeln!(text, "last: {:?}", state.last).unwrap();
    writeln!(text, "committed: {:?}", state.committed).unwrap();
    writeln!(text, "purged: {:?}", state.purged).unwrap();
    writeln!(text, "user data: {:?}", state.user_data).unwrap();
    for (id, payload) in log.read(log.reader().indexes()).unwrap() {
        writeln!(text, "{id:?} {payload:?}").unwrap();
    }
    text
}

/// Ten records a chunk, no space laid beyond the reserve, no spares.
fn tiny() -> Config {
    let mut config = Config::new("unused");
    config.chunk.max_records = 10;
    config.chunk.space_step = 0;
    config.chunk.spares = 0;
    config
}

/// The same salts each time, so that the same operations are the same bytes.
fn seeded(seed: u64) -> MemoryStorage {
    let storage = MemoryStorage::new();
    storage.set_random_seed(seed);
    storage
}

/// The files without the zeros that are laid behind the frames: a chunk may end with its last frame or its footer.
fn files_in(storage: &MemoryStorage) -> Files {
    let mut files = storage.snapshot();
    files.remove(LOCK_FILE);
    for (_, bytes) in files.iter_mut().filter(|(name, _)| name.ends_with(".wal")) {
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        bytes.truncate(used.next_multiple_of(8));
    }
    files
}

/// One chunk with one of each of the usual records, in two groups, closed: the worked example of `docs/format.md`.
fn small() -> Files {
    let storage = seeded(1);
    let mut log = Log::open_on(tiny(), Arc::new(storage.clone())).unwrap();
    log.save_vote(PlainVote::new(3, 2)).unwrap();
    log.append([(id(3, 1), Bytes::from_static(b"x = 1"))]).unwrap();
    log.sync().unwrap();
    log.commit(id(3, 1)).unwrap();
    log.sync().unwrap();
    log.close().unwrap();
    files_in(&storage)
}

/// Every kind of record over several chunks: entries truncated across a chunk's border, all truncated, purged.
fn lived(storage: &MemoryStorage) -> Log {
    let mut log = Log::open_on(tiny(), Arc::new(storage.clone())).unwrap();
    log.save_vote(PlainVote { term: 1, voted_for: None }).unwrap();
    log.append(entries(1, 5..9)).unwrap();
    log.truncate(None).unwrap();
    log.append(entries(1, 0..25)).unwrap();
    log.sync().unwrap();
    log.save_vote(PlainVote::new(2, 9)).unwrap();
    log.truncate(Some(id(1, 17))).unwrap();
    log.append(entries(2, 18..31)).unwrap();
    log.commit(id(2, 28)).unwrap();
    log.sync().unwrap();
    log.save_user_data(Some(Bytes::from_static(b"members: 1, 2, 3"))).unwrap();
    log.purge(id(1, 12)).unwrap();
    log.append([(id(4, 31), Bytes::new()), (id(4, 32), Bytes::from(vec![0xab; 30]))]).unwrap();
    log.commit(id(4, 31)).unwrap();
    log.sync().unwrap();
    log
}

fn closed() -> Files {
    let storage = seeded(2);
    lived(&storage).close().unwrap();
    files_in(&storage)
}

/// As the files are when the process dies right after a sync.
fn killed() -> Files {
    let storage = seeded(3);
    let log = lived(&storage);
    let files = files_in(&storage);
    drop(log);
    files
}

/// As the files are when the power goes during the next write: the last frame's end never reached the disk.
fn torn() -> Files {
    let storage = seeded(4);
    let mut log = lived(&storage);
    let durable = storage.file_bytes(DURABLE_FILE).unwrap();
    log.append(entries(4, 33..35)).unwrap();
    log.sync().unwrap();
    let mut files = files_in(&storage);
    files.insert(DURABLE_FILE.to_owned(), durable);
    let mut newest = files.last_entry().unwrap();
    let cut = newest.get().len() - 40;
    newest.get_mut().truncate(cut);
    files
}

fn own_types() -> Files {
    let storage = seeded(5);
    let mut log = RaftLog::<NodeTypes>::open_on(tiny(), Arc::new(storage.clone())).unwrap();
    let by = |node: &str, term, index| NodeId { term, node: node.to_owned(), index };
    log.save_vote(NodeVote("7 node-a".to_owned())).unwrap();
    log.append((1..8).map(|index| (by("node-a", 7, index), index * 11))).unwrap();
    log.append((8..16).map(|index| (by("node-bravo", 7, index), index * 11))).unwrap();
    log.commit(by("node-a", 7, 6)).unwrap();
    log.purge(by("node-a", 7, 2)).unwrap();
    log.save_user_data(Some("yes".to_owned())).unwrap();
    log.close().unwrap();
    files_in(&storage)
}

/// Types whose log ids have a rest.
struct NodeTypes;

impl Types for NodeTypes {
    type LogId = NodeId;
    type Vote = NodeVote;
    type Payload = u64;
    type UserData = String;
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct NodeId {
    term: u64,
    node: String,
    index: u64,
}

impl LogId for NodeId {
    fn term(&self) -> u64 {
        self.term
    }

    fn index(&self) -> u64 {
        self.index
    }

    fn encode_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.node.encode(out)
    }

    fn decode(term: u64, index: u64, rest: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { term, node: String::decode(Bytes::copy_from_slice(rest))?, index })
    }
}

#[derive(Debug, Clone, PartialEq)]
struct NodeVote(String);

impl Vote for NodeVote {
    fn may_replace(&self, current: &Self) -> bool {
        self.0 >= current.0
    }
}

impl Encode for NodeVote {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.0.encode(out)
    }
}

impl Decode for NodeVote {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        String::decode(bytes).map(Self)
    }
}
