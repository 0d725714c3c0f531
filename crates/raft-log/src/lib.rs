//! A write-ahead log for Raft: vote, entries, committed and purged marks, in checksummed chunk files.
