//! Finding the seed of a chunk whose header is damaged, so that its records can still be listed.
//!
//! The seed is made of log id, chunk id and salt. Each also stands elsewhere: the log id in every header and in
//! `DURABLE`, the chunk id in the file's name, the salt in the header of the chunk behind and in `DURABLE`. A candidate
//! counts only where a frame confirms it; nothing here decides whether the directory is a log.

use std::io;

use raft_log_chunk::{
    ChunkHeader, ChunkId, DurableFacts, HEADER_SIZE, HeaderFault, Storage, StorageFile, find_frame,
    read_full_at,
};
use raft_log_codec::FrameSeed;

/// How far into the chunk a frame is looked for that confirms a candidate.
const SEARCH_BYTES: u64 = 256 * 1024;

/// What else is known when a chunk's header is damaged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// The names of all chunks.
    pub(crate) chunks: &'a [ChunkId],
    /// What `DURABLE` says.
    pub(crate) durable: DurableFacts,
}

/// The first bytes of a file, as far as they are there.
pub(crate) fn read_header_bytes(file: &dyn StorageFile) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; HEADER_SIZE];
    let found = read_full_at(file, &mut bytes, 0)?;
    bytes.truncate(found);
    Ok(bytes)
}

/// The header of a chunk by its name. Whatever is wrong is an answer too.
pub(crate) fn read_header(
    storage: &dyn Storage,
    id: ChunkId,
) -> io::Result<Result<ChunkHeader, HeaderFault>> {
    let file = storage.open(&id.file_name())?;
    Ok(ChunkHeader::decode(&read_header_bytes(&*file)?))
}

/// The header that the chunk `id` must have had, as far as its frames need it.
///
/// `None` if no candidate is confirmed by a frame.
pub(crate) fn find_header(
    storage: &dyn Storage,
    file: &dyn StorageFile,
    id: ChunkId,
    damaged: &[u8],
    surroundings: Surroundings<'_>,
) -> io::Result<Option<ChunkHeader>> {
    let own = ChunkHeader::decode_unchecked(damaged);
    let mut log_ids: Vec<u128> = Vec::new();
    let mut salts: Vec<u64> = Vec::new();
    log_ids.extend(own.map(|header| header.log_id));
    salts.extend(own.map(|header| header.salt));
    if let DurableFacts::Mark(mark) = surroundings.durable {
        log_ids.push(mark.log_id);
        if mark.chunk_id == id {
            salts.push(mark.salt);
        }
    }
    let position = surroundings.chunks.partition_point(|chunk| *chunk < id);
    let before = position.checked_sub(1).and_then(|before| surroundings.chunks.get(before));
    let behind = surroundings.chunks.get(position + 1);
    for (neighbour, is_behind) in [(behind, true), (before, false)] {
        // A neighbour that cannot be read, or is gone, is no help: that is all.
        let Some(Ok(Ok(header))) = neighbour.map(|chunk| read_header(storage, *chunk)) else { continue };
        log_ids.push(header.log_id);
        if is_behind {
            salts.push(header.previous_salt);
        }
    }
    log_ids.sort_unstable();
    log_ids.dedup();
    salts.sort_unstable();
    salts.dedup();
    for log_id in log_ids {
        for salt in &salts {
            let seed = FrameSeed::new(log_id, id.offset(), *salt);
            let window = usize::try_from(SEARCH_BYTES).unwrap_or(usize::MAX);
            if find_frame(file, seed, HEADER_SIZE as u64, SEARCH_BYTES, window)?.is_some() {
                let previous_salt = own.map_or(0, |header| header.previous_salt);
                let space = own.map_or(raft_log_chunk::Space::Fresh, |header| header.space);
                return Ok(Some(ChunkHeader { log_id, chunk_id: id, salt: *salt, previous_salt, space }));
            }
        }
    }
    Ok(None)
}
