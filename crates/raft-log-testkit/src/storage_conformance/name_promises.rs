//! The promises about the names in the directory: listing, creating, opening, renaming and removing.
//!
//! What is in the files is checked in `file_promises`.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use raft_log_chunk::{DirectoryEntry, EntryKind, Storage};

use super::{Outcome, Promise, content, content_of, create_with, ensure, expect, expect_error, names, write};

pub(super) const PROMISES: &[Promise] = &[
    ("a new directory is empty", new_directory_is_empty),
    ("a created file is listed once, as a file", created_file_is_listed),
    ("creating a name that exists is refused and leaves the file alone", creating_existing_is_refused),
    ("a missing name is not found", missing_name_is_not_found),
    ("opening creates nothing", opening_creates_nothing),
    ("a renamed file is found under its new name only", renamed_file_has_one_name),
    ("renaming replaces the file that had the name", renaming_replaces),
    ("renaming a file to its own name changes nothing", renaming_to_itself_changes_nothing),
    ("a handle stays with its file when that is renamed", handle_follows_a_rename),
    ("a handle stays with its file when another one takes the name", handle_outlives_a_replacement),
    ("a handle stays valid when the name is removed", handle_outlives_a_removal),
    ("a removed name is free again", removed_name_is_free),
    ("what is not a plain file name is refused", odd_names_are_refused),
    ("syncing the directory and its parent succeeds and changes nothing", syncing_changes_nothing),
    ("random numbers differ, in every bit", random_numbers_differ),
];

fn new_directory_is_empty(storage: &dyn Storage) -> Outcome {
    expect("names", names(storage)?, vec![])
}

fn created_file_is_listed(storage: &dyn Storage) -> Outcome {
    storage.create("a")?;
    let entry = DirectoryEntry { name: "a".to_owned(), kind: EntryKind::File };
    expect("entries", storage.list()?, vec![entry])
}

fn creating_existing_is_refused(storage: &dyn Storage) -> Outcome {
    create_with(storage, "a", b"first")?;
    expect_error("create", storage.create("a"), ErrorKind::AlreadyExists)?;
    expect("bytes", content_of(storage, "a")?, b"first".to_vec())
}

fn missing_name_is_not_found(storage: &dyn Storage) -> Outcome {
    create_with(storage, "a", b"kept")?;
    expect_error("open", storage.open("b"), ErrorKind::NotFound)?;
    expect_error("open_writable", storage.open_writable("b"), ErrorKind::NotFound)?;
    expect_error("rename", storage.rename("b", "a"), ErrorKind::NotFound)?;
    expect_error("remove", storage.remove("b"), ErrorKind::NotFound)?;
    expect("bytes", content_of(storage, "a")?, b"kept".to_vec())
}

fn opening_creates_nothing(storage: &dyn Storage) -> Outcome {
    ensure(storage.open("a").is_err(), "opened a missing file")?;
    ensure(storage.open_writable("a").is_err(), "opened a missing file for writing")?;
    expect("names", names(storage)?, vec![])
}

fn renamed_file_has_one_name(storage: &dyn Storage) -> Outcome {
    create_with(storage, "a", b"bytes")?;
    storage.rename("a", "b")?;
    expect("names", names(storage)?, vec!["b".to_owned()])?;
    expect("bytes", content_of(storage, "b")?, b"bytes".to_vec())
}

fn renaming_replaces(storage: &dyn Storage) -> Outcome {
    create_with(storage, "a", b"new")?;
    create_with(storage, "b", b"old and longer")?;
    storage.rename("a", "b")?;
    expect("names", names(storage)?, vec!["b".to_owned()])?;
    expect("bytes", content_of(storage, "b")?, b"new".to_vec())
}

fn renaming_to_itself_changes_nothing(storage: &dyn Storage) -> Outcome {
    create_with(storage, "a", b"bytes")?;
    storage.rename("a", "a")?;
    expect("names", names(storage)?, vec!["a".to_owned()])?;
    expect("bytes", content_of(storage, "a")?, b"bytes".to_vec())
}

fn handle_follows_a_rename(storage: &dyn Storage) -> Outcome {
    let file = create_with(storage, "a", b"before")?;
    storage.rename("a", "b")?;
    write(&*file, b" and after", 6)?;
    expect("bytes", content_of(storage, "b")?, b"before and after".to_vec())
}

fn handle_outlives_a_replacement(storage: &dyn Storage) -> Outcome {
    let replaced = create_with(storage, "a", b"old")?;
    create_with(storage, "b", b"new")?;
    storage.rename("b", "a")?;
    write(&*replaced, b"OLD", 0)?;
    expect("bytes behind the handle", content(&*replaced)?, b"OLD".to_vec())?;
    expect("bytes behind the name", content_of(storage, "a")?, b"new".to_vec())
}

fn handle_outlives_a_removal(storage: &dyn Storage) -> Outcome {
    let removed = create_with(storage, "a", b"bytes")?;
    storage.remove("a")?;
    expect("names", names(storage)?, vec![])?;
    write(&*removed, b" go on", 5)?;
    removed.sync()?;
    expect("bytes behind the handle", content(&*removed)?, b"bytes go on".to_vec())
}

fn removed_name_is_free(storage: &dyn Storage) -> Outcome {
    let removed = create_with(storage, "a", b"old")?;
    storage.remove("a")?;
    expect_error("open", storage.open("a"), ErrorKind::NotFound)?;
    let created = storage.create("a")?;
    expect("bytes of the new file", content(&*created)?, vec![])?;
    expect("bytes of the old file", content(&*removed)?, b"old".to_vec())
}

fn odd_names_are_refused(storage: &dyn Storage) -> Outcome {
    create_with(storage, "a", b"kept")?;
    for name in ["", ".", "..", "/", "/a", "./a", "../a", "a/b", "a/", "a\0b"] {
        let refused = ErrorKind::InvalidInput;
        expect_error(&format!("open {name:?}"), storage.open(name), refused)?;
        expect_error(&format!("open_writable {name:?}"), storage.open_writable(name), refused)?;
        expect_error(&format!("create {name:?}"), storage.create(name), refused)?;
        expect_error(&format!("rename from {name:?}"), storage.rename(name, "b"), refused)?;
        expect_error(&format!("rename to {name:?}"), storage.rename("a", name), refused)?;
        expect_error(&format!("remove {name:?}"), storage.remove(name), refused)?;
        expect_error(&format!("lock {name:?}"), storage.lock(name), refused)?;
    }
    expect("names", names(storage)?, vec!["a".to_owned()])
}

fn syncing_changes_nothing(storage: &dyn Storage) -> Outcome {
    create_with(storage, "a", b"bytes")?;
    storage.sync_directory()?;
    storage.sync_parent()?;
    expect("names", names(storage)?, vec!["a".to_owned()])?;
    expect("bytes", content_of(storage, "a")?, b"bytes".to_vec())
}

fn random_numbers_differ(storage: &dyn Storage) -> Outcome {
    let numbers = (0..64).map(|_| storage.random()).collect::<Result<BTreeSet<u64>, _>>()?;
    expect("different numbers of 64", numbers.len(), 64)?;
    // That one bit stays the same in 64 fair draws has a chance of 2^-63, for any of 64 bits 2^-57.
    let ones = numbers.iter().fold(0, |all, number| all | number);
    let zeros = numbers.iter().fold(0, |all, number| all | !number);
    expect("bits that were set and clear", ones & zeros, u64::MAX)
}
