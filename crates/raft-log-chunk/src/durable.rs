//! The file `DURABLE`: how far the log is known to have been durable, in two slots of which one is always whole.
//!
//! It is a lower bound: a stale one is safe, and it makes a newest chunk that was cut short, rolled back or deleted
//! evident. The slot that counts is never overwritten; the other is.

use std::io;
use std::sync::Arc;

use raft_log_codec::{ChecksumReader, ChecksumWriter, DecodeError, SeededBug};

use crate::name::{DURABLE_FILE, temporary_file_name};
use crate::storage::{Storage, StorageFile, read_full_at, write_all_at};
use crate::{ChunkId, FORMAT_VERSION};

const MAGIC: &[u8; 8] = b"RAFTDUR\n";
/// Each slot lies in a sector of its own, whatever the disk's sectors are.
const SLOT_DISTANCE: usize = 4096;
const SLOT_SIZE: usize = 56;
const FILE_SIZE: usize = 2 * SLOT_DISTANCE;

/// What one slot says: in this log, the bytes of chunk `chunk_id` before `end` were covered by a successful sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurableMark {
    /// The id of the log.
    pub log_id: u128,
    /// The chunk.
    pub chunk_id: ChunkId,
    /// The chunk's salt.
    pub salt: u64,
    /// The end of what is known to be durable, counted from the chunk's first byte.
    pub end: u64,
}

/// What the file `DURABLE` was found to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DurableFacts {
    /// There is none.
    Absent,
    /// There is one, and neither of its slots is whole.
    Damaged,
    /// A slot of a version that this crate does not know.
    Unsupported {
        /// The version.
        version: u32,
    },
    /// The slot that counts.
    Mark(DurableMark),
}

impl DurableMark {
    /// Of two marks of one log, the one with the higher rank counts.
    fn rank(&self) -> (ChunkId, u64) {
        (self.chunk_id, self.end)
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = ChecksumWriter::new();
        writer
            .bytes(MAGIC)
            .u32(FORMAT_VERSION)
            .bytes(&self.log_id.to_le_bytes())
            .u64(self.chunk_id.offset())
            .u64(self.salt)
            .u64(self.end);
        writer.finish()
    }

    fn decode(slot: &[u8]) -> Result<DurableFacts, DecodeError> {
        let slot = slot.get(..SLOT_SIZE).ok_or(DecodeError::Invalid { what: "slot" })?;
        let mut fields = ChecksumReader::new(slot)?.into_fields();
        if &fields.array::<8>()? != MAGIC {
            return Err(DecodeError::Invalid { what: "magic" });
        }
        let version = fields.u32()?;
        if version != FORMAT_VERSION {
            return Ok(DurableFacts::Unsupported { version });
        }
        Ok(DurableFacts::Mark(Self {
            log_id: u128::from_le_bytes(fields.array()?),
            chunk_id: ChunkId::new(fields.u64()?),
            salt: fields.u64()?,
            end: fields.u64()?,
        }))
    }
}

/// Reads the file's bytes: what it says, and the number of the slot that says it.
fn read_slots(bytes: &[u8]) -> (DurableFacts, usize) {
    let mut found = (DurableFacts::Damaged, 0);
    for (number, slot) in bytes.chunks(SLOT_DISTANCE).take(2).enumerate() {
        let Ok(facts) = DurableMark::decode(slot) else {
            continue;
        };
        let counts = match (found.0, facts) {
            (DurableFacts::Mark(best), DurableFacts::Mark(mark)) => mark.rank() > best.rank(),
            (_, DurableFacts::Mark(_)) => true,
            (DurableFacts::Mark(_), _) => false,
            _ => true,
        };
        if counts {
            found = (facts, number);
        }
    }
    found
}

/// Reads what `DURABLE` says, changing nothing.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read_durable(storage: &dyn Storage) -> io::Result<DurableFacts> {
    if SeededBug::MarkNeverRead.is_on() {
        return Ok(DurableFacts::Absent);
    }
    let file = match storage.open(DURABLE_FILE) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(DurableFacts::Absent),
        Err(error) => return Err(error),
    };
    let mut bytes = vec![0; FILE_SIZE];
    let size = read_full_at(&*file, &mut bytes, 0)?;
    Ok(read_slots(bytes.get(..size).unwrap_or_default()).0)
}

/// The open file, for the log's owner.
#[derive(Debug)]
pub struct DurableFile {
    file: Arc<dyn StorageFile>,
    /// The slot that counts, and what it says; `None` before the first is written.
    current: Option<(usize, DurableMark)>,
}

impl DurableFile {
    /// Opens the file so that `mark` is in it and synced, making it if it is absent or useless.
    ///
    /// A file that has more than one name may be part of a backup: it is replaced and not written to. So is one that is
    /// cut short, and one with a slot that would go on counting beside `mark`.
    ///
    /// # Errors
    /// When it cannot be read, written or synced; what counts then is what stood in it before, or `mark`.
    pub fn open(storage: &dyn Storage, mark: DurableMark) -> io::Result<Self> {
        let file = match storage.open_writable(DURABLE_FILE) {
            Ok(file) if file.links()? <= 1 => file,
            Ok(_) => return Self::replace(storage, mark),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::replace(storage, mark),
            Err(error) => return Err(error),
        };
        let mut bytes = vec![0; FILE_SIZE];
        let size = read_full_at(&*file, &mut bytes, 0)?;
        let (facts, slot) = read_slots(bytes.get(..size).unwrap_or_default());
        let current = match facts {
            DurableFacts::Mark(mark) => Some((slot, mark)),
            _ => None,
        };
        let outranks = |current: DurableMark| current != mark && current.rank() >= mark.rank();
        if size < FILE_SIZE || current.is_some_and(|(_, current)| outranks(current)) {
            return Self::replace(storage, mark);
        }
        let mut durable = Self { file, current };
        if durable.mark() != Some(mark) {
            durable.write(mark)?;
        }
        durable.sync()?;
        Ok(durable)
    }

    fn replace(storage: &dyn Storage, mark: DurableMark) -> io::Result<Self> {
        let name = temporary_file_name(storage.random()?);
        let file = storage.create(&name)?;
        let made = (|| {
            let mut bytes = vec![0; FILE_SIZE];
            if let Some(slot) = bytes.get_mut(..SLOT_SIZE) {
                slot.copy_from_slice(&mark.encode());
            }
            write_all_at(&*file, &bytes, 0).map_err(|(_, error)| error)?;
            file.sync()?;
            storage.rename(&name, DURABLE_FILE)?;
            if SeededBug::NoDirectorySyncAfterCreate.is_on() {
                return Ok(());
            }
            storage.sync_directory()
        })();
        match made {
            Ok(()) => Ok(Self { file, current: Some((0, mark)) }),
            Err(error) => {
                // Not an error of its own: what is left is a temporary file.
                let _ = storage.remove(&name);
                Err(error)
            }
        }
    }

    /// What the slot that counts says.
    pub fn mark(&self) -> Option<DurableMark> {
        self.current.map(|(_, mark)| mark)
    }

    /// Writes `mark` into the slot that does not count, without a sync. It is to rank above the one that counts: else
    /// that would go on counting.
    ///
    /// # Errors
    /// When the write fails; the other slot still stands.
    pub fn write(&mut self, mark: DurableMark) -> io::Result<()> {
        let slot = match self.current {
            Some((slot, _)) => 1 - slot,
            None => 0,
        };
        write_all_at(&*self.file, &mark.encode(), (slot * SLOT_DISTANCE) as u64)
            .map_err(|(_, error)| error)?;
        self.current = Some((slot, mark));
        Ok(())
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// When the sync fails.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(chunk: u64, end: u64) -> DurableMark {
        DurableMark { log_id: 5, chunk_id: ChunkId::new(chunk), salt: 9, end }
    }

    fn file(first: &[u8], second: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; FILE_SIZE];
        bytes[..first.len()].copy_from_slice(first);
        bytes[SLOT_DISTANCE..SLOT_DISTANCE + second.len()].copy_from_slice(second);
        bytes
    }

    #[test]
    fn the_highest_chunk_and_then_the_highest_end_counts() {
        for (first, second, expected) in [
            (mark(0, 900), mark(4096, 64), 1),
            (mark(4096, 64), mark(0, 900), 0),
            (mark(4096, 64), mark(4096, 72), 1),
        ] {
            let bytes = file(&first.encode(), &second.encode());
            let best = if expected == 0 { first } else { second };
            assert_eq!(read_slots(&bytes), (DurableFacts::Mark(best), expected));
        }
    }

    #[test]
    fn one_whole_slot_is_enough_and_none_is_damage() {
        let good = mark(0, 128).encode();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read_slots(&file(&bad, &good)), (DurableFacts::Mark(mark(0, 128)), 1), "bit {bit}");
            assert_eq!(read_slots(&file(&bad, &[])).0, DurableFacts::Damaged, "bit {bit}");
        }
        assert_eq!(read_slots(&[]).0, DurableFacts::Damaged);
    }
}
