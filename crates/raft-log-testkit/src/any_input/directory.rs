//! A directory that any bytes describe: a log that is written step by step, and what is done to its files then.
//!
//! What always holds: it takes no more than some tens of KiB, and a step means the same wherever it stands, so that a
//! changed byte changes little.

use std::collections::BTreeMap;

use raft_log_chunk::{ChunkId, DURABLE_FILE, LOCK_FILE};

use super::forge;
use super::input::{Input, push_bytes, push_number};
use super::writer::Writer;

const STEPS_MAX: usize = 64;
const FILES_MAX: usize = 12;
const FILE_BYTES_MAX: usize = 12 << 10;

/// The steps that a script written by hand uses.
const RAW_FILE: u8 = 18;
const SET: u8 = 19;
const STEPS: u8 = 20;

/// Names that are not a chunk's. What each of them is taken for is in the log's format.
const NAMES: [&str; 14] = [
    DURABLE_FILE,
    LOCK_FILE,
    "spare-1.tmp",
    "spare-18446744073709551615.tmp",
    "spare-01.tmp",
    "notes.txt",
    ".hidden",
    "r-1.wal",
    "r-.wal",
    "r-00_000_000_000_000_000_000.wal.bak",
    "r-99_999_999_999_999_999_999.wal",
    "R-00_000_000_000_000_000_000.WAL",
    "LOCK ",
    "\u{fc}\u{1F980}",
];

/// Files, and how they are to be opened.
#[derive(Debug, Clone, Default)]
pub struct AnyDirectory {
    /// The files by their names.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Whether bytes behind the end of the log are to be refused.
    pub refuse_torn: bool,
    /// How many bytes are read at once.
    pub window_bytes: usize,
    /// Whether a footer says what is not so, under good checksums. Such a one is believed where it fits: what the log
    /// holds then depends on whether it was scanned.
    pub has_false_footer: bool,
    /// Any number, for what needs one more.
    pub number: u64,
}

impl AnyDirectory {
    /// The directory that these bytes describe.
    pub fn of(bytes: &[u8]) -> Self {
        let mut input = Input::new(bytes);
        let options = input.u8();
        let mut directory = Self {
            files: BTreeMap::new(),
            refuse_torn: options & 1 == 1,
            window_bytes: [4096, 0, 64, 600, 1 << 16, 4096, 4096, 4096][usize::from(options >> 1 & 7)],
            has_false_footer: false,
            number: input.number(),
        };
        let mut writer = Writer::begin(&mut input);
        let mut edits = Vec::new();
        let is_written = options & 0x10 == 0;
        for _ in 0..STEPS_MAX {
            if input.is_empty() {
                break;
            }
            match input.u8() % STEPS {
                0 | 1 => writer.append(&mut input),
                2 => writer.vote(&mut input),
                3 => writer.commit(&mut input),
                4 => writer.truncate(&mut input),
                5 => writer.purge(&mut input),
                6 => writer.user_data(&mut input),
                7 | 8 => writer.group(&mut input),
                9 => writer.begin_chunk(),
                10 => writer.begin_forged_chunk(&mut input),
                11 => writer.forged_frame(&mut input),
                12 => writer.raw(&mut input),
                13 => writer.seal(&mut input),
                other => edits.push(Edit::of(other, &mut input)),
            }
            if writer.newest().bytes.len() > FILE_BYTES_MAX || writer.chunks.len() >= FILES_MAX {
                break;
            }
        }
        directory.has_false_footer = writer.has_false_footer;
        if is_written {
            for chunk in &writer.chunks {
                directory.files.insert(chunk.id.file_name(), chunk.bytes.clone());
            }
        }
        for edit in &edits {
            edit.apply(&writer, &mut directory.files);
        }
        directory
    }

    /// The bytes of all files together.
    pub fn size(&self) -> u64 {
        self.files.values().map(|bytes| bytes.len() as u64).sum()
    }
}

/// What is done to the files once they are written.
#[derive(Debug)]
enum Edit {
    /// A mark for a chunk; whether its salt and its end are right, and the slot.
    Durable {
        chunk: usize,
        end: Option<u64>,
        salt: Option<u64>,
        log_id: Option<u64>,
        slot: usize,
        version: u32,
    },
    /// Bytes are changed.
    Flip { file: usize, at: u64, by: u8, count: u8 },
    /// The file ends earlier, or later and with zeros.
    Resize { file: usize, by: u64, grows: bool },
    /// A file is removed, takes another's name, or is copied to it.
    Name { file: usize, to: Option<u64>, keeps: bool },
    /// A file of anything.
    Put { name: String, bytes: Vec<u8> },
    /// Bytes stand at a place of a file, with zeros before them.
    Set { name: String, at: usize, bytes: Vec<u8> },
}

fn name(input: &mut Input<'_>) -> String {
    match input.u8() {
        0 => ChunkId::new(input.number()).file_name(),
        other => NAMES[usize::from(other - 1) % NAMES.len()].to_owned(),
    }
}

impl Edit {
    fn of(step: u8, input: &mut Input<'_>) -> Self {
        match step {
            14 => {
                let what = input.u8();
                let odd = |is_odd: bool, input: &mut Input<'_>| is_odd.then(|| input.number());
                Self::Durable {
                    chunk: input.pick(4),
                    end: odd(what & 1 == 1, input),
                    salt: odd(what & 6 == 6, input),
                    log_id: odd(what & 24 == 24, input),
                    slot: usize::from(what >> 5 & 1),
                    version: if what & 0xc0 == 0xc0 { input.u8().into() } else { 1 },
                }
            }
            15 => {
                let file = input.pick(FILES_MAX);
                Self::Flip { file, at: input.u16().into(), by: input.u8().max(1), count: input.u8() % 16 }
            }
            16 => {
                let (file, grows) = (input.pick(FILES_MAX), input.u8() & 1 == 1);
                Self::Resize { file, by: input.u16().into(), grows }
            }
            17 => {
                let (file, what) = (input.pick(FILES_MAX), input.u8());
                Self::Name { file, to: (what & 1 == 1).then(|| input.number()), keeps: what & 2 == 2 }
            }
            RAW_FILE => Self::Put { name: name(input), bytes: input.bytes().to_vec() },
            _ => Self::Set {
                name: name(input),
                at: usize::from(input.u16()) % FILE_BYTES_MAX,
                bytes: input.bytes().to_vec(),
            },
        }
    }

    fn apply(&self, writer: &Writer, files: &mut BTreeMap<String, Vec<u8>>) {
        let nth = |number: usize, files: &BTreeMap<String, Vec<u8>>| {
            files.keys().nth(number % files.len().max(1)).cloned()
        };
        match self {
            Self::Durable { chunk, end, salt, log_id, slot, version } => {
                // Counted from the newest, which is nearly always the one that is meant.
                let chunk = &writer.chunks[writer.chunks.len() - 1 - chunk % writer.chunks.len()];
                let mut fields = Vec::new();
                fields.extend(log_id.map_or(chunk.header.log_id, u128::from).to_le_bytes());
                fields.extend(chunk.id.offset().to_le_bytes());
                fields.extend(salt.unwrap_or(chunk.header.salt).to_le_bytes());
                fields.extend(end.unwrap_or(chunk.frames_end()).to_le_bytes());
                let bytes = forge::durable_slot(*version, &fields);
                let file = files.entry(DURABLE_FILE.to_owned()).or_default();
                file.resize(file.len().max(8192), 0);
                file[slot * 4096..][..bytes.len()].copy_from_slice(&bytes);
            }
            Self::Flip { file, at, by, count } => {
                if let Some(bytes) = nth(*file, files).and_then(|name| files.get_mut(&name))
                    && !bytes.is_empty()
                {
                    for step in 0..=usize::from(*count) {
                        let at = usize::try_from(*at).expect("16 bits") + step;
                        let at = at % bytes.len();
                        bytes[at] ^= by;
                    }
                }
            }
            Self::Resize { file, by, grows } => {
                if let Some(bytes) = nth(*file, files).and_then(|name| files.get_mut(&name)) {
                    let by = usize::try_from(*by).expect("16 bits") % FILE_BYTES_MAX;
                    let size = if *grows { bytes.len() + by } else { bytes.len().saturating_sub(by) };
                    bytes.resize(size.min(2 * FILE_BYTES_MAX), 0);
                }
            }
            Self::Name { file, to, keeps } => {
                if let Some(name) = nth(*file, files)
                    && let Some(bytes) = files.remove(&name)
                {
                    if let Some(to) = to {
                        files.insert(ChunkId::new(*to).file_name(), bytes.clone());
                    }
                    if *keeps && to.is_some() {
                        files.insert(name, bytes);
                    }
                }
            }
            Self::Put { name, bytes } => drop(files.insert(name.clone(), bytes.clone())),
            Self::Set { name, at, bytes } => {
                let file = files.entry(name.clone()).or_default();
                file.resize(file.len().max(at + bytes.len()), 0);
                file[*at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
    }
}

/// Writes bytes that describe a directory that exists already: what a fuzzer begins from.
#[derive(Debug, Clone)]
pub struct DirectoryScript {
    bytes: Vec<u8>,
}

impl DirectoryScript {
    /// A directory without a file.
    pub fn new() -> Self {
        // No chunk of its own, the usual window, and no number.
        Self { bytes: vec![0x10, 0, 0] }
    }

    /// Adds a file: a chunk, or one of the names that every log has.
    ///
    /// # Panics
    /// When it bears another name, or is too large.
    #[must_use]
    pub fn file(mut self, name: &str, bytes: &[u8]) -> Self {
        // Long runs of zeros, as in `DURABLE`, are left out.
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let zeros = rest.iter().take_while(|byte| **byte == 0).count();
            let is_last = zeros == rest.len();
            if zeros >= 32 && !is_last {
                at += zeros;
                continue;
            }
            let gap = rest.windows(32).skip(1).position(|window| window.iter().all(|byte| *byte == 0));
            let count = if is_last { rest.len() } else { gap.map_or(rest.len(), |gap| gap + 1) };
            let piece = if is_last { &rest[rest.len() - 1..] } else { &rest[..count] };
            let place = if is_last { bytes.len() - 1 } else { at };
            self.bytes.push(SET);
            self.push_name(name);
            self.bytes.extend(u16::try_from(place).expect("a small file").to_le_bytes());
            push_bytes(&mut self.bytes, piece);
            at += count;
        }
        self
    }

    fn push_name(&mut self, name: &str) {
        match ChunkId::from_file_name(name) {
            Ok(Some(id)) => {
                self.bytes.push(0);
                push_number(&mut self.bytes, id.offset());
            }
            _ => {
                let known = NAMES.iter().position(|known| *known == name).expect("a name of a log");
                self.bytes.push(u8::try_from(known + 1).expect("few names"));
            }
        }
    }

    /// The bytes, from which [`AnyDirectory::of`] makes the directory.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

impl Default for DirectoryScript {
    fn default() -> Self {
        Self::new()
    }
}
