//! Storage over a real directory: how names are listed, opened, created, renamed, removed and made durable.
//!
//! What happens inside an open file is in `directory_file`, the lock in `directory_lock`; nothing here knows
//! what a file means. What always holds: every call goes through one handle of the directory, so neither a
//! changed working directory nor a renamed directory makes the log write anywhere else; and only regular
//! files are ever opened. An error while opening or naming a file says which path it was; an error of a
//! read, write or sync is the system's own, with its `raw_os_error()`.

mod directory_file;
mod directory_lock;

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err::os::unix::fs::OpenOptionsExt;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, linkat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use crate::{DirectoryEntry, EntryKind, LockAttempt, Storage, StorageFile, check_file_name};
use directory_file::DirectoryFile;

/// What every open here has: a link is not followed, a FIFO does not wait, a child process gets no handle.
const SAFE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

const READ_DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The names in one real directory, and the files behind them.
///
/// It stays with the directory it opened: if that is renamed, so that another one stands at its path, the log
/// goes on in the one it has.
#[derive(Debug)]
pub struct DirectoryStorage {
    path: PathBuf,
    directory: File,
}

impl DirectoryStorage {
    /// Opens an existing directory; creates nothing.
    ///
    /// # Errors
    ///
    /// If there is nothing at `path` ([`io::ErrorKind::NotFound`]), something else than a directory
    /// ([`io::ErrorKind::NotADirectory`]), or no permission to list it.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let flags = OFlags::DIRECTORY | OFlags::NONBLOCK;
        let directory = fs_err::OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&path)?
            .into_file();
        Ok(Self { path, directory })
    }

    /// Opens a directory, creating it if it is absent and its parent exists.
    ///
    /// Its name is durable only after [`Storage::sync_parent`].
    ///
    /// # Errors
    ///
    /// Those of [`DirectoryStorage::open`], and [`io::ErrorKind::NotFound`] if the parent is missing too.
    pub fn open_or_create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        match Self::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        match fs_err::create_dir(&path) {
            // Somebody else was faster, or a link leads nowhere: opening it tells.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => created?,
        }
        Self::open(path)
    }

    fn in_context(&self, doing: &'static str, name: &str, result: io::Result<File>) -> io::Result<File> {
        result.map_err(|error| self.explain(doing, name, error))
    }

    fn explain(&self, doing: &'static str, name: &str, source: impl Into<io::Error>) -> io::Error {
        let path = if name.is_empty() { self.path.clone() } else { self.path.join(name) };
        let source = source.into();
        io::Error::new(source.kind(), NamedError { doing, path, source })
    }

    fn open_file(&self, name: &str, access: OFlags) -> io::Result<Arc<dyn StorageFile>> {
        let opened = open_regular(&self.directory, name, access);
        let file = self.in_context("open", name, opened)?;
        Ok(Arc::new(DirectoryFile::new(file)))
    }
}

impl Storage for DirectoryStorage {
    fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&self, name: &str) -> io::Result<LockAttempt> {
        directory_lock::lock(&self.directory, name).map_err(|error| self.explain("lock", name, error))
    }

    fn list(&self) -> io::Result<Vec<DirectoryEntry>> {
        list(&self.directory).map_err(|error| self.explain("list", "", error))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.open_file(name, OFlags::RDONLY)
    }

    fn open_writable(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.open_file(name, OFlags::RDWR)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let file = self.in_context("create", name, create_new(&self.directory, name))?;
        Ok(Arc::new(DirectoryFile::new(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        check_file_name(from)?;
        check_file_name(to)?;
        renameat(&self.directory, from, &self.directory, to)
            .map_err(|error| self.explain("rename", from, error))
    }

    fn link_into(&self, name: &str, directory: &dyn Storage) -> io::Result<()> {
        check_file_name(name)?;
        let to = directory.directory_handle().ok_or(io::ErrorKind::Unsupported)?;
        // A link is linked itself, and not what it leads to; opening it there refuses it.
        linkat(&self.directory, name, to, name, AtFlags::empty())
            .map_err(|error| self.explain("link", name, error))
    }

    fn directory_handle(&self) -> Option<BorrowedFd<'_>> {
        Some(self.directory.as_fd())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        check_file_name(name)?;
        unlinkat(&self.directory, name, AtFlags::empty()).map_err(|error| self.explain("remove", name, error))
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.directory.sync_all()
    }

    fn sync_parent(&self) -> io::Result<()> {
        // By handle, not by path: `..` is right for a relative path of one component and for a linked one.
        let parent = openat(&self.directory, "..", READ_DIRECTORY, Mode::empty());
        let parent = parent.map_err(|error| self.explain("open the parent of", "", error))?;
        File::from(parent).sync_all()
    }

    fn random(&self) -> io::Result<u64> {
        random()
    }
}

/// What was done to which path when the system said no.
#[derive(Debug)]
struct NamedError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for NamedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} `{}`: {}", self.doing, self.path.display(), self.source)
    }
}

impl std::error::Error for NamedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

fn list(directory: &File) -> io::Result<Vec<DirectoryEntry>> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        let file_type = match entry.file_type() {
            // Some file systems do not tell while listing.
            FileType::Unknown => match statat(directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                // Removed since it was listed.
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            },
            known => known,
        };
        let kind = match file_type {
            FileType::RegularFile => EntryKind::File,
            _ => EntryKind::Other,
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        entries.push(DirectoryEntry { name, kind });
    }
    Ok(entries)
}

/// Opens an existing regular file, and nothing else.
///
/// It looks before it opens, since opening alone can have an effect on a device; and again afterwards, since
/// the name may have changed hands in between.
fn open_regular(directory: &File, name: &str, access: OFlags) -> io::Result<File> {
    check_file_name(name)?;
    let before = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    require_regular(FileType::from_raw_mode(before.st_mode))?;
    let file = File::from(openat(directory, name, access | SAFE, Mode::empty())?);
    require_regular(FileType::from_raw_mode(fstat(&file)?.st_mode))?;
    Ok(file)
}

/// Creates a file that did not exist; a link counts as existing, wherever it leads.
fn create_new(directory: &File, name: &str) -> io::Result<File> {
    check_file_name(name)?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | SAFE;
    let permissions = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
    Ok(openat(directory, name, flags, permissions)?.into())
}

fn require_regular(file_type: FileType) -> io::Result<()> {
    let found = match file_type {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "it is a directory, not a file",
        FileType::Symlink => "it is a symbolic link, which is not followed",
        FileType::Fifo => "it is a FIFO, not a file",
        FileType::Socket => "it is a socket, not a file",
        FileType::CharacterDevice | FileType::BlockDevice => "it is a device, not a file",
        _ => "it is not a regular file",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, found))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn random() -> io::Result<u64> {
    use rustix::rand::{GetRandomFlags, getrandom};

    let mut bytes = [0; 8];
    loop {
        match getrandom(&mut bytes, GetRandomFlags::empty()) {
            // Up to 256 bytes come whole once the system's pool is ready; before that a signal may cut it.
            Ok(count) if count == bytes.len() => return Ok(u64::from_ne_bytes(bytes)),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn random() -> io::Result<u64> {
    use std::io::Read;

    let mut bytes = [0; 8];
    fs_err::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}
