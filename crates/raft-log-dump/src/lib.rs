//! Sees what a raft-log directory holds: any log, live ones too, without the application's types.
