//! A directory that is written, rotated and purged, and whose files are used again, while it is read, is never called
//! corrupt.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use raft_log::{PlainTypes, RaftLog, RaftLogWriter};
use raft_log_dump::Item;

use crate::reusing_storage::ReusingStorage;
use crate::support::*;

#[test]
fn a_live_writer_is_never_called_corrupt() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let stop = AtomicBool::new(false);
    let written = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut config = small(path);
            config.chunk.max_records = 200;
            config.chunk.space_step = 64 * 1024;
            config.chunk.spares = 2;
            let storage = Arc::new(ReusingStorage::open(path));
            let mut log = RaftLog::<PlainTypes>::open_on(config, storage.clone()).unwrap();
            let mut next = 0;
            while !stop.load(Ordering::Relaxed) {
                log.append(entries(1, next..next + 7)).unwrap();
                next += 7;
                log.sync().unwrap();
                if next % 700 == 0 {
                    log.commit(id(1, next - 1)).unwrap();
                    log.purge(id(1, next - 300)).unwrap();
                }
                written.store(next, Ordering::Relaxed);
            }
            assert!(storage.reused() > 5, "{} files were used again", storage.reused());
        });
        while written.load(Ordering::Relaxed) < 1000 {
            thread::sleep(Duration::from_millis(1));
        }
        let began = Instant::now();
        let mut dumps = 0;
        let mut outcome = Ok(());
        while began.elapsed() < Duration::from_secs(3) && outcome.is_ok() {
            outcome = look(path, dumps);
            dumps += 1;
        }
        stop.store(true, Ordering::Relaxed);
        outcome.unwrap();
        assert!(dumps > 5, "{dumps} dumps");
    });
}

fn look(path: &std::path::Path, dumps: u32) -> Result<(), String> {
    if dumps.is_multiple_of(4) {
        let output = dump(path, &["-q"]);
        let is_clean = code(&output) == 0 && output.stdout.is_empty() && output.stderr.is_empty();
        return if is_clean { Ok(()) } else { Err(format!("dump {dumps}: {output:?}")) };
    }
    if dumps % 4 == 1 {
        // Whatever it is: all that must not happen is that damage is told.
        let commands = [
            &["verify", "-q"][..],
            &["dump", "--logical", "-q"],
            &["stats"],
            &["info"],
            &["report", "-o", "-"],
        ];
        let command = commands[dumps as usize / 4 % commands.len()];
        let output = crate::support::command().args(command).arg(path).output().unwrap();
        let is_quiet = command.contains(&"-q");
        let is_clean = code(&output) == 0 && (!is_quiet || output.stdout.is_empty());
        return if is_clean { Ok(()) } else { Err(format!("{command:?} {dumps}: {output:?}")) };
    }
    let items = items(path);
    let fault = items.iter().find(|item| match item {
        Item::Gap(_) | Item::Unreadable { .. } | Item::OddName { .. } => true,
        Item::Record(record) => record.is_bad(),
        Item::Tail(tail) => tail.is_torn(),
        _ => false,
    });
    match fault {
        None => Ok(()),
        Some(fault) => Err(format!("dump {dumps}: {fault:?}")),
    }
}
