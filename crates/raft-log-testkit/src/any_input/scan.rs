//! Any bytes, taken for the chunks of a directory, each of which is scanned: what a scan finds is what stands there, in
//! whatever pieces it is read.
//!
//! Held against it is a plain walk over the same bytes in memory.

use std::sync::Arc;

use bytes::Bytes;
use raft_log_chunk::{
    Behind, Chunk, ChunkHeader, ChunkId, FrameScan, HEADER_SIZE, Scanned, SealedChunk, Space, Storage,
    StorageFile, find_frame, look_behind, read_footer,
};
use raft_log_codec::{Frame, FrameHead, FrameSeed, GROUP_FRAME_SIZE, HeadFault, parse_group};

use super::{AnyDirectory, Watch, watched};
use crate::MemoryStorage;

/// What is taken for each byte of the files, and besides for windows.
const BYTES_PER_BYTE: u64 = 24;
const BYTES_BESIDES: u64 = 64 << 10;

/// More of them are only more of the same.
const CHUNKS_MAX: usize = 3;

/// Scans the chunks of the directory, each in windows of two sizes.
///
/// # Panics
/// When a promise is broken.
pub fn scan(bytes: &[u8], watch: Watch<'_>) {
    let directory = AnyDirectory::of(bytes);
    let chunks = directory.files.iter().filter_map(|(name, bytes)| {
        let id = ChunkId::from_file_name(name).ok()??;
        Some((id, bytes))
    });
    for (id, bytes) in chunks.take(CHUNKS_MAX) {
        let storage = MemoryStorage::new();
        storage.put_file("chunk", bytes.clone());
        let bytes = Bytes::copy_from_slice(bytes);
        let windows = 2 * directory.window_bytes as u64;
        let bytes_max = BYTES_PER_BYTE * bytes.len() as u64 + windows + BYTES_BESIDES;
        watched(watch, bytes_max, || scan_chunk(&directory, id, &storage, &bytes));
    }
}

/// Where frames were found and what they hold, and where and why there is none any more.
type Found = (Vec<(u64, FrameHead, bool, Bytes)>, u64, HeadFault);

fn scan_chunk(directory: &AnyDirectory, id: ChunkId, storage: &MemoryStorage, bytes: &Bytes) {
    let file = storage.open("chunk").expect("it was put there");
    let header = ChunkHeader::decode(bytes).ok().or_else(|| ChunkHeader::decode_unchecked(bytes));
    let header = header.unwrap_or(ChunkHeader {
        log_id: 0,
        chunk_id: id,
        salt: 0,
        previous_salt: 0,
        space: Space::Fresh,
    });
    let seed = header.seed();
    let size = bytes.len() as u64;
    let window = directory.window_bytes;

    let walked = walk(bytes, seed);
    let others = [0, 100, usize::MAX];
    for window in [window, others[bytes.len() / 8 % others.len()]] {
        storage.reset_counters();
        assert_eq!(scanned(&file, seed, None, window), walked, "window {window}");
        let windows = walked.0.len() as u64 + 2;
        // A frame at the edge of a window is read again from its start.
        let read_max = 3 * size + windows * (4096 + (window as u64).min(size));
        assert!(storage.bytes_read() <= read_max, "{} bytes of {size} were read", storage.bytes_read());
    }
    let (frames, end, _) = &walked;
    let limit = directory.number % (size + 1);
    let cut = bytes.slice(..usize::try_from(limit).expect("within the file"));
    assert_eq!(scanned(&file, seed, Some(limit), window), walk(&cut, seed), "limit {limit}");

    for from in [*end, directory.number & !7, limit & !7] {
        storage.reset_counters();
        let behind = look_behind(&*file, seed, from, window).expect("memory can be read");
        assert_eq!(behind, walk_behind(bytes, seed, from), "behind {from}");
        let found = find_frame(&*file, seed, from, u64::MAX, window).expect("memory can be read");
        assert_eq!(found, walk_for_frame(bytes, seed, from, size), "from {from}");
        assert!(storage.bytes_read() <= 4 * size + 4096, "{} bytes were read", storage.bytes_read());
        let found = find_frame(&*file, seed, from, limit, window).expect("memory can be read");
        assert_eq!(found, walk_for_frame(bytes, seed, from, limit), "from {from} to {limit}");
    }

    let chunk = Chunk::new(file.clone(), header);
    for end in [*end, limit & !7] {
        let footer = read_footer(&*file, seed, end).expect("memory can be read");
        let table = footer.as_ref().map(|footer| footer.table());
        if let Some(offsets) = table.and_then(|table| table.read(&*file).expect("memory can be read")) {
            assert_eq!(Some(offsets.len() as u64), footer.map(|footer| footer.summary.entries()));
        }
        let sealed = SealedChunk::new(chunk.clone(), end, table, None);
        let offsets = sealed.offsets(window).expect("memory can be read");
        let builder = sealed.scan(window).expect("memory can be read");
        // The last index of all has no index behind it, and no log accepts it.
        let is_countable = builder.summary().end_index < u64::MAX;
        assert!(!is_countable || builder.offsets().len() as u64 == builder.summary().entries());
        for unit in offsets.iter().take(16) {
            let at = SealedChunk::offset_of(*unit);
            let start = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            let index = frames.iter().find(|frame| frame.0 == at).and_then(|frame| frame.1.index());
            let index = index.unwrap_or(directory.number);
            let whole = chunk.entry_at(bytes, start, at, index);
            let piecewise = chunk.entry(bytes.slice(start..(start + 8).min(bytes.len())), at, index);
            match (&whole, &piecewise) {
                (Ok(whole), Ok(piecewise)) => assert_eq!(whole.payload, piecewise.payload),
                (Err(whole), Err(piecewise)) => assert_eq!(whole.to_string(), piecewise.to_string()),
                _ => panic!("{whole:?} and {piecewise:?}"),
            }
        }
    }
}

fn scanned(file: &Arc<dyn StorageFile>, seed: FrameSeed, limit: Option<u64>, window: usize) -> Found {
    let scan = FrameScan::new(file.clone(), seed, limit, window);
    let mut scan = scan.expect("memory has a size");
    let mut frames = Vec::new();
    loop {
        match scan.next_frame().expect("memory can be read") {
            Scanned::Frame(frame) => frames.push(seen(frame)),
            Scanned::End { offset, fault } => {
                assert_eq!(scan.offset(), offset);
                return (frames, offset, fault);
            }
        }
    }
}

fn seen(frame: Frame) -> (u64, FrameHead, bool, Bytes) {
    (frame.offset, frame.head, frame.fault.is_none(), frame.payload)
}

fn walk(bytes: &Bytes, seed: FrameSeed) -> Found {
    let mut frames = Vec::new();
    let mut offset = HEADER_SIZE;
    loop {
        let rest = bytes.slice(offset.min(bytes.len())..);
        match Frame::parse(&rest, seed, offset as u64) {
            Ok(frame) => {
                offset = usize::try_from(frame.end()).expect("within the file");
                frames.push(seen(frame));
            }
            Err(fault) => return (frames, offset as u64, fault),
        }
    }
}

fn walk_behind(bytes: &Bytes, seed: FrameSeed, from: u64) -> Behind {
    let size = bytes.len() as u64;
    let mut behind = Behind { bytes: size.saturating_sub(from), ..Behind::default() };
    let start = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
    behind.first_nonzero =
        bytes[start..].iter().position(|byte| *byte != 0).map(|place| (start + place) as u64);
    for at in (start..(bytes.len() + 1).saturating_sub(GROUP_FRAME_SIZE)).step_by(8) {
        let durable_end = parse_group(&bytes[at..], seed, at as u64);
        behind.durable_end = behind.durable_end.max(durable_end.unwrap_or(0));
    }
    behind.first_frame = walk_for_frame(bytes, seed, from, size).map(|(at, _)| at);
    behind
}

fn walk_for_frame(bytes: &Bytes, seed: FrameSeed, from: u64, limit: u64) -> Option<(u64, FrameHead)> {
    let limit = limit.min(bytes.len() as u64);
    let from = from.min(limit).next_multiple_of(8);
    (from..limit).step_by(8).find_map(|at| {
        let head = FrameHead::parse(&bytes[usize::try_from(at).ok()?..], seed, at).ok()?;
        // The kind alone counts: flags of a later version do not hide a frame.
        raft_log_codec::RecordKind::from_byte(head.kind_byte()).map(|_| (at, head))
    })
}
