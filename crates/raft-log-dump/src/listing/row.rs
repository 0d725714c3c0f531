//! An item as one flat object with named fields: a line of JSON, or a row of a table.
//!
//! The names and what they mean are an interface, written down in `docs/tool.md`; [`SCHEMA_VERSION`] changes when a
//! field changes its meaning or goes away, not when one is added.

use std::str::FromStr;

use raft_log_chunk::{DurableFacts, Space};
use raft_log_codec::RecordKind;
use serde::Serialize;

use super::columns::{data, kind_word};
use crate::filter::InvalidFilter;
use crate::item::chunk_role;
use crate::opening::full_text;
use crate::payload_view::hex;
use crate::{GapCause, Item, PayloadView, StoredRecord, escape};

/// The version of the objects, which each of them carries as `v`.
pub const SCHEMA_VERSION: u32 = 1;

macro_rules! fields {
    ($($name:literal)*) => {
        /// The names of all fields, in the order in which they are written.
        pub(super) const NAMES: &[&str] = &[$($name),*];
    };
}

fields! {
    "v" "type" "file" "chunk" "offset" "to" "size" "kind" "term" "index" "rest" "len" "data" "fault" "expected"
    "found" "next_offset" "next" "behind_end" "durable_end" "role" "space" "file_size" "first" "records" "entries"
    "chunks" "damaged" "unreadable" "purged" "torn"
}

/// A field of a row, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field(&'static str);

impl Field {
    /// Its name.
    pub fn name(self) -> &'static str {
        self.0
    }

    pub(super) const fn named(name: &'static str) -> Self {
        Self(name)
    }
}

impl FromStr for Field {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        let found = NAMES.iter().find(|name| **name == text);
        let unknown = || InvalidFilter::new(format!("{text:?} is no field; there are {}", NAMES.join(", ")));
        found.map(|name| Self(name)).ok_or_else(unknown)
    }
}

/// One object. What does not apply is left out.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Row {
    pub(super) v: u32,
    #[serde(rename = "type")]
    pub(super) kind_of_row: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    term: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    len: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    behind_end: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    durable_end: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    space: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purged: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    torn: Option<bool>,
}

impl Row {
    fn new(kind_of_row: &'static str) -> Self {
        Self { v: SCHEMA_VERSION, kind_of_row, ..Self::default() }
    }

    /// The row of an item.
    pub(super) fn of(item: &Item, view: &dyn PayloadView) -> Self {
        match item {
            Item::Record(record) => Self::record(record, view),
            Item::Durable(facts) => match facts {
                DurableFacts::Mark(mark) => Self {
                    chunk: Some(mark.chunk_id.to_string()),
                    durable_end: Some(mark.end),
                    ..Self::new("durable")
                },
                DurableFacts::Absent => Self { fault: Some("absent".to_owned()), ..Self::new("durable") },
                DurableFacts::Damaged => Self {
                    fault: Some("neither of its two slots is whole".to_owned()),
                    ..Self::new("durable")
                },
                DurableFacts::Unsupported { version } => Self {
                    fault: Some(format!("format version {version} is not supported")),
                    ..Self::new("durable")
                },
            },
            Item::OddName { name, why } => {
                Self { file: Some(escape(name)), fault: Some(escape(why)), ..Self::new("odd-name") }
            }
            Item::Chunk(start) => {
                let header = start.header.as_ref();
                let space = header.ok().map(|header| match header.space {
                    Space::Fresh => "fresh",
                    Space::Reused => "reused",
                });
                let other = header.ok().filter(|header| header.chunk_id != start.id);
                let fault = match header {
                    Err(fault) => Some(fault.to_string()),
                    Ok(_) => other.map(|header| format!("it is the header of {}", header.chunk_id)),
                };
                Self {
                    chunk: Some(start.id.to_string()),
                    to: start.end,
                    role: Some(chunk_role(start)),
                    space,
                    file_size: Some(start.file_size),
                    first: start.first.as_ref().map(ToString::to_string),
                    fault,
                    ..Self::new("chunk")
                }
            }
            Item::Gap(gap) => Self {
                chunk: Some(gap.chunk.to_string()),
                offset: Some(gap.from),
                to: Some(gap.to),
                size: Some(gap.to.saturating_sub(gap.from)),
                kind: matches!(gap.cause, GapCause::Header(_)).then(|| "header".to_owned()),
                fault: Some(gap.cause.to_string()),
                next_offset: gap.next.as_ref().map(|(offset, _)| *offset),
                next: gap.next.as_ref().map(|(_, head)| crate::item::head_name(head)),
                ..Self::new("gap")
            },
            Item::Tail(tail) => Self {
                chunk: Some(tail.chunk.to_string()),
                offset: Some(tail.at),
                size: Some(tail.behind.bytes),
                torn: Some(tail.is_torn()),
                next_offset: tail.next.as_ref().map(|(offset, _)| *offset),
                next: tail.next.as_ref().map(|(_, head)| crate::item::head_name(head)),
                ..Self::new("tail")
            },
            Item::Footer(footer) => Self {
                chunk: Some(footer.chunk.to_string()),
                offset: Some(footer.at),
                records: Some(footer.footer.summary.records),
                entries: Some(footer.footer.summary.entries()),
                ..Self::new("footer")
            },
            Item::Purged(id) => Self { chunk: Some(id.to_string()), ..Self::new("purged") },
            Item::Skipped(skip) => Self {
                chunk: skip.from.map(|(chunk, _)| chunk.to_string()),
                offset: skip.from.map(|(_, offset)| offset),
                next: Some(skip.to.to_string()),
                index: skip.last_before,
                data: Some(skip.to_string()),
                ..Self::new("skipped")
            },
            Item::Unreadable { file, source } => Self {
                file: Some(escape(file)),
                fault: Some(escape(&full_text(source))),
                ..Self::new("unreadable")
            },
            Item::End(counts) => Self {
                chunks: Some(counts.chunks),
                records: Some(counts.records),
                entries: Some(counts.entries),
                damaged: Some(counts.damaged),
                unreadable: Some(counts.unreadable),
                purged: Some(counts.purged),
                torn: Some(counts.is_torn),
                ..Self::new("end")
            },
        }
    }

    fn record(record: &StoredRecord, view: &dyn PayloadView) -> Self {
        let frame = &record.frame;
        let head = &frame.head;
        let has_payload = head.payload_size() > 0 || head.kind() == Some(RecordKind::Append);
        let fault = match (&frame.fault, head.kind()) {
            (Some(fault), _) => Some(fault.to_string()),
            (None, None) => Some(data(record, view)),
            (None, Some(_)) => None,
        };
        let is_secret = matches!(head.kind(), Some(RecordKind::Append | RecordKind::SaveUserData));
        let is_shown = fault.is_none() && has_payload && (view.shows_data() || !is_secret);
        Self {
            chunk: Some(record.chunk.to_string()),
            offset: Some(frame.offset),
            size: Some(head.size() as u64),
            kind: Some(kind_word(head)),
            term: head.term(),
            index: head.index(),
            rest: frame.id.as_ref().filter(|id| !id.rest.is_empty()).map(|id| hex(&id.rest)),
            len: (has_payload && view.shows_len()).then_some(head.payload_size() as u64),
            data: is_shown.then(|| data(record, view)),
            fault,
            expected: frame.fault.map(|fault| format!("{:08x}", fault.expected)),
            found: frame.fault.map(|fault| format!("{:08x}", fault.found)),
            behind_end: record.is_behind_end.then_some(true),
            durable_end: record.durable_end(),
            ..Self::new("record")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_row_has_its_name_in_the_list_and_the_other_way_round() {
        // Every field set, so that none is left out.
        let one = || Some(1);
        let text = || Some(String::new());
        let full = Row {
            v: 1,
            kind_of_row: "",
            file: text(),
            chunk: text(),
            offset: one(),
            to: one(),
            size: one(),
            kind: text(),
            term: one(),
            index: one(),
            rest: text(),
            len: one(),
            data: text(),
            fault: text(),
            expected: text(),
            found: text(),
            next_offset: one(),
            next: text(),
            behind_end: Some(true),
            durable_end: one(),
            role: Some(""),
            space: Some(""),
            file_size: one(),
            first: text(),
            records: one(),
            entries: one(),
            chunks: one(),
            damaged: one(),
            unreadable: one(),
            purged: one(),
            torn: Some(true),
        };
        let json = serde_json::to_string(&full).unwrap();
        let names: Vec<String> =
            json.split(['{', ',']).filter_map(|part| part.split('"').nth(1)).map(str::to_owned).collect();
        assert_eq!(names, NAMES);
        assert!("no".parse::<Field>().is_err());
        assert_eq!("index".parse::<Field>().unwrap().name(), "index");
    }
}
