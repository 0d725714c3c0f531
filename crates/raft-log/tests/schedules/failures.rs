//! A write or a sync that fails: everybody who waits is told, in order, nothing is tried again, and what was accepted
//! beside it fails as well.

use raft_log::{FlushError, RaftLogWriter, WriteError};
use shuttle::thread;

use crate::explore::scenarios;
use crate::stage::{Stage, entry, small};
use crate::step_storage::Call;

/// Appends beside a flush thread that meets the failure; whatever the schedule, the end is the same.
fn fail_beside_appends(call: Call, pass: u64) {
    let stage = Stage::default();
    let mut log = stage.open();
    log.append([entry(0)]).unwrap();
    log.sync().unwrap();
    stage.storage.fail(call, pass);
    let mut refused = None;
    let mut end = 1;
    for number in 0..3 {
        match log.append([entry(end)]) {
            Ok(()) if refused.is_none() => end += 1,
            Ok(()) => panic!("an append was accepted behind one that was refused"),
            Err(WriteError::Poisoned(poison)) => refused = Some(poison),
            Err(error) => panic!("{error:?}"),
        }
        log.flush(stage.note(number, end));
    }
    // As it says: only a failed log refuses.
    assert!(refused.is_none() || stage.storage.has_failed());
    let closed = log.close();
    let good = stage.check_told(3);
    if stage.storage.has_failed() {
        assert!(matches!(closed, Err(FlushError::Poisoned(_))), "{closed:?}");
        assert_eq!(stage.storage.syncs_after_failure(), 0, "a sync was tried again");
        // Where one sync was enough for all, the second is that of the footer.
        assert!(good < 3 || pass > 0, "the last was told that it is durable");
    } else {
        // All of it went in fewer calls than were let through.
        closed.unwrap();
        assert_eq!(good, 3);
    }
    assert_eq!(log.read(..).unwrap().len() as u64, end, "what is visible stays so");
    drop(log);
    assert_eq!(stage.storage.syncs_after_failure(), 0, "a sync was tried again");
    // What was acknowledged is there.
    stage.check_power_loss(if good == 0 { 1 } else { 1 + good as u64 });
}

scenarios! {
    fn a_failed_sync_fails_every_callback_behind_it_and_is_not_tried_again() {
        fail_beside_appends(Call::SyncChunk, 0);
    }

    fn a_second_sync_that_fails_leaves_the_first_one_good() {
        fail_beside_appends(Call::SyncChunk, 1);
    }

    fn a_failed_write_fails_every_callback_behind_it() {
        fail_beside_appends(Call::WriteChunk, 0);
    }

    fn a_failed_sync_on_the_callers_thread_fails_the_callbacks_before_it() {
        let stage = Stage::default();
        let mut log = stage.open();
        log.append([entry(0)]).unwrap();
        log.sync().unwrap();
        stage.storage.fail(Call::SyncChunk, 0);
        log.append([entry(1)]).unwrap();
        log.flush(stage.note(0, 2));
        // By whichever thread it was met.
        assert!(matches!(log.sync(), Err(FlushError::Poisoned(_))));
        log.flush(stage.note(1, 2));
        assert!(matches!(log.append([entry(2)]), Err(WriteError::Poisoned(_))));
        drop(log);
        assert_eq!(stage.check_told(2), 0);
        assert_eq!(stage.storage.syncs_after_failure(), 0, "a sync was tried again");
    }

    fn a_failure_while_a_chunk_is_made_fails_every_callback_behind_it() {
        let stage = Stage::default();
        let mut config = small();
        config.chunk.max_records = 1;
        let mut log = stage.open_with(config);
        log.append([entry(0)]).unwrap();
        log.sync().unwrap();
        stage.storage.fail(Call::SyncDurable, 0);
        log.append([entry(1)]).unwrap();
        log.flush(stage.note(0, 2));
        log.flush(stage.note(1, 2));
        assert!(matches!(log.close(), Err(FlushError::Poisoned(_))));
        assert_eq!(stage.check_told(2), 0);
        drop(log);
        assert_eq!(stage.storage.syncs_after_failure(), 0, "a sync was tried again");
        stage.check_power_loss(1);
    }

    fn a_ticket_of_a_failed_flush_says_so() {
        let stage = Stage::default();
        let mut log = stage.open();
        log.append([entry(0)]).unwrap();
        log.sync().unwrap();
        stage.storage.fail(Call::SyncChunk, 0);
        log.append([entry(1)]).unwrap();
        let (first, second) = (log.ticket(), log.ticket());
        let waiter = thread::spawn(move || first.wait());
        assert!(matches!(shuttle::future::block_on(second), Err(FlushError::Poisoned(_))));
        assert!(matches!(waiter.join().unwrap(), Err(FlushError::Poisoned(_))));
        assert!(log.close().is_err());
    }
}
