//! What the fuzz targets do, with inputs at random and with all that a fuzzer was kept of: what a fuzzer finds is a test.
//!
//! The inputs are in `fuzz/corpus`, a directory for each target. Those whose names begin with `seed-` are made of the
//! golden files; `UPDATE_GOLDEN=1 cargo test -p raft-log-testkit any_input` writes them anew. Those that begin with
//! `found-` broke something once. The others reach code that these do not, and were kept by `cargo xtask fuzz --keep`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use raft_log_dump::{ScanOptions, scan_storage};
use raft_log_testkit::any_input::{self, AnyDirectory, DirectoryScript, Watch, unwatched};

type Body = fn(&[u8], Watch<'_>);

const TARGETS: [(&str, Body); 4] =
    [("decode", any_input::decode), ("scan", any_input::scan), ("open", any_input::open), ("dump", dump)];

fn dump(bytes: &[u8], watch: Watch<'_>) {
    any_input::look(bytes, watch, |storage, _| {
        scan_storage(storage, ScanOptions::default()).map_or(0, |scan| scan.count() as u64)
    });
}

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target)
}

fn files_in(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        entry.file_type().unwrap().is_file().then(|| (name, fs::read(entry.path()).unwrap()))
    };
    entries.filter_map(|entry| read(entry.unwrap())).collect()
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn golden_directories() -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
    let golden = crates().join("raft-log/tests/golden");
    let entries = fs::read_dir(&golden).unwrap().map(|entry| entry.unwrap());
    entries
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| (entry.file_name().into_string().unwrap(), files_in(&entry.path())))
        .collect()
}

/// A record in parts, to be put into a frame with good checksums: seed and offset, then which parts are there.
fn forged(record: &[u8]) -> Vec<u8> {
    let (kind, id_size) = (record[0], usize::from(u16::from_le_bytes([record[1], record[2]])));
    let (id, payload) = record[3..].split_at(id_size);
    let mut bytes = vec![3, 1, 2, 3, 64];
    // Numbers as they are stored follow the byte 240.
    let numbers = id.chunks(8).take(2).flat_map(|number| [&[240], number].concat());
    bytes.extend([if id.is_empty() { 0x10 } else { 0x60 }, kind - 1]);
    bytes.extend(numbers);
    if !id.is_empty() {
        bytes.push(u8::try_from(id.len() - 16).unwrap());
        bytes.extend(&id[16..]);
    }
    bytes.push(u8::try_from(payload.len()).unwrap());
    bytes.extend(payload);
    bytes
}

/// What each target begins from.
fn seeds(target: &str) -> BTreeMap<String, Vec<u8>> {
    let mut seeds = BTreeMap::new();
    if target == "decode" {
        // The first byte says what the rest is taken for; see `decode`.
        for (name, bytes) in files_in(&crates().join("raft-log-codec/tests/golden")) {
            if name.contains("frameless") {
                seeds.insert(format!("seed-{name}"), [&[0], &bytes[..]].concat());
                seeds.insert(format!("seed-{name}.forged"), forged(&bytes));
            } else {
                // A frame stands behind its seed and its offset: four numbers, of one byte each.
                seeds.insert(format!("seed-{name}"), [&[4, 1, 2, 3, 64], &bytes[..]].concat());
            }
        }
        for kind in [1, 2, 3, 5, 6, 7, 8, 9] {
            seeds.insert(format!("seed-kind-{kind}"), [&[kind], &[0; 64][..]].concat());
        }
        return seeds;
    }
    for (name, files) in golden_directories() {
        let script =
            files.iter().fold(DirectoryScript::new(), |script, (name, bytes)| script.file(name, bytes));
        seeds.insert(format!("seed-{name}"), script.finish());
    }
    // One log with each step in it: begin, append, vote, commit, group, seal, append, truncate, purge, group, data,
    // a chunk, and a mark.
    let steps: &[&[u8]] = &[
        &[0, 0, 0],
        &[0, 0x16, 3, b'a', b'b', b'c'],
        &[7, 0],
        &[2, 1, 7],
        &[3, 1],
        &[7, 0],
        &[13, 0],
        &[0, 1, 1, b'd'],
        &[4, 1],
        &[0, 7, 2, b'e', b'f'],
        &[5, 3],
        &[7, 1],
        &[6, 2, b'u', b'd'],
        &[9],
        &[0, 2, 0],
        &[7, 0],
        &[14, 0, 0],
    ];
    seeds.insert("seed-steps".to_owned(), steps.concat());
    seeds
}

#[test]
fn the_seeds_are_made_of_the_golden_files() {
    let mut count = 0;
    for (target, _) in TARGETS {
        let directory = corpus(target);
        let seeds = seeds(target);
        if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
            fs::create_dir_all(&directory).unwrap();
            for (name, bytes) in &seeds {
                fs::write(directory.join(name), bytes).unwrap();
            }
        }
        let mut kept = files_in(&directory);
        kept.retain(|name, _| name.starts_with("seed-"));
        count += kept.len();
        assert!(kept == seeds, "{target}: the seeds are not those that the golden files give");
    }
    assert!(count >= 40, "{count} seeds");
}

#[test]
fn a_script_gives_the_directory_that_it_was_written_for() {
    for (name, mut files) in golden_directories() {
        let script =
            files.iter().fold(DirectoryScript::new(), |script, (name, bytes)| script.file(name, bytes));
        files.retain(|_, bytes| !bytes.is_empty());
        assert!(AnyDirectory::of(&script.finish()).files == files, "{name}");
    }
}

#[test]
fn the_inputs_that_a_fuzzer_found_are_answered() {
    for (target, body) in TARGETS {
        let inputs = files_in(&corpus(target));
        assert!(inputs.len() >= 6, "{target}: {} inputs", inputs.len());
        for (name, bytes) in inputs {
            println!("{target}/{name}");
            body(&bytes, &unwatched);
        }
    }
}

/// The directories are not all alike: some open, and some are refused for every kind of reason.
#[test]
fn inputs_lead_to_logs_and_to_every_kind_of_refusal() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use raft_log_chunk::{RecoveryError, SurveyOptions, recover};
    use raft_log_codec::PlainTypes;
    use raft_log_state::RaftLogSM;
    use raft_log_testkit::MemoryStorage;

    let mut runner = TestRunner::deterministic();
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..4000 {
        let bytes = any_script().new_tree(&mut runner).unwrap().current();
        let directory = AnyDirectory::of(&bytes);
        let storage = MemoryStorage::from_snapshot(directory.files.clone());
        let options = SurveyOptions { refuse_torn: directory.refuse_torn, ..SurveyOptions::default() };
        let kind = match recover::<RaftLogSM<PlainTypes>>(&storage, &options) {
            Ok((recovered, _)) if recovered.chunks.is_empty() => "empty",
            Ok((recovered, _)) if recovered.chunks.len() > 1 => "several chunks",
            Ok(_) => "one chunk",
            Err(RecoveryError::InvalidChunkFileName(_)) => "name",
            Err(RecoveryError::Unsupported { .. }) => "unsupported",
            Err(RecoveryError::Undecodable { .. }) => "undecodable",
            Err(RecoveryError::Foreign { .. }) => "foreign",
            Err(RecoveryError::MissingData(_)) => "missing",
            Err(RecoveryError::Corrupt { .. }) => "corrupt",
            Err(RecoveryError::Torn { .. }) => "torn",
            Err(error) => panic!("{error:?}"),
        };
        *kinds.entry(kind).or_default() += 1;
    }
    println!("{kinds:?}");
    assert_eq!(kinds.len(), 10, "{kinds:?}");
}

/// Bytes of which many are a step, and numbers small.
fn any_script() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![5 => 0..20_u8, 2 => any::<u8>(), 1 => Just(0)], 0..200)
}

/// One of the seeds with some of its bytes changed, and steps behind it.
fn changed_seed(target: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let seeds: Vec<Vec<u8>> = seeds(target).into_values().collect();
    let changes = vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let more = prop_oneof![Just(Vec::new()), any_script()];
    (prop::sample::select(seeds), changes, more).prop_map(|(mut bytes, changes, more)| {
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.extend(more);
        bytes
    })
}

fn quick(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(quick(3000))]

    #[test]
    fn any_bytes_decode_or_are_refused(
        kind in 0..10_u8, bytes in prop_oneof![vec(any::<u8>(), 0..200), changed_seed("decode"), any_script()],
    ) {
        any_input::decode(&bytes, &unwatched);
        any_input::decode(&[&[kind], &bytes[..]].concat(), &unwatched);
    }
}

proptest! {
    #![proptest_config(quick(400))]

    #[test]
    fn any_chunk_is_scanned_as_it_stands(bytes in prop_oneof![any_script(), changed_seed("scan")]) {
        any_input::scan(&bytes, &unwatched);
    }
}

proptest! {
    #![proptest_config(quick(300))]

    #[test]
    fn any_directory_makes_a_log_or_is_refused(bytes in prop_oneof![any_script(), changed_seed("open")]) {
        any_input::open(&bytes, &unwatched);
    }
}

proptest! {
    // A torn tail is looked at several times before it is called one, which takes its time.
    #![proptest_config(quick(40))]

    #[test]
    fn any_directory_is_looked_at_without_a_change(bytes in prop_oneof![any_script(), changed_seed("dump")]) {
        dump(&bytes, &unwatched);
    }
}
