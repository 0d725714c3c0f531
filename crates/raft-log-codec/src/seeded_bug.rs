//! Bugs on purpose: each alters one behaviour that a promise rests on, so that a run can show which test would have found
//! it. `cargo xtask bugs` builds them in and switches on one at a time.
//!
//! What always holds: without `--cfg raft_log_seeded_bugs` none of them can be switched on, and none is in the program.

/// The environment variable that names the bug to switch on.
pub const SEEDED_BUG_VARIABLE: &str = "RAFT_LOG_SEEDED_BUG";

macro_rules! seeded_bugs {
    ($($(#[$doc:meta])* $bug:ident = $name:literal,)*) => {
        /// A bug that can be switched on in a build with `--cfg raft_log_seeded_bugs`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum SeededBug {
            $($(#[$doc])* $bug,)*
        }

        impl SeededBug {
            /// Every bug there is.
            pub const ALL: &[Self] = &[$(Self::$bug,)*];

            /// The name that switches it on.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)*
                }
            }
        }
    };
}

seeded_bugs! {
    /// A flush is told `Ok` before its sync, which the next flush does.
    AcknowledgeBeforeSync = "acknowledge-before-sync",
    /// A flush whose sync failed is told `Ok`.
    AcknowledgeAfterFailedSync = "acknowledge-after-failed-sync",
    /// A sync that failed is tried again.
    SyncAgain = "sync-again",
    /// The name of a new `DURABLE` is not made durable.
    NoDirectorySyncAfterCreate = "no-directory-sync-after-create",
    /// The name of a new chunk is not made durable.
    NoDirectorySyncAfterRename = "no-directory-sync-after-rename",
    /// A purged chunk is overwritten while its old name may come back.
    NoDirectorySyncBeforeReuse = "no-directory-sync-before-reuse",
    /// What is found at opening is believed without a sync.
    NoSyncAtOpen = "no-sync-at-open",
    /// A group vouches for what was synced when it was begun, not when it is written.
    StampAtEncoding = "stamp-at-encoding",
    /// What was written counts as synced.
    DurableEndBeforeSync = "durable-end-before-sync",
    /// `DURABLE` says that a group is durable before its sync.
    MarkBeforeSync = "mark-before-sync",
    /// `DURABLE` is never read.
    MarkNeverRead = "mark-never-read",
    /// A whole frame behind the end is taken for proof that what is before it was acknowledged.
    FrameBehindProves = "frame-behind-proves",
    /// A newest chunk whose `State` is damaged is removed.
    BadStateRemovesChunk = "bad-state-removes-chunk",
    /// The newest chunk is appended to by another process than made it.
    AppendAfterReopen = "append-after-reopen",
    /// What lies behind the end of an older chunk is judged.
    JudgeBehindEnd = "judge-behind-end",
    /// Chunks that a purge left are judged.
    JudgeLeftovers = "judge-leftovers",
    /// Purged chunks are removed before the purge is durable.
    RemoveBeforePurgeIsDurable = "remove-before-purge-is-durable",
    /// A purged chunk is overwritten while somebody reads it.
    ReuseUnderReader = "reuse-under-reader",
    /// A purged chunk is overwritten although it has a second name.
    ReuseLinkedFile = "reuse-linked-file",
    /// A footer is written into a file that has a second name.
    FooterIntoLinkedFile = "footer-into-linked-file",
    /// A chunk is made, and older ones removed, without a synced `DURABLE` that names it.
    MarkNotSyncedWithChunk = "mark-not-synced-with-chunk",
    /// A read that fails is taken for the end of the file.
    ReadErrorIsEnd = "read-error-is-end",
    /// The checksum of a frame's head leaves its length out.
    ChecksumWithoutLength = "checksum-without-length",
    /// A frame's checksum does not depend on its log, chunk, salt and place.
    UnseededChecksum = "unseeded-checksum",
    /// What a short write left out is not written.
    ShortWriteIgnored = "short-write-ignored",
    /// A new chunk is made while the one before is not durable.
    RotateBeforeSync = "rotate-before-sync",
    /// A chunk begins with the state before the operation that it is begun in.
    StateFromMemory = "state-from-memory",
    /// The lock is not held.
    LockNotHeld = "lock-not-held",
    /// Callbacks of a flush that failed are dropped.
    CallbackDroppedOnError = "callback-dropped-on-error",
    /// A record of an unknown kind is taken for the end of the log.
    UnknownKindIsTail = "unknown-kind-is-tail",
}

impl SeededBug {
    /// Whether it is switched on: never, in a build without them.
    #[cfg(not(raft_log_seeded_bugs))]
    #[inline(always)]
    pub const fn is_on(self) -> bool {
        false
    }

    /// Whether the environment variable names it.
    ///
    /// # Panics
    /// If the variable names a bug that there is not.
    #[cfg(raft_log_seeded_bugs)]
    pub fn is_on(self) -> bool {
        static ON: std::sync::OnceLock<Option<SeededBug>> = std::sync::OnceLock::new();
        let on = ON.get_or_init(|| {
            let name = std::env::var(SEEDED_BUG_VARIABLE).ok()?;
            let bug = Self::ALL.iter().copied().find(|bug| bug.name() == name);
            assert!(bug.is_some(), "there is no seeded bug {name:?}");
            bug
        });
        *on == Some(self)
    }
}
