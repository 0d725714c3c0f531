//! What a simulated disk remembers: for each file and for the directory, what processes see, what is durable, and the
//! versions in between.
//!
//! Nothing is chosen here, see `power_loss`. What always holds: what is durable changes only by a sync; and what is
//! neither pending nor dropped is the same for processes and for the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use rustix::io::Errno;

use super::contents::{
    FileContents, SECTOR_BYTES, Sector, cut_sector, same_sector, sector_of, within_sector,
};
use crate::random::Random;

/// No file grows beyond this: a wild offset is an error, as on a disk, and not the end of the memory.
const FILE_BYTES_MAX: u64 = 1 << 32;

/// A file, whatever its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId(u64);

/// A change of the directory that a sync has not made durable. Each persists as a whole or not at all.
#[derive(Debug, Clone)]
pub(super) enum NameChange {
    Add { name: String, file: FileId },
    Rename { from: String, to: String, file: FileId },
    Remove { name: String, file: FileId },
}

impl NameChange {
    /// Does to `names` what the change does to a directory.
    pub(super) fn apply(&self, names: &mut BTreeMap<String, FileId>) {
        match self {
            Self::Add { name, file } => {
                names.insert(name.clone(), *file);
            }
            Self::Rename { from, to, file } => {
                if names.get(from) == Some(file) {
                    names.remove(from);
                }
                names.insert(to.clone(), *file);
            }
            Self::Remove { name, file } => {
                if names.get(name) == Some(file) {
                    names.remove(name);
                }
            }
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct File {
    /// What processes read.
    pub(super) cached: FileContents,
    /// What a sync has made durable.
    pub(super) durable: FileContents,
    /// What sectors have held since, oldest first: any of it may be on the disk.
    pub(super) sectors: BTreeMap<u64, Vec<Sector>>,
    /// The sizes that the file has had since, oldest first.
    pub(super) sizes: Vec<u64>,
    /// Sectors that a failed sync has given up: processes see what the disk never got, until the cache is dropped.
    dropped: BTreeSet<u64>,
}

impl File {
    fn holding(contents: FileContents) -> Self {
        Self { cached: contents.clone(), durable: contents, ..Self::default() }
    }

    fn change_sector(&mut self, number: u64, sector: Sector) {
        // What was dropped is to be written again, whatever it holds.
        let was_dropped = self.dropped.remove(&number);
        if was_dropped || !same_sector(&self.cached.sector(number), &sector) {
            self.sectors.entry(number).or_default().push(sector.clone());
            self.cached.set_sector(number, sector);
        }
    }

    fn change_size(&mut self, size: u64) {
        if size != self.cached.size {
            self.sizes.push(size);
            self.cached.size = size;
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(bytes.len() as u64).filter(|end| *end <= FILE_BYTES_MAX);
        let end = end.ok_or(Errno::FBIG)?;
        let mut rest = bytes;
        let mut at = offset;
        while !rest.is_empty() {
            let within = within_sector(at);
            let (now, later) = rest.split_at(rest.len().min(SECTOR_BYTES - within));
            let number = at / SECTOR_BYTES as u64;
            let before = self.cached.sector(number);
            let is_zero_over_zero = before.is_none() && now.iter().all(|byte| *byte == 0);
            if !is_zero_over_zero || self.dropped.contains(&number) {
                let mut sector = before.map_or([0; SECTOR_BYTES], |before| before.bytes);
                sector[within..within + now.len()].copy_from_slice(now);
                self.change_sector(number, sector_of(sector));
            }
            at += now.len() as u64;
            rest = later;
        }
        if end > self.cached.size && !bytes.is_empty() {
            self.change_size(end);
        }
        Ok(())
    }

    pub(super) fn truncate(&mut self, size: u64) -> io::Result<()> {
        if size > self.cached.size {
            return Err(Errno::INVAL.into());
        }
        let edge = size / SECTOR_BYTES as u64;
        let cut: Vec<u64> = self.cached.sectors.range(edge..).map(|(number, _)| *number).collect();
        for number in cut {
            let kept = if number == edge { within_sector(size) } else { 0 };
            let sector = cut_sector(&self.cached.sector(number), kept);
            self.change_sector(number, sector);
        }
        self.change_size(size);
        Ok(())
    }

    pub(super) fn sync(&mut self) {
        for (number, _) in std::mem::take(&mut self.sectors) {
            self.durable.set_sector(number, self.cached.sector(number));
        }
        self.sizes.clear();
        self.durable.set_size(self.cached.size);
    }

    /// A sync that fails: of each sector, by chance, the disk has got what it was to get, or it never will.
    pub(super) fn drop_pending(&mut self, random: &mut Random) {
        for (number, _) in std::mem::take(&mut self.sectors) {
            if random.below(2) == 0 {
                self.durable.set_sector(number, self.cached.sector(number));
            } else {
                self.dropped.insert(number);
            }
        }
        // The sectors behind the end of what is durable wait for the size, which the system goes on to hold.
        let size = self.cached.size;
        if self.durable.size != size && self.sizes.is_empty() {
            self.sizes.push(size);
        }
    }

    pub(super) fn drop_cache(&mut self) {
        for number in std::mem::take(&mut self.dropped) {
            self.cached.set_sector(number, self.durable.sector(number));
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct DiskState {
    pub(super) files: BTreeMap<FileId, File>,
    /// The names that processes see.
    pub(super) names: BTreeMap<String, FileId>,
    /// The names that a sync has made durable.
    pub(super) durable_names: BTreeMap<String, FileId>,
    /// What has changed between these.
    pub(super) name_changes: Vec<NameChange>,
    pub(super) is_locked: bool,
    next_id: u64,
}

impl DiskState {
    pub(super) fn holding(files: BTreeMap<String, FileContents>) -> Self {
        let mut state = Self::default();
        for (name, contents) in files {
            let id = state.new_id();
            state.files.insert(id, File::holding(contents));
            state.names.insert(name, id);
        }
        state.durable_names = state.names.clone();
        state
    }

    fn new_id(&mut self) -> FileId {
        self.next_id += 1;
        FileId(self.next_id)
    }

    pub(super) fn find(&self, name: &str) -> io::Result<FileId> {
        self.names.get(name).copied().ok_or_else(|| Errno::NOENT.into())
    }

    pub(super) fn file(&self, id: FileId) -> &File {
        &self.files[&id]
    }

    pub(super) fn file_mut(&mut self, id: FileId) -> &mut File {
        self.files.get_mut(&id).expect("files are never forgotten")
    }

    pub(super) fn links(&self, id: FileId) -> u64 {
        self.names.values().filter(|named| **named == id).count() as u64
    }

    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }

    pub(super) fn create(&mut self, name: &str) -> io::Result<FileId> {
        if self.names.contains_key(name) {
            return Err(Errno::EXIST.into());
        }
        let id = self.new_id();
        self.files.insert(id, File::default());
        self.change(NameChange::Add { name: name.to_owned(), file: id });
        Ok(id)
    }

    /// Gives a file one more name, which is free.
    pub(super) fn link(&mut self, from: &str, to: &str) -> io::Result<()> {
        let file = self.find(from)?;
        self.change(NameChange::Add { name: to.to_owned(), file });
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let file = self.find(from)?;
        // Two names of one file: rename(2) leaves both.
        if self.names.get(to) != Some(&file) {
            self.change(NameChange::Rename { from: from.to_owned(), to: to.to_owned(), file });
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> io::Result<()> {
        let file = self.find(name)?;
        self.change(NameChange::Remove { name: name.to_owned(), file });
        Ok(())
    }

    pub(super) fn sync_directory(&mut self) {
        self.durable_names = self.names.clone();
        self.name_changes.clear();
    }
}
