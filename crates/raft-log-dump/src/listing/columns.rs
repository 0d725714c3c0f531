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

    /// The line of a record.
    pub(crate) fn record(self, record: &StoredRecord, view: &dyn PayloadView) -> String {
        let frame = &record.frame;
        let head = &frame.head;
        let or_dash = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
        let has_payload = head.payload_size() > 0 || head.kind() == Some(RecordKind::Append);
        let len = if has_payload && view.shows_len() {
            Grouped(head.payload_size() as u64).to_string()
        } else {
            "-".to_owned()
        };
        let kind = kind_word(head);
        self.line(
            [
                &Grouped(frame.offset).to_string(),
                &Grouped(head.size() as u64).to_string(),
                &kind,
                &or_dash(head.term()),
                &or_dash(head.index()),
                &len,
            ],
            &data(record, view),
        )
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
        Some(RecordKind::Append | RecordKind::SaveUserData) => escape(&view.show(&frame.payload)),
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
