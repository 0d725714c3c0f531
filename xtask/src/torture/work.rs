//! What a writer does: steps that follow from a seed and from what the log holds. Writer and judge share it, so that
//! the judge knows each byte that was submitted from a count alone.
//!
//! What always holds: every step is legal on the model it was drawn for, and the same seed on the same model gives
//! the same step. Nothing is run here.

use std::path::Path;

use bytes::Bytes;
use clap::ValueEnum;
use raft_log::{Config, PlainTypes, PlainVote, RaftLog, RaftLogState, Record, StateMachine, TermIndex};
use raft_log_testkit::NaiveModel;

use crate::random::Random;

pub(super) type Model = NaiveModel<PlainTypes>;
pub(super) type Log = RaftLog<PlainTypes>;

/// One step.
#[derive(Debug)]
pub(super) enum Step {
    /// One record, or entries as one batch.
    Write(Vec<Record<PlainTypes>>),
    /// Wait until everything is durable.
    Sync,
    /// Be called when everything is durable.
    Callback,
    /// Take a ticket.
    Ticket,
    /// Read everything and compare it.
    Read,
}

/// How a writer goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Style {
    /// Syncs, callbacks and tickets mixed.
    Mixed,
    /// Syncs alone: there is no second thread, and system calls come in one order.
    Serial,
    /// Mixed, in one chunk that grows, so that syncs must find room for what was laid since the last.
    Growing,
    /// Mixed, in larger chunks with all their space laid, until the kernel cuts a write in two.
    Tear,
}

/// The steps of one writer.
pub(super) struct Work {
    random: Random,
    number: u64,
}

/// More live entries than this are purged. The judge tries many prefixes, and each costs as much as there are.
const LIVE_MAX: usize = 60;

impl Work {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), number: 0 }
    }

    /// Whether the next step has this number.
    pub(super) fn is_next(&self, number: u64) -> bool {
        self.number + 1 == number
    }

    /// The next step, and its number; the first is 1.
    pub(super) fn next(&mut self, model: &Model) -> (u64, Step) {
        self.number += 1;
        let step = if model.ids().len() > LIVE_MAX {
            self.purge(model)
        } else {
            match self.random.between(0, 31) {
                0..=11 => self.append(model, 6, 300),
                12 => self.append(model, 40, 60),
                13..=14 => self.append(model, 1, 8000),
                15 => self.vote(model.state()),
                16..=17 => self.commit(model),
                18 => self.truncate(model),
                19..=20 => self.purge(model),
                21 => self.user_data(),
                22..=24 => Step::Sync,
                25..=27 => Step::Callback,
                28..=30 => Step::Ticket,
                _ => Step::Read,
            }
        };
        (self.number, step)
    }

    /// Entries of at least so many bytes, whatever the seed says.
    pub(super) fn bulk(&mut self, model: &Model, bytes: u64) -> (u64, Step) {
        self.number += 1;
        let mut records = Vec::new();
        let mut id = next_id(model.state());
        let mut encoded = 0;
        while encoded < bytes {
            let size = self.random.between(0, BULK_PAYLOAD_MAX);
            records.push(Record::Append(id, self.bytes(size)));
            encoded += crate::tear::FRAME_BYTES_MIN + size;
            id.index += 1;
        }
        (self.number, Step::Write(records))
    }

    fn append(&mut self, model: &Model, count_max: u64, size_max: u64) -> Step {
        let mut id = next_id(model.state());
        id.term += u64::from(self.random.once_in(6));
        let mut records = Vec::new();
        for _ in 0..self.random.between(1, count_max) {
            let size = self.random.between(0, size_max);
            records.push(Record::Append(id, self.bytes(size)));
            id.index += 1;
        }
        Step::Write(records)
    }

    fn vote(&mut self, state: &RaftLogState<PlainTypes>) -> Step {
        let term = state.vote.map_or(0, |vote| vote.term) + self.random.between(1, 3);
        Step::Write(vec![Record::SaveVote(PlainVote::new(term, self.random.between(1, 5)))])
    }

    fn commit(&mut self, model: &Model) -> Step {
        let committed = model.state().committed;
        match self.pick(model, |id| Some(*id) > committed) {
            Some(id) => Step::Write(vec![Record::Commit(id)]),
            None => self.vote(model.state()),
        }
    }

    fn truncate(&mut self, model: &Model) -> Step {
        let state = model.state();
        if state.committed == state.purged && self.random.once_in(3) {
            return Step::Write(vec![Record::TruncateAfter(None)]);
        }
        match self.pick(model, |id| Some(*id) >= state.committed) {
            Some(id) => Step::Write(vec![Record::TruncateAfter(Some(id))]),
            None => self.vote(state),
        }
    }

    fn purge(&mut self, model: &Model) -> Step {
        let beyond = next_id(model.state());
        let upto = if self.random.once_in(12) {
            // As after a snapshot that reaches further than the log.
            Some(TermIndex::new(beyond.term + 1, beyond.index + self.random.between(0, 50)))
        } else {
            self.pick(model, |_| true)
        };
        match upto {
            Some(id) => Step::Write(vec![Record::PurgeUpto(id)]),
            None => self.vote(model.state()),
        }
    }

    fn user_data(&mut self) -> Step {
        let size = self.random.between(0, 400);
        let data = if self.random.once_in(4) { None } else { Some(self.bytes(size)) };
        Step::Write(vec![Record::SaveUserData(data)])
    }

    /// One of the log's own ids.
    fn pick(&mut self, model: &Model, is_wanted: impl Fn(&TermIndex) -> bool) -> Option<TermIndex> {
        let wanted: Vec<_> = model.ids().iter().filter(|id| is_wanted(id)).copied().collect();
        let last = (wanted.len() as u64).checked_sub(1)?;
        usize::try_from(self.random.between(0, last)).ok().and_then(|at| wanted.get(at).copied())
    }

    fn bytes(&mut self, size: u64) -> Bytes {
        let mut content = Random::new(self.random.next());
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < size {
            bytes.extend(content.next().to_le_bytes());
        }
        bytes.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        bytes.into()
    }
}

/// The largest payload of [`Work::bulk`].
pub(super) const BULK_PAYLOAD_MAX: u64 = 200;

fn next_id(state: &RaftLogState<PlainTypes>) -> TermIndex {
    TermIndex::new(state.last.map_or(1, |last| last.term), state.end_index())
}

/// How the log of a writer is kept: small chunks, so that it rotates, purges and reclaims all the time.
pub(super) fn config(directory: &Path, seed: u64, style: Style) -> Config {
    let mut random = Random::new(!seed);
    let mut one_of = |values: [u64; 4]| {
        let at = random.between(0, 3);
        usize::try_from(at).ok().and_then(|at| values.get(at).copied()).unwrap_or_default()
    };
    let mut config = Config::new(directory);
    config.chunk.max_size = one_of([512, 2 << 10, 8 << 10, 32 << 10]);
    config.chunk.space_step = one_of([0, 512, 4 << 10, 128 << 10]);
    config.chunk.spares = one_of([0, 1, 2, 2]) as usize;
    config.log_cache_max_items = one_of([0, 3, 20, 1000]) as usize;
    config.read_buffer_size = one_of([4 << 10, 4 << 10, 64 << 10, 1 << 20]) as usize;
    config.max_unsynced_bytes = one_of([64 << 10, 64 << 10, 1 << 20, 64 << 20]);
    if style == Style::Growing {
        config.chunk.max_size = GROWING_CHUNK_BYTES;
        config.chunk.space_step = one_of([0, 0, 4 << 10, 64 << 10]);
    }
    if style == Style::Tear {
        config.chunk.max_size = TEAR_CHUNK_BYTES;
        // All of a chunk at once: no space is laid while the limit is there, so it meets frames only.
        config.chunk.space_step = TEAR_CHUNK_BYTES + (128 << 10);
    }
    config
}

/// The size of a chunk that grows: more than most writers write.
const GROWING_CHUNK_BYTES: u64 = 16 << 20;

/// The size of a chunk in which a write is cut.
pub(super) const TEAR_CHUNK_BYTES: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_steps_and_all_of_them_are_legal() {
        for seed in 0..20 {
            let run = || {
                let (mut work, mut model) = (Work::new(seed), Model::new());
                let mut seen = [0; 12];
                for _ in 0..400 {
                    let (_, step) = work.next(&model);
                    let kind = match step {
                        Step::Write(records) => {
                            model.record_all(&records).unwrap();
                            records[0].kind() as usize
                        }
                        Step::Sync => 8,
                        Step::Callback => 9,
                        Step::Ticket => 10,
                        Step::Read => 11,
                    };
                    seen[kind] += 1;
                }
                (model.state().clone(), model.entries().to_vec(), seen)
            };
            let (state, entries, seen) = run();
            assert_eq!(run(), (state, entries, seen));
            // Vote, append, commit, truncate, purge and user data; 6 would be a state.
            assert!([1, 2, 3, 4, 5, 7, 8, 9, 10, 11].iter().all(|kind| seen[*kind] > 0), "{seed}: {seen:?}");
        }
    }

    #[test]
    fn a_bulk_is_at_least_as_large_as_asked_for() {
        let (_, step) = Work::new(1).bulk(&Model::new(), 5000);
        let Step::Write(records) = step else { panic!("{step:?}") };
        let sizes = records.iter().map(|record| match record {
            Record::Append(_, payload) => 32 + payload.len(),
            _ => 0,
        });
        assert!(sizes.sum::<usize>() >= 5000);
    }

    #[test]
    fn every_configuration_is_valid() {
        for seed in 0..100 {
            for style in Style::value_variants() {
                config(Path::new("somewhere"), seed, *style).validate().unwrap();
            }
        }
    }
}
