//! The bytes of raft-log: records, frames and checksums, without files or threads.
