//! The directory that each verdict is tried on, made by a log that lived, and the means to change its bytes with good
//! checksums.

use std::collections::BTreeMap;
use std::fs;

use bytes::Bytes;
use raft_log::{
    ChunkId, Config, OpenError, PlainTypes, RaftLog, RaftLogState, Record, RecoveryError, TermIndex, Types,
};
use raft_log_chunk::{ChunkHeader, HEADER_SIZE};
use raft_log_codec::{ChecksumWriter, Frame, push_frame};
use raft_log_testkit::MemoryStorage;

use crate::support::*;

pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// The files of a log that lived, and what it held.
pub(super) struct Made {
    pub(super) files: Files,
    pub(super) state: RaftLogState<PlainTypes>,
    pub(super) entries: Vec<(TermIndex, Bytes)>,
    /// Where the log ends in the newest chunk.
    pub(super) end: usize,
}

pub(super) fn made(is_closed: bool) -> Made {
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
    pub(super) fn chunks(&self) -> Vec<ChunkId> {
        self.files.keys().filter_map(|name| ChunkId::from_file_name(name).unwrap()).collect()
    }

    pub(super) fn newest(&self) -> ChunkId {
        *self.chunks().last().unwrap()
    }

    pub(super) fn chunk(&mut self, id: ChunkId) -> &mut Vec<u8> {
        self.files.get_mut(&id.file_name()).unwrap()
    }

    pub(super) fn header(&self, id: ChunkId) -> ChunkHeader {
        ChunkHeader::decode(&self.files[&id.file_name()]).unwrap()
    }

    /// The frames of a chunk, in order.
    pub(super) fn frames(&self, id: ChunkId) -> Vec<Frame> {
        frames(&self.files, id)
    }

    /// The chunk and the frame that the log took the first such record from.
    pub(super) fn find(&self, wanted: impl Fn(&Frame) -> bool) -> (ChunkId, Frame) {
        let all = self.chunks().into_iter().flat_map(|id| self.frames(id).into_iter().map(move |f| (id, f)));
        all.into_iter().find(|(_, frame)| wanted(frame)).unwrap()
    }

    /// Cuts the footers off, so that every chunk is scanned.
    pub(super) fn without_footers(mut self) -> Self {
        for pair in self.chunks().windows(2) {
            let end = usize::try_from(pair[1].offset() - pair[0].offset()).unwrap();
            self.chunk(pair[0]).truncate(end);
        }
        let (newest, end) = (self.newest(), self.end);
        self.chunk(newest)[end..].fill(0);
        self
    }

    pub(super) fn open(&self) -> Result<Log, OpenError> {
        open_files::<PlainTypes>(&self.files, true).1
    }

    pub(super) fn refused(&self) -> RecoveryError {
        refused_files(&self.files, true)
    }

    /// The log opens and holds what it did.
    pub(super) fn is_whole(&self) -> Log {
        let log = self.open().unwrap();
        assert_eq!((log.state(), contents(&log)), (self.state.clone(), self.entries.clone()));
        log
    }
}

pub(super) fn frames(files: &Files, id: ChunkId) -> Vec<Frame> {
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
pub(super) fn open_files<T: Types>(files: &Files, truncate: bool) -> (Files, Result<RaftLog<T>, OpenError>) {
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

pub(super) fn refused_files(files: &Files, truncate: bool) -> RecoveryError {
    let (after, opened) = open_files::<PlainTypes>(files, truncate);
    let error = opened.unwrap_err();
    assert!(after == *files, "a failed open changed something: {error:?}");
    let OpenError::Recovery(error) = error else { panic!("{error:?}") };
    error
}

pub(super) fn at(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

/// A header with any version and flags, under a good checksum.
pub(super) fn header_of(header: &ChunkHeader, version: u32, flags: u32) -> Vec<u8> {
    let mut writer = ChecksumWriter::new();
    writer.bytes(b"RAFTLOG\n").u32(version).u32(flags).bytes(&header.encode()[16..60]);
    writer.finish()
}

/// A slot of `DURABLE`, padded to its file.
pub(super) fn durable(version: u32, log_id: u128, chunk: ChunkId, salt: u64, end: u64) -> Vec<u8> {
    let mut writer = ChecksumWriter::new();
    writer.bytes(b"RAFTDUR\n").u32(version).bytes(&log_id.to_le_bytes());
    writer.u64(chunk.offset()).u64(salt).u64(end);
    let mut file = writer.finish();
    file.resize(8192, 0);
    file
}

/// A frame of any kind and flags, without an id, under good checksums.
pub(super) fn frame_of(header: &ChunkHeader, offset: u64, kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
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

pub(super) fn record_of(header: &ChunkHeader, offset: u64, record: &Record<PlainTypes>) -> Vec<u8> {
    let mut out = Vec::new();
    push_frame(&mut out, header.seed(), offset, record).unwrap();
    out
}

pub(super) fn put(bytes: &mut Vec<u8>, offset: usize, what: &[u8]) {
    if bytes.len() < offset + what.len() {
        bytes.resize(offset + what.len(), 0);
    }
    bytes[offset..offset + what.len()].copy_from_slice(what);
}
