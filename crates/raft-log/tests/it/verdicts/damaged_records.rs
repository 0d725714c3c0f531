//! Damage below the end that costs one record: the log opens, and says so.

use raft_log::{ChunkId, DamagedRecord, PlainVote, ReadError};
use raft_log_codec::RecordKind;

use super::made::*;
use super::odd_types::*;

#[test]
fn a_damaged_entry_is_told_when_it_is_read_and_its_neighbours_are_read() {
    for has_footers in [true, false] {
        let mut made = made(true);
        if !has_footers {
            made = made.without_footers();
        }
        let (chunk, entry) = made.find(|frame| frame.head.index() == Some(15));
        made.chunk(chunk)[at(entry.offset) + 33] ^= 1;
        let log = made.open().unwrap();
        assert_eq!((log.state(), log.reader().indexes()), (made.state.clone(), 13..44));
        for range in [13..44, 15..16, 14..16] {
            match log.read(range).unwrap_err() {
                ReadError::Damaged { chunk: named, offset, index: 15, found } => {
                    assert_eq!((named, offset), (chunk, entry.offset));
                    assert!(found.contains("body checksum"), "{found}");
                }
                error => panic!("{error:?}"),
            }
        }
        assert_eq!(log.read(13..15).unwrap(), made.entries[..2]);
        assert_eq!(log.read(16..44).unwrap(), made.entries[3..]);
        let kind = RecordKind::Append;
        let damaged = [DamagedRecord { chunk, offset: entry.offset, kind, index: Some(15) }];
        // Nobody has looked at it where a footer speaks for the chunk.
        assert_eq!(log.report().damaged, if has_footers { &damaged[..0] } else { &damaged[..] });
    }
}

#[test]
fn a_damaged_truncation_acts_by_its_head() {
    for is_closed in [false, true] {
        let mut files = odd(is_closed);
        let ids: Vec<ChunkId> =
            files.keys().filter_map(|name| ChunkId::from_file_name(name).unwrap()).collect();
        let (chunk, truncate) = ids
            .iter()
            .flat_map(|id| frames(&files, *id).into_iter().map(|frame| (*id, frame)))
            .find(|(_, frame)| frame.head.kind() == Some(RecordKind::TruncateAfter))
            .unwrap();
        assert!(chunk < ids[ids.len() - 1], "below the end");
        // Scanned, or nobody looks at it.
        let next = ids.iter().find(|id| **id > chunk).unwrap();
        let bytes = files.get_mut(&chunk.file_name()).unwrap();
        bytes.truncate(at(next.offset() - chunk.offset()));
        bytes[at(truncate.end()) - 1] ^= 1;
        let log = open_files::<Odd>(&files, true).1.unwrap();
        let kind = RecordKind::TruncateAfter;
        let offset = truncate.offset;
        assert_eq!(log.report().damaged, [DamagedRecord { chunk, offset, kind, index: None }]);
        assert_eq!(log.reader().indexes(), 0..30);
        let indexes: Vec<u64> = log.read(..).unwrap().iter().map(|(id, _)| id.0.index).collect();
        assert_eq!(indexes, (0..30).collect::<Vec<_>>());
    }
}

#[test]
fn a_damaged_vote_is_passed_over_and_the_next_state_speaks() {
    for has_footers in [true, false] {
        let mut made = made(true);
        if !has_footers {
            made = made.without_footers();
        }
        let (chunk, vote) = made.find(|frame| frame.head.kind() == Some(RecordKind::SaveVote));
        assert!(chunk < made.newest());
        made.chunk(chunk)[at(vote.offset) + 20] ^= 1;
        let log = made.is_whole();
        assert_eq!(log.state().vote, Some(PlainVote::new(2, 8)));
        assert_eq!(log.report().damaged.len(), usize::from(!has_footers));
    }
}
