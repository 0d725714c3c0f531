//! Purged chunks are reused: the log goes on in their files, and nothing that was in them ever comes back, is lost by
//! it, or is changed under a reader or a backup.

mod failing_calls;
mod life;
mod order;
mod promises;
mod second_holders;
mod torn_writes;
mod which;
