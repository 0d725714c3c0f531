//! A real directory: what stands in it that is no file, what cannot be opened, and the errors of the system.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use raft_log_chunk::{DirectoryEntry, DirectoryStorage, EntryKind, Storage, write_all_at};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::io::Errno;
use tempfile::TempDir;

use crate::child_process;

const CHUNK: &str = "r-00_000_000_000_000_000_000.wal";

#[test]
fn a_symlink_named_like_a_chunk_is_not_followed() {
    let (directory, storage) = storage();
    fs::write(directory.path().join("target"), "precious").unwrap();
    symlink("target", directory.path().join(CHUNK)).unwrap();
    assert_only_a_file_is_opened(&storage, "symbolic link");
    assert_eq!(storage.create(CHUNK).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read(directory.path().join("target")).unwrap(), b"precious");
}

#[test]
fn a_symlink_that_leads_nowhere_is_not_created_through() {
    let (directory, storage) = storage();
    symlink("target", directory.path().join(CHUNK)).unwrap();
    assert_only_a_file_is_opened(&storage, "symbolic link");
    assert_eq!(storage.create(CHUNK).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert!(!directory.path().join("target").exists());
}

#[test]
fn a_fifo_named_like_a_chunk_does_not_hang() {
    let (directory, storage) = storage();
    make_fifo(&directory.path().join(CHUNK));
    assert_only_a_file_is_opened(&storage, "FIFO");
}

#[test]
fn a_directory_named_like_a_chunk_is_not_opened() {
    let (directory, storage) = storage();
    fs::create_dir(directory.path().join(CHUNK)).unwrap();
    assert_only_a_file_is_opened(&storage, "directory");
    assert!(storage.remove(CHUNK).is_err());
    storage.create("a").unwrap();
    assert!(storage.rename("a", CHUNK).is_err());
    assert!(directory.path().join(CHUNK).is_dir());
}

#[test]
fn a_socket_named_like_a_chunk_is_not_opened() {
    let (directory, storage) = storage();
    let _socket = std::os::unix::net::UnixListener::bind(directory.path().join(CHUNK)).unwrap();
    assert_only_a_file_is_opened(&storage, "socket");
}

#[test]
fn only_files_are_listed_as_files() {
    let (directory, storage) = storage();
    fs::write(directory.path().join("file"), "").unwrap();
    fs::create_dir(directory.path().join("directory")).unwrap();
    symlink("file", directory.path().join("link")).unwrap();
    make_fifo(&directory.path().join("fifo"));
    let mut entries = storage.list().unwrap();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let entry = |name: &str, kind| DirectoryEntry { name: name.to_owned(), kind };
    let expected = [
        entry("directory", EntryKind::Other),
        entry("fifo", EntryKind::Other),
        entry("file", EntryKind::File),
        entry("link", EntryKind::Other),
    ];
    assert_eq!(entries, expected);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf_8_is_listed_lossily() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let (directory, storage) = storage();
    fs::write(directory.path().join(OsStr::from_bytes(b"r-\xff.wal")), "").unwrap();
    let entries = storage.list().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].name, "r-\u{fffd}.wal");
}

#[test]
fn a_missing_directory_is_not_found_by_its_path() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("missing");
    let error = DirectoryStorage::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_file_instead_of_a_directory_is_refused_by_its_path() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "kept").unwrap();
    for error in
        [DirectoryStorage::open(&path).unwrap_err(), DirectoryStorage::open_or_create(&path).unwrap_err()]
    {
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), b"kept");
}

#[test]
fn a_fifo_instead_of_a_directory_does_not_hang() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("fifo");
    make_fifo(&path);
    assert_eq!(DirectoryStorage::open(&path).unwrap_err().kind(), ErrorKind::NotADirectory);
}

#[test]
fn only_the_last_component_of_a_path_is_created() {
    let directory = TempDir::new().unwrap();
    let error = DirectoryStorage::open_or_create(directory.path().join("a/b")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!directory.path().join("a").exists());
    let created = DirectoryStorage::open_or_create(directory.path().join("a")).unwrap();
    created.sync_parent().unwrap();
    created.create("file").unwrap();
    let again = DirectoryStorage::open_or_create(directory.path().join("a")).unwrap();
    assert_eq!(again.list().unwrap().len(), 1);
}

#[test]
fn a_link_to_a_directory_that_is_missing_is_not_found() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("link");
    symlink("missing", &path).unwrap();
    assert_eq!(DirectoryStorage::open_or_create(&path).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_relative_path_of_one_component_works_and_outlives_a_change_of_directory() {
    let directory = TempDir::new().unwrap();
    child_process::run("storage_directory::child_works_in_a_relative_directory", directory.path());
    assert_eq!(fs::read(directory.path().join("log/file")).unwrap(), b"bytes");
}

/// Run by the test above in a process of its own, since a process has one working directory.
#[test]
fn child_works_in_a_relative_directory() {
    if child_process::directory().is_none() {
        return;
    }
    let storage = DirectoryStorage::open_or_create("log").unwrap();
    storage.sync_parent().unwrap();
    std::env::set_current_dir("/").unwrap();
    storage.create("file").unwrap().write_at(b"bytes", 0).unwrap();
    storage.sync_directory().unwrap();
    storage.sync_parent().unwrap();
}

#[test]
fn a_directory_that_is_renamed_stays_the_one_that_is_written_to() {
    let parent = TempDir::new().unwrap();
    let path = parent.path().join("log");
    let storage = DirectoryStorage::open_or_create(&path).unwrap();
    fs::rename(&path, parent.path().join("moved")).unwrap();
    fs::create_dir(&path).unwrap();
    storage.create("file").unwrap().write_at(b"bytes", 0).unwrap();
    assert_eq!(fs::read(parent.path().join("moved/file")).unwrap(), b"bytes");
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "written into the directory that took the path");
}

#[test]
fn a_directory_without_permission_to_write_is_read_and_not_written() {
    let (directory, storage) = storage();
    storage.create("file").unwrap().write_at(b"bytes", 0).unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o555)).unwrap();
    if fs::write(directory.path().join("probe"), "").is_ok() {
        println!("skipped: this user writes whatever the permissions say (root)");
        return;
    }
    assert_eq!(storage.list().unwrap().len(), 1);
    storage.open("file").unwrap();
    assert_eq!(storage.create("new").unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(storage.lock("LOCK").unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(storage.remove("file").unwrap_err().kind(), ErrorKind::PermissionDenied);
    fs::set_permissions(directory.path(), Permissions::from_mode(0o000)).unwrap();
    let error = DirectoryStorage::open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains(directory.path().to_str().unwrap()), "{error}");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_error_on_a_name_says_the_path_and_has_its_source() {
    let (directory, storage) = storage();
    let path = directory.path().join("missing");
    for error in [
        storage.open("missing").unwrap_err(),
        storage.remove("missing").unwrap_err(),
        storage.rename("missing", "b").unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        let source = std::error::Error::source(error.get_ref().unwrap()).unwrap();
        let source = source.downcast_ref::<io::Error>().unwrap();
        assert_eq!(source.raw_os_error(), Some(Errno::NOENT.raw_os_error()));
    }
}

#[test]
fn an_error_of_a_write_keeps_the_number_of_the_system() {
    let (_directory, storage) = storage();
    storage.create("file").unwrap();
    let file = storage.open("file").unwrap();
    let error = file.write_at(b"bytes", 0).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::BADF.raw_os_error()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_write_cut_short_by_a_limit_is_continued_up_to_the_error_of_the_system() {
    let directory = TempDir::new().unwrap();
    let test = "storage_directory::child_writes_up_to_a_limit";
    child_process::run_with_file_limit(8, test, directory.path());
    let size = fs::metadata(directory.path().join("file")).unwrap().len();
    assert!(size == 8 * 512 || size == 8 * 1024, "{size}");
}

/// Run by the test above in a process of its own, with a limit on the size of files.
#[cfg(target_os = "linux")]
#[test]
fn child_writes_up_to_a_limit() {
    let Some(path) = child_process::directory() else {
        return;
    };
    let storage = DirectoryStorage::open(path).unwrap();
    let file = storage.create("file").unwrap();
    let (done, error) = write_all_at(&*file, &[7; 100_000], 0).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::FBIG.raw_os_error()));
    assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    assert!(done > 0);
    assert_eq!(file.size().unwrap(), done);
}

fn storage() -> (TempDir, DirectoryStorage) {
    let directory = TempDir::new().unwrap();
    let storage = DirectoryStorage::open(directory.path()).unwrap();
    (directory, storage)
}

fn assert_only_a_file_is_opened(storage: &DirectoryStorage, found: &str) {
    for result in [storage.open(CHUNK), storage.open_writable(CHUNK), lock_file(storage)] {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(found) && error.to_string().contains(CHUNK), "{error}");
    }
}

/// Locks the name like a lock file, for the error of it.
fn lock_file(storage: &DirectoryStorage) -> io::Result<std::sync::Arc<dyn raft_log_chunk::StorageFile>> {
    storage.lock(CHUNK).map(|attempt| panic!("locked what is not a file: {attempt:?}"))
}

fn make_fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}
