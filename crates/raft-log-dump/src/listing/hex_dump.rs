//! The bytes of a record or of a gap, field by field, read again from their file.
//!
//! What always holds: of a payload no more is shown than its limit says, since it may hold secrets; what cannot be read
//! any more, because it was purged meanwhile, is said.

use std::fmt::Write;
use std::sync::Arc;

use raft_log_chunk::{ChunkId, Storage, StorageFile, read_full_at};
use raft_log_codec::FRAME_FIXED_SIZE;

use crate::{Gap, StoredRecord};

/// How many bytes of a gap are shown.
const GAP_BYTES: u64 = 256;
/// Bytes on a line.
const WIDTH: usize = 16;

pub(crate) struct HexDump {
    storage: Arc<dyn Storage>,
    /// The file read last: the next record is most often in it, too.
    open: Option<(ChunkId, Arc<dyn StorageFile>)>,
    payload_bytes: usize,
}

impl HexDump {
    /// Shows at most so many bytes of each payload.
    pub(crate) fn new(storage: Arc<dyn Storage>, payload_bytes: usize) -> Self {
        Self { storage, open: None, payload_bytes }
    }

    pub(crate) fn record(&mut self, record: &StoredRecord) -> String {
        let head = &record.frame.head;
        let (at, head_size, payload_size) = (record.frame.offset, head.head_size(), head.payload_size());
        let shown = payload_size.min(self.payload_bytes);
        let read_size = if shown < payload_size { head_size + shown } else { head.size() };
        let Some(bytes) = self.read(record.chunk, at, read_size) else { return gone() };
        // The file may have been purged and reused since the record was read.
        let is_same = bytes.get(head_size..head_size + shown) == record.frame.payload.get(..shown);
        if !is_same {
            self.open = None;
            return gone();
        }
        let mut lines = Lines::new(&bytes, at);
        lines.field(4, "head checksum");
        lines.field(4, "body checksum");
        let id_size = head_size - FRAME_FIXED_SIZE;
        lines.field(4, &format!("length {}: id {id_size}, payload {payload_size}", id_size + payload_size));
        let kind = head.kind().map_or("unknown", |kind| kind.word());
        lines.field(2, &format!("kind {}: {kind}; flags {:#04x}", head.kind_byte(), head.flags()));
        lines.field(2, &format!("id of {id_size} bytes"));
        if let (Some(term), Some(index)) = (head.term(), head.index()) {
            lines.field(8, &format!("term {term}"));
            lines.field(8, &format!("index {index}"));
            lines.field(id_size.saturating_sub(16), "rest of the id");
        }
        lines.field(shown, "payload");
        if shown < payload_size {
            lines.say(&format!("{} more bytes of payload", payload_size - shown));
        } else {
            lines.field(head.size() - head_size - payload_size, "padding");
        }
        lines.finish()
    }

    pub(crate) fn gap(&mut self, gap: &Gap) -> String {
        let size = gap.to.saturating_sub(gap.from);
        let shown = size.min(GAP_BYTES);
        let Some(bytes) = self.read(gap.chunk, gap.from, usize::try_from(shown).unwrap_or(0)) else {
            return gone();
        };
        let mut lines = Lines::new(&bytes, gap.from);
        lines.field(bytes.len(), "no record");
        let left = size.saturating_sub(bytes.len() as u64);
        if left > 0 {
            lines.say(&format!("{left} more bytes"));
        }
        lines.finish()
    }

    fn read(&mut self, chunk: ChunkId, at: u64, size: usize) -> Option<Vec<u8>> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != chunk) {
            self.open = Some((chunk, self.storage.open(&chunk.file_name()).ok()?));
        }
        let (_, file) = self.open.as_ref()?;
        let mut bytes = vec![0; size];
        let found = read_full_at(&**file, &mut bytes, at).ok()?;
        bytes.truncate(found);
        Some(bytes)
    }
}

fn gone() -> String {
    "      (the bytes cannot be read any more)".to_owned()
}

/// Lines of bytes, cut off from the front field by field.
struct Lines<'a> {
    bytes: &'a [u8],
    at: u64,
    text: String,
}

impl<'a> Lines<'a> {
    fn new(bytes: &'a [u8], at: u64) -> Self {
        Self { bytes, at, text: String::new() }
    }

    fn field(&mut self, size: usize, what: &str) {
        let (field, rest) = self.bytes.split_at_checked(size).unwrap_or((self.bytes, &[]));
        self.bytes = rest;
        for (number, row) in field.chunks(WIDTH).enumerate() {
            let mut hex = String::new();
            for byte in row {
                let _ = write!(hex, "{byte:02x} ");
            }
            let is_text = what == "payload" || what == "no record";
            let note = match number {
                0 => what,
                _ => "",
            };
            let ascii: String = row
                .iter()
                .map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' })
                .collect();
            let ascii = if is_text { format!("  |{ascii:<WIDTH$}|") } else { String::new() };
            let line = format!("      {:08x}  {hex:<48}{ascii}  {note}", self.at);
            self.say_line(line.trim_end());
            self.at += row.len() as u64;
        }
    }

    fn say(&mut self, what: &str) {
        self.say_line(&format!("      {:8}  … {what}", ""));
    }

    fn say_line(&mut self, line: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(line);
    }

    fn finish(self) -> String {
        self.text
    }
}
