//! The simulated disk: what may be lost with the power, what may not, and that all of it is gone through.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use raft_log_chunk::{Storage, StorageFile, write_all_at};
use raft_log_testkit::{FailedSync, Operation, Random, SECTOR_BYTES, SimulatedDisk};
use rustix::io::Errno;

/// Everything that the disk may hold if the power goes now: for each outcome the names with their bytes.
fn outcomes(disk: &SimulatedDisk) -> BTreeSet<Vec<(String, Vec<u8>)>> {
    let mut all = BTreeSet::new();
    let is_all = disk.if_power_goes(|loss| {
        loss.outcomes(4096, &mut Random::new(0), &mut |outcome| {
            let image = outcome.image();
            assert_eq!(image.digest(|name| name == "LOCK"), outcome.digest(), "{image:?}");
            all.insert(image.files().into_iter().collect());
        })
    });
    assert!(is_all);
    all
}

/// A file that is durable, with so many sectors of `x`.
fn file(disk: &SimulatedDisk, name: &str, sectors: usize) -> Arc<dyn StorageFile> {
    let file = disk.create(name).unwrap();
    write_all_at(&*file, &vec![b'x'; sectors * SECTOR_BYTES], 0).unwrap();
    file.sync().unwrap();
    disk.sync_directory().unwrap();
    file
}

#[test]
fn each_sector_persists_on_its_own_and_holds_any_version() {
    let disk = SimulatedDisk::new(1);
    let file = file(&disk, "a", 3);
    assert_eq!(outcomes(&disk).len(), 1);
    write_all_at(&*file, b"1", 0).unwrap();
    write_all_at(&*file, b"2", 0).unwrap();
    write_all_at(&*file, b"3", 2 * SECTOR_BYTES as u64).unwrap();
    let found: BTreeSet<(u8, u8, u8)> = outcomes(&disk)
        .iter()
        .map(|files| (files[0].1[0], files[0].1[SECTOR_BYTES], files[0].1[2 * SECTOR_BYTES]))
        .collect();
    let expected =
        [b'x', b'1', b'2'].iter().flat_map(|first| [b'x', b'3'].map(|third| (*first, b'x', third))).collect();
    assert_eq!(found, expected);
    file.sync().unwrap();
    assert_eq!(outcomes(&disk).len(), 1);
}

#[test]
fn a_size_persists_without_its_bytes_and_shows_zeros() {
    let disk = SimulatedDisk::new(1);
    let file = file(&disk, "a", 0);
    write_all_at(&*file, b"yy", 0).unwrap();
    write_all_at(&*file, b"zz", 2).unwrap();
    let found: BTreeSet<Vec<u8>> = outcomes(&disk).iter().map(|files| files[0].1.clone()).collect();
    let expected: [&[u8]; 6] = [b"", b"\0\0", b"yy", b"\0\0\0\0", b"yy\0\0", b"yyzz"];
    assert_eq!(found, expected.map(<[u8]>::to_vec).into());
}

#[test]
fn what_was_cut_off_may_be_there_again() {
    let disk = SimulatedDisk::new(1);
    let file = file(&disk, "a", 1);
    file.truncate(2).unwrap();
    let sizes: BTreeSet<usize> = outcomes(&disk).iter().map(|files| files[0].1.len()).collect();
    assert_eq!(sizes, [2, SECTOR_BYTES].into());
    file.sync().unwrap();
    assert_eq!(disk.image().files()["a"], b"xx");
    assert_eq!(outcomes(&disk).len(), 1);
}

#[test]
fn each_name_persists_on_its_own_and_a_rename_as_a_whole() {
    let disk = SimulatedDisk::new(1);
    file(&disk, "a", 0);
    let created = disk.create("b").unwrap();
    disk.rename("a", "c").unwrap();
    let names = |disk: &SimulatedDisk| -> BTreeSet<String> {
        let join = |files: &Vec<(String, Vec<u8>)>| files.iter().map(|(name, _)| name.as_str()).collect();
        outcomes(disk).iter().map(join).collect()
    };
    assert_eq!(names(&disk), ["a", "ab", "c", "bc"].map(str::to_owned).into());
    created.sync().unwrap();
    assert_eq!(names(&disk).len(), 4, "syncing a file does not make its name durable");
    disk.sync_directory().unwrap();
    assert_eq!(names(&disk), ["bc"].map(str::to_owned).into());
    disk.remove("b").unwrap();
    assert_eq!(names(&disk), ["bc", "c"].map(str::to_owned).into());
}

#[test]
fn a_killed_process_does_nothing_more_and_the_next_sees_all_that_was_written() {
    let disk = SimulatedDisk::new(1);
    let old = file(&disk, "a", 1);
    let lock = disk.lock("LOCK").unwrap();
    write_all_at(&*old, b"new", 0).unwrap();
    let next = disk.kill();
    assert!(write_all_at(&*old, b"late", 0).is_err());
    assert!(old.sync().is_err() && disk.list().is_err());
    let held = next.lock("LOCK").unwrap();
    assert!(matches!(held, raft_log_chunk::LockAttempt::Held(_)));
    drop(lock);
    assert!(matches!(next.lock("LOCK").unwrap(), raft_log_chunk::LockAttempt::Busy(_)), "by the new process");
    assert_eq!(&next.image().files()["a"][..3], b"new");
    assert_eq!(outcomes(&next).len(), 2, "and it is not durable");
}

#[test]
fn a_sync_that_fails_and_lies_shows_what_the_disk_does_not_hold() {
    let disk = SimulatedDisk::new(1);
    disk.set_failed_sync(FailedSync::Drops);
    let file = file(&disk, "a", 40);
    (0..40).for_each(|sector| write_all_at(&*file, b"new", sector * SECTOR_BYTES as u64).unwrap());
    disk.fail_after(0, Operation::Sync, Errno::IO, 1);
    assert_eq!(file.sync().unwrap_err().raw_os_error(), Some(Errno::IO.raw_os_error()));
    file.sync().unwrap();
    let news = |bytes: &[u8]| bytes.chunks(SECTOR_BYTES).filter(|sector| sector.starts_with(b"new")).count();
    assert_eq!(news(&disk.image().files()["a"]), 40, "the cache shows all of it");
    let held = disk.if_power_goes(|loss| news(&loss.synced_only().files()["a"]));
    assert!((1..40).contains(&held), "some was written and some was not: {held}");
    assert_eq!(outcomes(&disk).len(), 1, "and a second sync did not help");
    file.drop_cache().unwrap();
    assert_eq!(news(&disk.image().files()["a"]), held);
}

#[test]
fn a_watcher_is_called_before_each_change() {
    let disk = SimulatedDisk::new(1);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watcher = seen.clone();
    disk.watch(Some(Arc::new(move |loss| watcher.lock().push(loss.synced_only().files().len()))));
    let file = disk.create("a").unwrap();
    disk.sync_directory().unwrap();
    file.size().unwrap();
    file.sync().unwrap();
    assert_eq!(*seen.lock(), [0, 0, 1], "for create, the sync of the directory and the sync of the file");
}

#[test]
fn where_there_is_too_much_to_try_a_sample_holds_the_extremes() {
    let disk = SimulatedDisk::new(1);
    let file = file(&disk, "a", 64);
    (0..64).for_each(|sector| write_all_at(&*file, b"new", sector * SECTOR_BYTES as u64).unwrap());
    let mut counts = Vec::new();
    let is_all = disk.if_power_goes(|loss| {
        loss.outcomes(500, &mut Random::new(3), &mut |outcome| {
            let bytes = &outcome.image().files()["a"];
            counts.push(bytes.chunks(SECTOR_BYTES).filter(|sector| sector.starts_with(b"new")).count());
        })
    });
    assert!(!is_all);
    assert!((400..=500).contains(&counts.len()), "{}", counts.len());
    for (count, times) in [(0, 1), (64, 1), (1, 64), (63, 64)] {
        assert!(
            counts.iter().filter(|found| **found == count).count() >= times,
            "{count} sectors: {counts:?}"
        );
    }
}
