//! Purged chunks that become chunks again: which files, in which order, and what gives way on a full disk.
