//! Every row of the recovery table, from real directories: what is found, and the exact answer with its fields.
//!
//! The directories are made by a log and then changed with the codec, so that checksums are good wherever damage is
//! not what is tried.

use std::collections::BTreeMap;
use std::fs;

use bytes::Bytes;
use raft_log::{
    ChunkId, Config, CorruptKind, DamagedRecord, Decode, DecodeError, Encode, EncodeError, LogId,
    MissingKind, OpenError, OpenWarning, PlainTypes, PlainVote, RaftLog, RaftLogState, RaftLogWriter,
    ReadError, Record, RecoveryError, TermIndex, TornTail, Types, Vote,
};
use raft_log_chunk::{ChunkHeader, HEADER_SIZE, HeaderFault, StopCause};
use raft_log_codec::{ChecksumWriter, Frame, HeadFault, RecordKind, group_frame, push_frame};
use raft_log_testkit::{Failure, MemoryStorage, Operation};

use crate::support::*;

type Files = BTreeMap<String, Vec<u8>>;

/// The files of a log that lived, and what it held.
struct Made {
    files: Files,
    state: RaftLogState<PlainTypes>,
    entries: Vec<(TermIndex, Bytes)>,
    /// Where the log ends in the newest chunk.
    end: usize,
}

fn made(is_closed: bool) -> Made {
    let storage = MemoryStorage::new();
    let mut log = lived(&storage, &small());
    let end = usize::try_from(log.wal().end().offset).unwrap();
    let (state, entries) = (log.state(), contents(&log));
    if is_closed {
        log.close().unwrap();
    }
    Made { files: storage.snapshot(), state, entries, end }
}

impl Made {
    fn chunks(&self) -> Vec<ChunkId> {
        self.files.keys().filter_map(|name| ChunkId::from_file_name(name).unwrap()).collect()
    }

    fn newest(&self) -> ChunkId {
        *self.chunks().last().unwrap()
    }

    fn chunk(&mut self, id: ChunkId) -> &mut Vec<u8> {
        self.files.get_mut(&id.file_name()).unwrap()
    }

    fn header(&self, id: ChunkId) -> ChunkHeader {
        ChunkHeader::decode(&self.files[&id.file_name()]).unwrap()
    }

    /// The frames of a chunk, in order.
    fn frames(&self, id: ChunkId) -> Vec<Frame> {
        frames(&self.files, id)
    }

    /// The chunk and the frame that the log took the first such record from.
    fn find(&self, wanted: impl Fn(&Frame) -> bool) -> (ChunkId, Frame) {
        let all = self.chunks().into_iter().flat_map(|id| self.frames(id).into_iter().map(move |f| (id, f)));
        all.into_iter().find(|(_, frame)| wanted(frame)).unwrap()
    }

    /// Cuts the footers off, so that every chunk is scanned.
    fn without_footers(mut self) -> Self {
        for pair in self.chunks().windows(2) {
            let end = usize::try_from(pair[1].offset() - pair[0].offset()).unwrap();
            self.chunk(pair[0]).truncate(end);
        }
        let (newest, end) = (self.newest(), self.end);
        self.chunk(newest)[end..].fill(0);
        self
    }

    fn open(&self) -> Result<Log, OpenError> {
        open_files::<PlainTypes>(&self.files, true).1
    }

    fn refused(&self) -> RecoveryError {
        refused_files(&self.files, true)
    }

    /// The log opens and holds what it did.
    fn is_whole(&self) -> Log {
        let log = self.open().unwrap();
        assert_eq!((log.state(), contents(&log)), (self.state.clone(), self.entries.clone()));
        log
    }
}

fn frames(files: &Files, id: ChunkId) -> Vec<Frame> {
    let bytes = Bytes::from(files[&id.file_name()].clone());
    let seed = ChunkHeader::decode(&bytes).unwrap().seed();
    let mut frames = Vec::new();
    let mut offset = HEADER_SIZE as u64;
    while let Ok(frame) = Frame::parse(&bytes.slice(usize::try_from(offset).unwrap()..), seed, offset) {
        offset = frame.end();
        frames.push(frame);
    }
    frames
}

/// Puts the files into a real directory and opens it. The directory goes when the test ends, and the open files stay.
fn open_files<T: Types>(files: &Files, truncate: bool) -> (Files, Result<RaftLog<T>, OpenError>) {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    let mut config = Config::new(directory.path());
    config.chunk = small().chunk;
    config.truncate_incomplete_record = truncate;
    let log = RaftLog::open_typed(config);
    let look = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    let after = fs::read_dir(directory.path()).unwrap().map(look).collect();
    (after, log)
}

fn refused_files(files: &Files, truncate: bool) -> RecoveryError {
    let (after, opened) = open_files::<PlainTypes>(files, truncate);
    let error = opened.unwrap_err();
    assert!(after == *files, "a failed open changed something: {error:?}");
    let OpenError::Recovery(error) = error else { panic!("{error:?}") };
    error
}

fn at(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

/// A header with any version and flags, under a good checksum.
fn header_of(header: &ChunkHeader, version: u32, flags: u32) -> Vec<u8> {
    let mut writer = ChecksumWriter::new();
    writer.bytes(b"RAFTLOG\n").u32(version).u32(flags).bytes(&header.encode()[16..60]);
    writer.finish()
}

/// A slot of `DURABLE`, padded to its file.
fn durable(version: u32, log_id: u128, chunk: ChunkId, salt: u64, end: u64) -> Vec<u8> {
    let mut writer = ChecksumWriter::new();
    writer.bytes(b"RAFTDUR\n").u32(version).bytes(&log_id.to_le_bytes());
    writer.u64(chunk.offset()).u64(salt).u64(end);
    let mut file = writer.finish();
    file.resize(8192, 0);
    file
}

/// A frame of any kind and flags, without an id, under good checksums.
fn frame_of(header: &ChunkHeader, offset: u64, kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    assert!(body.len().is_multiple_of(8));
    let mut body_crc = ChecksumWriter::new();
    body_crc.bytes(body);
    let body_crc = body_crc.finish().split_off(body.len());
    let mut head = header.seed().writer_at(offset);
    head.bytes(&body_crc).u32(u32::try_from(body.len()).unwrap()).u8(kind).u8(flags).u16(0);
    let mut frame = head.finish();
    frame.rotate_right(4);
    frame.extend_from_slice(body);
    frame
}

fn record_of(header: &ChunkHeader, offset: u64, record: &Record<PlainTypes>) -> Vec<u8> {
    let mut out = Vec::new();
    push_frame(&mut out, header.seed(), offset, record).unwrap();
    out
}

fn put(bytes: &mut Vec<u8>, offset: usize, what: &[u8]) {
    if bytes.len() < offset + what.len() {
        bytes.resize(offset + what.len(), 0);
    }
    bytes[offset..offset + what.len()].copy_from_slice(what);
}

// Io

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

// Unsupported, Undecodable

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

/// Votes of three bytes, which `PlainVote` does not decode; and ids whose rest leaves room for padding.
struct Odd;

#[derive(Debug, Clone, PartialEq)]
struct OddVote;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct OddId(TermIndex);

impl Types for Odd {
    type LogId = OddId;
    type Vote = OddVote;
    type Payload = Bytes;
    type UserData = Bytes;
}

impl Encode for OddVote {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(b"odd");
        Ok(())
    }
}

impl Decode for OddVote {
    fn decode(_: Bytes) -> Result<Self, DecodeError> {
        Ok(Self)
    }
}

impl Vote for OddVote {
    fn may_replace(&self, _: &Self) -> bool {
        true
    }
}

impl LogId for OddId {
    fn term(&self) -> u64 {
        self.0.term
    }
    fn index(&self) -> u64 {
        self.0.index
    }
    fn encode_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(b"odd");
        Ok(())
    }
    fn decode(term: u64, index: u64, _: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self(TermIndex::new(term, index)))
    }
}

/// A log of odd types over several chunks: a vote, entries 0 to 20, truncated to 8, entries to 29.
fn odd(is_closed: bool) -> Files {
    let storage = MemoryStorage::new();
    let mut log = RaftLog::<Odd>::open_on(small(), std::sync::Arc::new(storage.clone())).unwrap();
    let odd = |range: std::ops::Range<u64>| range.map(|index| (OddId(id(1, index)), payload(index)));
    log.save_vote(OddVote).unwrap();
    log.append(odd(0..21)).unwrap();
    log.truncate(Some(OddId(id(1, 8)))).unwrap();
    log.append(odd(9..30)).unwrap();
    log.sync().unwrap();
    if is_closed {
        log.close().unwrap();
    }
    storage.snapshot()
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

// Foreign

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

// MissingData

fn missing(made: &Made) -> MissingKind {
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

// Corrupt

fn corrupt(made: &Made) -> (ChunkId, u64, CorruptKind) {
    match made.refused() {
        RecoveryError::Corrupt { chunk, offset, kind } => (chunk, offset, kind),
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_damaged_header_or_state_is_corrupt() {
    for which in 0..made(true).chunks().len() {
        let mut header = made(true);
        let id = header.chunks()[which];
        header.chunk(id)[20] ^= 1;
        assert_eq!(corrupt(&header), (id, 0, CorruptKind::Header(HeaderFault::Damaged)));

        for flipped in [HEADER_SIZE + 1, HEADER_SIZE + 17] {
            let mut state = made(true);
            let id = state.chunks()[which];
            state.chunk(id)[flipped] ^= 1;
            let (chunk, offset, kind) = corrupt(&state);
            assert_eq!((chunk, offset), (id, HEADER_SIZE as u64));
            let is_told = match kind {
                CorruptKind::State(StopCause::Head(HeadFault::Checksum { .. })) => flipped == HEADER_SIZE + 1,
                CorruptKind::State(StopCause::Body(_)) => flipped == HEADER_SIZE + 17,
                _ => false,
            };
            assert!(is_told, "{flipped}");
        }
    }
}

#[test]
fn a_renamed_chunk_is_told_by_its_header() {
    let mut made = made(true);
    let newest = made.newest();
    let elsewhere = ChunkId::new(newest.offset() + 8);
    let bytes = made.files.remove(&newest.file_name()).unwrap();
    made.files.insert(elsewhere.file_name(), bytes);
    assert_eq!(corrupt(&made), (elsewhere, 0, CorruptKind::OtherChunk { found: newest }));
    let kind = CorruptKind::OtherChunk { found: newest };
    let said = RecoveryError::Corrupt { chunk: elsewhere, offset: 0, kind }.to_string();
    assert!(said.contains("give the file its name back"), "{said}");
}

#[test]
fn broken_framing_below_the_end_is_corrupt() {
    let mut made = made(false).without_footers();
    let (chunk, entry) = made.find(|frame| frame.head.index() == Some(15));
    made.chunk(chunk)[at(entry.offset) + 9] ^= 1;
    let end = made.chunks().into_iter().find(|id| *id > chunk).unwrap().offset() - chunk.offset();
    let (found, offset, kind) = corrupt(&made);
    assert_eq!((found, offset), (chunk, entry.offset));
    assert!(
        matches!(kind, CorruptKind::Frame { cause: StopCause::Head(_), needed } if needed == end),
        "{kind:?}"
    );
}

#[test]
fn damage_before_the_durable_end_is_corrupt_whoever_vouches() {
    // `DURABLE` vouches for everything.
    let mut by_mark = made(false);
    let (newest, end) = (by_mark.newest(), by_mark.end as u64);
    let last = by_mark.frames(newest).pop().unwrap();
    by_mark.chunk(newest)[at(last.offset) + 40] ^= 1;
    let (chunk, offset, kind) = corrupt(&by_mark);
    assert_eq!((chunk, offset), (newest, last.offset));
    assert!(
        matches!(kind, CorruptKind::Frame { cause: StopCause::Body(_), needed } if needed == end),
        "{kind:?}"
    );

    // Without it, a group behind the damage does, though the frame between them is gone.
    by_mark.files.remove("DURABLE");
    let header = by_mark.header(newest);
    let vouched = last.offset + 8;
    put(by_mark.chunk(newest), at(end), &group_frame(header.seed(), end, vouched));
    let (chunk, offset, kind) = corrupt(&by_mark);
    assert_eq!((chunk, offset), (newest, last.offset));
    assert!(matches!(kind, CorruptKind::Frame { needed, .. } if needed == vouched), "{kind:?}");

    // A mark ahead of the last frame.
    let mut ahead = made(false);
    let newest = ahead.newest();
    let (header, end) = (ahead.header(newest), ahead.end as u64);
    ahead.files.insert("DURABLE".to_owned(), durable(1, header.log_id, newest, header.salt, end + 8));
    let (chunk, offset, kind) = corrupt(&ahead);
    assert_eq!((chunk, offset), (newest, end));
    let cause = StopCause::Head(HeadFault::Empty);
    assert_eq!(kind, CorruptKind::Frame { cause, needed: end + 8 });
}

#[test]
fn records_that_contradict_the_log_are_corrupt() {
    let mut gap = made(false);
    let (newest, end) = (gap.newest(), gap.end);
    let entry = Record::Append(id(2, 99), payload(99));
    let frame = record_of(&gap.header(newest), end as u64, &entry);
    put(gap.chunk(newest), end, &frame);
    let (chunk, offset, kind) = corrupt(&gap);
    assert_eq!((chunk, offset), (newest, end as u64));
    let CorruptKind::Contradiction { reason } = kind else { panic!("{kind:?}") };
    assert!(reason.contains("2:99 leaves a gap behind 2:43"), "{reason}");

    // A State that the records before it do not lead to.
    let mut state = made(true);
    let newest = state.newest();
    let before = state.header(newest);
    let id = ChunkId::new(newest.offset() + state.end as u64);
    let header = ChunkHeader { chunk_id: id, salt: 1, previous_salt: before.salt, ..before };
    let mut other = state.state.clone();
    other.vote = Some(PlainVote::new(9, 9));
    let mut bytes = header.encode().to_vec();
    bytes.extend(record_of(&header, HEADER_SIZE as u64, &Record::State(other)));
    state.files.insert(id.file_name(), bytes);
    let (chunk, offset, kind) = corrupt(&state);
    assert_eq!((chunk, offset), (id, HEADER_SIZE as u64));
    let CorruptKind::Contradiction { reason } = kind else { panic!("{kind:?}") };
    assert!(reason.contains("vote"), "{reason}");
}

// Damage below the end that costs one record

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

// The end of the log

#[test]
fn the_log_ends_before_what_was_never_acknowledged() {
    let origin = made(false);
    let (newest, end) = (origin.newest(), origin.end);
    let header = origin.header(newest);
    let next = record_of(&header, end as u64, &Record::Append(id(2, 44), payload(44)));
    let mut bad_body = next.clone();
    *bad_body.last_mut().unwrap() ^= 1;
    bad_body[40] ^= 1;
    let second = record_of(&header, (end + next.len()) as u64, &Record::Append(id(2, 45), payload(45)));
    let cases = [
        ("a frame cut short", next[..30].to_vec(), 0),
        ("a frame with a bad body", bad_body.clone(), 0),
        // Writeback reorders: a valid frame behind proves nothing.
        ("a bad frame and a good one behind", [bad_body, second.clone()].concat(), 0),
        (
            "a frame that was never written and a good one behind",
            [vec![0; next.len()], second].concat(),
            next.len(),
        ),
        ("junk", (1..=255).collect(), 0),
    ];
    for (what, tail, skipped) in cases {
        let mut made = made(false);
        made.files = origin.files.clone();
        put(made.chunk(newest), end, &tail);
        let log = made.is_whole();
        let torn = log.report().torn_tail.unwrap_or_else(|| panic!("{what}"));
        let nonzero = tail.iter().position(|byte| *byte != 0).unwrap();
        assert!(nonzero >= skipped);
        let expected = TornTail {
            chunk: newest,
            offset: end as u64,
            first_nonzero: (end + nonzero) as u64,
            file_size: made.files[&newest.file_name()].len() as u64,
        };
        assert_eq!(torn, expected, "{what}");
        drop(log);
        let expected = (newest, end as u64, (end + nonzero) as u64);
        match refused_files(&made.files, false) {
            RecoveryError::Torn { chunk, offset, first_nonzero } => {
                assert_eq!((chunk, offset, first_nonzero), expected, "{what}");
            }
            error => panic!("{what}: {error:?}"),
        }
    }
    // Zeros and a footer are no torn tail.
    for is_closed in [false, true] {
        let made = made(is_closed);
        let log = open_files::<PlainTypes>(&made.files, false).1.unwrap();
        assert_eq!((log.state(), log.report().torn_tail), (made.state.clone(), None));
        let made = Made { files: made.files.clone(), ..made };
        drop(made.without_footers().is_whole());
    }
}

/// The bytes of the torn tail stay where they are, and never come back.
#[test]
fn a_log_goes_on_behind_a_torn_tail() {
    let made = made(false);
    let (newest, end) = (made.newest(), made.end);
    let storage = MemoryStorage::from_snapshot(made.files.clone());
    let header = made.header(newest);
    let mut tail = record_of(&header, end as u64, &Record::Append(id(2, 44), payload(44)));
    let good = record_of(&header, (end + tail.len()) as u64, &Record::Append(id(2, 45), payload(45)));
    tail[3] ^= 1;
    storage.edit_file(&newest.file_name(), |bytes| put(bytes, end, &[tail, good].concat()));
    let mut expected = made.entries.clone();
    for round in 0..3 {
        let mut log = open(&storage, &small()).unwrap();
        assert_eq!(contents(&log), expected);
        assert_eq!(log.report().torn_tail.is_some(), round == 0);
        let more = entries(3, 44 + round..45 + round);
        log.append(more.clone()).unwrap();
        expected.extend(more);
        log.sync().unwrap();
    }
}

#[test]
fn durable_is_made_again_where_it_is_absent_or_damaged() {
    for is_closed in [false, true] {
        for (damaged, warning) in [
            (None, OpenWarning::DurableMissing),
            (Some(vec![]), OpenWarning::DurableDamaged),
            (Some(vec![7; 8192]), OpenWarning::DurableDamaged),
        ] {
            let mut made = made(is_closed);
            made.files.remove("DURABLE");
            made.files.extend(damaged.map(|bytes| ("DURABLE".to_owned(), bytes)));
            let (after, log) = open_files::<PlainTypes>(&made.files, true);
            let log = log.unwrap();
            assert_eq!((log.state(), log.report().warnings.clone()), (made.state.clone(), vec![warning]));
            // From then on it tells a missing chunk again.
            let newest = made.newest();
            let durable_end = made.end as u64;
            made.files.clone_from(&after);
            made.files.remove(&newest.file_name());
            assert_eq!(missing(&made), MissingKind::NewestChunk { chunk: newest, durable_end });
        }
    }
}

#[test]
fn leftovers_of_a_purge_are_never_judged_and_go_with_the_next_write() {
    let base = made(true).chunks()[0];
    assert!(base.offset() > 0, "a chunk before it was purged");
    let whole = || {
        let storage = MemoryStorage::new();
        let mut log = open(&storage, &small()).unwrap();
        log.append(entries(1, 0..9)).unwrap();
        log.sync().unwrap();
        storage.file_bytes(&ChunkId::new(0).file_name()).unwrap()
    };
    for leftover in [whole(), Vec::new(), vec![7; 5000], vec![0; 100]] {
        for is_closed in [false, true] {
            let mut made = made(is_closed);
            let name = ChunkId::new(0).file_name();
            made.files.insert(name.clone(), leftover.clone());
            let log = made.is_whole();
            assert_eq!(log.report().leftovers, 1);
            drop(log);
            let storage = MemoryStorage::from_snapshot(made.files.clone());
            let mut log = open(&storage, &small()).unwrap();
            assert!(storage.file_bytes(&name).is_some(), "opening removes nothing");
            log.save_vote(PlainVote::new(9, 9)).unwrap();
            log.sync().unwrap();
            assert!(storage.file_bytes(&name).is_none(), "the next write removes it");
            drop(log);
            assert_eq!(open(&storage, &small()).unwrap().report().leftovers, 0);
        }
    }
}
