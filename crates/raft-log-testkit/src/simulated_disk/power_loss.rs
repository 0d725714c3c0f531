//! What a disk may hold if the power goes now: every combination of what has been written since the last syncs.
//!
//! Each sector holds what was durable or any version since; each file has the size that was durable or any since; each
//! change of the directory has happened or not. All of these are independent of each other, which is more than a real
//! file system allows itself.

use std::collections::BTreeMap;

use raft_log_chunk::LOCK_FILE;

use super::contents::{
    Digest, DiskImage, FileContents, SECTOR_BYTES, Sector, cut_sector, name_share, sector_digest,
    sector_share, size_share, within_sector,
};
use super::state::{DiskState, File, FileId};
use crate::SimulatedDisk;
use crate::random::Random;

/// A disk at the moment when the power goes.
#[derive(Debug, Clone, Copy)]
pub struct PowerLoss<'a> {
    pub(super) state: &'a DiskState,
}

/// One of the contents that a disk may have after a loss of power.
#[derive(Debug)]
pub struct Outcome<'a> {
    files: &'a [NamedFile<'a>],
    /// For each file the option that each of its open sectors has taken.
    picks: &'a [Vec<usize>],
}

/// A file that is named in an outcome.
#[derive(Debug)]
struct NamedFile<'a> {
    names: Vec<&'a str>,
    choice: &'a FileChoice<'a>,
}

/// A file with its size settled: which sectors of it are open.
#[derive(Debug)]
struct FileChoice<'a> {
    file: &'a File,
    size: u64,
    /// What the settled part adds to the digest.
    settled: Digest,
    open: Vec<OpenSector>,
}

/// A sector that may hold one of several contents, that which was durable first.
#[derive(Debug)]
struct OpenSector {
    number: u64,
    options: Vec<Sector>,
    /// Which of them processes see.
    newest: usize,
}

impl<'a> PowerLoss<'a> {
    /// Visits what the disk may hold: everything if these are at most `max` outcomes, otherwise about as many of them,
    /// drawn from `random`; nothing persisted and everything are always among them, and as far as `max` reaches each
    /// sector alone, and each alone missing.
    /// The same outcome may be visited more than once. Tells whether everything was visited.
    pub fn outcomes(&self, max: usize, random: &mut Random, visit: &mut dyn FnMut(&Outcome<'_>)) -> bool {
        let directories = self.names(max, random);
        let cases: Vec<Case<'_>> =
            directories.iter().flat_map(|names| sizes_of(self.state, names, max)).collect();
        let mut choices = Choices::new();
        for (_, id, size) in cases.iter().flatten() {
            choices.entry((*id, *size)).or_insert_with(|| FileChoice::new(self.state.file(*id), *size));
        }
        let combinations = |case: &Case<'_>| {
            let counts = case.iter().map(|(_, id, size)| choices[&(*id, *size)].combinations());
            counts.fold(1, usize::saturating_mul)
        };
        let total = cases.iter().map(combinations).fold(0_usize, usize::saturating_add);
        if total <= max {
            cases.iter().for_each(|case| visit_all(&named(case, &choices), visit));
            return true;
        }
        // The first is where no name and no size has persisted, the last where all have.
        let share = (max / cases.len().max(1)).max(4);
        let drawn = (max / share).saturating_sub(2);
        let last = cases.len() - 1;
        for (at, case) in cases.iter().enumerate() {
            if at != 0 && at != last && random.place(last) >= drawn {
                continue;
            }
            match combinations(case) <= share {
                true => visit_all(&named(case, &choices), visit),
                false => visit_some(&named(case, &choices), share, random, visit),
            }
        }
        false
    }

    /// What the disk holds if nothing persisted that was not synced.
    pub fn synced_only(&self) -> DiskImage {
        let contents = |(name, id): (&String, &FileId)| (name.clone(), self.state.file(*id).durable.clone());
        DiskImage { files: self.state.durable_names.iter().map(contents).collect() }
    }

    /// The disk where not the power goes, but only the process is killed: the next process, on a disk of its own, sees all
    /// that was written, and it is no more durable than before. Its random numbers are those of the seed.
    pub fn killed_instead(&self, seed: u64) -> SimulatedDisk {
        let mut state = self.state.clone();
        state.is_locked = false;
        SimulatedDisk::of(state, seed)
    }

    /// The directories that the changes of names can leave, without repetitions.
    fn names(&self, max: usize, random: &mut Random) -> Vec<BTreeMap<String, FileId>> {
        let changes = &self.state.name_changes;
        let all = 1_usize.checked_shl(u32::try_from(changes.len()).unwrap_or(u32::MAX)).unwrap_or(usize::MAX);
        let chosen: Vec<Vec<bool>> = if all <= max.min(64) {
            (0..all).map(|bits| (0..changes.len()).map(|at| bits >> at & 1 == 1).collect()).collect()
        } else {
            // None, some with the first changes only, some at random, and all.
            let step = (changes.len() / max.max(1)).max(1);
            let counts = (0..changes.len()).step_by(step);
            let first = counts.map(|count| (0..changes.len()).map(|at| at < count).collect());
            let some = (0..max.min(32)).map(|_| (0..changes.len()).map(|_| random.below(2) == 1).collect());
            first.chain(some).chain([vec![true; changes.len()]]).collect()
        };
        let mut directories: Vec<BTreeMap<String, FileId>> = Vec::new();
        for chosen in chosen {
            let mut names = self.state.durable_names.clone();
            let applied = changes.iter().zip(chosen).filter(|(_, is_chosen)| *is_chosen);
            applied.for_each(|(change, _)| change.apply(&mut names));
            if !directories.contains(&names) {
                directories.push(names);
            }
        }
        directories
    }
}

/// What was found out about a file with a size.
type Choices<'a> = BTreeMap<(FileId, u64), FileChoice<'a>>;

fn named<'a>(case: &Case<'a>, choices: &'a Choices<'_>) -> Vec<NamedFile<'a>> {
    let file = |(names, id, size): &(Vec<&'a str>, FileId, u64)| NamedFile {
        names: names.clone(),
        choice: &choices[&(*id, *size)],
    };
    case.iter().map(file).collect()
}

/// Files with all their names and a size.
type Case<'a> = Vec<(Vec<&'a str>, FileId, u64)>;

/// The files behind these names, once for each combination of their sizes, as far as `max` cases reach.
fn sizes_of<'a>(state: &DiskState, names: &'a BTreeMap<String, FileId>, max: usize) -> Vec<Case<'a>> {
    let mut files: BTreeMap<FileId, Vec<&str>> = BTreeMap::new();
    for (name, id) in names.iter().filter(|(name, _)| *name != LOCK_FILE) {
        files.entry(*id).or_default().push(name);
    }
    let mut cases: Vec<Case<'_>> = vec![Vec::new()];
    for (id, names) in files {
        let file = state.file(id);
        let mut sizes = vec![file.durable.size];
        for size in &file.sizes {
            if !sizes.contains(size) {
                sizes.push(*size);
            }
        }
        // The number of files with several sizes is small; beyond this only the first and the last are tried, and beyond
        // that only the last.
        if cases.len() * sizes.len() > max.min(64) {
            sizes = vec![file.durable.size, file.cached.size];
        }
        if cases.len() > max.min(128) {
            sizes = vec![file.cached.size];
        }
        let longer = |case: &Case<'a>| {
            let with = |size: &u64| {
                let mut case = case.clone();
                case.push((names.clone(), id, *size));
                case
            };
            sizes.iter().map(with).collect::<Vec<_>>()
        };
        cases = cases.iter().flat_map(longer).collect();
    }
    cases
}

impl<'a> FileChoice<'a> {
    fn new(file: &'a File, size: u64) -> Self {
        let mut open = Vec::new();
        for (number, versions) in file.sectors.range(..size.div_ceil(SECTOR_BYTES as u64)) {
            let versions = std::iter::once(file.durable.sector(*number)).chain(versions.iter().cloned());
            let mut sector = OpenSector { number: *number, options: Vec::new(), newest: 0 };
            for version in versions.map(|version| visible(version, *number, size)) {
                let is_same = |known: &Sector| sector_digest(known) == sector_digest(&version);
                sector.newest = sector.options.iter().position(is_same).unwrap_or(sector.options.len());
                if sector.newest == sector.options.len() {
                    sector.options.push(version);
                }
            }
            open.push(sector);
        }
        let is_open = |number: u64| open.iter().any(|sector| sector.number == number);
        let sectors = file.durable.sectors.iter();
        let settled = sectors
            .filter(|(number, _)| **number * (SECTOR_BYTES as u64) < size && !is_open(**number))
            .map(|(number, bytes)| sector_share(*number, &visible(Some(bytes.clone()), *number, size)))
            .fold(size_share(size), Digest::wrapping_add);
        Self { file, size, settled, open }
    }

    fn combinations(&self) -> usize {
        self.open.iter().map(|sector| sector.options.len()).fold(1, usize::saturating_mul)
    }

    fn digest(&self, picks: &[usize]) -> Digest {
        let open = self.open.iter().zip(picks);
        let share =
            |(sector, pick): (&OpenSector, &usize)| sector_share(sector.number, &sector.options[*pick]);
        open.map(share).fold(self.settled, Digest::wrapping_add)
    }

    fn contents(&self, picks: &[usize]) -> FileContents {
        let mut contents = self.file.durable.clone();
        contents.set_size(self.size);
        for (sector, pick) in self.open.iter().zip(picks) {
            contents.set_sector(sector.number, sector.options[*pick].clone());
        }
        contents
    }
}

/// What is left of a sector in a file of this size.
fn visible(sector: Sector, number: u64, size: u64) -> Sector {
    if number == size / SECTOR_BYTES as u64 { cut_sector(&sector, within_sector(size)) } else { sector }
}

fn first_picks(files: &[NamedFile<'_>]) -> Vec<Vec<usize>> {
    files.iter().map(|file| vec![0; file.choice.open.len()]).collect()
}

fn visit_all(files: &[NamedFile<'_>], visit: &mut dyn FnMut(&Outcome<'_>)) {
    let mut picks = first_picks(files);
    loop {
        visit(&Outcome { files, picks: &picks });
        // Counts up, one digit for each open sector.
        let digits =
            files.iter().zip(&mut picks).flat_map(|(file, picks)| file.choice.open.iter().zip(picks));
        let mut is_done = true;
        for (sector, pick) in digits {
            *pick += 1;
            if *pick < sector.options.len() {
                is_done = false;
                break;
            }
            *pick = 0;
        }
        if is_done {
            return;
        }
    }
}

fn visit_some(
    files: &[NamedFile<'_>],
    count: usize,
    random: &mut Random,
    visit: &mut dyn FnMut(&Outcome<'_>),
) {
    let oldest = first_picks(files);
    let newest: Vec<Vec<usize>> =
        files.iter().map(|file| file.choice.open.iter().map(|sector| sector.newest).collect()).collect();
    let mut left = count;
    let mut visit = |picks: &[Vec<usize>]| {
        visit(&Outcome { files, picks });
        left = left.saturating_sub(1);
        left > 0
    };
    let places = files
        .iter()
        .enumerate()
        .flat_map(|(at, file)| (0..file.choice.open.len()).map(move |open| (at, open)));
    if !visit(&oldest) || !visit(&newest) {
        return;
    }
    for (file, sector) in places {
        for (from, to) in [(&oldest, &newest), (&newest, &oldest)] {
            let mut picks = from.clone();
            picks[file][sector] = to[file][sector];
            if !visit(&picks) {
                return;
            }
        }
    }
    let mut drawn = oldest;
    loop {
        for (file, picks) in files.iter().zip(&mut drawn) {
            for (sector, pick) in file.choice.open.iter().zip(picks) {
                *pick = random.place(sector.options.len());
            }
        }
        if !visit(&drawn) {
            return;
        }
    }
}

impl Outcome<'_> {
    /// A number that tells this outcome from others, by all names and bytes but those of the lock file.
    pub fn digest(&self) -> u128 {
        let files = self.files.iter().zip(self.picks);
        let share = |(file, picks): (&NamedFile<'_>, &Vec<usize>)| {
            let digest = file.choice.digest(picks);
            file.names.iter().map(|name| name_share(name, digest)).fold(0, Digest::wrapping_add)
        };
        files.map(share).fold(0, Digest::wrapping_add)
    }

    /// The names and bytes.
    pub fn image(&self) -> DiskImage {
        let mut image = DiskImage::default();
        for (file, picks) in self.files.iter().zip(self.picks) {
            let contents = file.choice.contents(picks);
            for name in &file.names {
                image.files.insert((*name).to_owned(), contents.clone());
            }
        }
        image
    }
}
