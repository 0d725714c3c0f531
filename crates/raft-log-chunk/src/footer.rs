//! What stands behind the last frame of a sealed chunk: a cache of what a scan of the chunk would find.
//!
//! Its head has a checksum of its own and is all that opening reads; the table of offsets has another and is read on
//! demand. Missing or damaged, a footer costs a scan and nothing else.

use std::io;

use bytes::Bytes;
use raft_log_codec::{ChecksumReader, DecodeError, FRAME_ALIGNMENT, FrameSeed, OffsetReader, RawLogId};

use crate::ChunkSummary;
use crate::storage::{StorageFile, read_full_at};

const MAGIC: &[u8; 8] = b"RLFOOTER";
/// Magic and the size of the head.
const PREFIX_SIZE: usize = 12;
/// What closes the table.
const CHECKSUM_SIZE: u64 = 4;
/// What opening reads at once; a head is seldom larger.
const FIRST_READ: usize = 4096;
/// A head lists one id for each run of a term, and is refused beyond this size.
const HEAD_SIZE_MAX: usize = 16 * 1024 * 1024;

/// The head of a footer, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// What the chunk holds.
    pub summary: ChunkSummary,
    /// The state at the chunk's end, as the next chunk's `State` record has it.
    pub state: Bytes,
    end: u64,
    table: Table,
}

/// Where the offsets of the live entries lie in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    seed: FrameSeed,
    at: u64,
    entries: u64,
}

/// The bytes of a footer for a chunk whose frames end at `end`.
pub fn encode_footer(
    seed: FrameSeed,
    end: u64,
    summary: &ChunkSummary,
    offsets: &[u32],
    state: &[u8],
) -> Vec<u8> {
    assert_eq!(summary.entries(), offsets.len() as u64, "one offset for each live entry");
    let mut body = seed.writer_at(end);
    body.u64(end)
        .u64(summary.records)
        .u8(u8::from(summary.truncated_from.is_some()))
        .u64(summary.truncated_from.unwrap_or(0))
        .u64(summary.end_index)
        .u32(length(summary.runs.len()));
    for run in &summary.runs {
        body.u64(run.term).u64(run.index).u32(length(run.rest.len())).bytes(&run.rest);
    }
    body.u32(length(state.len())).bytes(state);

    let size = PREFIX_SIZE + body.size() + 4;
    let mut head = seed.writer_at(end);
    // The prefix is covered as well, so it is put in front and the body gathered again behind it.
    head.bytes(MAGIC).u32(length(size)).bytes(body.gathered());
    let mut bytes = head.finish();
    bytes.resize(bytes.len().next_multiple_of(FRAME_ALIGNMENT as usize), 0);
    let table_at = end + bytes.len() as u64;
    let mut table = seed.writer_behind(bytes, table_at);
    table.u32s(offsets);
    table.finish()
}

fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Reads the head of the footer at `end`; `None` if there is none or it is not whole.
///
/// # Errors
/// When the file cannot be read.
pub fn read_footer(file: &dyn StorageFile, seed: FrameSeed, end: u64) -> io::Result<Option<Footer>> {
    let mut bytes = vec![0; FIRST_READ];
    let found = read_full_at(file, &mut bytes, end)?;
    bytes.truncate(found);
    let Some(size) = head_size(&bytes) else {
        return Ok(None);
    };
    if size > bytes.len() {
        if size as u64 > file.size()?.saturating_sub(end) {
            return Ok(None);
        }
        bytes.resize(size, 0);
        let rest = bytes.get_mut(found..).unwrap_or_default();
        if read_full_at(file, rest, end + found as u64)? < rest.len() {
            return Ok(None);
        }
    }
    let head = bytes.get(..size).unwrap_or_default();
    Ok(decode_head(head, seed, end).ok())
}

fn head_size(bytes: &[u8]) -> Option<usize> {
    let mut reader = OffsetReader::new(bytes);
    let is_footer = reader.array::<8>().ok()? == *MAGIC;
    let size = reader.u32().ok()? as usize;
    (is_footer && (PREFIX_SIZE..=HEAD_SIZE_MAX).contains(&size)).then_some(size)
}

fn decode_head(head: &[u8], seed: FrameSeed, end: u64) -> Result<Footer, DecodeError> {
    let mut fields = seed.reader_at(end, head)?.into_fields();
    fields.take(PREFIX_SIZE)?;
    if fields.u64()? != end {
        return Err(DecodeError::Invalid { what: "end" });
    }
    let records = fields.u64()?;
    let is_truncated = fields.u8()? != 0;
    let truncated_from = Some(fields.u64()?).filter(|_| is_truncated);
    let end_index = fields.u64()?;
    let mut runs: Vec<RawLogId> = Vec::new();
    for _ in 0..fields.u32()? {
        let (term, index) = (fields.u64()?, fields.u64()?);
        let size = fields.u32()? as usize;
        let follows = runs.last().is_none_or(|run| run.index < index);
        if !follows || index >= end_index {
            return Err(DecodeError::Invalid { what: "run" });
        }
        runs.push(RawLogId { term, index, rest: Bytes::copy_from_slice(fields.take(size)?) });
    }
    let size = fields.u32()? as usize;
    let state = Bytes::copy_from_slice(fields.take(size)?);
    fields.finish()?;
    if runs.first().is_some_and(|run| (end_index - run.index) > u64::from(u32::MAX)) {
        return Err(DecodeError::Invalid { what: "number of entries" });
    }
    let summary = ChunkSummary { records, truncated_from, runs, end_index };
    let at = end + (head.len() as u64).next_multiple_of(FRAME_ALIGNMENT);
    let table = Table { seed, at, entries: summary.entries() };
    Ok(Footer { summary, state, end, table })
}

impl Footer {
    /// Where the chunk's frames end.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Where the offsets lie.
    pub fn table(&self) -> Table {
        self.table
    }
}

impl Table {
    /// Reads the offsets of all live entries; `None` if the table is not whole, so that a scan must find them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, file: &dyn StorageFile) -> io::Result<Option<Vec<u32>>> {
        let size = self.end() - self.at;
        if size > file.size()?.saturating_sub(self.at) {
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
        let found = read_full_at(file, &mut bytes, self.at)?;
        let fields = self.seed.reader_at(self.at, bytes.get(..found).unwrap_or_default());
        let Ok(mut fields) = fields.map(ChecksumReader::into_fields) else {
            return Ok(None);
        };
        let (offsets, rest) = fields.rest().as_chunks::<4>();
        let is_whole = offsets.len() as u64 == self.entries && rest.is_empty();
        Ok(is_whole.then(|| offsets.iter().map(|offset| u32::from_le_bytes(*offset)).collect()))
    }

    /// Where the footer ends.
    pub fn end(&self) -> u64 {
        self.at + self.entries * 4 + CHECKSUM_SIZE
    }
}
