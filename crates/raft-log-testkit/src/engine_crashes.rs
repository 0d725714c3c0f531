//! An engine's log store on a simulated disk: the power goes, or the process is killed, at each call that changes
//! something. What was acknowledged must be there, and what is there must be a moment of the store's history.
//!
//! The store is seen through the engine's own calls, in plain terms that any version of an engine can be put into. What a
//! log does below them, in more depth, is tried by [`faults`](crate::faults).

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use raft_log::{Config, Storage};

use crate::{DiskImage, Random, SimulatedDisk};

/// Term and index of an entry. The leader of every term is node 1.
pub type EngineId = (u64, u64);

/// Term, node, and whether a quorum granted it.
pub type EngineVote = (u64, u64, bool);

/// What an engine asks of its store.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "taken apart by each engine's tests")]
pub enum EngineStep {
    /// Saves a vote, and waits until it is durable.
    Vote(EngineVote),
    /// Appends an entry of this term for each of the indexes, and waits until they are durable.
    Append(u64, Range<u64>),
    /// Drops the entries behind this one.
    TruncateAfter(EngineId),
    /// Drops the entries up to and with this one, which may lie beyond the last.
    Purge(EngineId),
    /// Marks entries as committed.
    Commit(EngineId),
}

/// Everything that an engine can learn of its store.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::exhaustive_structs, reason = "made by each engine's tests")]
pub struct EngineShown {
    /// The vote.
    pub vote: Option<EngineVote>,
    /// The last id that was purged.
    pub purged: Option<EngineId>,
    /// The last id, or the purged one if there is no entry.
    pub last: Option<EngineId>,
    /// The committed mark, if it is above what was purged.
    pub committed: Option<EngineId>,
    /// The entries: their ids, and all that is in them in words.
    pub entries: Vec<(EngineId, String)>,
}

/// The store of an engine.
pub trait EngineStore: Sized {
    /// Opens the store, which must succeed.
    fn open(config: Config, storage: Arc<dyn Storage>) -> Self;

    /// Does what the engine asks for, which must succeed, and returns when the engine may go on.
    fn perform(&mut self, step: &EngineStep) -> impl Future<Output = ()>;

    /// Shows all there is.
    fn show(&mut self) -> impl Future<Output = EngineShown>;

    /// The entry with this id that [`perform`](Self::perform) appends, in the words in which [`show`](Self::show) has it.
    fn words(id: EngineId) -> String;
}

/// Plays a life of votes, batches, conflicts, marks and purges on a disk, and opens what each crash in it leaves: about
/// `outcomes` for each loss of power, and what a kill leaves. Some of them go on from there. Returns how many were tried.
///
/// # Panics
/// When a crash loses what was acknowledged, or shows what never was; and when the store does not show what it was told.
pub async fn engine_crashes<S: EngineStore>(config: &Config, outcomes: usize) -> usize {
    let (crashes, moments) = live::<S>(config, outcomes).await;
    let count = crashes.len();
    let mut shown_moments = BTreeSet::new();
    for (at, crash) in crashes.into_iter().enumerate() {
        let disk = SimulatedDisk::holding(crash.image, 1_000 + at as u64);
        let mut store = S::open(config.clone(), Arc::new(disk));
        let shown = store.show().await;
        let possible = &moments[crash.acknowledged..=crash.submitted];
        let moment = possible.iter().position(|moment| *moment == shown).unwrap_or_else(|| {
            panic!(
                "crash {at} shows no moment from {} to {}: {shown:#?}",
                crash.acknowledged, crash.submitted
            )
        });
        shown_moments.insert(crash.acknowledged + moment);
        if at % 16 == 0 {
            let next = shown.last.map_or(0, |(_, last)| last + 1);
            store.perform(&EngineStep::Append(9, next..next + 1)).await;
            let last = store.show().await.last;
            assert_eq!(last, Some((9, next)), "crash {at} does not go on");
        }
    }
    // Otherwise the crashes were all alike, and would have found little.
    assert!(shown_moments.len() > moments.len() / 2, "{} of {} moments", shown_moments.len(), moments.len());
    count
}

/// Across several chunks, if they are of a few records.
fn steps() -> Vec<EngineStep> {
    use EngineStep::{Append, Commit, Purge, TruncateAfter, Vote};
    vec![
        Vote((1, 1, false)),
        Vote((1, 1, true)),
        Append(1, 0..1),
        Append(1, 1..5),
        Commit((1, 2)),
        Append(1, 5..9),
        Vote((2, 2, false)),
        TruncateAfter((1, 6)),
        Append(2, 7..12),
        Commit((2, 10)),
        Purge((1, 5)),
        Append(2, 12..14),
        Vote((3, 1, true)),
        Purge((3, 20)),
        Append(3, 21..24),
        Commit((3, 22)),
        Vote((4, 1, true)),
    ]
}

/// The moments of a life, oldest first: one for each record, so that a batch may be cut between its entries.
struct History {
    moments: Vec<EngineShown>,
    /// The latest moment that was acknowledged.
    acknowledged: usize,
}

impl History {
    fn submit<S: EngineStore>(&mut self, step: &EngineStep) {
        let mut now = self.moments.last().unwrap().clone();
        match step {
            EngineStep::Vote(vote) => now.vote = Some(*vote),
            EngineStep::Append(term, indexes) => {
                for index in indexes.clone() {
                    let id = (*term, index);
                    now.last = Some(id);
                    now.entries.push((id, S::words(id)));
                    self.moments.push(now.clone());
                }
                return;
            }
            EngineStep::TruncateAfter(last) => {
                now.entries.retain(|(id, _)| id.1 <= last.1);
                now.last = Some(*last);
            }
            EngineStep::Purge(upto) => {
                now.entries.retain(|(id, _)| id.1 > upto.1);
                now.purged = Some(*upto);
                now.last = now.last.max(Some(*upto));
                now.committed = now.committed.filter(|committed| committed > upto);
            }
            EngineStep::Commit(id) => now.committed = Some(*id),
        }
        self.moments.push(now);
    }
}

/// A disk after a crash, with the moments it may show.
struct Crash {
    image: DiskImage,
    acknowledged: usize,
    submitted: usize,
}

/// Does the steps, and keeps what crashes at the calls in them leave; and the moments of this life.
async fn live<S: EngineStore>(config: &Config, outcomes: usize) -> (Vec<Crash>, Vec<EngineShown>) {
    let history = Arc::new(Mutex::new(History { moments: vec![EngineShown::default()], acknowledged: 0 }));
    let crashes = Arc::new(Mutex::new((Vec::new(), BTreeSet::new())));
    let disk = SimulatedDisk::new(7);
    let random = Mutex::new(Random::new(11));
    let (seen, found) = (history.clone(), crashes.clone());
    disk.watch(Some(Arc::new(move |loss| {
        let (acknowledged, submitted) = {
            let history = seen.lock().unwrap();
            (history.acknowledged, history.moments.len() - 1)
        };
        let mut found = found.lock().unwrap();
        let mut keep = |digest: u128, image: &dyn Fn() -> DiskImage| {
            if found.1.insert((digest, acknowledged, submitted)) {
                found.0.push(Crash { image: image(), acknowledged, submitted });
            }
        };
        loss.outcomes(outcomes, &mut random.lock().unwrap(), &mut |outcome| {
            keep(outcome.digest(), &|| outcome.image());
        });
        let killed = loss.killed_instead(3).image();
        keep(killed.digest(|name| name == "LOCK"), &|| killed.clone());
    })));

    let mut store = S::open(config.clone(), Arc::new(disk.clone()));
    for step in steps() {
        history.lock().unwrap().submit::<S>(&step);
        store.perform(&step).await;
        // The watcher takes the history's lock while it holds the disk's: never the disk's while holding the history's.
        let shown = store.show().await;
        let mut history = history.lock().unwrap();
        // What a later vote or append acknowledges, it acknowledges with all before it.
        if matches!(step, EngineStep::Vote(_) | EngineStep::Append(..)) {
            history.acknowledged = history.moments.len() - 1;
        }
        assert_eq!(&shown, history.moments.last().unwrap(), "{step:?}");
    }
    drop(store);
    disk.watch(None);
    let crashes = std::mem::take(&mut crashes.lock().unwrap().0);
    let moments = std::mem::take(&mut history.lock().unwrap().moments);
    (crashes, moments)
}
