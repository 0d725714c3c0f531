//! The limit on unsynced bytes: the writer waits for room, is always woken, and is told when there will be none.

use bytes::Bytes;
use raft_log::{FlushError, RaftLogWriter, WriteError};

use crate::explore::scenarios;
use crate::stage::{Log, Stage, id, small};
use crate::step_storage::Call;

/// Two of these are more than may wait.
const BYTES: usize = 40 << 10;

fn tight(stage: &Stage) -> Log {
    let mut config = small();
    config.max_unsynced_bytes = 64 << 10;
    stage.open_with(config)
}

fn large(index: u64) -> Bytes {
    Bytes::from(vec![b'a' + u8::try_from(index).unwrap(); BYTES])
}

scenarios! {
    /// Nobody asked for a flush: the log starts it by itself.
    fn a_writer_that_waits_for_room_is_woken() {
        let stage = Stage::default();
        let mut log = tight(&stage);
        for index in 0..4 {
            log.append([(id(index), large(index))]).unwrap();
        }
        // Of four, the last was accepted when less than two were waiting.
        assert!(stage.storage.is_durable(&large(0)) && stage.storage.is_durable(&large(1)));
        log.close().unwrap();
        assert!((0..4).all(|index| stage.storage.is_durable(&large(index))));
    }

    fn a_writer_that_waits_for_room_beside_callbacks_is_woken() {
        let stage = Stage::default();
        let mut log = tight(&stage);
        for index in 0..3 {
            log.append([(id(index), large(index))]).unwrap();
            let number = usize::try_from(index).unwrap();
            log.flush(stage.note(number, 0));
        }
        log.sync().unwrap();
        log.append([(id(3), large(3))]).unwrap();
        drop(log);
        stage.check_all_told(3);
        assert!((0..4).all(|index| stage.storage.is_durable(&large(index))));
    }

    fn a_writer_that_waits_for_room_is_told_of_the_failure() {
        let stage = Stage::default();
        let mut log = tight(&stage);
        log.append([(id(0), large(0))]).unwrap();
        log.sync().unwrap();
        stage.storage.fail(Call::SyncChunk, 0);
        let refused = (1..5).find_map(|index| log.append([(id(index), large(index))]).err());
        assert!(matches!(refused, Some(WriteError::Poisoned(_))), "{refused:?}");
        assert!(matches!(log.close(), Err(FlushError::Poisoned(_))));
        assert_eq!(stage.storage.syncs_after_failure(), 0, "a sync was tried again");
    }
}
