//! The part `full-disk`: real file systems, ext4 and in memory, filled to every level by a foreign file and by the log
//! itself.
//!
//! Appending is refused and leaves no trace; votes, commits, purges and opening go on, through 16 restarts that each
//! find the disk full again; and with room appending goes on.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use bytes::Bytes;
use raft_log::{
    Config, OpenError, PlainTypes, PlainVote, RaftLog, RaftLogWriter, Record, StateMachine, TermIndex,
    WriteError,
};
use raft_log_testkit::write_records;

use super::found::{Found, because};
use super::judge::Case;
use super::ledger::Fault;
use super::mounts::{BLOCK, Mounted, fill, make_ext4};
use super::part::{Share, Tally};
use super::work::{Log, Model};
use crate::Outcome;
use crate::random::Random;

const EXT4_BYTES: u64 = 24 << 20;
const MEMORY_BYTES: u64 = 8 << 20;

/// So much may be free when a log begins on a disk that is nearly full; a log of its own takes some 400 KiB.
const LEVELS: u64 = 300;

const RESTARTS: u64 = 16;

/// So many votes and commits, each in a group of its own, go into the 64 KiB that are kept in a chunk.
const RESERVE_WRITES: u64 = 300;

const PAYLOAD: usize = 3000;

/// No disk here holds so many entries.
const ENTRIES_MAX: u64 = 20_000;

pub(super) fn play(share: &Share<'_>) -> Outcome<Tally> {
    let mut tally = Tally::of("full disks");
    let mut random = Random::new(share.seed);
    let image = share.directory.join("ext4-image");
    make_ext4(&image, EXT4_BYTES)?;
    let ext4 = Mounted::image(&image, &share.directory.join("ext4"))?;
    let memory = Mounted::memory(&share.directory.join("memory"), MEMORY_BYTES)?;
    while tally.count < 4 || !(share.is_over() || tally.is_hopeless()) {
        for (name, mounted) in [("on ext4", &ext4), ("in memory", &memory)] {
            let level = random.between(0, LEVELS);
            let early = Disk::new(mounted.point(), random.next())?;
            let what = format!("{level} blocks free {name} before the log began");
            early.judge(share, &mut tally, what, |disk, tally| disk.begin_with(level, tally))?;

            let left = random.between(0, 40);
            let late = Disk::new(mounted.point(), random.next())?;
            let what = format!("filled {name} up to {left} blocks under a log");
            late.judge(share, &mut tally, what, |disk, tally| disk.fill_under_a_log(left, tally))?;

            let mut lonely = Disk::new(mounted.point(), random.next())?;
            lonely.has_spares = false;
            let what = format!("filled {name} under a log without spares");
            lonely.judge(share, &mut tally, what, |disk, _| disk.fill_under_a_single_chunk())?;
            tally.count += 3;
        }
    }
    ext4.unmount()?;
    memory.unmount()?;
    if tally.is_clean() {
        fs::remove_file(image)?;
    }
    Ok(tally)
}

/// A disk with a log and a filler on it.
struct Disk<'a> {
    point: &'a Path,
    random: Random,
    model: Model,
    /// Without, the log has one large chunk, and the reserve in it.
    has_spares: bool,
}

/// What did not go as it must.
type Story = Result<(), Fault>;

impl<'a> Disk<'a> {
    /// An empty one.
    fn new(point: &'a Path, seed: u64) -> Outcome<Self> {
        let disk = Self { point, random: Random::new(seed), model: Model::new(), has_spares: true };
        for path in [disk.log_path(), disk.filler()] {
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else if path.exists() {
                fs::remove_file(path)?;
            }
        }
        Ok(disk)
    }

    fn log_path(&self) -> std::path::PathBuf {
        self.point.join("log")
    }

    fn filler(&self) -> std::path::PathBuf {
        self.point.join("filler")
    }

    fn judge(
        mut self,
        share: &Share<'_>,
        tally: &mut Tally,
        what: String,
        story: impl FnOnce(&mut Self, &mut Tally) -> Story,
    ) -> Outcome {
        let outcome = story(&mut self, tally);
        let log = self.log_path();
        let case = Case { share, log: &log, what };
        match outcome {
            Ok(()) => Ok(()),
            Err(fault) => case.report(tally, fault),
        }
    }

    fn config(&self) -> Config {
        let mut config = Config::new(self.log_path());
        config.chunk.max_size = 64 << 10;
        config.chunk.space_step = 4096;
        if !self.has_spares {
            config.chunk.max_size = 1 << 30;
            config.chunk.spares = 0;
        }
        config
    }

    /// The log begins on a disk that is full but for so many blocks.
    fn begin_with(&mut self, blocks: u64, tally: &mut Tally) -> Story {
        self.fill_up_to(blocks * BLOCK)?;
        let mut log = match RaftLog::open(self.config()) {
            Ok(log) => log,
            Err(OpenError::Directory(error) | OpenError::Io { source: error, .. }) if is_full(&error) => {
                tally.add("opens refused", 1);
                return self.make_room_and_go_on();
            }
            Err(error) => return Err(silent("the log does not open", &error)),
        };
        let vote = self.vote();
        match self.write(&mut log, vec![vote]) {
            Ok(true) => {}
            // A log that has no chunk yet makes none.
            Ok(false) => tally.add("first votes refused", 1),
            Err(fault) => return Err(fault),
        }
        let has_chunk = self.append_until_full(&mut log)? > 0;
        drop(log);
        let log = self.open_again()?;
        drop(log);
        if has_chunk {
            self.go_on_without_room(tally)?;
        }
        self.make_room_and_go_on()
    }

    /// A log has room, and then somebody else takes it all but for so many blocks.
    fn fill_under_a_log(&mut self, blocks: u64, tally: &mut Tally) -> Story {
        let mut log = self.open_again()?;
        for _ in 0..self.random.between(1, 60) {
            let entry = self.entry();
            if !self.write(&mut log, vec![entry])? {
                return Err(Fault::Silent("an entry was refused on an empty disk".into()));
            }
            if self.random.once_in(3) {
                sync(&mut log)?;
            }
        }
        sync(&mut log)?;
        self.fill_up_to(blocks * BLOCK)?;
        self.append_until_full(&mut log)?;
        self.must_write(&mut log)?;
        drop(log);
        self.go_on_without_room(tally)?;
        self.make_room_and_go_on()
    }

    /// Somebody takes all the room while a log goes on in one chunk: what is kept in it must do.
    fn fill_under_a_single_chunk(&mut self) -> Story {
        let mut log = self.open_again()?;
        self.must_write(&mut log)?;
        let entry = self.entry();
        self.write(&mut log, vec![entry])?;
        sync(&mut log)?;
        let left = self.random.between(0, 40) * BLOCK;
        self.fill_up_to(left)?;
        self.append_until_full(&mut log)?;
        self.fill_up_to(0)?;
        for _ in 0..RESERVE_WRITES {
            self.must_write(&mut log)?;
        }
        drop(log);
        self.make_room_and_go_on()
    }

    /// Many restarts on a disk that is full each time, each with writes that must go on; then a purge of nearly all.
    fn go_on_without_room(&mut self, tally: &mut Tally) -> Story {
        for _ in 0..RESTARTS {
            self.fill_up_to(0)?;
            let mut log = self.open_again()?;
            self.must_write(&mut log)?;
            // Enough that it has room nowhere, not even in what is left of a chunk.
            let mut batch = vec![self.entry()];
            while batch.len() < 100 {
                let id = batch.last().and_then(Record::log_id).copied().unwrap_or_default();
                batch.push(Record::Append(TermIndex::new(id.term, id.index + 1), payload(id.index)));
            }
            if self.write(&mut log, batch)? {
                return Err(Fault::Silent("300 KB were accepted on a full disk".into()));
            }
            tally.add("restarts on a full disk", 1);
        }
        self.fill_up_to(0)?;
        let mut log = self.open_again()?;
        if let Some(last) = self.model.state().last {
            self.must(&mut log, Record::PurgeUpto(last))?;
        }
        sync(&mut log)?;
        drop(log);
        self.open_again().map(drop)
    }

    /// A vote, and a commit where there is something to commit.
    fn must_write(&mut self, log: &mut Log) -> Story {
        let vote = self.vote();
        self.must(log, vote)?;
        let committed = self.model.state().committed;
        let next = self.model.ids().iter().find(|id| Some(**id) > committed).copied();
        if let Some(id) = next {
            self.must(log, Record::Commit(id))?;
        }
        sync(log)
    }

    fn must(&mut self, log: &mut Log, record: Record<PlainTypes>) -> Story {
        let what = record.kind();
        match self.write(log, vec![record])? {
            true => Ok(()),
            false => {
                Err(Fault::Silent(format!("{what:?} was refused on a full disk, and the reserve is for it")))
            }
        }
    }

    fn make_room_and_go_on(&mut self) -> Story {
        fs::remove_file(self.filler()).map_err(|error| silent("the filler stays", &error))?;
        let mut log = self.open_again()?;
        for _ in 0..100 {
            let entry = self.entry();
            if !self.write(&mut log, vec![entry])? {
                return Err(Fault::Silent("an entry was refused although there is room again".into()));
            }
        }
        sync(&mut log)?;
        drop(log);
        self.open_again().map(drop)
    }

    /// Appends and syncs until an entry is refused; gives how many were accepted.
    fn append_until_full(&mut self, log: &mut Log) -> Result<u64, Fault> {
        for count in 0..ENTRIES_MAX {
            let entry = self.entry();
            if !self.write(log, vec![entry])? {
                self.compare(log)?;
                return Ok(count);
            }
            sync(log)?;
        }
        Err(Fault::Silent(format!("{ENTRIES_MAX} entries were accepted, and the disk is never full")))
    }

    /// Writes; `false` if there was no space, and then nothing may have happened.
    fn write(&mut self, log: &mut Log, records: Vec<Record<PlainTypes>>) -> Result<bool, Fault> {
        match write_records(log, records.clone()) {
            Ok(()) => {
                self.model
                    .record_all(&records)
                    .map_err(|error| silent("the model refuses what the log took", &error))?;
                Ok(true)
            }
            Err(WriteError::NoSpace(error)) if is_full(&error) => Ok(false),
            Err(error) => Err(silent("a write failed, and not for want of space", &error)),
        }
    }

    fn compare(&self, log: &Log) -> Story {
        let found = Found::of(log).map_err(|error| Fault::Silent(error.to_string()))?;
        if found.is(&self.model) {
            return Ok(());
        }
        let (is, must) = (found.state, self.model.state());
        match must.last > is.last {
            // Everything was synced before it was let go.
            true => Err(Fault::Lost(self.model.ids().len().saturating_sub(found.entries.len()))),
            false => Err(Fault::Silent(format!("it holds {is:?} and must hold {must:?}"))),
        }
    }

    /// Opens the log, which must hold what it held.
    fn open_again(&self) -> Result<Log, Fault> {
        let log = RaftLog::open(self.config()).map_err(|error| silent("the log does not open", &error))?;
        self.compare(&log)?;
        Ok(log)
    }

    fn fill_up_to(&self, free: u64) -> Story {
        fill(&self.filler(), free)
            .map_err(|error| Fault::Silent(format!("the disk cannot be filled: {error}")))
    }

    fn vote(&self) -> Record<PlainTypes> {
        let term = self.model.state().vote.map_or(0, |vote| vote.term);
        Record::SaveVote(PlainVote::new(term + 1, 1))
    }

    fn entry(&self) -> Record<PlainTypes> {
        let index = self.model.state().end_index();
        Record::Append(TermIndex::new(1, index), payload(index))
    }
}

fn payload(index: u64) -> Bytes {
    let size = if index.is_multiple_of(3) { PAYLOAD } else { PAYLOAD / 10 };
    index.to_le_bytes().into_iter().cycle().take(size).collect()
}

fn is_full(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::StorageFull
}

fn silent(what: &str, error: &dyn std::error::Error) -> Fault {
    Fault::Silent(because(what, error).to_string())
}

fn sync(log: &mut Log) -> Story {
    log.sync().map_err(|error| silent("a sync failed", &error))
}
