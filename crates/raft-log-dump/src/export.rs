//! A log as lines of JSON, to be read by people, by other programs, and by `import`.
//!
//! The first line is the state, then comes a line for each entry, and the last line counts them: without it the export
//! was cut short. Bytes are base64. The form is an interface, written down in `docs/tool.md`.

use std::io::{self, Write};

use raft_log_codec::{RawLogId, RecordKind};
use serde::{Deserialize, Serialize};

use crate::logical::LogicalLog;
use crate::progress::Progress;
use crate::{IndexRange, Item, SCHEMA_VERSION, base64};

/// A line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum ExportLine {
    /// The first line.
    Log(LogLine),
    /// An entry.
    Entry(EntryLine),
    /// An entry that cannot be read.
    Damaged { index: u64 },
    /// The last line.
    End { entries: u64 },
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogLine {
    pub(crate) v: u32,
    /// Whether payloads and user data were left out.
    pub(crate) redacted: bool,
    /// Whether only some of the entries were wanted.
    pub(crate) partial: bool,
    pub(crate) vote: Option<String>,
    pub(crate) last: Option<IdLine>,
    pub(crate) committed: Option<IdLine>,
    pub(crate) purged: Option<IdLine>,
    pub(crate) user_data: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdLine {
    pub(crate) term: u64,
    pub(crate) index: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) rest: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryLine {
    #[serde(flatten)]
    pub(crate) id: IdLine,
    pub(crate) len: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payload: Option<String>,
}

impl IdLine {
    fn of(id: &RawLogId) -> Self {
        Self { term: id.term, index: id.index, rest: base64::encode(&id.rest) }
    }

    /// The id again; `None` if its rest is no base64.
    pub(crate) fn id(&self) -> Option<RawLogId> {
        let rest = base64::decode(&self.rest)?.into();
        Some(RawLogId { term: self.term, index: self.index, rest })
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Exported {
    pub(crate) entries: u64,
    pub(crate) damaged: u64,
}

/// Why an export ended.
pub(crate) enum ExportFault {
    /// It cannot be written.
    Output(io::Error),
    /// The log cannot be read any further.
    Input(String),
}

impl From<io::Error> for ExportFault {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Writes a log.
pub(crate) fn export(
    mut log: LogicalLog,
    only: Option<IndexRange>,
    is_redacted: bool,
    out: &mut dyn Write,
    progress: &mut Progress,
) -> Result<Exported, ExportFault> {
    if let Some(only) = only {
        log.restrict(only.first(), only.last());
    }
    let state = &log.state;
    let id = |id: &Option<RawLogId>| id.as_ref().map(IdLine::of);
    write_line(
        out,
        &ExportLine::Log(LogLine {
            v: SCHEMA_VERSION,
            redacted: is_redacted,
            partial: only.is_some(),
            vote: state.vote.as_ref().map(|vote| base64::encode(&vote.0)),
            last: id(&state.last),
            committed: id(&state.committed),
            purged: id(&state.purged),
            user_data: state.user_data.as_ref().filter(|_| !is_redacted).map(|data| base64::encode(data)),
        }),
    )?;
    let mut exported = Exported::default();
    let mut expected = log.chunks.first().map(|chunk| chunk.live().start);
    for item in log.items() {
        match item {
            Item::Record(record) if record.frame.head.kind() == Some(RecordKind::Append) => {
                let head = &record.frame.head;
                progress.add(head.size() as u64);
                let Some(own) = &record.frame.id else { continue };
                // Nothing is left out in silence.
                while let Some(missing) = expected.filter(|expected| *expected < own.index) {
                    exported.damaged += 1;
                    write_line(out, &ExportLine::Damaged { index: missing })?;
                    expected = Some(missing + 1);
                }
                expected = Some(own.index + 1);
                if record.frame.fault.is_some() {
                    exported.damaged += 1;
                    write_line(out, &ExportLine::Damaged { index: own.index })?;
                    continue;
                }
                exported.entries += 1;
                let payload = (!is_redacted).then(|| base64::encode(&record.frame.payload));
                let line = EntryLine { id: IdLine::of(own), len: head.payload_size() as u64, payload };
                write_line(out, &ExportLine::Entry(line))?;
            }
            Item::Purged(chunk) => {
                return Err(ExportFault::Input(format!("{chunk} was purged while it was read; begin again")));
            }
            Item::Unreadable { file, source } => {
                return Err(ExportFault::Input(format!("cannot read {file}: {source}")));
            }
            _ => {}
        }
    }
    write_line(out, &ExportLine::End { entries: exported.entries })?;
    Ok(exported)
}

fn write_line(out: &mut dyn Write, line: &ExportLine) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
