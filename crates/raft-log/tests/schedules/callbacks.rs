//! Callbacks and tickets on a disk that does what it is asked to: once, in order, and never before the sync.

use std::panic::resume_unwind;
use std::sync::Arc;

use raft_log::{FlushError, RaftLogWriter};
use shuttle::sync::Mutex;
use shuttle::thread;

use crate::explore::scenarios;
use crate::stage::{Log, Stage, entry, small};

scenarios! {
    fn each_callback_runs_once_and_in_order_and_after_its_sync() {
        let stage = Stage::default();
        let mut log = stage.open();
        let end = stage.append_and_note(&mut log, 0..2);
        drop(log);
        stage.check_all_told(2);
        stage.check_power_loss(end);
    }

    /// Groups that gather during a sync, and more than one of them.
    fn what_gathers_during_a_sync_is_told_after_the_next_one() {
        let stage = Stage::default();
        let mut log = stage.open();
        let end = stage.append_and_note(&mut log, 0..5);
        drop(log);
        stage.check_all_told(5);
        stage.check_power_loss(end);
    }

    fn a_callback_behind_a_new_chunk_waits_for_both_chunks() {
        let stage = Stage::default();
        let mut config = small();
        config.chunk.max_records = 1;
        let mut log = stage.open_with(config);
        let end = stage.append_and_note(&mut log, 0..3);
        drop(log);
        stage.check_all_told(3);
        stage.check_power_loss(end);
    }

    fn a_sync_on_the_callers_thread_covers_all_before_it_and_keeps_the_order() {
        let stage = Stage::default();
        let mut log = stage.open();
        stage.append_and_note(&mut log, 0..1);
        log.append([entry(1)]).unwrap();
        log.sync().unwrap();
        assert!(stage.are_durable(2), "sync came back before what it covers was synced");
        stage.append_and_note(&mut log, 2..3);
        log.sync().unwrap();
        assert!(stage.are_durable(3), "sync came back before what it covers was synced");
        drop(log);
        let told: Vec<usize> = stage.told().iter().map(|told| told.number).collect();
        assert_eq!(told, [0, 2]);
        assert!(stage.told().iter().all(|told| told.outcome.is_ok() && told.is_durable));
        stage.check_power_loss(3);
    }

    /// What a reader is told of the durable end, at any moment.
    fn the_durable_end_never_runs_ahead_of_the_disk() {
        let stage = Stage::default();
        let mut log = stage.open();
        let (reader, storage) = (log.reader(), stage.storage.clone());
        let watcher = thread::spawn(move || {
            let mut before = reader.durable();
            for _ in 0..3 {
                let durable = reader.durable();
                assert!(durable >= before, "the durable end went back");
                assert!(durable.offset() <= storage.durable_end(), "{durable:?} of {}", storage.durable_end());
                before = durable;
            }
        });
        stage.append_and_note(&mut log, 0..1);
        log.append([entry(1)]).unwrap();
        log.sync().unwrap();
        watcher.join().unwrap();
        drop(log);
        stage.check_all_told(1);
    }

    fn a_ticket_is_redeemed_when_its_bytes_are_durable() {
        let stage = Stage::default();
        let mut log = stage.open();
        log.append([entry(0)]).unwrap();
        let ticket = log.ticket();
        let waiting = stage.clone();
        let waiter = thread::spawn(move || {
            ticket.wait().unwrap();
            assert!(waiting.are_durable(1), "a ticket was redeemed before its sync had come back");
        });
        log.append([entry(1)]).unwrap();
        let ticket = log.ticket();
        // Another is dropped and changes nothing.
        drop(log.ticket());
        shuttle::future::block_on(ticket).unwrap();
        assert!(stage.are_durable(2), "a ticket was redeemed before its sync had come back");
        drop(log);
        waiter.join().unwrap();
        stage.check_power_loss(2);
    }

    fn a_callback_that_panics_harms_no_other() {
        let stage = Stage::default();
        let mut log = stage.open();
        log.append([entry(0)]).unwrap();
        let note = stage.note(0, 1);
        log.flush(move |outcome| {
            note(outcome);
            // Without the hook, which would print it as a failure.
            resume_unwind(Box::new("a callback that panics"));
        });
        let end = stage.append_and_note(&mut log, 1..3);
        log.close().unwrap();
        stage.check_all_told(3);
        stage.check_power_loss(end);
    }

    /// On the flush thread, which then ends by itself; the directory can be opened again.
    fn a_callback_may_drop_the_log() {
        let stage = Stage::default();
        let slot = Arc::new(Mutex::new(Some(stage.open())));
        let (note, own) = (stage.note(0, 1), slot.clone());
        {
            let mut held = slot.lock().unwrap();
            let log: &mut Log = held.as_mut().unwrap();
            log.append([entry(0)]).unwrap();
            log.flush(move |outcome| {
                note(outcome);
                let log = own.lock().unwrap().take();
                drop(log);
            });
            log.append([entry(1)]).unwrap();
            log.flush(stage.note(1, 2));
        }
        while slot.lock().unwrap().is_some() {
            thread::yield_now();
        }
        // Who opens it again meets the end of the other on the way; its lock tells when that is over.
        while stage.storage.is_locked() {
            thread::yield_now();
        }
        let log = stage.open();
        assert_eq!(log.read(..).unwrap(), [entry(0), entry(1)]);
        drop(log);
        while stage.told().len() < 2 {
            thread::yield_now();
        }
        stage.check_all_told(2);
    }

    /// It closes it on the flush thread, while the writer asks for more: whoever finds the other at it leaves its own
    /// callback to it, and none is left behind.
    fn a_callback_may_close_the_log() {
        let stage = Stage::default();
        let slot = Arc::new(Mutex::new(stage.open()));
        {
            let (note, own) = (stage.note(0, 1), slot.clone());
            let mut log = slot.lock().unwrap();
            log.append([entry(0)]).unwrap();
            log.flush(move |outcome| {
                note(outcome);
                own.lock().unwrap().close().unwrap();
            });
        }
        let ticket = {
            let mut log = slot.lock().unwrap();
            log.flush(stage.note(1, 1));
            log.ticket()
        };
        assert!(matches!(ticket.wait(), Ok(()) | Err(FlushError::Closed)));
        stage.check_told(2);
        stage.check_power_loss(1);
    }

    fn a_callback_may_take_a_ticket() {
        let stage = Stage::default();
        let slot = Arc::new(Mutex::new(stage.open()));
        let (send, receive) = shuttle::sync::mpsc::channel();
        {
            let (note, own) = (stage.note(0, 1), slot.clone());
            let mut log = slot.lock().unwrap();
            log.append([entry(0)]).unwrap();
            log.flush(move |outcome| {
                note(outcome);
                let mut log = own.lock().unwrap();
                log.append([entry(1)]).unwrap();
                send.send(log.ticket()).unwrap();
            });
        }
        receive.recv().unwrap().wait().unwrap();
        assert!(stage.are_durable(2), "a ticket was redeemed before its sync had come back");
        slot.lock().unwrap().close().unwrap();
        stage.check_all_told(1);
        stage.check_power_loss(2);
    }
}
