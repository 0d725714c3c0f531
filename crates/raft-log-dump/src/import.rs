//! A directory made of what `export` wrote.
//!
//! What always holds: the directory appears as a whole or not at all, and holds exactly what the lines say. It is made by
//! the log itself, in a directory beside its place, and takes its name when everything in it is durable.

use std::fs::File;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use raft_log::{Config, LockFile, OpenError, RaftLog, RaftLogWriter};
use raft_log_chunk::{DirectoryStorage, LOCK_FILE, Storage};
use raft_log_codec::{RaftLogState, RawLogId, RawTypes, RawVote};

use crate::export::{ExportLine, IdLine, LogLine};
use crate::opening::full_text;
use crate::progress::Progress;
use crate::{SCHEMA_VERSION, base64};

/// No line of an export is longer: the largest payload in base64, and the rest of the line.
const LINE_BYTES_MAX: u64 = 400 << 20;

/// Entries are appended in batches of about so many bytes.
const BATCH_BYTES: usize = 4 << 20;

/// Why nothing was imported.
#[derive(Debug)]
pub(crate) enum ImportFault {
    /// The directory is there and holds something.
    NotEmpty,
    /// Somebody has a log open there.
    Locked(String),
    /// A line is not one that `export` writes, or does not fit those before it.
    Line { number: u64, why: String },
    /// The input cannot be read.
    Input(io::Error),
    /// The directory cannot be made.
    Output(String),
}

/// Makes `directory` of the lines; gives the number of entries.
pub(crate) fn import(
    input: &mut dyn BufRead,
    directory: &Path,
    progress: &mut Progress,
) -> Result<u64, ImportFault> {
    check_place(directory)?;
    let place = Place::beside(directory)?;
    let entries = fill(input, &place.path, progress)?;
    place.take_name(directory)?;
    Ok(entries)
}

/// Only an absent or an empty directory is taken.
fn check_place(directory: &Path) -> Result<(), ImportFault> {
    let output = |error: &dyn std::error::Error| ImportFault::Output(full_text(error));
    let storage = match DirectoryStorage::open(directory) {
        Ok(storage) => storage,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(output(&error)),
    };
    let names = storage.list().map_err(|error| output(&error))?;
    if names.is_empty() {
        return Ok(());
    }
    if names.iter().any(|entry| entry.name == LOCK_FILE) {
        match LockFile::acquire(&storage) {
            Err(OpenError::Locked(locked)) => return Err(ImportFault::Locked(locked.to_string())),
            Err(error) => return Err(output(&error)),
            Ok(_) => {}
        }
    }
    Err(ImportFault::NotEmpty)
}

/// A directory beside the one that is wanted, removed again unless it takes the name.
struct Place {
    path: PathBuf,
    is_wanted: bool,
}

impl Place {
    fn beside(directory: &Path) -> Result<Self, ImportFault> {
        let output = |error: io::Error| ImportFault::Output(full_text(&error));
        let mut name = directory.file_name().unwrap_or_default().to_owned();
        name.push(format!(".import-{}", std::process::id()));
        let path = directory.with_file_name(name);
        fs_err::create_dir(&path).map_err(output)?;
        Ok(Self { path, is_wanted: false })
    }

    fn take_name(mut self, directory: &Path) -> Result<(), ImportFault> {
        let output = |error: io::Error| ImportFault::Output(full_text(&error));
        fs_err::rename(&self.path, directory).map_err(output)?;
        self.is_wanted = true;
        let parent = match directory.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(output)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_wanted {
            // What cannot be removed bears a name that says what it is.
            drop(fs_err::remove_dir_all(&self.path));
        }
    }
}

/// Reads lines, and counts them for messages.
struct Lines<'a> {
    input: &'a mut dyn BufRead,
    number: u64,
    text: String,
}

impl Lines<'_> {
    fn next_line(&mut self, progress: &mut Progress) -> Result<Option<ExportLine>, ImportFault> {
        self.text.clear();
        self.number += 1;
        let size = match io::Read::take(&mut self.input, LINE_BYTES_MAX).read_line(&mut self.text) {
            Ok(size) => size,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(self.wrong("it is not text"));
            }
            Err(error) => return Err(ImportFault::Input(error)),
        };
        if size == 0 {
            return Ok(None);
        }
        if size as u64 == LINE_BYTES_MAX {
            return Err(self.wrong("it is longer than any line of an export"));
        }
        progress.add(size as u64);
        serde_json::from_str(&self.text).map(Some).map_err(|error| self.wrong(&error.to_string()))
    }

    fn wrong(&self, why: &str) -> ImportFault {
        ImportFault::Line { number: self.number, why: why.to_owned() }
    }

    fn bytes(&self, text: &str) -> Result<Bytes, ImportFault> {
        base64::decode(text).map(Bytes::from).ok_or_else(|| self.wrong("a value is not base64"))
    }

    fn id(&self, id: &IdLine) -> Result<RawLogId, ImportFault> {
        id.id().ok_or_else(|| self.wrong("the rest of an id is not base64"))
    }
}

fn fill(input: &mut dyn BufRead, place: &Path, progress: &mut Progress) -> Result<u64, ImportFault> {
    let mut lines = Lines { input, number: 0, text: String::new() };
    let head = match lines.next_line(progress)? {
        Some(ExportLine::Log(head)) => head,
        Some(_) | None => return Err(lines.wrong("the first line of an export tells the state of its log")),
    };
    let wanted = wanted_state(&lines, &head)?;
    let opened = RaftLog::<RawTypes>::open_typed(Config::new(place));
    let mut log = opened.map_err(|error| ImportFault::Output(full_text(&error)))?;
    let rejected = |lines: &Lines<'_>, error: &dyn std::error::Error| lines.wrong(&full_text(error));
    if let Some(vote) = &wanted.vote {
        log.save_vote(vote.clone()).map_err(|error| rejected(&lines, &error))?;
    }
    if wanted.user_data.is_some() {
        log.save_user_data(wanted.user_data.clone()).map_err(|error| rejected(&lines, &error))?;
    }
    if let Some(purged) = &wanted.purged {
        log.purge(purged.clone()).map_err(|error| rejected(&lines, &error))?;
    }
    let (mut batch, mut batch_bytes, mut entries) = (Vec::new(), 0, 0);
    loop {
        match lines.next_line(progress)? {
            Some(ExportLine::Entry(entry)) => {
                let Some(payload) = &entry.payload else {
                    return Err(lines.wrong("the entry has no payload"));
                };
                let payload = lines.bytes(payload)?;
                if payload.len() as u64 != entry.len {
                    return Err(lines.wrong("the payload has another length than the line says"));
                }
                batch_bytes += payload.len();
                entries += 1;
                batch.push((lines.id(&entry.id)?, payload));
                if batch_bytes >= BATCH_BYTES || batch.len() >= 4096 {
                    log.append(batch.drain(..)).map_err(|error| rejected(&lines, &error))?;
                    batch_bytes = 0;
                }
            }
            Some(ExportLine::End { entries: expected }) if expected == entries => break,
            Some(ExportLine::End { .. }) => {
                return Err(lines.wrong("entries are missing before the last line"));
            }
            Some(ExportLine::Damaged { .. }) => {
                return Err(lines.wrong("the entry was damaged when it was exported"));
            }
            Some(ExportLine::Log(_)) => return Err(lines.wrong("a second log begins")),
            None => return Err(lines.wrong("the export was cut short: its last line is missing")),
        }
    }
    log.append(batch).map_err(|error| rejected(&lines, &error))?;
    if let Some(committed) = &wanted.committed {
        log.commit(committed.clone()).map_err(|error| rejected(&lines, &error))?;
    }
    if log.state() != wanted {
        return Err(lines.wrong("the entries do not lead to the state of the first line"));
    }
    let closed = log.sync().and_then(|()| log.close());
    closed.map_err(|error| ImportFault::Output(full_text(&error)))?;
    Ok(entries)
}

fn wanted_state(lines: &Lines<'_>, head: &LogLine) -> Result<RaftLogState<RawTypes>, ImportFault> {
    if head.v != SCHEMA_VERSION {
        return Err(lines.wrong(&format!("version {} of the form is not known", head.v)));
    }
    if head.redacted {
        return Err(lines.wrong("payloads were left out of this export"));
    }
    if head.partial {
        return Err(lines.wrong("only a part of the entries is in this export"));
    }
    let id = |id: &Option<IdLine>| id.as_ref().map(|id| lines.id(id)).transpose();
    let bytes = |text: &Option<String>| text.as_ref().map(|text| lines.bytes(text)).transpose();
    Ok(RaftLogState {
        vote: bytes(&head.vote)?.map(RawVote),
        last: id(&head.last)?,
        committed: id(&head.committed)?,
        purged: id(&head.purged)?,
        user_data: bytes(&head.user_data)?,
    })
}
