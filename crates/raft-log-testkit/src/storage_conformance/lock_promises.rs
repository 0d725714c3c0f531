//! The promises about the lock: who is refused, what they are told, and what becomes of the lock file.
//!
//! That a lock excludes other processes too is for the tests of a storage that has any.

use std::error::Error;

use raft_log_chunk::{LockAttempt, LockGuard, Storage};

use super::{Outcome, Promise, content_of, create_with, expect, names};

const LOCK: &str = "LOCK";

pub(super) const PROMISES: &[Promise] = &[
    ("locking creates an empty lock file", locking_creates_the_file),
    ("a lock is refused while it is held, each time", held_lock_is_refused),
    ("a dropped lock can be taken again", dropped_lock_is_free),
    ("a refused lock says who holds it", refused_lock_names_the_owner),
    ("a refused lock says nothing if the owner has not", refused_lock_names_nobody),
    ("a name replaces the one before it", name_replaces_the_one_before),
    ("locking does not change the lock file", locking_leaves_the_file_alone),
    ("a lock that is refused changes nothing", refused_lock_changes_nothing),
    ("the owner's name is gone when the lock is released", released_lock_names_nobody),
    ("a lock is refused though the lock file was removed", removed_lock_file_frees_nothing),
    ("a lock is refused though the lock file was replaced", replaced_lock_file_frees_nothing),
    ("a lock is refused under any other name too", other_name_is_refused),
];

fn locking_creates_the_file(storage: &dyn Storage) -> Outcome {
    let _held = held(storage)?;
    expect("names", names(storage)?, vec![LOCK.to_owned()])?;
    expect("bytes", content_of(storage, LOCK)?, vec![])
}

fn held_lock_is_refused(storage: &dyn Storage) -> Outcome {
    let _held = held(storage)?;
    busy(storage)?;
    busy(storage)?;
    Ok(())
}

fn dropped_lock_is_free(storage: &dyn Storage) -> Outcome {
    drop(held(storage)?);
    drop(held(storage)?);
    let _held = held(storage)?;
    busy(storage)?;
    Ok(())
}

fn refused_lock_names_the_owner(storage: &dyn Storage) -> Outcome {
    let held = held(storage)?;
    held.name_owner("process 17\n")?;
    expect("owner", busy(storage)?, "process 17".to_owned())
}

fn refused_lock_names_nobody(storage: &dyn Storage) -> Outcome {
    let _held = held(storage)?;
    expect("owner", busy(storage)?, String::new())
}

fn name_replaces_the_one_before(storage: &dyn Storage) -> Outcome {
    let held = held(storage)?;
    held.name_owner("a name that is long")?;
    held.name_owner("short")?;
    expect("owner", busy(storage)?, "short".to_owned())
}

fn locking_leaves_the_file_alone(storage: &dyn Storage) -> Outcome {
    create_with(storage, LOCK, b"as it was")?;
    let guard = held(storage)?;
    expect("bytes while it is held", content_of(storage, LOCK)?, b"as it was".to_vec())?;
    drop(guard);
    expect("bytes after that", content_of(storage, LOCK)?, b"as it was".to_vec())
}

fn refused_lock_changes_nothing(storage: &dyn Storage) -> Outcome {
    let held = held(storage)?;
    held.name_owner("owner")?;
    busy(storage)?;
    expect("bytes", content_of(storage, LOCK)?, b"owner".to_vec())?;
    expect("names", names(storage)?, vec![LOCK.to_owned()])
}

fn released_lock_names_nobody(storage: &dyn Storage) -> Outcome {
    let guard = held(storage)?;
    guard.name_owner("owner")?;
    drop(guard);
    expect("bytes", content_of(storage, LOCK)?, vec![])
}

fn removed_lock_file_frees_nothing(storage: &dyn Storage) -> Outcome {
    let guard = held(storage)?;
    storage.remove(LOCK)?;
    expect("owner", busy(storage)?, String::new())?;
    drop(guard);
    let _held = held(storage)?;
    busy(storage)?;
    Ok(())
}

fn replaced_lock_file_frees_nothing(storage: &dyn Storage) -> Outcome {
    let guard = held(storage)?;
    guard.name_owner("owner")?;
    create_with(storage, "other", b"not the owner's file")?;
    storage.rename("other", LOCK)?;
    busy(storage)?;
    drop(guard);
    expect("bytes", content_of(storage, LOCK)?, b"not the owner's file".to_vec())?;
    let _held = held(storage)?;
    busy(storage)?;
    Ok(())
}

fn other_name_is_refused(storage: &dyn Storage) -> Outcome {
    let _held = held(storage)?;
    match storage.lock("OTHER")? {
        LockAttempt::Held(_) => Err("a second lock is held".into()),
        LockAttempt::Busy(_) => expect("names", names(storage)?, vec![LOCK.to_owned()]),
    }
}

fn held(storage: &dyn Storage) -> Result<Box<dyn LockGuard>, Box<dyn Error>> {
    match storage.lock(LOCK)? {
        LockAttempt::Held(guard) => Ok(guard),
        LockAttempt::Busy(owner) => Err(format!("refused, owner {owner:?}, though nobody holds it").into()),
    }
}

fn busy(storage: &dyn Storage) -> Result<String, Box<dyn Error>> {
    match storage.lock(LOCK)? {
        LockAttempt::Held(_) => Err("the lock is held twice".into()),
        LockAttempt::Busy(owner) => Ok(owner),
    }
}
