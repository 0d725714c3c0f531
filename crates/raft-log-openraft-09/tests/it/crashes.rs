//! The power goes, or the process is killed, at each call on a disk that changes something: what was acknowledged is there,
//! and what is there is a moment of the log's history.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use raft_log::Config;
use raft_log_testkit::{DiskImage, Random, SimulatedDisk};

use crate::stage::{Entry, LogId, Shown, Store, Vote, entry, log_id, show, small_chunks, vote};

#[derive(Debug, Clone)]
enum Step {
    Vote(Vote),
    Append(Vec<Entry>),
    Truncate(LogId),
    Purge(LogId),
    Commit(LogId),
}

/// The moments of a life, oldest first: one for each record, so that a batch may be cut between its entries.
struct History {
    moments: Vec<Shown>,
    /// The latest moment that was acknowledged.
    acknowledged: usize,
}

impl History {
    fn submit(&mut self, step: &Step) {
        let mut now = self.moments.last().unwrap().clone();
        match step {
            Step::Vote(vote) => now.vote = Some(*vote),
            Step::Append(entries) => {
                for entry in entries {
                    now.last = Some(entry.log_id);
                    now.entries.push(entry.clone());
                    self.moments.push(now.clone());
                }
                return;
            }
            Step::Truncate(since) => {
                now.entries.retain(|entry| entry.log_id.index < since.index);
                now.last = now.entries.last().map(|entry| entry.log_id);
            }
            Step::Purge(upto) => {
                now.entries.retain(|entry| entry.log_id.index > upto.index);
                now.purged = Some(*upto);
                now.last = now.last.filter(|last| last.index >= upto.index).or(Some(*upto));
                now.committed = now.committed.filter(|committed| committed > upto);
            }
            Step::Commit(id) => now.committed = Some(*id),
        }
        self.moments.push(now);
    }
}

async fn perform(store: &mut Store, step: &Step) {
    match step {
        Step::Vote(vote) => store.save_vote(vote).await.unwrap(),
        Step::Append(entries) => {
            store.blocking_append(entries.clone()).await.unwrap();
        }
        Step::Truncate(since) => store.truncate(*since).await.unwrap(),
        Step::Purge(upto) => store.purge(*upto).await.unwrap(),
        Step::Commit(id) => store.save_committed(Some(*id)).await.unwrap(),
    }
}

/// Votes, batches, conflicts, marks and purges, across several chunks.
fn steps() -> Vec<Step> {
    let batch =
        |term, range: std::ops::Range<u64>| Step::Append(range.map(|index| entry(term, index)).collect());
    vec![
        Step::Vote(vote(1, 1, false)),
        Step::Vote(vote(1, 1, true)),
        batch(1, 0..1),
        batch(1, 1..5),
        Step::Commit(log_id(1, 2)),
        batch(1, 5..9),
        Step::Vote(vote(2, 2, false)),
        Step::Truncate(log_id(1, 7)),
        batch(2, 7..12),
        Step::Commit(log_id(2, 10)),
        Step::Purge(log_id(1, 5)),
        batch(2, 12..14),
        Step::Vote(vote(3, 1, true)),
        Step::Purge(log_id(3, 20)),
        batch(3, 21..24),
        Step::Commit(log_id(3, 22)),
        Step::Vote(vote(4, 1, true)),
    ]
}

/// A disk after a crash, with the moments it may show.
struct Crash {
    image: DiskImage,
    acknowledged: usize,
    submitted: usize,
}

/// Plays the steps on a disk, and keeps what crashes at its calls leave: about `outcomes` for each loss of power, and what
/// a kill leaves.
async fn crashes(config: &Config, outcomes: usize) -> (Vec<Crash>, Vec<Shown>) {
    let history = Arc::new(Mutex::new(History { moments: vec![Shown::default()], acknowledged: 0 }));
    let crashes = Arc::new(Mutex::new((Vec::new(), BTreeSet::new())));
    let disk = SimulatedDisk::new(7);
    let mut random = Random::new(11);
    let (seen, found) = (history.clone(), crashes.clone());
    let random_of_watcher = Mutex::new(Random::new(random.number()));
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
        loss.outcomes(outcomes, &mut random_of_watcher.lock().unwrap(), &mut |outcome| {
            keep(outcome.digest(), &|| outcome.image());
        });
        let killed = loss.killed_instead(3).image();
        keep(killed.digest(|name| name == "LOCK"), &|| killed.clone());
    })));

    let mut store = Store::open_on(config.clone(), Arc::new(disk.clone())).unwrap();
    for step in steps() {
        history.lock().unwrap().submit(&step);
        perform(&mut store, &step).await;
        // The watcher takes the history's lock while it holds the disk's: never the disk's while holding the history's.
        let shown = show(&mut store).await;
        let mut history = history.lock().unwrap();
        // What a later vote or append acknowledges, it acknowledges with all before it.
        if matches!(step, Step::Vote(_) | Step::Append(_)) {
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

#[tokio::test]
async fn every_crash_leaves_what_was_acknowledged_and_a_moment_of_history() {
    let (crashes, moments) = crashes(&small_chunks(), 8).await;
    assert!(crashes.len() > 300, "only {} crashes were tried", crashes.len());
    let mut shown_moments = BTreeSet::new();
    for (at, crash) in crashes.into_iter().enumerate() {
        let disk = SimulatedDisk::holding(crash.image, 1_000 + at as u64);
        let mut store = Store::open_on(small_chunks(), Arc::new(disk)).unwrap();
        let shown = show(&mut store).await;
        let possible = &moments[crash.acknowledged..=crash.submitted];
        let moment = possible.iter().position(|moment| *moment == shown).unwrap_or_else(|| {
            panic!(
                "crash {at} shows no moment from {} to {}: {shown:#?}",
                crash.acknowledged, crash.submitted
            )
        });
        shown_moments.insert(crash.acknowledged + moment);
        // And it goes on from there.
        if at % 16 == 0 {
            let next = shown.last.map_or(0, |last| last.index + 1);
            perform(&mut store, &Step::Append(vec![entry(9, next)])).await;
        }
    }
    assert!(shown_moments.len() > moments.len() / 2, "{} of {} moments", shown_moments.len(), moments.len());
}
