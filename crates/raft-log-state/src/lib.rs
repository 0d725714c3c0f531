//! The rules of raft-log: a pure state machine that checks and applies records.
