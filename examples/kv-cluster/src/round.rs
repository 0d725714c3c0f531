//! The story of one round: load, the leader killed, a snapshot and a purge, the killed one back, then all killed and all
//! back, and everything that was acknowledged must be there.
//!
//! It tells what happens as it happens. Nothing is judged here: [`check`](crate::check) and
//! [`log_diff`](crate::log_diff) do that.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::Outcome;
use crate::check::{Found, check, same};
use crate::cluster::Cluster;
use crate::contents::Contents;
use crate::ledger::Page;
use crate::load::Load;
use crate::log_diff::{Bound, compare};
use crate::protocol::{Request, Response, Status};
use crate::random::Random;
use crate::report::{Line, Sum, count, logs_line, millis};

/// What the rounds have in common.
pub(crate) struct Stage {
    pub(crate) seed: u64,
    /// How long the load runs before the leader is killed, about, and half of that between any two later steps.
    pub(crate) load: Duration,
}

/// How long the killed leader's successor may take to acknowledge a write.
const FAILOVER_LIMIT: Duration = Duration::from_secs(30);

/// Plays one round. The nodes are down before and after it.
pub(crate) async fn play(
    number: u64,
    stage: &Stage,
    cluster: &mut Cluster,
    pages: &mut Vec<Page>,
    random: &mut Random,
    sum: &mut Sum,
) -> Outcome<()> {
    cluster.start_all()?;
    if number == 1 {
        cluster.ask(1, &Request::Initialize(cluster.ids())).await?;
    }
    let leader = cluster.wait_for_leader().await?;

    let load = Load::start(std::mem::take(pages), &cluster.addresses());
    let leader = run_load(stage, cluster, &load, leader, random, sum).await?;
    let killed = kill_leader(cluster, &load, &leader, sum).await?;
    sleep(random.around(stage.load / 2)).await;

    // In every other round the log that the killed node lacks is gone when it comes back, so it needs a snapshot.
    if number.is_multiple_of(2) {
        purge(cluster, sum).await?;
        bring_back(cluster, killed, sum).await?;
    } else {
        bring_back(cluster, killed, sum).await?;
        purge(cluster, sum).await?;
    }
    sleep(random.around(stage.load / 2)).await;

    cluster.kill_all()?;
    let (written, seen) = load.stop().await?;
    *pages = written;
    sum.writes += seen.acknowledged();
    sum.unanswered += seen.unanswered();
    Line::KillAll.say("every node by SIGKILL, under load");
    compare_logs(cluster, Bound::Marks)?;

    let applied = bring_all_back(cluster, seen.terms(), sum).await?;
    if let Err(error) = check_all(stage, cluster, pages, sum).await {
        // Whether the logs contradict each other, too, is what one asks next.
        cluster.kill_all()?;
        let logs = compare_logs(cluster, Bound::Applied(applied));
        return Err(logs.err().map_or(error.to_string(), |logs| format!("{error}\n{logs}")).into());
    }
    cluster.end_all()?;
    compare_logs(cluster, Bound::Applied(applied))
}

/// Lets the load run, and gives the leader as it stands then.
async fn run_load(
    stage: &Stage,
    cluster: &mut Cluster,
    load: &Load,
    before: Status,
    random: &mut Random,
    sum: &mut Sum,
) -> Outcome<Status> {
    let begin = Instant::now();
    sleep(random.around(stage.load)).await;
    let leader = cluster.wait_for_leader().await?;
    let (acknowledged, elapsed) = (load.seen().acknowledged(), begin.elapsed());
    // Syncs are those of one log: the leader's, if it is still the same.
    let is_same = (leader.id, leader.term) == (before.id, before.term);
    let entries = leader.last.unwrap_or(0) - before.last.unwrap_or(0).min(leader.last.unwrap_or(0));
    let per_sync = (is_same && leader.syncs > before.syncs)
        .then(|| entries as f64 / (leader.syncs - before.syncs) as f64);
    sum.add_load(acknowledged, elapsed, per_sync);
    Line::Load.say(&format!(
        "{} writes acknowledged in {:.2} s: {} writes/s, {} writes per sync of the leader's log",
        count(acknowledged),
        elapsed.as_secs_f64(),
        count((acknowledged as f64 / elapsed.as_secs_f64()) as u64),
        per_sync.map_or("? (a new leader)".to_owned(), |writes| format!("{writes:.1}")),
    ));
    Ok(leader)
}

/// Kills the leader while the load goes on, and waits until another acknowledges a write. Gives the killed node.
async fn kill_leader(cluster: &mut Cluster, load: &Load, leader: &Status, sum: &mut Sum) -> Outcome<u64> {
    let begin = Instant::now();
    cluster.kill(leader.id)?;
    let newer = leader.term + 1..;
    while load.seen().terms().range(newer.clone()).next().is_none() {
        if begin.elapsed() > FAILOVER_LIMIT {
            // The wait tells how the nodes stand, if they cannot even elect one.
            let found = cluster.wait_for_leader().await?;
            return Err(format!(
                "no write was acknowledged within {FAILOVER_LIMIT:?} of the leader's end: {found:?}"
            )
            .into());
        }
        sleep(Duration::from_millis(1)).await;
    }
    let elapsed = begin.elapsed();
    let next = cluster.wait_for_leader().await?;
    sum.failovers.push(elapsed);
    Line::Kill.say(&format!(
        "node {}, the leader of term {}, by SIGKILL; first write acknowledged by another after {}; node {} leads in term {}",
        leader.id,
        leader.term,
        millis(elapsed),
        next.id,
        next.term,
    ));
    Ok(leader.id)
}

/// Has all running nodes take a snapshot and purge what it holds.
async fn purge(cluster: &mut Cluster, sum: &mut Sum) -> Outcome<()> {
    let upto = cluster.wait_for_leader().await?.applied.ok_or("the leader has applied nothing")?;
    let statuses = cluster.wait("a common entry", |statuses| all_applied(statuses, upto)).await?;
    let ids: Vec<u64> = statuses.iter().map(|status| status.id).collect();
    for id in &ids {
        cluster.ask(*id, &Request::TakeSnapshot).await?;
    }
    cluster
        .wait("snapshots", |statuses| {
            statuses.iter().all(|status| status.snapshot >= Some(upto)).then_some(())
        })
        .await?;
    for id in &ids {
        cluster.ask(*id, &Request::Purge(upto)).await?;
    }
    cluster
        .wait("purges", |statuses| statuses.iter().all(|status| status.purged >= Some(upto)).then_some(()))
        .await?;
    sum.purges += ids.len() as u64;
    Line::Purge.say(&format!("snapshots and purges up to index {} on nodes {ids:?}", count(upto)));
    Ok(())
}

/// Starts the killed node, and waits until it has what was committed when it came back.
async fn bring_back(cluster: &mut Cluster, id: u64, sum: &mut Sum) -> Outcome<()> {
    let target = cluster.wait_for_leader().await?.applied.unwrap_or(0);
    let begin = Instant::now();
    cluster.start(id)?;
    let status = cluster
        .wait("the killed node to catch up", |statuses| {
            statuses.iter().find(|status| status.id == id && status.applied >= Some(target)).cloned()
        })
        .await?;
    let elapsed = begin.elapsed();
    look_at_opening(&status)?;
    sum.snapshots_sent += status.snapshots_installed;
    Line::Restart.say(&format!(
        "node {id} opened {}; caught up to index {} after {}, {} snapshots received",
        opened(&status),
        count(target),
        millis(elapsed),
        status.snapshots_installed,
    ));
    Ok(())
}

/// Starts all nodes, and waits until each has applied an entry that lies behind all that was acknowledged; gives its index.
async fn bring_all_back(cluster: &mut Cluster, mut terms: BTreeSet<u64>, sum: &mut Sum) -> Outcome<u64> {
    let begin = Instant::now();
    cluster.start_all()?;
    let leader = cluster.wait_for_leader().await?;
    let elected = begin.elapsed();
    let barrier = cluster.barrier().await?;
    let statuses = cluster.wait("all to apply", |statuses| all_applied(statuses, barrier)).await?;
    let elapsed = begin.elapsed();
    statuses.iter().try_for_each(look_at_opening)?;
    terms.insert(leader.term);
    sum.elections += terms.len() as u64;
    sum.recoveries.push(elapsed);
    sum.openings.extend(statuses.iter().map(|status| Duration::from_micros(status.opened.micros)));
    let nodes: Vec<String> =
        statuses.iter().map(|status| format!("node {} {}", status.id, opened(status))).collect();
    Line::Recover.say(&format!(
        "{}; a leader after {}, all applied to index {} after {}",
        nodes.join(", "),
        millis(elected),
        count(barrier),
        millis(elapsed),
    ));
    Ok(barrier)
}

fn all_applied(statuses: &[Status], index: u64) -> Option<Vec<Status>> {
    statuses.iter().all(|status| status.applied >= Some(index)).then(|| statuses.to_vec())
}

/// SIGKILL takes nothing from a disk: a log that finds damage after it is wrong.
fn look_at_opening(status: &Status) -> Outcome<()> {
    if status.opened.remarks.is_empty() {
        return Ok(());
    }
    Err(format!("node {} opened its log, and found: {}", status.id, status.opened.remarks.join("; ")).into())
}

fn opened(status: &Status) -> String {
    let torn = if status.opened.is_torn { ", a torn tail" } else { "" };
    let opened = &status.opened;
    format!(
        "{} entries in {} chunks in {:.1} ms{torn}",
        count(opened.entries),
        opened.chunks,
        opened.micros as f64 / 1e3
    )
}

/// Asks every node for everything, and holds it against what was acknowledged, and against the other nodes.
async fn check_all(stage: &Stage, cluster: &Cluster, pages: &[Page], sum: &mut Sum) -> Outcome<()> {
    let mut first: Option<(u64, Contents)> = None;
    let mut found = Found::default();
    for id in cluster.ids() {
        let Response::Contents { contents, .. } = cluster.ask(id, &Request::Contents).await? else {
            return Err(format!("node {id} gave no contents").into());
        };
        found = check(id, &contents, pages, stage.seed)?;
        match &first {
            None => first = Some((id, contents)),
            Some((other, others)) => same((*other, others), (id, &contents))?,
        }
    }
    sum.checked += found.keys * cluster.ids().len() as u64;
    Line::Check.say(&format!(
        "{} keys on each of {} nodes, each as acknowledged; of writes without an answer {} are there and {} are not",
        count(found.keys),
        cluster.ids().len(),
        found.unacknowledged_there,
        found.unacknowledged_gone,
    ));
    Ok(())
}

/// Compares the logs of the nodes, which are down, two by two.
fn compare_logs(cluster: &Cluster, bound: Bound) -> Outcome<()> {
    let ids = cluster.ids();
    let mut pairs = Vec::new();
    for (position, a) in ids.iter().enumerate() {
        for b in ids.iter().skip(position + 1) {
            let compared = compare(&cluster.log_directory(*a), &cluster.log_directory(*b), bound)?;
            pairs.push(((*a, *b), compared));
        }
    }
    Line::Logs.say(&logs_line(bound, &pairs));
    Ok(())
}
