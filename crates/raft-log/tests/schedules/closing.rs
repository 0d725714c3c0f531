//! The end of a log beside a flush under way: whoever waits is told before it is over, and whoever comes later is
//! refused.

use raft_log::{Config, FlushError, RaftLogWriter, WriteError};

use crate::explore::scenarios;
use crate::stage::{Stage, entry, small};
use crate::step_storage::Call;

scenarios! {
    fn close_beside_a_flush_tells_every_callback_before_it_returns() {
        let stage = Stage::default();
        let mut log = stage.open();
        let end = stage.append_and_note(&mut log, 0..2);
        log.close().unwrap();
        stage.check_all_told(2);
        assert!(stage.are_durable(end) && stage.storage.is_durable_file_synced());
        stage.check_power_loss(end);
    }

    fn a_flush_after_close_is_refused_before_it_returns() {
        let stage = Stage::default();
        let mut log = stage.open();
        stage.append_and_note(&mut log, 0..1);
        log.close().unwrap();
        log.flush(stage.note(1, 1));
        assert_eq!(stage.check_told(2), 1);
        assert!(matches!(stage.told()[1].outcome, Err(FlushError::Closed)));
        assert!(matches!(log.append([entry(1)]), Err(WriteError::Closed)));
        assert!(matches!(log.ticket().wait(), Err(FlushError::Closed)));
        assert!(matches!(log.sync(), Err(FlushError::Closed)));
    }

    /// The flush thread has ended when the log is gone: nobody is left who could write to the directory.
    fn a_log_dropped_without_close_tells_every_callback() {
        let stage = Stage::default();
        let mut log = stage.open();
        stage.append_and_note(&mut log, 0..2);
        log.append([entry(2)]).unwrap();
        drop(log);
        stage.check_all_told(2);
        assert!(stage.are_durable(3), "what no callback waited for is synced by the end, too");
        stage.check_power_loss(3);
    }

    /// The flush thread sleeps before each flush, and is overtaken by the end.
    fn a_log_closed_during_the_flush_delay_tells_every_callback() {
        let stage = Stage::default();
        let mut log = stage.open_with(Config { flush_delay_micros: 1, ..small() });
        let end = stage.append_and_note(&mut log, 0..2);
        log.close().unwrap();
        stage.check_all_told(2);
        stage.check_power_loss(end);
    }

    fn a_failure_on_the_way_to_close_is_told_to_all_and_given_back() {
        let stage = Stage::default();
        let mut log = stage.open();
        log.append([entry(0)]).unwrap();
        log.sync().unwrap();
        stage.storage.fail(Call::SyncChunk, 0);
        log.flush(stage.note(0, 1));
        log.append([entry(1)]).unwrap();
        log.flush(stage.note(1, 2));
        assert!(matches!(log.close(), Err(FlushError::Poisoned(_))));
        stage.check_told(2);
        assert!(stage.told()[1].outcome.is_err());
        assert_eq!(stage.storage.syncs_after_failure(), 0);
        drop(log);
        assert_eq!(stage.storage.syncs_after_failure(), 0);
    }
}
