//! Where a log can be ended, given why it is refused.
//!
//! A cut is at the end of a frame: in the chunk that is damaged, before the damage, or, where that chunk does not even
//! begin well, at the end of the chunk before it.

use std::io;

use raft_log_chunk::{
    ChunkId, CorruptKind, FrameScan, HEADER_SIZE, MissingKind, RecoveryError, Scanned, StopCause, Storage,
};

use crate::opening::full_text;
use crate::seed_search::read_header;

const WINDOW_BYTES: usize = 1 << 20;

/// The end of a log: the last chunk that stays, and the end of its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) chunk: ChunkId,
    pub(crate) offset: u64,
}

impl Cut {
    /// The place in the whole log, which is the id of the successor.
    pub(crate) fn place(self) -> u64 {
        self.chunk.offset().saturating_add(self.offset)
    }
}

/// The latest cut that the refusal allows.
pub(crate) fn first_cut(
    storage: &dyn Storage,
    ids: &[ChunkId],
    error: &RecoveryError,
) -> Result<Cut, String> {
    cut_of(storage, ids, error, u64::MAX)
}

/// A cut before `last`, whose directory is refused by `error`.
pub(crate) fn earlier_cut(
    storage: &dyn Storage,
    ids: &[ChunkId],
    last: Cut,
    error: &RecoveryError,
) -> Result<Cut, String> {
    let kept: Vec<ChunkId> = ids.iter().copied().filter(|id| *id <= last.chunk).collect();
    let cut = cut_of(storage, &kept, error, last.place())?;
    if cut.place() < last.place() {
        Ok(cut)
    } else {
        Err(format!("ending the log there would not help: {}", full_text(error)))
    }
}

fn cut_of(storage: &dyn Storage, ids: &[ChunkId], error: &RecoveryError, limit: u64) -> Result<Cut, String> {
    let newest = ids.last().copied().ok_or("no chunk is left")?;
    match error {
        RecoveryError::Corrupt { chunk, offset, kind } => match kind {
            CorruptKind::OtherChunk { .. } if limit == u64::MAX => match misnamed(storage, ids, *chunk)? {
                // Nothing is lost then.
                Some(files) => Err(rename_advice(&files)),
                None => end_before(ids, *chunk),
            },
            CorruptKind::Header(_) | CorruptKind::State(_) | CorruptKind::OtherChunk { .. } => {
                end_before(ids, *chunk)
            }
            // The heads behind a damaged body are good, so only that body is given up.
            CorruptKind::Frame { cause: StopCause::Body(_), .. } if *chunk == newest && limit == u64::MAX => {
                normal(storage, ids, *chunk, end_of_heads(storage, *chunk)?)
            }
            _ => normal(storage, ids, *chunk, *offset),
        },
        RecoveryError::MissingData(kind) => match kind {
            MissingKind::NewestChunk { .. } => normal(storage, ids, newest, end_of_heads(storage, newest)?),
            MissingKind::ReplacedChunk { chunk } | MissingKind::CutChunk { chunk, .. } => {
                normal(storage, ids, *chunk, end_of_heads(storage, *chunk)?)
            }
            MissingKind::BrokenChain { before, .. } => {
                normal(storage, ids, *before, end_of_heads(storage, *before)?)
            }
            MissingKind::OlderChunk { .. } => {
                Err("the beginning of the log is gone, and ending it early does not bring it back".to_owned())
            }
            _ => {
                Err("entries are missing from the middle of the log, and it is not known where it could end"
                    .to_owned())
            }
        },
        RecoveryError::Io { .. } => {
            Err("see to the disk first; what cannot be read is not given up".to_owned())
        }
        RecoveryError::Unsupported { .. } => Err("open it with the newer version that wrote it".to_owned()),
        RecoveryError::Foreign { .. } => Err("separate the files of the two logs first".to_owned()),
        RecoveryError::InvalidChunkFileName(_) => {
            Err("give the file its name back, or move it away".to_owned())
        }
        RecoveryError::NotAFile { .. } => Err("move it away; it is not part of a log".to_owned()),
        _ => Err("this tool knows no way to mend that".to_owned()),
    }
}

/// The files that bear each other's names, or a name that is no file's, each with the chunk that it is by its header;
/// `None` where a name is that of a file as well that is what it is called, or that has no good header.
fn misnamed(
    storage: &dyn Storage,
    ids: &[ChunkId],
    chunk: ChunkId,
) -> Result<Option<Vec<(ChunkId, ChunkId)>>, String> {
    let mut files: Vec<(ChunkId, ChunkId)> = Vec::new();
    let mut name = chunk;
    while ids.contains(&name) && files.first().is_none_or(|first| first.0 != name) {
        let cannot = |error: io::Error| format!("cannot read {name}: {}", full_text(&error));
        let Ok(header) = read_header(storage, name).map_err(cannot)? else { return Ok(None) };
        if files.iter().any(|(_, is)| *is == header.chunk_id) || header.chunk_id == name {
            return Ok(None);
        }
        files.push((name, header.chunk_id));
        name = header.chunk_id;
    }
    Ok(Some(files))
}

fn rename_advice(files: &[(ChunkId, ChunkId)]) -> String {
    let mut renames: Vec<String> =
        files.iter().map(|(name, is)| format!("rename {} to {}", name.file_name(), is.file_name())).collect();
    // The last one first: its name is free, or is made free by hand.
    renames.reverse();
    let is_circle = files.first().map(|first| first.0) == files.last().map(|last| last.1);
    let how = if is_circle { "by way of a name of no chunk, " } else { "" };
    format!("{how}{}", renames.join(", then "))
}

/// A cut inside a chunk; at the end of the one before it if its own state would not stay.
fn normal(storage: &dyn Storage, ids: &[ChunkId], chunk: ChunkId, offset: u64) -> Result<Cut, String> {
    let state_end = scan(storage, chunk, |scan| match scan.next_frame()? {
        Scanned::Frame(frame) if frame.fault.is_none() => Ok(Some(frame.end())),
        Scanned::Frame(_) | Scanned::End { .. } => Ok(None),
    })?;
    match state_end {
        Some(end) if end <= offset => Ok(Cut { chunk, offset }),
        _ => end_before(ids, chunk),
    }
}

/// The end of the chunk before this one, as this one's name tells it.
fn end_before(ids: &[ChunkId], chunk: ChunkId) -> Result<Cut, String> {
    let before = ids.iter().rev().find(|id| **id < chunk);
    let before = before.ok_or("nothing before the damage is left to be kept")?;
    Ok(Cut { chunk: *before, offset: chunk.offset() - before.offset() })
}

/// The first place of a chunk without the head of a frame.
fn end_of_heads(storage: &dyn Storage, chunk: ChunkId) -> Result<u64, String> {
    let end = scan(storage, chunk, |scan| {
        loop {
            if let Scanned::End { offset, .. } = scan.next_frame()? {
                return Ok(Some(offset));
            }
        }
    })?;
    Ok(end.unwrap_or(HEADER_SIZE as u64))
}

/// `None` if the chunk's header is not good.
fn scan(
    storage: &dyn Storage,
    chunk: ChunkId,
    work: impl FnOnce(&mut FrameScan) -> io::Result<Option<u64>>,
) -> Result<Option<u64>, String> {
    let cannot = |error: io::Error| format!("cannot read {chunk}: {}", full_text(&error));
    let header = read_header(storage, chunk).map_err(cannot)?;
    let Ok(header) = header else { return Ok(None) };
    let file = storage.open(&chunk.file_name()).map_err(cannot)?;
    let mut scan = FrameScan::new(file, header.seed(), None, WINDOW_BYTES).map_err(cannot)?;
    work(&mut scan).map_err(cannot)
}
