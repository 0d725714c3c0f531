//! What opening a directory would do, asked without opening it: no lock, no sync, nothing changed.
//!
//! The answer is `raft-log-chunk`'s own verdict over opaque types, so what only the application's types can tell is
//! not in it. A live directory may change between two reads and then look refused; an answer counts only when it is
//! given twice.

use std::thread;
use std::time::Duration;

use raft_log_chunk::{Recovered, RecoveryError, Storage, SurveyOptions, recover};
use raft_log_codec::RawTypes;
use raft_log_state::RaftLogSM;

const ATTEMPTS: u32 = 8;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(10);

/// What a directory opens to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opening {
    /// What was found in the files.
    pub recovered: Recovered,
    /// The state of the log, and the ids of its entries.
    pub machine: RaftLogSM<RawTypes>,
}

/// What opening a directory would do.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenAnswer {
    /// It opens; with what was found.
    Opens(Box<Opening>),
    /// It is refused.
    Refuses(RecoveryError),
    /// It changes too fast to tell: somebody writes to it.
    Unsteady,
}

impl OpenAnswer {
    /// What it opens to, if it does.
    pub fn opening(&self) -> Option<&Opening> {
        match self {
            Self::Opens(opening) => Some(opening),
            Self::Refuses(_) | Self::Unsteady => None,
        }
    }

    /// Whether the directory is refused for what cannot be read or is not known, rather than for damage.
    pub fn cannot_read(&self) -> bool {
        matches!(self, Self::Refuses(RecoveryError::Io { .. } | RecoveryError::Unsupported { .. }))
    }
}

/// Asks what opening the directory would do.
pub fn ask_open(storage: &dyn Storage) -> OpenAnswer {
    let options = SurveyOptions { sync_first: false, ..SurveyOptions::default() };
    let mut refused: Option<String> = None;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            thread::sleep(BETWEEN_ATTEMPTS);
        }
        match recover::<RaftLogSM<RawTypes>>(storage, &options) {
            Ok((recovered, mut machine)) => {
                machine.end_replay();
                return OpenAnswer::Opens(Box::new(Opening { recovered, machine }));
            }
            Err(error) => {
                let text = full_text(&error);
                if refused.as_ref() == Some(&text) {
                    return OpenAnswer::Refuses(error);
                }
                refused = Some(text);
            }
        }
    }
    OpenAnswer::Unsteady
}

/// An error and its sources on one line.
pub(crate) fn full_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        // A wrapper may have said it already.
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    text
}
