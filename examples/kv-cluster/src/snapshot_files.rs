//! Where a node keeps its snapshot: one file, `snapshot`, in a directory of its own.
//!
//! What always holds: a snapshot that was saved survives a loss of power, for its bytes, and then its name, are synced
//! before `save` returns; whatever interrupts a save, the file is the old one or the new one, whole; an older snapshot
//! never replaces a newer one; damaged bytes are an error and never a state.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::types::SnapshotMeta;

const FILE: &str = "snapshot";
/// What is being written. A crash leaves it behind, and the next save writes over it.
const TEMPORARY: &str = "snapshot.new";

/// Magic number and version, then the checksum of all that follows.
const MAGIC: [u8; 8] = *b"KVSNAP\x00\x01";
const HEAD: usize = MAGIC.len() + size_of::<u32>();

/// Why there is no snapshot to be had.
#[derive(Debug, Error)]
pub(crate) enum SnapshotError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{} is damaged: {what}", path.display())]
    Damaged { path: PathBuf, what: &'static str },
}

impl From<SnapshotError> for io::Error {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Io(error) => error,
            damaged @ SnapshotError::Damaged { .. } => io::Error::new(io::ErrorKind::InvalidData, damaged),
        }
    }
}

/// A snapshot: which entries are in it, and what came of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredSnapshot {
    pub(crate) meta: SnapshotMeta,
    pub(crate) data: Vec<u8>,
}

/// The directory with the snapshot of one node.
pub(crate) struct SnapshotFiles {
    directory: PathBuf,
    /// What the file that is there reaches to. The lock is held while one is written.
    newest: Mutex<Option<SnapshotMeta>>,
}

impl SnapshotFiles {
    /// Opens a directory, which is created if it is not there, and reads the snapshot in it, if there is one.
    pub(crate) fn open(directory: &Path) -> Result<(Self, Option<StoredSnapshot>), SnapshotError> {
        fs::create_dir_all(directory)?;
        if let Some(parent) = directory.parent() {
            sync_directory(parent)?;
        }
        let files = Self { directory: directory.to_owned(), newest: Mutex::new(None) };
        let found = files.read()?;
        *files.newest.lock() = found.as_ref().map(|snapshot| snapshot.meta.clone());
        Ok((files, found))
    }

    /// Makes a snapshot durable, in place of the one before. Gives `false`, and does nothing, if the one that is there
    /// reaches as far.
    pub(crate) fn save(&self, snapshot: &StoredSnapshot) -> Result<bool, SnapshotError> {
        let mut newest = self.newest.lock();
        if newest.as_ref().is_some_and(|newest| newest.last_log_id >= snapshot.meta.last_log_id) {
            return Ok(false);
        }
        let mut bytes = vec![0; HEAD];
        bytes = postcard::to_extend(snapshot, bytes).map_err(io::Error::other)?;
        let (head, body) = bytes.split_at_mut(HEAD);
        let (magic, checksum) = head.split_at_mut(MAGIC.len());
        magic.copy_from_slice(&MAGIC);
        checksum.copy_from_slice(&crc32c::crc32c(body).to_le_bytes());

        let temporary = self.directory.join(TEMPORARY);
        let mut file = fs::File::create(&temporary)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, self.directory.join(FILE))?;
        sync_directory(&self.directory)?;
        *newest = Some(snapshot.meta.clone());
        Ok(true)
    }

    /// The snapshot that is there, read anew.
    pub(crate) fn read(&self) -> Result<Option<StoredSnapshot>, SnapshotError> {
        let path = self.directory.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let damaged = |what| SnapshotError::Damaged { path: path.clone(), what };
        let body =
            bytes.strip_prefix(&MAGIC).ok_or_else(|| damaged("it does not begin as a snapshot does"))?;
        let (checksum, body) = body.split_first_chunk().ok_or_else(|| damaged("it is too short"))?;
        if u32::from_le_bytes(*checksum) != crc32c::crc32c(body) {
            return Err(damaged("its checksum is wrong"));
        }
        postcard::from_bytes(body).map(Some).map_err(|_| damaged("it cannot be decoded"))
    }
}

/// Makes the names in a directory durable.
fn sync_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use openraft::vote::leader_id_adv::LeaderId;

    use super::*;
    use crate::types::{LogId, StoredMembership};

    fn snapshot(index: u64, data: &[u8]) -> StoredSnapshot {
        let id = LogId::new(LeaderId { term: 1, node_id: 1 }, index);
        let meta = SnapshotMeta { last_log_id: Some(id), last_membership: StoredMembership::default() };
        StoredSnapshot { meta, data: data.to_vec() }
    }

    #[test]
    fn what_was_saved_is_there_when_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let (files, found) = SnapshotFiles::open(directory.path()).unwrap();
        assert_eq!(found, None);
        assert!(files.save(&snapshot(7, b"seven")).unwrap());
        assert!(files.save(&snapshot(9, b"nine")).unwrap());
        let (_, found) = SnapshotFiles::open(directory.path()).unwrap();
        assert_eq!(found, Some(snapshot(9, b"nine")));
    }

    #[test]
    fn an_older_snapshot_never_replaces_a_newer_one() {
        let directory = tempfile::tempdir().unwrap();
        let (files, _) = SnapshotFiles::open(directory.path()).unwrap();
        assert!(files.save(&snapshot(9, b"nine")).unwrap());
        assert!(!files.save(&snapshot(7, b"seven")).unwrap());
        let (again, _) = SnapshotFiles::open(directory.path()).unwrap();
        assert!(!again.save(&snapshot(8, b"eight")).unwrap());
        assert_eq!(again.read().unwrap(), Some(snapshot(9, b"nine")));
    }

    #[test]
    fn what_a_crash_left_half_written_is_not_looked_at() {
        let directory = tempfile::tempdir().unwrap();
        let (files, _) = SnapshotFiles::open(directory.path()).unwrap();
        files.save(&snapshot(1, b"one")).unwrap();
        fs::write(directory.path().join(TEMPORARY), b"half").unwrap();
        let (files, found) = SnapshotFiles::open(directory.path()).unwrap();
        assert_eq!(found, Some(snapshot(1, b"one")));
        files.save(&snapshot(2, b"two")).unwrap();
        assert_eq!(files.read().unwrap(), Some(snapshot(2, b"two")));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_an_error_and_never_another_state() {
        let directory = tempfile::tempdir().unwrap();
        let (files, _) = SnapshotFiles::open(directory.path()).unwrap();
        files.save(&snapshot(3, b"abc")).unwrap();
        let path = directory.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &bytes).unwrap();
            assert!(matches!(files.read(), Err(SnapshotError::Damaged { .. })), "bit {bit}");
        }
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(files.read(), Err(SnapshotError::Damaged { .. })), "{length} bytes");
        }
        fs::write(&path, &whole).unwrap();
        assert_eq!(files.read().unwrap(), Some(snapshot(3, b"abc")));
    }
}
