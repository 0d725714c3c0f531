//! Files that are not those of the log: another's, gone, cut off, or replaced.

use raft_log::{ChunkId, MissingKind, RaftLogState, RecoveryError};
use raft_log_chunk::ChunkHeader;

use super::made::*;

#[test]
fn files_of_another_log_are_foreign() {
    let (one, other) = (made(true), made(true));
    let newest = one.newest();
    let (expected, found) = (one.header(newest).log_id, other.header(newest).log_id);
    assert_ne!(expected, found);
    for name in ["DURABLE".to_owned(), one.chunks()[1].file_name()] {
        let mut mixed = Made { files: one.files.clone(), entries: Vec::new(), ..made(true) };
        mixed.files.insert(name.clone(), other.files[&name].clone());
        match mixed.refused() {
            RecoveryError::Foreign { file, expected: of_newest, found: of_file } => {
                assert_eq!((file, of_newest, of_file), (name, expected, found));
            }
            error => panic!("{error:?}"),
        }
    }
}

pub(super) fn missing(made: &Made) -> MissingKind {
    match made.refused() {
        RecoveryError::MissingData(kind) => kind,
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_deleted_chunk_is_missing() {
    for is_closed in [false, true] {
        let mut newest = made(is_closed);
        let (id, durable_end) = (newest.newest(), newest.end as u64);
        newest.files.remove(&id.file_name());
        assert_eq!(missing(&newest), MissingKind::NewestChunk { chunk: id, durable_end });

        let mut middle = made(is_closed);
        let chunks = middle.chunks();
        middle.files.remove(&chunks[2].file_name());
        assert_eq!(missing(&middle), MissingKind::BrokenChain { before: chunks[1], behind: chunks[3] });

        let mut oldest = made(is_closed);
        oldest.files.remove(&chunks[0].file_name());
        assert_eq!(missing(&oldest), MissingKind::OlderChunk { before: chunks[1] });

        let mut all = made(is_closed);
        all.files.retain(|name, _| !name.starts_with("r-"));
        assert_eq!(missing(&all), MissingKind::NewestChunk { chunk: id, durable_end });
    }
}

#[test]
fn durable_without_a_chunk_is_an_empty_log_only_where_nothing_was_durable() {
    let mut made = made(true);
    made.files.retain(|name, _| !name.starts_with("r-"));
    made.files.insert("DURABLE".to_owned(), durable(1, 77, ChunkId::new(0), 5, 0));
    let log = made.open().unwrap();
    assert_eq!((log.state(), log.reader().indexes()), (RaftLogState::default(), 0..0));
    made.files.insert("DURABLE".to_owned(), durable(1, 77, ChunkId::new(0), 5, 8));
    assert_eq!(missing(&made), MissingKind::NewestChunk { chunk: ChunkId::new(0), durable_end: 8 });
}

#[test]
fn a_chunk_that_was_cut_is_missing_data() {
    let mut older = made(true);
    let chunks = older.chunks();
    let needed = chunks[2].offset() - chunks[1].offset();
    older.chunk(chunks[1]).truncate(at(needed) - 1);
    assert_eq!(missing(&older), MissingKind::CutChunk { chunk: chunks[1], file_size: needed - 1, needed });

    for is_closed in [false, true] {
        let mut newest = made(is_closed);
        let (id, end) = (newest.newest(), newest.end);
        newest.chunk(id).truncate(end - 1);
        let (file_size, needed) = (end as u64 - 1, end as u64);
        assert_eq!(missing(&newest), MissingKind::CutChunk { chunk: id, file_size, needed });
    }
}

#[test]
fn a_mark_beyond_its_chunk_is_missing_data() {
    let mut made = made(false);
    let newest = made.newest();
    let size = made.chunk(newest).len() as u64;
    let header = made.header(newest);
    made.files.insert("DURABLE".to_owned(), durable(1, header.log_id, newest, header.salt, size + 8));
    assert_eq!(missing(&made), MissingKind::CutChunk { chunk: newest, file_size: size, needed: size + 8 });

    let older = made.chunks()[1];
    let end = made.chunks()[2].offset() - older.offset();
    let header = made.header(older);
    made.files.insert("DURABLE".to_owned(), durable(1, header.log_id, older, header.salt, end + 8));
    assert_eq!(missing(&made), MissingKind::CutChunk { chunk: older, file_size: end, needed: end + 8 });
    made.files.insert("DURABLE".to_owned(), durable(1, header.log_id, older, header.salt, end));
    made.is_whole();
}

#[test]
fn a_chunk_with_another_salt_is_a_replaced_one() {
    let mut newest = made(true);
    let id = newest.newest();
    let header = newest.header(id);
    put(newest.chunk(id), 0, &ChunkHeader { salt: header.salt ^ 1, ..header }.encode());
    assert_eq!(missing(&newest), MissingKind::ReplacedChunk { chunk: id });

    let mut older = made(true);
    let chunks = older.chunks();
    let header = older.header(chunks[2]);
    put(
        older.chunk(chunks[2]),
        0,
        &ChunkHeader { previous_salt: header.previous_salt ^ 1, ..header }.encode(),
    );
    assert_eq!(missing(&older), MissingKind::BrokenChain { before: chunks[1], behind: chunks[2] });
}
