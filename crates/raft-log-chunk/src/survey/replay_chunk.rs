//! One chunk replayed, by its footer or record by record, and what was damaged in it.

use std::io;

use raft_log_codec::{Frame, RecordKind, Replay};

use super::chunk_start::{ChunkStart, unknown};
use super::{DamagedRecord, RecoveredChunk, SurveyOptions, at};
use crate::chunk::{Chunk, SealedChunk};
use crate::error::RecoveryError;
use crate::footer::Footer;
use crate::scan::{FrameScan, Scanned};
use crate::verdict::{ChunkFacts, Stop, StopCause};
use crate::{ChunkId, ChunkSummary, HEADER_SIZE, SummaryBuilder};

/// Replays one chunk. `None` if it cannot be followed any further; the facts say why.
pub(super) fn replay_chunk(
    start: &ChunkStart,
    next: Option<&ChunkStart>,
    footer: Option<Footer>,
    facts: &mut ChunkFacts,
    replay: &mut dyn Replay,
    options: &SurveyOptions,
    damaged: &mut Vec<DamagedRecord>,
) -> Result<Option<RecoveredChunk>, RecoveryError> {
    let (Some(header), Some((state, _))) = (start.header(), &start.state) else {
        return Ok(None);
    };
    let chunk = Chunk::new(start.file.clone(), *header);
    let at_start = HEADER_SIZE as u64;
    if let Err(fault) = replay.chunk_state(state.clone()) {
        facts.replay_fault = Some((at_start, fault));
        return Ok(None);
    }
    let recovered = |end, summary: ChunkSummary, table, offsets, state_at_end, is_scanned| RecoveredChunk {
        chunk: SealedChunk::new(chunk.clone(), end, table, offsets),
        summary,
        live: 0..0,
        last_before: start.last_before(),
        state_at_end,
        is_scanned,
        is_checked: is_scanned || options.check_frames,
    };
    if let Some(footer) = footer {
        let summary = &footer.summary;
        let skipped =
            replay.skip(summary.truncated_from, &summary.runs, summary.end_index, footer.state.clone());
        if let Err(fault) = skipped {
            facts.replay_fault = Some((at_start, fault));
            return Ok(None);
        }
        let end = facts.end.unwrap_or(footer.end());
        let table = footer.table();
        return Ok(Some(recovered(end, footer.summary, Some(table), None, Some(footer.state), false)));
    }

    let name = start.facts.id.file_name();
    let end = facts.end.or(facts.stop.map(|stop| stop.offset)).unwrap_or(0);
    let scan = FrameScan::new(start.file.clone(), header.seed(), Some(end), options.window_bytes);
    let mut scan = scan.map_err(at("read", &name))?;
    let mut builder = SummaryBuilder::new();
    let stop = loop {
        let frame = match scan.next_frame().map_err(at("read", &name))? {
            Scanned::End { offset, fault } => {
                break Stop { offset, cause: StopCause::Head(fault) };
            }
            Scanned::Frame(frame) => frame,
        };
        let Some(kind) = frame.head.kind() else {
            break Stop { offset: frame.offset, cause: unknown(&frame) };
        };
        if frame.offset == at_start {
            continue;
        }
        if let (None, Some(fault)) = (facts.end, frame.fault) {
            break Stop { offset: frame.offset, cause: StopCause::Body(fault) };
        }
        builder.watch(&frame);
        if let Some(damage) = damage(&frame, kind, start.facts.id) {
            damaged.push(damage);
        }
        let told = match (frame.fault, kind) {
            (Some(_), RecordKind::SaveVote | RecordKind::SaveUserData) => {
                replay.pass_over(kind);
                Ok(())
            }
            (_, RecordKind::Group) => Ok(()),
            // What these did is in their heads, which are good.
            _ => replay.record(&frame),
        };
        if let Err(fault) = told {
            facts.replay_fault = Some((frame.offset, fault));
            return Ok(None);
        }
    };
    if facts.end.is_some() {
        facts.stop = Some(stop);
        if stop.offset != end {
            return Ok(None);
        }
    } else if stop.offset != end {
        // Its end was found by a scan just before.
        let source = io::Error::new(io::ErrorKind::InvalidData, "the file changed while it was read");
        return Err(RecoveryError::Io { action: "read", file: name, source });
    }
    let (summary, offsets) = builder.finish();
    let state_at_end = next.and_then(|next| next.state.as_ref()).map(|(state, _)| state.clone());
    Ok(Some(recovered(end, summary, None, Some(offsets.into()), state_at_end, true)))
}

pub(super) fn damage(frame: &Frame, kind: RecordKind, chunk: ChunkId) -> Option<DamagedRecord> {
    frame.fault?;
    let index = frame.head.index().filter(|_| kind == RecordKind::Append);
    Some(DamagedRecord { chunk, offset: frame.offset, kind, index })
}
