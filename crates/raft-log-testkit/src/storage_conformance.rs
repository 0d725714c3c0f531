//! What every storage promises, as checks that any implementation can be put through.
//!
//! The promises are those of the documentation of [`Storage`]; what survives a crash is not among them, since that
//! takes a storage that can be crashed. What always holds: each check starts in an empty directory of its own, and
//! none relies on a read or a write being whole.

mod file_promises;
mod lock_promises;
mod name_promises;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use raft_log_chunk::{Storage, StorageFile, read_full_at, write_all_at};

/// What a check answers: why the promise is broken, if it is.
type Outcome = Result<(), Box<dyn Error>>;

/// A promise, and the check that tells whether a storage in an empty directory keeps it.
type Promise = (&'static str, fn(&dyn Storage) -> Outcome);

/// A promise that a storage does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokenPromise {
    /// The promise, as a sentence.
    pub promise: &'static str,
    /// What happened instead.
    pub cause: String,
}

impl fmt::Display for BrokenPromise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\": {}", self.promise, self.cause)
    }
}

/// Checks that a storage keeps every promise. `make` gives a storage over a new, empty directory each time.
///
/// # Panics
///
/// If a promise is broken; the message names all that are.
pub fn storage_conformance(make: impl Fn() -> Arc<dyn Storage>) {
    let broken = broken_promises(make);
    let lines: Vec<String> = broken.iter().map(|promise| format!("\n  {promise}")).collect();
    assert!(broken.is_empty(), "the storage breaks {} promises:{}", broken.len(), lines.concat());
}

/// The promises that a storage breaks, in the order of the checks; for tests that show that the checks can fail.
pub fn broken_promises(make: impl Fn() -> Arc<dyn Storage>) -> Vec<BrokenPromise> {
    let all = [name_promises::PROMISES, file_promises::PROMISES, lock_promises::PROMISES];
    let check = |(promise, check): &Promise| {
        let storage = make();
        let cause = check(&*storage).err()?.to_string();
        Some(BrokenPromise { promise, cause })
    };
    all.into_iter().flatten().filter_map(check).collect()
}

fn ensure(holds: bool, otherwise: &str) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

fn expect<T: PartialEq + fmt::Debug>(what: &str, found: T, expected: T) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: found {found:?}, expected {expected:?}").into())
}

/// That a call failed, and with this kind of error.
fn expect_error<T>(what: &str, found: std::io::Result<T>, expected: std::io::ErrorKind) -> Outcome {
    match found {
        Ok(_) => Err(format!("{what}: succeeded, expected {expected:?}").into()),
        Err(error) => expect(what, error.kind(), expected),
    }
}

fn create_with(
    storage: &dyn Storage,
    name: &str,
    bytes: &[u8],
) -> Result<Arc<dyn StorageFile>, Box<dyn Error>> {
    let file = storage.create(name)?;
    write(&*file, bytes, 0)?;
    Ok(file)
}

fn write(file: &dyn StorageFile, bytes: &[u8], offset: u64) -> Outcome {
    write_all_at(file, bytes, offset).map_err(|(done, error)| format!("after {done} bytes: {error}").into())
}

/// All that a file holds, by its size and by reading until it ends; they must agree.
fn content(file: &dyn StorageFile) -> Result<Vec<u8>, Box<dyn Error>> {
    let size = usize::try_from(file.size()?)?;
    let mut buffer = vec![0xEE; size + 1];
    let count = read_full_at(file, &mut buffer, 0)?;
    expect("bytes read, by the size", count, size)?;
    buffer.truncate(count);
    Ok(buffer)
}

fn content_of(storage: &dyn Storage, name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    content(&*storage.open(name)?)
}

fn names(storage: &dyn Storage) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names: Vec<String> = storage.list()?.into_iter().map(|entry| entry.name).collect();
    names.sort();
    Ok(names)
}
