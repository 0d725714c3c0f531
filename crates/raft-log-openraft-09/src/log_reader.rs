//! Reading entries, beside the writer, in openraft's names.
//!
//! What always holds: what the cache has is given at once, and what it does not have is read on a thread that may block.

use std::fmt;
use std::io;
use std::ops::RangeBounds;

use openraft::storage::RaftLogReader as OpenraftLogReader;
use openraft::{OptionalSend, RaftTypeConfig, StorageError};
use raft_log_engine::{EngineReader, Found, decoded, half_open};

use crate::{Codec, Openraft, SerdeCodec, failure};

/// Reads a [`LogStore`](crate::LogStore). Clones are cheap, see everything that is appended later, and outlive the store.
pub struct LogReader<C: RaftTypeConfig, K: Codec<C> = SerdeCodec> {
    log: EngineReader<Openraft<C, K>>,
}

impl<C: RaftTypeConfig, K: Codec<C>> LogReader<C, K> {
    pub(crate) fn new(log: EngineReader<Openraft<C, K>>) -> Self {
        Self { log }
    }

    /// Takes what the cache gave, and has the rest read on a thread that may block.
    async fn take(&self, found: Found<Openraft<C, K>>) -> Result<Vec<C::Entry>, StorageError<C::NodeId>> {
        let stored = match found {
            Found::Cached(stored) => Ok(stored),
            Found::OnDisk(read) => match tokio::task::spawn_blocking(move || read.read()).await {
                Ok(stored) => stored,
                Err(error) => Err(io::Error::from(error)),
            },
        };
        stored.and_then(|stored| decoded(stored, K::decode_entry)).map_err(failure::of_logs_read)
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> OpenraftLogReader<C> for LogReader<C, K> {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<C::Entry>, StorageError<C::NodeId>> {
        self.take(self.log.all(half_open(&range))).await
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<C::Entry>, StorageError<C::NodeId>> {
        self.take(self.log.some(start..end)).await
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> Clone for LogReader<C, K> {
    fn clone(&self) -> Self {
        Self { log: self.log.clone() }
    }
}

impl<C: RaftTypeConfig, K: Codec<C>> fmt::Debug for LogReader<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader").field("log", self.log.log()).finish()
    }
}
