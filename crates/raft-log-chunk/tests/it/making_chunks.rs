//! How a chunk comes to be: the order of the steps, each of them failing, the spares, and `DURABLE`.

use std::io;
use std::sync::Arc;

use raft_log_chunk::{
    Chunk, ChunkHeader, ChunkId, DURABLE_FILE, DurableFacts, DurableFile, DurableMark, PreparedFile,
    RESERVE_BYTES, SPARE_BYTES, Spares, Storage, is_no_space, is_temporary_file_name, make_chunk,
    make_durable_file, mark_at, read_durable,
};
use raft_log_codec::FrameSeed;
use raft_log_testkit::{MemoryStorage, Operation};

use crate::recorder::recorded;
use crate::written_log::{View, WrittenLog, entry, recover_with};

const BLOCK: u64 = 4096;

const SEED: fn() -> FrameSeed = || FrameSeed::new(1, 2, 3);

/// A log of one chunk, and everything that the next chunk needs.
struct Rotation {
    log: WrittenLog,
    storage: MemoryStorage,
    header: ChunkHeader,
    head: Vec<u8>,
}

impl Rotation {
    fn new() -> Self {
        let mut log = WrittenLog::new();
        (1..6).for_each(|index| log.must_write(&entry(1, index)));
        let storage = log.store(false);
        let header = log.next_header();
        log.begin_chunk();
        let head = log.newest().bytes.clone();
        Self { log, storage, header, head }
    }

    fn old(&self, storage: &dyn Storage) -> Chunk {
        let old = &self.log.chunks[0];
        Chunk::new(storage.open(&old.name()).unwrap(), old.header)
    }

    fn durable(&self, storage: &dyn Storage) -> DurableFile {
        let old = &self.log.chunks[0];
        DurableFile::open(storage, mark_at(&old.header, old.end())).unwrap()
    }
}

fn prepare(storage: &Arc<dyn Storage>) -> PreparedFile {
    Spares::new(storage.clone(), 0, Vec::new()).prepare(1000, BLOCK, false, SEED()).unwrap()
}

#[test]
fn a_chunk_is_made_in_the_order_that_every_crash_survives() {
    let rotation = Rotation::new();
    let (storage, recorder) = recorded(rotation.storage.clone());
    let storage: Arc<dyn Storage> = Arc::new(storage);
    let (old, mut durable) = (rotation.old(&*storage), rotation.durable(&*storage));
    let prepared = prepare(&storage);
    recorder.take();
    make_chunk(&*storage, Some(&old), prepared, rotation.header, &rotation.head, &mut durable).unwrap();
    let (old, new) = (&rotation.log.chunks[0].name(), &rotation.log.chunks[1].name());
    assert_eq!(
        recorder.take(),
        [
            format!("sync {old}"),
            "write prepared".to_owned(),
            "sync prepared".to_owned(),
            format!("rename to {new}"),
            "sync the directory".to_owned(),
            "write DURABLE".to_owned(),
            "sync DURABLE".to_owned(),
        ]
    );
    assert_eq!(durable.mark(), Some(mark_at(&rotation.header, rotation.head.len() as u64)));
    let facts = read_durable(&rotation.storage).unwrap();
    assert_eq!(facts, DurableFacts::Mark(durable.mark().unwrap()));
}

#[test]
fn durable_is_there_for_good_before_the_first_chunk_is() {
    let (storage, recorder) = recorded(MemoryStorage::new());
    let header = WrittenLog::new().chunks[0].header;
    make_durable_file(&storage, &header).unwrap();
    let expected = ["write prepared", "sync prepared", "rename to DURABLE", "sync the directory"];
    assert_eq!(recorder.take(), expected);
    assert_eq!(read_durable(&storage).unwrap(), DurableFacts::Mark(mark_at(&header, 0)));
}

#[test]
fn each_step_that_fails_leaves_the_same_log() {
    let operations = [Operation::Sync, Operation::Write, Operation::Rename, Operation::SyncDirectory];
    let mut failed = 0;
    for operation in operations {
        for pass in 0.. {
            let rotation = Rotation::new();
            let storage: Arc<dyn Storage> = Arc::new(rotation.storage.clone());
            let (old, mut durable) = (rotation.old(&*storage), rotation.durable(&*storage));
            let good = recover_with(&rotation.storage, true).unwrap();
            let prepared = prepare(&storage);
            rotation.storage.fail_after(pass, operation, io::ErrorKind::Other, 1);
            let made =
                make_chunk(&*storage, Some(&old), prepared, rotation.header, &rotation.head, &mut durable);
            rotation.storage.clear_failures();
            let found = recover_with(&rotation.storage, true).unwrap();
            assert_eq!(View::of(&found).state, View::of(&good).state, "{operation:?} {pass}");
            assert_eq!(View::of(&found).ids, rotation.log.ids(), "{operation:?} {pass}");
            if made.is_ok() {
                assert_eq!(found.0.chunks.len(), 2);
                break;
            }
            failed += 1;
        }
    }
    // Three syncs, two writes, a rename, and the directory.
    assert_eq!(failed, 7);
}

#[test]
fn a_first_chunk_that_was_not_finished_is_no_obstacle_to_the_next_attempt() {
    // The mark of an earlier attempt is left, with a salt that no chunk has. Then the new chunk is there, and the crash
    // comes before DURABLE names it.
    for reopens_durable in [true, false] {
        let mut log = WrittenLog::new();
        let memory = MemoryStorage::new();
        let storage: Arc<dyn Storage> = Arc::new(memory.clone());
        let earlier = ChunkHeader { salt: 1, ..log.chunks[0].header };
        let mut durable = make_durable_file(&*storage, &earlier).unwrap();
        let header = log.chunks[0].header;
        if reopens_durable {
            assert!(recover_with(&memory, true).unwrap().0.chunks.is_empty());
            durable = make_durable_file(&*storage, &header).unwrap();
            assert_eq!(read_durable(&*storage).unwrap(), DurableFacts::Mark(mark_at(&header, 0)));
        }
        let prepared = prepare(&storage);
        memory.fail_after(1, Operation::Write, io::ErrorKind::Other, 1);
        make_chunk(&*storage, None, prepared, header, log.chunks[0].head(), &mut durable).unwrap_err();
        memory.clear_failures();
        let found = recover_with(&memory, true).unwrap();
        assert_eq!(found.0.chunks.len(), 1);
        // And the log goes on.
        log.must_write(&entry(1, 1));
        memory.put_file(&log.chunks[0].name(), log.chunks[0].bytes.clone());
        DurableFile::open(&memory, log.mark()).unwrap();
        assert_eq!(View::of(&recover_with(&memory, true).unwrap()).ids, log.ids());
    }
}

// Spares.

fn spares(storage: &MemoryStorage, count: usize, stale: &[&str]) -> Spares {
    let stale = stale.iter().map(|name| (*name).to_owned()).collect();
    Spares::new(Arc::new(storage.clone()), count, stale)
}

/// Leaves this many blocks of the disk free.
fn leave(storage: &MemoryStorage, blocks: u64) {
    storage.set_capacity(Some(storage.used_bytes() + blocks * BLOCK));
}

fn sizes(storage: &MemoryStorage) -> Vec<u64> {
    let mut sizes: Vec<u64> = storage.snapshot().values().map(|bytes| bytes.len() as u64).collect();
    sizes.sort_unstable();
    sizes
}

#[test]
fn a_prepared_file_is_zeros_with_the_reserve_behind_what_is_needed() {
    for (needed, step, laid) in [
        (1000, 0, 1000 + RESERVE_BYTES),
        (1000, 1, 1000 + RESERVE_BYTES),
        (1000, BLOCK, BLOCK + RESERVE_BYTES),
        (1000, 1 << 20, 1 << 20),
        (1 << 20, 1 << 20, 2 << 20),
    ] {
        let storage = MemoryStorage::new();
        let prepared = spares(&storage, 0, &[]).prepare(needed, step, false, SEED()).unwrap();
        assert_eq!(prepared.laid_end(), laid);
        let files = storage.snapshot();
        assert_eq!(files.len(), 1);
        assert!(
            files
                .iter()
                .all(|(name, bytes)| is_temporary_file_name(name) && *bytes == vec![0; laid as usize])
        );
    }
}

#[test]
fn on_a_full_disk_only_who_may_gets_a_spare() {
    let storage = MemoryStorage::new();
    let mut spares = spares(&storage, 2, &[]);
    spares.refill().unwrap();
    assert_eq!(sizes(&storage), [SPARE_BYTES; 2]);
    let before = storage.snapshot();

    leave(&storage, 3);
    let error = spares.prepare(1000, BLOCK, false, SEED()).unwrap_err();
    assert!(is_no_space(&error), "{error}");
    assert_eq!(storage.snapshot(), before, "nothing is left behind");

    leave(&storage, 0);
    let first = spares.prepare(1000, BLOCK, true, SEED()).unwrap();
    assert_eq!(first.laid_end(), SPARE_BYTES);
    let error = spares.prepare(SPARE_BYTES + 1, BLOCK, true, SEED()).unwrap_err();
    assert!(is_no_space(&error), "one spare is left, and too small: {error}");
    let second = spares.prepare(1000, BLOCK, true, SEED()).unwrap();
    assert!(is_no_space(&spares.prepare(1000, BLOCK, true, SEED()).unwrap_err()));
    assert_eq!(storage.snapshot(), before, "the spares themselves, and nothing else");

    // Whoever gives it back has not used it.
    spares.give_back(second);
    assert_eq!(spares.prepare(SPARE_BYTES, BLOCK, true, SEED()).unwrap().laid_end(), SPARE_BYTES);
    drop(first);
}

#[test]
fn another_error_than_a_full_disk_costs_no_spare_and_leaves_nothing() {
    let storage = MemoryStorage::new();
    let mut spares = spares(&storage, 1, &[]);
    spares.refill().unwrap();
    let before = storage.snapshot();
    for pass in 0..2 {
        storage.fail_after(pass, Operation::Write, io::ErrorKind::Other, 1);
        assert_eq!(spares.prepare(1 << 20, BLOCK, true, SEED()).unwrap_err().kind(), io::ErrorKind::Other);
        storage.clear_failures();
        assert_eq!(storage.snapshot(), before);
    }
}

#[test]
fn stale_files_are_zeroed_and_become_spares() {
    let storage = MemoryStorage::new();
    let names = ["spare-1.tmp", "spare-2.tmp"];
    names.iter().for_each(|name| storage.put_file(name, vec![0xab; SPARE_BYTES as usize]));
    let mut spares = spares(&storage, 2, &names);
    storage.reset_counters();
    spares.refill().unwrap();
    assert_eq!(storage.names(), names);
    assert!(storage.snapshot().values().all(|bytes| *bytes == vec![0; SPARE_BYTES as usize]));
    assert_eq!(storage.syncs(), 2);
    leave(&storage, 0);
    spares.prepare(100, BLOCK, true, SEED()).unwrap();
    spares.prepare(100, BLOCK, true, SEED()).unwrap();
}

#[test]
fn a_stale_file_is_zeroed_also_when_it_is_taken_in_need() {
    let storage = MemoryStorage::new();
    storage.put_file("spare-1.tmp", vec![0xab; SPARE_BYTES as usize]);
    let mut spares = spares(&storage, 1, &["spare-1.tmp"]);
    leave(&storage, 0);
    spares.prepare(100, BLOCK, true, SEED()).unwrap();
    assert_eq!(storage.file_bytes("spare-1.tmp").unwrap(), vec![0; SPARE_BYTES as usize]);
}

#[test]
fn a_stale_file_with_a_second_name_is_left_alone() {
    let storage = MemoryStorage::new();
    storage.put_file("spare-1.tmp", vec![0xab; SPARE_BYTES as usize]);
    storage.hard_link("spare-1.tmp", "backup");
    let mut spares = spares(&storage, 1, &["spare-1.tmp"]);
    spares.refill().unwrap();
    for name in ["spare-1.tmp", "backup"] {
        assert_eq!(storage.file_bytes(name).unwrap(), vec![0xab; SPARE_BYTES as usize], "{name}");
    }
    assert_eq!(storage.names().len(), 3, "a spare of its own was made");
}

#[test]
fn a_stale_file_too_small_to_be_a_spare_is_removed() {
    let storage = MemoryStorage::new();
    storage.put_file("spare-1.tmp", vec![1; 8192]);
    spares(&storage, 0, &["spare-1.tmp"]).refill().unwrap();
    assert!(storage.names().is_empty());
}

/// What a process left that reused chunks: a spare of it costs no more than any other.
#[test]
fn a_stale_file_of_a_whole_chunk_is_cut_before_it_is_zeroed() {
    let storage = MemoryStorage::new();
    storage.put_file("spare-1.tmp", vec![0xab; 8 << 20]);
    storage.put_file("spare-2.tmp", vec![0xab; 8 << 20]);
    storage.hard_link("spare-2.tmp", "backup");
    spares(&storage, 1, &["spare-1.tmp", "spare-2.tmp"]).refill().unwrap();
    assert_eq!(storage.file_bytes("spare-1.tmp").unwrap(), vec![0; SPARE_BYTES as usize]);
    assert_eq!(storage.file_bytes("backup").unwrap(), vec![0xab; 8 << 20]);
    assert_eq!(storage.bytes_written(), SPARE_BYTES);
}

#[test]
fn refilling_keeps_as_many_as_wanted_and_the_largest() {
    let storage = MemoryStorage::new();
    let mut stale = Vec::new();
    for (number, size) in [(1, 120_000), (2, 300_000), (3, 125_000)] {
        let name = format!("spare-{number}.tmp");
        storage.put_file(&name, vec![1; size]);
        stale.push(name);
    }
    let stale: Vec<&str> = stale.iter().map(String::as_str).collect();
    let mut spares = spares(&storage, 2, &stale);
    spares.refill().unwrap();
    assert!(storage.file_bytes("spare-1.tmp").is_none());
    assert_eq!(sizes(&storage), [SPARE_BYTES; 2]);
    storage.reset_counters();
    spares.refill().unwrap();
    assert_eq!(storage.bytes_written(), 0, "there is nothing to do");
}

#[test]
fn refilling_takes_what_a_full_disk_has_and_is_no_error() {
    let storage = MemoryStorage::new();
    storage.set_capacity(Some(SPARE_BYTES + 5 * BLOCK));
    let mut spares = spares(&storage, 3, &[]);
    spares.refill().unwrap();
    // Five blocks are worth keeping, what is left then is not.
    assert_eq!(sizes(&storage), [5 * BLOCK, SPARE_BYTES]);
    storage.set_capacity(None);
    spares.refill().unwrap();
    assert_eq!(sizes(&storage), [SPARE_BYTES; 3]);
}

// DURABLE.

fn mark(chunk: u64, end: u64) -> DurableMark {
    DurableMark { log_id: 5, chunk_id: ChunkId::new(chunk), salt: 9, end }
}

fn told(storage: &MemoryStorage) -> DurableFacts {
    read_durable(storage).unwrap()
}

#[test]
fn whatever_stood_in_durable_the_mark_counts_once_it_is_open() {
    type Put = fn(&MemoryStorage);
    let files: &[(&str, Put)] = &[
        ("absent", |_| {}),
        ("empty", |storage| storage.put_file(DURABLE_FILE, Vec::new())),
        ("zeros", |storage| storage.put_file(DURABLE_FILE, vec![0; 8192])),
        ("rubbish", |storage| storage.put_file(DURABLE_FILE, vec![0xcd; 8192])),
        ("older", |storage| drop(DurableFile::open(storage, mark(0, 64)).unwrap())),
        ("equal", |storage| drop(DurableFile::open(storage, mark(4096, 128)).unwrap())),
        ("newer", |storage| drop(DurableFile::open(storage, mark(8192, 64)).unwrap())),
        ("of another salt", |storage| {
            drop(DurableFile::open(storage, DurableMark { salt: 1, ..mark(4096, 128) }).unwrap());
        }),
        ("cut short", |storage| {
            drop(DurableFile::open(storage, mark(4096, 128)).unwrap());
            storage.edit_file(DURABLE_FILE, |bytes| bytes.truncate(60));
        }),
    ];
    for (name, put) in files {
        let storage = MemoryStorage::new();
        put(&storage);
        let mut durable = DurableFile::open(&storage, mark(4096, 128)).unwrap();
        assert_eq!(told(&storage), DurableFacts::Mark(mark(4096, 128)), "{name}");
        assert_eq!(durable.mark(), Some(mark(4096, 128)), "{name}");
        assert!(storage.syncs() > 0, "{name}");
        // The space of both slots is there: a later mark cannot meet a full disk.
        assert_eq!(storage.file_bytes(DURABLE_FILE).unwrap().len(), 8192, "{name}");
        assert_eq!(storage.names(), [DURABLE_FILE], "{name}");
        durable.write(mark(4096, 136)).unwrap();
        durable.write(mark(4096, 144)).unwrap();
        assert_eq!(told(&storage), DurableFacts::Mark(mark(4096, 144)), "{name}");
    }
}

#[test]
fn a_durable_file_with_a_second_name_is_replaced_and_not_written_to() {
    let storage = MemoryStorage::new();
    drop(DurableFile::open(&storage, mark(0, 64)).unwrap());
    storage.hard_link(DURABLE_FILE, "backup");
    let backup = storage.file_bytes("backup").unwrap();
    let mut durable = DurableFile::open(&storage, mark(0, 72)).unwrap();
    durable.write(mark(0, 80)).unwrap();
    assert_eq!(storage.file_bytes("backup").unwrap(), backup);
    assert_eq!(told(&storage), DurableFacts::Mark(mark(0, 80)));
}

#[test]
fn a_mark_that_is_there_already_is_not_written_again() {
    let storage = MemoryStorage::new();
    drop(DurableFile::open(&storage, mark(0, 64)).unwrap());
    storage.reset_counters();
    drop(DurableFile::open(&storage, mark(0, 64)).unwrap());
    assert_eq!((storage.bytes_written(), storage.syncs()), (0, 1));
}

#[test]
fn a_write_torn_at_any_byte_leaves_the_mark_that_counted() {
    for first in [mark(0, 64), mark(4096, 64)] {
        for torn_at in 0..56 {
            let storage = MemoryStorage::new();
            let mut current = first;
            let mut durable = DurableFile::open(&storage, current).unwrap();
            for round in 1..5 {
                let next = mark(4096, 64 + 8 * round);
                storage.set_write_limit(Some(torn_at).filter(|limit| *limit > 0));
                storage.fail_after(u64::from(torn_at > 0), Operation::Write, io::ErrorKind::Other, 1);
                durable.write(next).unwrap_err();
                storage.clear_failures();
                storage.set_write_limit(None);
                assert_eq!(told(&storage), DurableFacts::Mark(current), "torn at {torn_at}, round {round}");
                assert_eq!(durable.mark(), Some(current));
                // Another process finds it so, and goes on.
                durable = DurableFile::open(&storage, current).unwrap();
                durable.write(next).unwrap();
                assert_eq!(told(&storage), DurableFacts::Mark(next));
                current = next;
            }
        }
    }
}

#[test]
fn a_failed_replacement_leaves_what_stood_there_and_no_temporary_file() {
    let operations = [Operation::Create, Operation::Write, Operation::Sync, Operation::Rename];
    for operation in operations {
        let storage = MemoryStorage::new();
        drop(DurableFile::open(&storage, mark(0, 64)).unwrap());
        storage.hard_link(DURABLE_FILE, "backup");
        storage.fail_next(operation, io::ErrorKind::Other, 1);
        DurableFile::open(&storage, mark(0, 72)).unwrap_err();
        assert_eq!(told(&storage), DurableFacts::Mark(mark(0, 64)), "{operation:?}");
        assert_eq!(storage.names(), [DURABLE_FILE, "backup"], "{operation:?}");
    }
}
