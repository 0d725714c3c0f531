//! The newest chunk: what is read of it is on the disk, and its end is found, by a footer or by a scan.

use std::io;

use raft_log_codec::{
    Decode, Frame, FrameSeed, HeadFault, LogId, RaftLogState, RawTypes, RecordKind, SeededBug,
};

use super::chunk_start::{ChunkStart, unknown};
use super::{SurveyOptions, at};
use crate::error::RecoveryError;
use crate::footer::{Footer, read_footer};
use crate::scan::{FrameScan, Scanned, look_behind};
use crate::storage::Storage;
use crate::verdict::{Stop, StopCause};
use crate::{ChunkId, DurableFacts};

/// Opens the newest chunk, makes sure that what is read of it is on the disk, and finds its end and the purged mark.
pub(super) fn read_newest(
    storage: &dyn Storage,
    id: ChunkId,
    durable: DurableFacts,
    options: &SurveyOptions,
) -> Result<(ChunkStart, Option<Footer>, Option<u64>), RecoveryError> {
    let name = id.file_name();
    let file = storage.open(&name).map_err(at("open", &name))?;
    if options.sync_first && !SeededBug::NoSyncAtOpen.is_on() {
        file.sync().map_err(at("sync", &name))?;
        // After a sync that failed in an earlier life the cache may show what the disk does not hold.
        file.drop_cache().map_err(at("drop the cache of", &name))?;
    }
    let mut start = ChunkStart::read(file, id, None).map_err(at("read", &name))?;
    let purged = start.marks.purged.as_ref().map(LogId::index);
    let (Some(header), Some((_, state_end))) = (start.header().copied(), &start.state) else {
        return Ok((start, None, purged));
    };
    if let DurableFacts::Mark(mark) = durable
        && options.use_footers
        && (mark.log_id, mark.chunk_id, mark.salt) == (header.log_id, id, header.salt)
        && (*state_end..=start.facts.file_size).contains(&mark.end)
        && let Some(footer) = read_footer(&*start.file, header.seed(), mark.end).map_err(at("read", &name))?
        && let Ok(state) = RaftLogState::<RawTypes>::decode(footer.state.clone())
    {
        return Ok((start, Some(footer), state.purged.as_ref().map(LogId::index)));
    }
    let purged = find_end(&mut start, header.seed(), options).map_err(at("read", &name))?.max(purged);
    Ok((start, None, purged))
}

/// Scans the newest chunk for its end, what its groups vouch for, and what lies behind. Gives the purged mark.
pub(super) fn find_end(
    start: &mut ChunkStart,
    seed: FrameSeed,
    options: &SurveyOptions,
) -> io::Result<Option<u64>> {
    let mut scan = FrameScan::new(start.file.clone(), seed, None, options.window_bytes)?;
    let mut purged = None;
    let stop = loop {
        match scan.next_frame()? {
            Scanned::End { offset, fault } => {
                break Stop { offset, cause: StopCause::Head(fault) };
            }
            Scanned::Frame(frame) => {
                let offset = frame.offset;
                if let Some(fault) = frame.fault {
                    break Stop { offset, cause: StopCause::Body(fault) };
                }
                match frame.head.kind() {
                    Some(RecordKind::PurgeUpto) => purged = purged.max(frame.head.index()),
                    Some(RecordKind::Group) => {
                        let durable_end = group_durable_end(&frame).unwrap_or(0);
                        start.facts.durable_end = start.facts.durable_end.max(durable_end);
                    }
                    Some(_) => {}
                    None if SeededBug::UnknownKindIsTail.is_on() => {
                        break Stop { offset, cause: StopCause::Head(HeadFault::Empty) };
                    }
                    None => break Stop { offset, cause: unknown(&frame) },
                }
            }
        }
    };
    start.facts.behind = look_behind(&*start.file, seed, stop.offset, options.window_bytes)?;
    start.facts.behind.is_footer = read_footer(&*start.file, seed, stop.offset)?.is_some();
    start.facts.stop = Some(stop);
    Ok(purged)
}

pub(super) fn group_durable_end(frame: &Frame) -> Option<u64> {
    let durable_end = u64::from_le_bytes(frame.payload.as_ref().try_into().ok()?);
    (durable_end <= frame.offset).then_some(durable_end)
}
