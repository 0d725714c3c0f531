//! The files of raft-log: chunks, footers, the durable mark, and the read-only verdict on a directory.
