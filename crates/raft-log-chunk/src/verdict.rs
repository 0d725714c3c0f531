//! The verdict on a directory, as a pure function of what was found in it.
//!
//! Nothing is read here and nothing decided elsewhere: `survey` gathers [`Facts`], [`judge`] weighs them. The order of
//! the rules is the order of the functions; the first that matches wins. A log ends early only where nothing that was
//! acknowledged can follow.

use raft_log_codec::{FrameFault, HeadFault, ReplayFault, SeededBug};

use crate::error::{CorruptKind, MissingKind, RecoveryError};
use crate::scan::Behind;
use crate::{ChunkHeader, ChunkId, DURABLE_FILE, DurableFacts, DurableMark, HeaderFault, Space};

/// What was found in a directory. The chunks are those that matter: from the first whose `State` lies at or below the
/// purged mark to the newest.
#[derive(Debug, Clone)]
pub struct Facts {
    /// What the file `DURABLE` says.
    pub durable: DurableFacts,
    /// The chunks that matter, oldest first.
    pub chunks: Vec<ChunkFacts>,
    /// Whether the oldest of them is one from which a replay may begin.
    pub is_complete: bool,
    /// The first index that should be there and is not, or that is there twice, once the chunks were read.
    pub gap_at: Option<u64>,
    /// Whether bytes behind the end of a fresh newest chunk are an error.
    pub refuse_torn: bool,
}

/// What was found in one chunk.
#[derive(Debug, Clone)]
pub struct ChunkFacts {
    /// Its id, by its file's name.
    pub id: ChunkId,
    /// The size of its file.
    pub file_size: u64,
    /// Where its frames must end, by the id of the chunk behind it; `None` for the newest.
    pub end: Option<u64>,
    /// Its header.
    pub header: Result<ChunkHeader, HeaderFault>,
    /// What is wrong with the `State` it begins with.
    pub state_fault: Option<StopCause>,
    /// Where its frames were found to end and why; `None` where a footer spoke for them, or nobody has looked.
    pub stop: Option<Stop>,
    /// The highest end that a `Group` frame before the stop vouches for.
    pub durable_end: u64,
    /// What lies behind the stop; of the newest chunk only.
    pub behind: Behind,
    /// The first record that does not decode or breaks a rule, and its offset.
    pub replay_fault: Option<(u64, ReplayFault)>,
}

/// Where the frames of a chunk end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// The first offset that holds no valid frame.
    pub offset: u64,
    /// Why not.
    pub cause: StopCause,
}

/// Why there is no valid frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StopCause {
    /// Its head is not good, or the bytes end.
    #[error("{0}")]
    Head(HeadFault),
    /// Its head is good, its body is not.
    #[error("{0}")]
    Body(FrameFault),
    /// All checksums are good, but the kind or a flag is unknown.
    #[error("record kind {kind} with flags {flags:#x} is unknown")]
    Unsupported {
        /// The kind's byte.
        kind: u8,
        /// The flags.
        flags: u8,
    },
    /// A valid frame, but not the `State` that a chunk begins with.
    #[error("a record stands where the chunk's state belongs")]
    NotState,
}

/// Weighs the facts. `Ok` gives where the newest chunk's frames end: 0 if there is no chunk, and `None` if a footer
/// told.
///
/// # Errors
/// The first rule that the facts break.
pub fn judge(facts: &Facts) -> Result<Option<u64>, RecoveryError> {
    unsupported(facts)?;
    foreign(facts)?;
    misplaced(facts)?;
    missing(facts)?;
    corrupt(facts)?;
    contradicting(facts)?;
    let Some(newest) = facts.chunks.last() else {
        return Ok(Some(0));
    };
    torn(facts, newest)?;
    Ok(newest.stop.map(|stop| stop.offset))
}

/// Checksums hold, but what they cover is beyond this version or the application's types: never a tail.
fn unsupported(facts: &Facts) -> Result<(), RecoveryError> {
    if let DurableFacts::Unsupported { version } = facts.durable {
        let what = format!("format version {version} is not supported");
        return Err(RecoveryError::Unsupported { file: DURABLE_FILE.to_owned(), offset: 0, what });
    }
    for chunk in &facts.chunks {
        let refuse =
            |offset, what| Err(RecoveryError::Unsupported { file: chunk.id.file_name(), offset, what });
        if let Err(fault @ HeaderFault::Unsupported { .. }) = &chunk.header {
            return refuse(0, fault.to_string());
        }
        if let Some(cause @ StopCause::Unsupported { .. }) = chunk.state_fault {
            return refuse(crate::HEADER_SIZE as u64, cause.to_string());
        }
        if let Some(Stop { offset, cause: cause @ StopCause::Unsupported { .. } }) = chunk.stop {
            return refuse(offset, cause.to_string());
        }
        if let Some((offset, ReplayFault::Undecodable(source))) = &chunk.replay_fault {
            return Err(RecoveryError::Undecodable {
                chunk: chunk.id,
                offset: *offset,
                source: source.clone(),
            });
        }
    }
    Ok(())
}

/// `DURABLE` and all chunks belong to the log of the newest chunk.
fn foreign(facts: &Facts) -> Result<(), RecoveryError> {
    let headers =
        || facts.chunks.iter().filter_map(|chunk| chunk.header.as_ref().ok().map(|header| (chunk, header)));
    let Some(log_id) =
        facts.chunks.last().and_then(|newest| newest.header.as_ref().ok()).map(|header| header.log_id)
    else {
        return Ok(());
    };
    let mark = mark(facts).map(|mark| (DURABLE_FILE.to_owned(), mark.log_id));
    let others = headers().map(|(chunk, header)| (chunk.id.file_name(), header.log_id));
    match mark.into_iter().chain(others).find(|(_, id)| *id != log_id) {
        Some((file, found)) => Err(RecoveryError::Foreign { file, expected: log_id, found }),
        None => Ok(()),
    }
}

/// Each chunk is the one that its file's name says. Before all that is concluded from names: where the chunks beside a
/// copied or renamed file must end is told by its name.
fn misplaced(facts: &Facts) -> Result<(), RecoveryError> {
    for chunk in &facts.chunks {
        if let Ok(header) = &chunk.header
            && header.chunk_id != chunk.id
        {
            let kind = CorruptKind::OtherChunk { found: header.chunk_id };
            return Err(RecoveryError::Corrupt { chunk: chunk.id, offset: 0, kind });
        }
    }
    Ok(())
}

/// Everything that was acknowledged must be there to be judged.
fn missing(facts: &Facts) -> Result<(), RecoveryError> {
    let missing = |kind| Err(RecoveryError::MissingData(kind));
    if let Some(mark) = mark(facts) {
        let newest = facts.chunks.last();
        if newest.is_none_or(|newest| mark.chunk_id > newest.id) && (newest.is_some() || mark.end > 0) {
            return missing(MissingKind::NewestChunk { chunk: mark.chunk_id, durable_end: mark.end });
        }
        if let Some(named) = facts.chunks.iter().find(|chunk| chunk.id == mark.chunk_id) {
            // A mark with nothing behind it is made before the first chunk; a crash may leave it without that chunk, and
            // the next attempt has another salt.
            if let Ok(header) = &named.header
                && header.salt != mark.salt
                && mark.end > 0
            {
                return missing(MissingKind::ReplacedChunk { chunk: named.id });
            }
            let end = named.end.unwrap_or(named.file_size);
            if mark.end > end {
                return missing(MissingKind::CutChunk { chunk: named.id, file_size: end, needed: mark.end });
            }
        }
    }
    let is_readable = |chunk: &ChunkFacts| chunk.header.is_ok() && chunk.state_fault.is_none();
    if !facts.is_complete
        && let Some(oldest) = facts.chunks.first()
        && is_readable(oldest)
    {
        return missing(MissingKind::OlderChunk { before: oldest.id });
    }
    // Before the sizes: where a chunk is gone, the one before it seems to be too short.
    for pair in facts.chunks.windows(2) {
        if let [before, behind] = pair
            && let (Ok(header), Ok(next)) = (&before.header, &behind.header)
            && header.salt != next.previous_salt
        {
            return missing(MissingKind::BrokenChain { before: before.id, behind: behind.id });
        }
    }
    for chunk in &facts.chunks {
        if let Some(end) = chunk.end
            && chunk.file_size < end
        {
            return missing(MissingKind::CutChunk {
                chunk: chunk.id,
                file_size: chunk.file_size,
                needed: end,
            });
        }
    }
    match facts.gap_at {
        Some(index) => missing(MissingKind::Entry { index }),
        None => Ok(()),
    }
}

/// What was acknowledged must be whole.
fn corrupt(facts: &Facts) -> Result<(), RecoveryError> {
    for chunk in &facts.chunks {
        let corrupt = |offset, kind| Err(RecoveryError::Corrupt { chunk: chunk.id, offset, kind });
        if let Err(fault) = &chunk.header {
            return corrupt(0, CorruptKind::Header(fault.clone()));
        }
        if let Some(cause) = chunk.state_fault {
            return corrupt(crate::HEADER_SIZE as u64, CorruptKind::State(cause));
        }
        let Some(stop) = chunk.stop else { continue };
        match chunk.end {
            Some(end) if stop.offset != end => {
                return corrupt(stop.offset, CorruptKind::Frame { cause: stop.cause, needed: end });
            }
            Some(_) => {}
            None => {
                let durable_end = durable_end(facts, chunk);
                if stop.offset < durable_end {
                    return corrupt(
                        stop.offset,
                        CorruptKind::Frame { cause: stop.cause, needed: durable_end },
                    );
                }
            }
        }
    }
    Ok(())
}

/// The highest end of the newest chunk that anything vouches for: a valid `Group` frame before or behind the stop, or
/// `DURABLE`. A valid frame behind the stop proves nothing by itself: the disk writes in any order.
fn durable_end(facts: &Facts, newest: &ChunkFacts) -> u64 {
    let marked = mark(facts).filter(|mark| mark.chunk_id == newest.id).map_or(0, |mark| mark.end);
    if SeededBug::FrameBehindProves.is_on()
        && let Some(first) = newest.behind.first_frame
    {
        return first;
    }
    newest.durable_end.max(newest.behind.durable_end).max(marked)
}

/// The records must make a log.
fn contradicting(facts: &Facts) -> Result<(), RecoveryError> {
    for chunk in &facts.chunks {
        if let Some((offset, ReplayFault::Contradiction { reason })) = &chunk.replay_fault {
            let kind = CorruptKind::Contradiction { reason: reason.clone() };
            return Err(RecoveryError::Corrupt { chunk: chunk.id, offset: *offset, kind });
        }
    }
    Ok(())
}

/// Where the owner wants to know: bytes behind the end of a fresh chunk.
fn torn(facts: &Facts, newest: &ChunkFacts) -> Result<(), RecoveryError> {
    let is_fresh = newest.header.as_ref().is_ok_and(|header| header.space == Space::Fresh);
    match (newest.stop, newest.behind.first_nonzero) {
        (Some(stop), Some(first)) if facts.refuse_torn && is_fresh && !newest.behind.is_footer => {
            Err(RecoveryError::Torn { chunk: newest.id, offset: stop.offset, first_nonzero: first })
        }
        _ => Ok(()),
    }
}

fn mark(facts: &Facts) -> Option<DurableMark> {
    match facts.durable {
        DurableFacts::Mark(mark) => Some(mark),
        _ => None,
    }
}
