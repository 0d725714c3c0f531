//! What the flush thread does when nobody asks for anything: `DURABLE` is synced, once.

use raft_log::{FlushError, PlainTypes, RaftLogWal, RaftLogWriter};
use shuttle::thread;

use crate::explore::scenarios;
use crate::stage::{Stage, entry};
use crate::step_storage::Call;

/// Lets so much time pass that a flush thread which is idle notices.
fn let_time_pass() {
    while RaftLogWal::<PlainTypes>::let_time_pass() == 0 {
        thread::yield_now();
    }
}

scenarios! {
    fn a_quiet_log_syncs_durable_once() {
        let stage = Stage::default();
        let mut log = stage.open();
        log.append([entry(0)]).unwrap();
        log.ticket().wait().unwrap();
        assert!(!stage.storage.is_durable_file_synced(), "it waits for a quiet time");
        let before = stage.storage.syncs_of_durable();
        let_time_pass();
        while !stage.storage.is_durable_file_synced() {
            thread::yield_now();
        }
        let_time_pass();
        let_time_pass();
        assert_eq!(stage.storage.syncs_of_durable(), before + 1);
        log.close().unwrap();
    }

    /// The time ends at any moment, also when there is work already.
    fn a_time_that_ends_beside_new_work_loses_no_wake_up() {
        let stage = Stage::default();
        let mut log = stage.open();
        let clock = thread::spawn(|| {
            for _ in 0..2 {
                RaftLogWal::<PlainTypes>::let_time_pass();
            }
        });
        let end = stage.append_and_note(&mut log, 0..2);
        log.ticket().wait().unwrap();
        clock.join().unwrap();
        stage.check_all_told(2);
        drop(log);
        stage.check_power_loss(end);
    }

    fn a_sync_of_durable_that_fails_in_a_quiet_time_fails_what_comes_later() {
        let stage = Stage::default();
        let mut log = stage.open();
        log.append([entry(0)]).unwrap();
        log.ticket().wait().unwrap();
        stage.storage.fail(Call::SyncDurable, 0);
        let clock = thread::spawn(let_time_pass);
        let end = stage.append_and_note(&mut log, 1..2);
        clock.join().unwrap();
        while !stage.storage.has_failed() {
            thread::yield_now();
        }
        log.flush(stage.note(2, end));
        assert!(matches!(log.close(), Err(FlushError::Poisoned(_))));
        assert_eq!(stage.storage.syncs_after_failure(), 0, "a sync was tried again");
        let told: Vec<_> = stage.told().iter().map(|told| told.number).collect();
        assert_eq!(told, [1, 2]);
        assert!(stage.told()[1].outcome.is_err());
    }
}
