//! Judging and changing what must not be: mistakes that are switched on to see whether the tests find them.

use super::chunk_start::ChunkStart;
use super::listing::Listing;
use super::{SurveyOptions, at};
use crate::ChunkId;
use crate::error::{CorruptKind, RecoveryError};
use crate::scan::look_behind;
use crate::storage::Storage;
use crate::verdict::StopCause;

/// `SeededBug::BadStateRemovesChunk`.
pub(super) fn without_bad_newest(storage: &dyn Storage, mut listing: Listing) -> Listing {
    if let Some(&newest) = listing.chunks.last()
        && let Ok(file) = storage.open(&newest.file_name())
        && ChunkStart::read(file, newest, None).is_ok_and(|start| start.state.is_none())
        && storage.remove(&newest.file_name()).is_ok()
    {
        listing.chunks.pop();
    }
    listing
}

/// `SeededBug::JudgeLeftovers`.
pub(super) fn judge_leftovers(
    storage: &dyn Storage,
    older: &[ChunkId],
    judged: usize,
) -> Result<(), RecoveryError> {
    for id in older.iter().rev().skip(judged) {
        let name = id.file_name();
        let file = storage.open(&name).map_err(at("open", &name))?;
        let start = ChunkStart::read(file, *id, None).map_err(at("read", &name))?;
        if let Err(fault) = start.facts.header {
            return Err(RecoveryError::Corrupt { chunk: *id, offset: 0, kind: CorruptKind::Header(fault) });
        }
    }
    Ok(())
}

/// `SeededBug::JudgeBehindEnd`.
pub(super) fn judge_behind_ends(starts: &[ChunkStart], options: &SurveyOptions) -> Result<(), RecoveryError> {
    for start in starts {
        let (Some(end), Some(header)) = (start.facts.end, start.header()) else { continue };
        let name = start.facts.id.file_name();
        let behind = look_behind(&*start.file, header.seed(), end, options.window_bytes);
        if let Some(first) = behind.map_err(at("read", &name))?.first_frame {
            let kind = CorruptKind::State(StopCause::NotState);
            return Err(RecoveryError::Corrupt { chunk: start.facts.id, offset: first, kind });
        }
    }
    Ok(())
}
