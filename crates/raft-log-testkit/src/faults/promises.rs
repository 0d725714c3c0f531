//! What a log was given and has acknowledged, and what it may therefore hold after a crash.
//!
//! What always holds: there is one model for each record that was issued, each the one before it with the record
//! applied; the acknowledged ones are a prefix.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use raft_log::{Entry, PlainTypes, RaftLogState, Record, StateMachine};
use raft_log_codec::Encode;
use raft_log_state::Effect;

use super::disk_log::Contents;
use crate::NaiveModel;

/// A number that tells contents apart.
pub(super) type Digest = u128;

/// What a log must hold at least, and may hold at most.
#[derive(Debug, Clone)]
pub(super) struct Promises {
    /// The model after each record, from the last acknowledged one on; the first of all is that of the beginning.
    models: VecDeque<NaiveModel<PlainTypes>>,
    /// Of the same models, and of all before them.
    digests: Vec<Digest>,
    acknowledged: usize,
}

/// What is wrong with contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// An acknowledged record is not there.
    Lost,
    /// The contents are those of no prefix.
    Silent,
}

impl Promises {
    /// A log that holds what the model does, durably.
    pub(super) fn of(model: NaiveModel<PlainTypes>) -> Self {
        let digests = vec![digest(model.state(), model.entries())];
        Self { models: VecDeque::from([model]), digests, acknowledged: 0 }
    }

    /// What the log holds if everything that was issued is there.
    pub(super) fn newest(&self) -> &NaiveModel<PlainTypes> {
        self.models.back().expect("the newest model stays")
    }

    /// The number of the newest contents.
    pub(super) fn newest_digest(&self) -> Digest {
        *self.digests.last().expect("the first digest stays")
    }

    /// How many records were issued.
    pub(super) fn issued(&self) -> usize {
        self.digests.len() - 1
    }

    /// Takes note of records that are about to be written. Gives how many change something.
    ///
    /// # Panics
    /// If a rule forbids one: what is done to a log here is legal.
    pub(super) fn issue(&mut self, records: &[Record<PlainTypes>]) -> usize {
        let before = self.issued();
        for record in records {
            let mut model = self.newest().clone();
            if model.record(record).expect("a legal record") == Effect::Writes {
                self.digests.push(digest(model.state(), model.entries()));
                self.models.push_back(model);
            }
        }
        self.issued() - before
    }

    /// Forgets the newest `count` records: they were refused.
    pub(super) fn take_back(&mut self, count: usize) {
        self.models.truncate(self.models.len() - count);
        self.digests.truncate(self.digests.len() - count);
    }

    /// The first `issued` records were acknowledged.
    pub(super) fn acknowledge(&mut self, issued: usize) {
        let newly = issued.saturating_sub(self.acknowledged);
        self.models.drain(..newly);
        self.acknowledged += newly;
    }

    /// Weighs contents.
    pub(super) fn weigh(&self, found: Digest) -> Result<(), Fault> {
        if self.digests[self.acknowledged..].contains(&found) {
            return Ok(());
        }
        if self.digests[..self.acknowledged].contains(&found) { Err(Fault::Lost) } else { Err(Fault::Silent) }
    }

    /// The model of contents that are good.
    pub(super) fn model_of(&self, found: Digest) -> Option<&NaiveModel<PlainTypes>> {
        let place = self.digests[self.acknowledged..].iter().rposition(|digest| *digest == found)?;
        self.models.get(place)
    }

    /// A log was opened and holds this, which is therefore durable; what was issued and is not there is gone.
    pub(super) fn opened_with(&mut self, found: Digest) -> Result<(), Fault> {
        self.weigh(found)?;
        if let Some(model) = self.model_of(found).cloned() {
            *self = Self::of(model);
        }
        Ok(())
    }
}

/// The number of what a log holds.
pub(super) fn digest_of(contents: &Contents) -> Digest {
    digest(&contents.0, &contents.1)
}

fn digest(state: &RaftLogState<PlainTypes>, entries: &[Entry<PlainTypes>]) -> Digest {
    let mut bytes = Vec::with_capacity(64 + entries.len() * 64);
    state.encode(&mut bytes).expect("a state of tests is small");
    for (id, payload) in entries {
        for number in [id.term, id.index, payload.len() as u64] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(payload);
    }
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        bytes.hash(&mut hasher);
        hasher.finish()
    };
    u128::from(half(0)) << 64 | u128::from(half(1))
}
