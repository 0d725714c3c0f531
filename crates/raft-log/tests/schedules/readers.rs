//! Readers beside the writer: whole batches, and entries or `Purged` while chunks come and go.

use std::sync::Arc;

use raft_log::{RaftLogWriter, ReadError};
use shuttle::thread;

use crate::explore::scenarios;
use crate::stage::{Stage, entry, id, small};

scenarios! {
    fn no_reader_sees_half_a_batch() {
        let stage = Stage::default();
        let mut config = small();
        // Batches that end in another chunk than they began, read from the disk as soon as it has them.
        config.chunk.max_records = 4;
        config.log_cache_max_items = 0;
        let mut log = stage.open_with(config);
        let reader = log.reader();
        let watcher = thread::spawn(move || {
            let mut before = 0;
            for _ in 0..2 {
                let read = reader.read(..).unwrap();
                assert_eq!(read.len() % 3, 0, "half a batch");
                assert!(read.len() >= before, "entries went away");
                assert!(read.iter().cloned().eq((0..read.len() as u64).map(entry)));
                before = read.len();
            }
        });
        log.append((0..3).map(entry)).unwrap();
        log.flush(stage.note(0, 3));
        log.append((3..6).map(entry)).unwrap();
        assert_eq!(log.reader().indexes(), 0..6, "visible on return");
        log.sync().unwrap();
        watcher.join().unwrap();
        drop(log);
        stage.check_all_told(1);
    }

    fn a_read_beside_rotation_and_removal_gives_the_entry_or_purged() {
        let stage = Stage::default();
        let mut config = small();
        config.chunk.max_records = 2;
        config.log_cache_max_items = 0;
        let mut log = stage.open_with(config);
        log.append((0..2).map(entry)).unwrap();
        log.sync().unwrap();
        let reader = log.reader();
        let watcher = thread::spawn(move || {
            let mut purged = 0;
            for index in [0, 1, 2, 0] {
                match reader.entry(index) {
                    Ok(read) => {
                        assert_eq!(read, entry(index));
                        assert!(index >= purged, "{index} came back");
                    }
                    Err(ReadError::Purged { first, .. }) if index <= 2 => purged = first,
                    // It is not there yet.
                    Err(ReadError::IndexNotFound { .. }) if index >= 2 => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            // Whatever is there, from its first entry on.
            let read = reader.read(..).unwrap();
            let first = read.first().map_or(0, |(id, _)| id.index);
            assert!(read.iter().cloned().eq((first..first + read.len() as u64).map(entry)));
        });
        log.append((2..4).map(entry)).unwrap();
        log.flush(stage.note(0, 4));
        log.purge(id(2)).unwrap();
        log.flush(stage.note(1, 0));
        log.sync().unwrap();
        watcher.join().unwrap();
        drop(log);
        let told: Vec<_> = stage.told().iter().map(|told| (told.number, told.outcome.is_ok())).collect();
        assert_eq!(told, [(0, true), (1, true)]);
        assert_eq!(stage.open().read(..).unwrap(), [entry(3)]);
    }

    /// A reader holds its files for as long as it needs them.
    fn a_reader_outlives_the_log() {
        let stage = Stage::default();
        let mut config = small();
        config.log_cache_max_items = 0;
        let mut log = stage.open_with(config);
        log.append((0..2).map(entry)).unwrap();
        log.flush(stage.note(0, 2));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let reader = log.reader();
                thread::spawn(move || assert_eq!(reader.read(..).unwrap(), [entry(0), entry(1)]))
            })
            .collect();
        let kept = Arc::new(log.reader());
        drop(log);
        for reader in readers {
            reader.join().unwrap();
        }
        assert_eq!(kept.entry(1).unwrap(), entry(1));
        stage.check_all_told(1);
    }
}
