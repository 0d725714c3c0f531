//! Reading: all entries from the files, single ones from anywhere, and the newest from the cache.

use bytes::Bytes;

use crate::Outcome;
use crate::contender::{Contender, Keeping, Peer};
use crate::limit_read::{Places, read_all};
use crate::opening::readers;
use crate::payload::Payload;
use crate::plan::Plan;
use crate::raft_log_peer::RaftLogPeer;
use crate::round::Round;
use crate::row::{Bound, Row, Side, Unit};

const ENTRIES: u64 = 1_000_000;
/// What the limit's file holds for each entry.
const FRAME_BYTES: u64 = 300;
/// Readers of the cache ask for so many entries at once.
const HOT_ENTRIES: u64 = 100;

/// Numbers that jump about: multiples of the golden ratio's bits.
fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

fn all_of(read: u64, wanted: u64) -> Outcome {
    if read == wanted { Ok(()) } else { Err(format!("{read} of {wanted} entries were read").into()) }
}

/// Entries that no cache of the log holds; the system's may.
pub(crate) fn cold(plan: &Plan<'_>) -> Outcome<[Row; 2]> {
    let entries = plan.scaled(ENTRIES);
    let readers = readers(plan, entries)?;
    let path = plan.directory.join("limit-of-reading");
    std::fs::write(&path, Payload::Incompressible.bytes(usize::try_from(entries * FRAME_BYTES)?))?;
    let mut places = Places::new(&path, entries * FRAME_BYTES, usize::try_from(FRAME_BYTES)?)?;
    let named =
        || std::iter::once(Side::new("limit")).chain(readers.iter().map(|(name, _)| Side::new(name.clone())));
    let (mut scans, mut singles): (Vec<Side>, Vec<Side>) = (named().collect(), named().collect());
    let mut number = 0;
    for _ in 0..plan.rounds {
        let scan = Round::run(plan.length, entries, |entries| {
            read_all(&path, entries * FRAME_BYTES).map(drop).map_err(Into::into)
        })?;
        let single = Round::run(plan.length, 100, |count| {
            number += count;
            (number - count..number).try_for_each(|number| places.read(scattered(number))).map_err(Into::into)
        })?;
        let mut rounds = vec![(scan, single)];
        for (_, log) in &readers {
            let scan = Round::run(plan.length, entries, |entries| all_of(log.read(1, entries)?, entries))?;
            let single = Round::run(plan.length, 100, |count| {
                number += count;
                (number - count..number)
                    .try_for_each(|number| all_of(log.read(1 + scattered(number) % entries, 1)?, 1))
            })?;
            rounds.push((scan, single));
        }
        for ((scans, singles), (scan, single)) in scans.iter_mut().zip(&mut singles).zip(rounds) {
            scans.rounds.push(scan.rate());
            singles.rounds.push(single.rate());
        }
    }
    std::fs::remove_file(path)?;
    let mut scan = Row {
        work: "cold scan, 256 B".to_owned(),
        unit: Unit::EntriesPerSecond,
        sides: scans,
        musts: Vec::new(),
    };
    scan.must_be("raft-log", Bound::AtLeast(12e6));
    let mut single = Row {
        work: "cold read of single entries anywhere, 256 B".to_owned(),
        unit: Unit::ReadsPerSecond,
        sides: singles,
        musts: Vec::new(),
    };
    single.must_reach("raft-log", Bound::AtLeast(0.7));
    Ok([scan, single])
}

/// Entries that were just written.
pub(crate) fn hot(plan: &Plan<'_>) -> Outcome<Row> {
    let keeping =
        Keeping { payload: Bytes::clone(&Payload::Incompressible.bytes(256)), alive: None, is_cold: false };
    let entries = plan.scaled(100_000);
    let mut logs: Vec<(Side, Box<dyn Contender>)> = Vec::new();
    for peer in [&RaftLogPeer as &dyn Peer].into_iter().chain(plan.peers.iter().map(|peer| &**peer)) {
        if peer.can_read() {
            let mut log = peer.open(&plan.fresh_directory(&format!("hot-{}", peer.name()))?, &keeping)?;
            log.write(entries)?;
            logs.push((Side::new(peer.name()), log));
        }
    }
    let mut number = 0;
    for _ in 0..plan.rounds {
        for (side, log) in &mut logs {
            let round = Round::run(plan.length, HOT_ENTRIES * 50, |_| {
                number += 50;
                (number - 50..number).try_for_each(|number| {
                    let first = 1 + scattered(number) % (entries - HOT_ENTRIES);
                    all_of(log.read(first, HOT_ENTRIES)?, HOT_ENTRIES)
                })
            })?;
            side.rounds.push(round.rate());
        }
    }
    let sides = logs.into_iter().map(|(side, _)| side).collect();
    let work = format!("hot read, {HOT_ENTRIES} entries at once from the cache, 256 B");
    let mut row = Row { work, unit: Unit::EntriesPerSecond, sides, musts: Vec::new() };
    row.must_be("raft-log", Bound::AtLeast(15e6));
    Ok(row)
}
