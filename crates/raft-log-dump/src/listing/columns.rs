//! The columns of a listing: one line for a record. Which records are shown is decided elsewhere.

use raft_log_codec::{DisplayLogId, FrameHead, Grouped, RaftLogState, RawTypes, RecordKind};

use crate::payload_view::hex;
use crate::{ChunkStart, PayloadView, StoredRecord, escape};

/// How many bytes of a vote are shown.
const VOTE_BYTES: usize = 32;

/// How wide the columns of one chunk are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    offset: usize,
    term: usize,
    index: usize,
}

impl Columns {
    /// Wide enough for the offsets in the chunk, and for ids like that of its first entry with some room to grow.
    pub(crate) fn of(start: &ChunkStart) -> Self {
        let digits = |number: u64| number.to_string().len();
        let (term, index) = start.first.as_ref().map_or((0, 0), |id| (id.term, id.index));
        Self {
            offset: Grouped(start.file_size).to_string().len().max(12),
            term: digits(term).max(4),
            index: digits(index.saturating_add(1_000_000)).max(5),
        }
    }

    /// The line above the records.
    pub(crate) fn heading(self) -> String {
        self.line(["OFFSET", "SIZE", "KIND", "TERM", "INDEX", "LEN"], "DATA")
    }

    /// The line of a record. Written piece by piece into one text: there may be millions.
    pub(crate) fn record(self, record: &StoredRecord, view: &dyn PayloadView) -> String {
        const WIDTH: usize = 160;
        let frame = &record.frame;
        let head = &frame.head;
        let mut line = String::with_capacity(WIDTH);
        push_number(&mut line, Some(frame.offset), self.offset, true);
        line.push_str("  ");
        push_number(&mut line, Some(head.size() as u64), 7, true);
        line.push_str("  ");
        let start = line.len();
        match head.kind() {
            Some(kind) => line.push_str(kind.word()),
            None => line.push_str(&kind_word(head)),
        }
        pad(&mut line, start + 9);
        line.push_str("  ");
        push_number(&mut line, head.term(), self.term, false);
        line.push_str("  ");
        push_number(&mut line, head.index(), self.index, false);
        line.push_str("  ");
        let has_payload = head.payload_size() > 0 || head.kind() == Some(RecordKind::Append);
        let len = (has_payload && view.shows_len()).then_some(head.payload_size() as u64);
        push_number(&mut line, len, 7, true);
        line.push_str("  ");
        line.push_str(&data(record, view));
        line.truncate(line.trim_end().len());
        line
    }

    fn line(self, cells: [&str; 6], data: &str) -> String {
        let [offset, size, kind, term, index, len] = cells;
        let Self { offset: offset_width, term: term_width, index: index_width } = self;
        let line = format!(
            "{offset:>offset_width$}  {size:>7}  {kind:<9}  {term:>term_width$}  {index:>index_width$}  {len:>7}  {data}"
        );
        line.trim_end().to_owned()
    }
}

/// Fills up with blanks to the length.
fn pad(line: &mut String, length: usize) {
    while line.len() < length {
        line.push(' ');
    }
}

/// Appends a number, or a dash for none, at the right of `width` characters; its digits in groups if wanted.
fn push_number(line: &mut String, number: Option<u64>, width: usize, is_grouped: bool) {
    /// Digits and separators of the largest number.
    const CHARS_MAX: usize = 26;
    let mut text = [b' '; CHARS_MAX];
    let mut at = CHARS_MAX;
    let mut put = |byte: u8| {
        at -= 1;
        if let Some(place) = text.get_mut(at) {
            *place = byte;
        }
    };
    match number {
        None => put(b'-'),
        Some(mut rest) => {
            let mut digits = 0;
            loop {
                if is_grouped && digits > 0 && digits % 3 == 0 {
                    put(b'_');
                }
                // A digit always fits.
                put(b'0' + u8::try_from(rest % 10).unwrap_or(0));
                digits += 1;
                rest /= 10;
                if rest == 0 {
                    break;
                }
            }
        }
    }
    let text = text.get(at..).unwrap_or_default();
    let start = line.len();
    pad(line, (start + width).saturating_sub(text.len()));
    line.extend(text.iter().map(|byte| char::from(*byte)));
}

/// The kind of a record, also of one that this version does not know.
pub(super) fn kind_word(head: &FrameHead) -> String {
    head.kind().map_or_else(|| format!("?{}", head.kind_byte()), |kind| kind.to_string())
}

/// What stands under DATA.
pub(super) fn data(record: &StoredRecord, view: &dyn PayloadView) -> String {
    let frame = &record.frame;
    if let Some(fault) = frame.fault {
        return format!("not whole: {fault}");
    }
    match frame.head.kind() {
        None => format!("unknown kind {} with flags {:#x}", frame.head.kind_byte(), frame.head.flags()),
        Some(RecordKind::Append | RecordKind::SaveUserData) => {
            let shown = view.show(&frame.payload);
            if view.is_escaped() { shown } else { escape(&shown) }
        }
        Some(RecordKind::SaveVote) => vote(&frame.payload),
        Some(RecordKind::State) => {
            record.state().map_or_else(|| "does not decode".to_owned(), |state| marks(&state))
        }
        Some(RecordKind::Group) => match record.durable_end() {
            Some(end) => format!("durable up to {}", Grouped(end)),
            None => "vouches for itself".to_owned(),
        },
        Some(RecordKind::TruncateAfter) if frame.id.is_none() => "all entries".to_owned(),
        Some(_) => String::new(),
    }
}

pub(crate) fn vote(bytes: &[u8]) -> String {
    match bytes.get(..VOTE_BYTES) {
        Some(start) if bytes.len() > VOTE_BYTES => format!("0x{}…", hex(start)),
        _ => format!("0x{}", hex(bytes)),
    }
}

fn marks(state: &RaftLogState<RawTypes>) -> String {
    let vote = state.vote.as_ref().map_or("none".to_owned(), |raw| vote(&raw.0));
    let user_data = state
        .user_data
        .as_ref()
        .map_or(String::new(), |data| format!(" user-data {}", Grouped(data.len() as u64)));
    format!(
        "vote {vote} last {} committed {} purged {}{user_data}",
        DisplayLogId(state.last.as_ref()),
        DisplayLogId(state.committed.as_ref()),
        DisplayLogId(state.purged.as_ref()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_format_has_them() {
        for number in [0, 7, 999, 1_000, 123_456, 1_234_567, u64::MAX] {
            for width in [0, 5, 12, 30] {
                let mut line = String::from("x");
                push_number(&mut line, Some(number), width, true);
                assert_eq!(line, format!("x{:>width$}", Grouped(number).to_string()));
                line.clear();
                push_number(&mut line, Some(number), width, false);
                assert_eq!(line, format!("{number:>width$}"));
            }
        }
        let mut line = String::new();
        push_number(&mut line, None, 4, true);
        assert_eq!(line, "   -");
    }
}
