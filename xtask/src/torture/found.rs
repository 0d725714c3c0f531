//! What a log holds once it is open: read whole, compared whole. Nothing is written here.

use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use bytes::Bytes;
use raft_log::{
    Config, Encode, OpenReport, PlainTypes, RaftLog, RaftLogState, Record, StateMachine, TermIndex,
};

use super::work::{Log, Model};
use crate::Outcome;

/// The state and all entries.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) state: RaftLogState<PlainTypes>,
    pub(super) entries: Vec<(TermIndex, Bytes)>,
}

/// A log opened, read and let go again.
pub(super) struct Opened {
    pub(super) found: Found,
    pub(super) report: OpenReport,
}

impl Found {
    /// Reads all of a log.
    ///
    /// # Errors
    /// When an entry cannot be read.
    pub(super) fn of(log: &Log) -> Outcome<Self> {
        let entries = log.read(..).map_err(|error| because("an entry cannot be read", &error))?;
        Ok(Self { state: log.state(), entries })
    }

    /// Whether a model holds the same, byte for byte.
    pub(super) fn is(&self, model: &Model) -> bool {
        *model.state() == self.state && model.entries() == self.entries
    }

    pub(super) fn digest(&self) -> u64 {
        digest(&self.state, &self.entries)
    }

    /// A model that holds the same.
    ///
    /// # Errors
    /// When no operations lead to this state: its marks contradict its entries.
    pub(super) fn model(&self) -> Outcome<Model> {
        let mut model = Model::new();
        let state = &self.state;
        let marks = state.purged.map(Record::PurgeUpto).into_iter();
        let entries = self.entries.iter().map(|(id, payload)| Record::Append(*id, payload.clone()));
        let rest = [state.committed.map(Record::Commit), state.vote.map(Record::SaveVote)];
        let data = state.user_data.clone().map(|data| Record::SaveUserData(Some(data)));
        for record in marks.chain(entries).chain(rest.into_iter().flatten()).chain(data) {
            model.record(&record)?;
        }
        if self.is(&model) {
            Ok(model)
        } else {
            Err(format!("the marks contradict the entries: {state:?}").into())
        }
    }
}

/// A number that tells one content from another.
pub(super) fn digest(state: &RaftLogState<PlainTypes>, entries: &[(TermIndex, Bytes)]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut encoded = Vec::new();
    // A state that was decoded can be encoded; were it not so, its digest would fit no model.
    state.encode(&mut encoded).is_ok().hash(&mut hasher);
    encoded.hash(&mut hasher);
    entries.hash(&mut hasher);
    hasher.finish()
}

/// Opens the log in a directory, reads it, and lets it go. A panic is an error as well.
///
/// # Errors
/// When it does not open or cannot be read.
pub(super) fn open(directory: &Path) -> Outcome<Opened> {
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let mut config = Config::new(directory);
        // Few, so that most is read from the files.
        config.log_cache_max_items = 4;
        // A directory that is gone is not made again: that would pass for an empty log.
        let storage = raft_log::DirectoryStorage::open(directory)?;
        let log: Log = RaftLog::open_on(config, std::sync::Arc::new(storage))
            .map_err(|error| because("the log does not open", &error))?;
        Ok(Opened { found: Found::of(&log)?, report: log.report().clone() })
    }));
    opened.unwrap_or_else(|_| Err("opening the log panicked".into()))
}

/// An error with all its causes, in one line.
pub(super) fn because(what: &str, error: &dyn Error) -> Box<dyn Error> {
    let mut text = format!("{what}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torture::work::{Step, Work};

    #[test]
    fn a_model_made_of_what_was_found_holds_the_same() {
        let (mut work, mut model) = (Work::new(5), Model::new());
        for _ in 0..500 {
            if let (_, Step::Write(records)) = work.next(&model) {
                model.record_all(&records).unwrap();
            }
            let found = Found { state: model.state().clone(), entries: model.entries().to_vec() };
            assert!(found.is(&found.model().unwrap()));
        }
    }

    #[test]
    fn marks_that_contradict_the_entries_are_no_model() {
        let mut model = Model::new();
        model.record(&Record::Append(TermIndex::new(1, 1), Bytes::new())).unwrap();
        let mut found = Found { state: model.state().clone(), entries: model.entries().to_vec() };
        found.state.last = Some(TermIndex::new(1, 2));
        assert!(found.model().is_err());
    }
}
