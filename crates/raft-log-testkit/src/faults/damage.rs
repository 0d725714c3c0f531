//! Damage to what was acknowledged: bits, sectors, lengths and files, and forged records under good checksums. It is
//! reported or harmless, and never passes for another log.
//!
//! This part knows the files and the errors of a [`RaftLog`], and counts how often each row of the verdict was the answer.
//! Bits are flipped here at random, over many directories; every single one of a small directory is flipped in the tests
//! of `raft-log`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use raft_log::{
    ChunkId, Config, OpenError, PlainTypes, RaftLog, ReadError, Record, RecoveryError, Storage, TermIndex,
};
use raft_log_chunk::{ChunkHeader, DURABLE_FILE, Space};
use raft_log_codec::{ChecksumWriter, RecordKind, push_frame};
use rustix::io::Errno;

use super::disk_log::DiskLog;
use super::history::Life;
use super::promises::{Digest, digest_of};
use super::step::{Action, Step};
use super::tally::Tally;
use crate::random::splitmix;
use crate::{DiskImage, NaiveModel, Operation, Random, SECTOR_BYTES, SimulatedDisk};

/// How much [`damage`] tries.
#[derive(Debug, Clone)]
pub struct DamageBounds {
    /// What is drawn is drawn from this.
    pub seed: u64,
    /// How many directories are damaged.
    pub directories: u64,
    /// How often each of them is.
    pub damages: u64,
    /// How many threads work on it.
    pub threads: usize,
}

impl Default for DamageBounds {
    fn default() -> Self {
        Self { seed: 1, directories: 40, damages: 250, threads: 2 }
    }
}

/// Damages directories within the bounds, and says what came of it. The verdicts count the rows of the table of
/// recovery.
pub fn damage(configs: &[Config], bounds: &DamageBounds) -> Tally {
    let tally = Mutex::new(Tally::default());
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= bounds.directories {
                return;
            }
            let place = usize::try_from(number).unwrap_or_default() % configs.len();
            let came_of_it = Directory::live(&configs[place], bounds.seed, number).damage(bounds.damages);
            tally.lock().add(came_of_it);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..bounds.threads.max(1) {
            scope.spawn(work);
        }
    });
    tally.into_inner()
}

type Files = BTreeMap<String, Vec<u8>>;

/// A directory in which everything was acknowledged.
struct Directory<'a> {
    config: &'a Config,
    random: Random,
    what: String,
    files: Files,
    held: Digest,
    /// The newest chunk, and where its frames end; `None` if there is none or it was closed.
    open_end: Option<(ChunkId, u64)>,
    /// The files at earlier moments.
    earlier: Vec<Files>,
}

/// One damage: the files afterwards, whether reads fail, and whether an unfinished write is to be refused.
struct Damaged {
    files: Files,
    failing_read: Option<u64>,
    refuses_torn: bool,
}

const ACTIONS: [Action; 9] = [
    Action::Vote,
    Action::AppendOne,
    Action::AppendWide,
    Action::AppendMany,
    Action::Commit,
    Action::Truncate,
    Action::PurgeSome,
    Action::UserData,
    Action::Close,
];

impl<'a> Directory<'a> {
    fn live(config: &'a Config, seed: u64, number: u64) -> Self {
        let mut random = Random::new(splitmix(seed) ^ number);
        let mut life = Life::on(config, SimulatedDisk::new(seed ^ number), NaiveModel::new(), 0);
        life.open().expect("an empty disk");
        let mut earlier = Vec::new();
        for at in 0..12 {
            let action = if at == 0 { Action::AppendMany } else { ACTIONS[random.place(ACTIONS.len())] };
            life.step(Step { action, is_synced: true }).expect("a step on a whole log");
            earlier.push(life.disk().image().files());
        }
        let mut open_end = None;
        if number.is_multiple_of(2) {
            life.log().close().expect("an orderly close");
        } else {
            life.step(Step { action: Action::AppendOne, is_synced: true }).expect("a step on a whole log");
            let end = life.log().wal().end();
            open_end = Some((end.chunk, end.offset));
        }
        let files = life.disk().image().files();
        let held = life.promises().lock().newest_digest();
        let what = format!("directory {number}, seed {seed}");
        Self { config, random, what, files, held, open_end, earlier }
    }

    fn damage(mut self, damages: u64) -> Tally {
        let mut tally = Tally { histories: 1, ..Tally::default() };
        for number in 0..damages {
            let (how, damaged) = self.draw(number);
            tally.damages += 1;
            let judged = catch_unwind(AssertUnwindSafe(|| self.judge(&damaged)));
            match judged {
                Ok(Ok(row)) => *tally.verdicts.entry(row).or_default() += 1,
                Ok(Err(why)) => {
                    tally.silent += 1;
                    tally.example(|| format!("{why}: {how} in {}", self.what));
                }
                Err(_) => {
                    tally.silent += 1;
                    tally.example(|| format!("a panic: {how} in {}", self.what));
                }
            }
        }
        tally
    }

    /// The row of the verdict that was the answer.
    fn judge(&self, damaged: &Damaged) -> Result<&'static str, String> {
        let image = DiskImage::from(damaged.files.clone());
        let chunks = |image: &DiskImage| image.digest(|name| !name.starts_with("r-"));
        let before = chunks(&image);
        let disk = SimulatedDisk::holding(image, 77);
        if let Some(pass) = damaged.failing_read {
            disk.fail_after(pass, Operation::Read, Errno::IO, 1);
        }
        let mut config = self.config.clone();
        config.truncate_incomplete_record = !damaged.refuses_torn;
        let opened = RaftLog::<PlainTypes>::open_on(config, Arc::new(disk.clone()) as Arc<dyn Storage>);
        if chunks(&disk.image()) != before {
            return Err("opening changed a chunk".to_owned());
        }
        let log = match opened {
            Ok(log) => log,
            Err(OpenError::Recovery(error)) => return Ok(row_of(&error)),
            Err(OpenError::Io { .. }) => return Ok("Io"),
            Err(error) => return Err(format!("an answer that is no verdict: {error}")),
        };
        disk.clear_failures();
        match log.read(..) {
            Ok(entries) => {
                let contents = (log.state(), entries);
                if digest_of(&contents) != self.held {
                    return Err(format!("another log: {contents:?}"));
                }
                Ok(log.how_it_ended())
            }
            Err(ReadError::Damaged { .. }) => Ok("opens, with a damaged entry that says so"),
            Err(error) => Err(format!("cannot be read: {error}")),
        }
    }

    fn chunks(&self) -> Vec<String> {
        self.files.keys().filter(|name| name.starts_with("r-")).cloned().collect()
    }

    /// A damage, and how it was done.
    fn draw(&mut self, number: u64) -> (String, Damaged) {
        let mut files = self.files.clone();
        let names: Vec<String> = files.keys().filter(|name| *name != "LOCK").cloned().collect();
        let chunks = self.chunks();
        let random = &mut self.random;
        let name = names[random.place(names.len())].clone();
        let chunk = chunks[random.place(chunks.len())].clone();
        let mut failing_read = None;
        let mut refuses_torn = false;
        let bytes = files.get_mut(&name).expect("a file that is there");
        // Laid space is long and empty: half of the damage goes to where something is written.
        let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let reach = if random.below(2) == 0 { written } else { bytes.len() };
        let at = random.place(reach);
        let how = match number % 14 {
            0..=2 => {
                let bit = random.below(8);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
                format!("bit {bit} of byte {at} of {name} flipped")
            }
            3 => {
                let from = at - at % SECTOR_BYTES;
                let to = bytes.len().min(from + SECTOR_BYTES);
                bytes[from..to].fill(if random.below(2) == 0 { 0 } else { 0xa5 });
                format!("sector at {from} of {name} overwritten")
            }
            4 => {
                let sectors = bytes.len() / SECTOR_BYTES;
                let (one, other) =
                    (random.place(sectors) * SECTOR_BYTES, random.place(sectors) * SECTOR_BYTES);
                if sectors > 0 {
                    let kept = bytes[one..one + SECTOR_BYTES].to_vec();
                    bytes.copy_within(other..other + SECTOR_BYTES, one);
                    bytes[other..other + SECTOR_BYTES].copy_from_slice(&kept);
                }
                format!("sectors at {one} and {other} of {name} swapped")
            }
            5 => {
                bytes.truncate(at);
                format!("{name} cut to {at}")
            }
            6 => {
                let count = 1 + random.place(700);
                bytes.extend((0..count).map(|_| random.number().to_le_bytes()[0]));
                format!("{count} bytes of junk behind {name}")
            }
            7 => {
                files.remove(&name);
                format!("{name} deleted")
            }
            8 => {
                let other = chunks[random.place(chunks.len())].clone();
                let copied = files[&chunk].clone();
                files.insert(other.clone(), copied);
                format!("{chunk} copied over {other}")
            }
            9 => {
                let moment = random.place(self.earlier.len());
                let earlier = &self.earlier[moment];
                let names: Vec<&String> = earlier.keys().filter(|name| *name != "LOCK").collect();
                let name = names[random.place(names.len())].clone();
                files.insert(name.clone(), earlier[&name].clone());
                format!("{name} as at moment {moment}")
            }
            10 => {
                failing_read = Some(random.below(12));
                format!("read {failing_read:?} failing")
            }
            11 => forge_file(&mut files, &chunk, random),
            _ => match self.open_end {
                Some((id, end)) => {
                    refuses_torn = random.below(4) == 0;
                    forge_record(&mut files, id, end, refuses_torn, random)
                }
                None => forge_file(&mut files, &chunk, random),
            },
        };
        (how, Damaged { files, failing_read, refuses_torn })
    }
}

/// A file under good checksums that this log cannot have: of another version, or of another log.
fn forge_file(files: &mut Files, chunk: &str, random: &mut Random) -> String {
    let durable = |version: u32, log_id: u128| {
        let mut slot = ChecksumWriter::new();
        slot.bytes(b"RAFTDUR\n").u32(version).bytes(&log_id.to_le_bytes()).u64(0).u64(1).u64(1);
        let mut bytes = slot.finish();
        bytes.resize(8192, 0);
        bytes
    };
    match random.below(3) {
        0 => {
            files.insert(DURABLE_FILE.to_owned(), durable(2, 1));
            "DURABLE of a newer version".to_owned()
        }
        1 => {
            files.insert(DURABLE_FILE.to_owned(), durable(1, 4711));
            "DURABLE of another log".to_owned()
        }
        _ => {
            let bytes = files.get_mut(chunk).expect("a chunk that is there");
            if let Ok(header) = ChunkHeader::decode(bytes) {
                let foreign = ChunkHeader { log_id: !header.log_id, ..header };
                bytes[..foreign.encode().len()].copy_from_slice(&foreign.encode());
            }
            format!("{chunk} with the header of another log")
        }
    }
}

/// A record under good checksums at the end of the log, that this version, these types or this log cannot have; or an
/// unfinished write where these are refused.
fn forge_record(files: &mut Files, id: ChunkId, end: u64, torn: bool, random: &mut Random) -> String {
    let bytes = files.get_mut(&id.file_name()).expect("the newest chunk");
    let header = ChunkHeader::decode(bytes).expect("the header of the newest chunk");
    let at = usize::try_from(end).expect("a small chunk");
    let (what, frame) = if torn && header.space == Space::Fresh {
        ("an unfinished write", vec![0xee; 24])
    } else {
        match random.below(3) {
            0 => ("a record of an unknown kind", frame_of(&header, end, 99, &[1; 8])),
            1 => {
                ("a vote that does not decode", frame_of(&header, end, RecordKind::SaveVote.byte(), &[1; 40]))
            }
            _ => {
                let mut frame = Vec::new();
                let record = Record::<PlainTypes>::Commit(TermIndex::new(900, 900));
                push_frame(&mut frame, header.seed(), end, &record).expect("a small record");
                ("a commit beyond the last entry", frame)
            }
        }
    };
    bytes.resize(bytes.len().max(at + frame.len()), 0);
    bytes[at..at + frame.len()].copy_from_slice(&frame);
    format!("{what} at the end")
}

/// A frame of any kind, without an id.
fn frame_of(header: &ChunkHeader, offset: u64, kind: u8, body: &[u8]) -> Vec<u8> {
    let mut sum = ChecksumWriter::new();
    sum.bytes(body);
    let sum = sum.finish().split_off(body.len());
    let length = u32::try_from(body.len()).expect("a small body");
    let mut head = header.seed().writer_at(offset);
    head.bytes(&sum).u32(length).u8(kind).u8(0).u16(0);
    let mut frame = head.finish();
    // The writer puts its checksum last, a frame has it first.
    frame.rotate_right(4);
    frame.extend_from_slice(body);
    frame
}

fn row_of(error: &RecoveryError) -> &'static str {
    match error {
        RecoveryError::Io { .. } => "Io",
        RecoveryError::Unsupported { .. } => "Unsupported",
        RecoveryError::Undecodable { .. } => "Undecodable",
        RecoveryError::Foreign { .. } => "Foreign",
        RecoveryError::MissingData(_) => "MissingData",
        RecoveryError::Corrupt { kind: raft_log::CorruptKind::Contradiction { .. }, .. } => {
            "Corrupt, a record against the rules"
        }
        RecoveryError::Corrupt { .. } => "Corrupt",
        RecoveryError::Torn { .. } => "Torn, where that is refused",
        _ => "another error",
    }
}
