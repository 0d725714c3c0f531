//! What cannot be read or is not understood: a failing read, an unknown version, kind or flag, bytes of other types.
//! None of it is taken for the end of the log.

use raft_log::{ChunkId, OpenError, ReadError, RecoveryError};
use raft_log_chunk::HEADER_SIZE;
use raft_log_codec::RecordKind;
use raft_log_testkit::{Failure, MemoryStorage, Operation};

use super::made::*;
use super::odd_types::*;
use crate::support::*;

#[test]
fn a_read_error_is_never_an_end_of_file() {
    for is_closed in [false, true] {
        let made = made(is_closed);
        let mut refused = 0;
        for pass in 0.. {
            let storage = MemoryStorage::from_snapshot(made.files.clone());
            storage.fail_after(pass, Operation::Read, Failure::Errno(5), 1);
            let opened = open(&storage, &small());
            if storage.calls(Operation::Read) <= pass {
                break;
            }
            match opened.unwrap_err() {
                OpenError::Recovery(RecoveryError::Io { action: "read", file, source }) => {
                    assert_eq!(source.raw_os_error(), Some(5));
                    assert!(made.files.contains_key(&file), "{file}");
                }
                OpenError::Io { file: "DURABLE", source, .. } => assert_eq!(source.raw_os_error(), Some(5)),
                error => panic!("read {pass}: {error:?}"),
            }
            refused += 1;
        }
        assert!(refused > 5, "{refused} reads were made to fail");

        // Reading an entry: Io, and readable the next time.
        let storage = MemoryStorage::from_snapshot(made.files);
        let log = open(&storage, &small()).unwrap();
        storage.fail_next(Operation::Read, Failure::Errno(5), 1);
        let error = log.read(15..16).unwrap_err();
        assert!(matches!(error, ReadError::Io { .. }), "{error:?}");
        assert_eq!(log.read(15..16).unwrap(), entries(1, 15..16));
    }
}

#[test]
fn an_unknown_version_or_flag_of_a_chunk_is_unsupported() {
    for (version, flags) in [(2, 0), (0, 0), (1, 2), (1, 0x8000_0000)] {
        let chunks = made(true).chunks();
        for id in [chunks[0], chunks[2], *chunks.last().unwrap()] {
            let mut made = made(true);
            let id = made.chunks()[chunks.iter().position(|other| *other == id).unwrap()];
            let header = header_of(&made.header(id), version, flags);
            put(made.chunk(id), 0, &header);
            match made.refused() {
                RecoveryError::Unsupported { file, offset: 0, what } => {
                    assert_eq!(file, id.file_name());
                    assert!(what.contains(&format!("version {version} with flags {flags:#x}")), "{what}");
                }
                error => panic!("{error:?}"),
            }
        }
    }
}

#[test]
fn an_unknown_version_of_durable_is_unsupported() {
    let mut made = made(true);
    made.files.insert("DURABLE".to_owned(), durable(2, 1, ChunkId::new(0), 1, 0));
    match made.refused() {
        RecoveryError::Unsupported { file, offset: 0, what } => {
            assert_eq!((file.as_str(), what.as_str()), ("DURABLE", "format version 2 is not supported"));
        }
        error => panic!("{error:?}"),
    }
}

#[test]
fn an_unknown_kind_or_flag_is_unsupported_and_no_tail() {
    for (kind, flags) in [(9, 0), (255, 0), (RecordKind::SaveVote.byte(), 1)] {
        // Behind the last frame of a newest chunk.
        let mut at_end = made(false);
        let (newest, end) = (at_end.newest(), at_end.end);
        let frame = frame_of(&at_end.header(newest), end as u64, kind, flags, &[0; 16]);
        put(at_end.chunk(newest), end, &frame);
        // In place of a vote below the end.
        let mut below = made(false).without_footers();
        let (chunk, vote) = below.find(|frame| frame.head.kind() == Some(RecordKind::SaveVote));
        let frame = frame_of(&below.header(chunk), vote.offset, kind, flags, &[0; 16]);
        put(below.chunk(chunk), at(vote.offset), &frame);

        for (made, id, place) in [(at_end, newest, end as u64), (below, chunk, vote.offset)] {
            match made.refused() {
                RecoveryError::Unsupported { file, offset, what } => {
                    assert_eq!((file, offset), (id.file_name(), place));
                    assert!(what.contains(&format!("kind {kind} with flags {flags:#x}")), "{what}");
                }
                error => panic!("{error:?}"),
            }
        }
    }
}

#[test]
fn what_the_types_do_not_decode_is_undecodable_and_no_tail() {
    for is_closed in [false, true] {
        let files = odd(is_closed);
        let vote = HEADER_SIZE as u64 + frames(&files, ChunkId::new(0))[0].head.size() as u64 + 24;
        match refused_files(&files, true) {
            RecoveryError::Undecodable { chunk, offset, .. } => {
                assert_eq!((chunk, offset), (ChunkId::new(0), vote));
            }
            error => panic!("{error:?}"),
        }
        assert!(open_files::<Odd>(&files, true).1.is_ok());
    }
}
