//! How much there is to read, for those who say how far they have come.

use raft_log_chunk::{ChunkId, DurableFacts, Storage, read_durable};

use crate::chunk_names::chunk_ids;

/// About how many bytes of records the directory holds. Of the newest chunk no more than `DURABLE` says is counted, since
/// what follows may be empty space.
pub(crate) fn total_bytes(storage: &dyn Storage, only: Option<ChunkId>) -> u64 {
    let ids = chunk_ids(storage).unwrap_or_default();
    let mut total = 0;
    for (position, id) in ids.iter().enumerate() {
        if only.is_some_and(|only| only != *id) {
            continue;
        }
        total += match (ids.get(position + 1), read_durable(storage)) {
            (Some(next), _) => next.offset() - id.offset(),
            (None, Ok(DurableFacts::Mark(mark))) if mark.chunk_id == *id => mark.end,
            (None, _) => storage.open(&id.file_name()).and_then(|file| file.size()).unwrap_or(0),
        };
    }
    total
}
