//! The listing for people: a line for each chunk, each record and each fault. Nothing is read here, but for `-x`.
//!
//! Nothing that came from the directory reaches the output unescaped.

use std::io;

use raft_log_chunk::{ChunkId, DurableFacts, HeaderFault, Space};
use raft_log_codec::{DisplayLogId, FrameHead, Grouped, LogId, RawLogId, RecordKind};

use super::columns::Columns;
use super::hex_dump::HexDump;
use super::line_window::LineWindow;
use super::paint::{Ink, Paint};
use crate::item::{chunk_role, head_name};
use crate::opening::full_text;
use crate::{ChunkStart, Filter, Gap, GapCause, Item, PayloadView, Skip, StoredRecord, Tail, escape};

/// What was shown so far, and how the next line looks.
pub(crate) struct TextListing<'a> {
    view: &'a dyn PayloadView,
    filter: Filter,
    /// Only faults and what lies behind the end are shown.
    is_quiet: bool,
    paint: Paint,
    hex_dump: Option<HexDump>,
    columns: Option<Columns>,
    sums: Sums,
    /// Faults were shown, and no good record since.
    awaits_next: bool,
    /// The highest committed index that was seen.
    committed: Option<u64>,
    /// The lowest and the highest index of a damaged entry.
    damaged: Option<(u64, u64)>,
    torn_at: Option<(ChunkId, u64)>,
}

/// What was seen of the current chunk.
#[derive(Debug, Default)]
struct Sums {
    id: Option<ChunkId>,
    records: u64,
    entries: u64,
    damaged: u64,
    first: Option<RawLogId>,
    last: Option<RawLogId>,
}

impl<'a> TextListing<'a> {
    pub(crate) fn new(view: &'a dyn PayloadView) -> Self {
        Self {
            view,
            filter: Filter::default(),
            is_quiet: false,
            paint: Paint::default(),
            hex_dump: None,
            columns: None,
            sums: Sums::default(),
            awaits_next: false,
            committed: None,
            damaged: None,
            torn_at: None,
        }
    }

    pub(crate) fn view(&self) -> &'a dyn PayloadView {
        self.view
    }

    pub(crate) fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
    }

    pub(crate) fn take_filter(&mut self) -> Filter {
        std::mem::take(&mut self.filter)
    }

    pub(crate) fn set_quiet(&mut self) {
        self.is_quiet = true;
    }

    pub(crate) fn set_paint(&mut self, paint: Paint) {
        self.paint = paint;
    }

    pub(crate) fn set_hex_dump(&mut self, hex_dump: HexDump) {
        self.hex_dump = Some(hex_dump);
    }

    pub(crate) fn show(&mut self, item: &Item, lines: &mut LineWindow<'_>) -> io::Result<()> {
        match item {
            Item::Durable(facts) => self.durable(facts, lines),
            Item::OddName { name, why } => {
                self.fault(&format!("{}  DAMAGED  {}", escape(name), escape(why)), lines)
            }
            Item::Chunk(start) => self.chunk(start, lines),
            Item::Record(record) => self.record(record, lines),
            Item::Gap(gap) => self.gap(gap, lines),
            Item::Tail(tail) => self.tail(tail, lines),
            Item::Footer(footer) => {
                let records = count(footer.footer.summary.records, "record", "records");
                self.note(&format!("footer at {}, whole: {records}", Grouped(footer.at)), lines)
            }
            Item::Purged(id) => {
                self.awaits_next = false;
                if self.is_quiet { Ok(()) } else { lines.note(&format!("-- {id} was purged while reading")) }
            }
            Item::Skipped(skip) => self.skipped(skip, lines),
            Item::Unreadable { file, source } => {
                self.fault(&format!("{file}  UNREADABLE  {}", escape(&full_text(source))), lines)
            }
            Item::End(_) => self.end(lines),
        }
    }

    fn durable(&mut self, facts: &DurableFacts, lines: &mut LineWindow<'_>) -> io::Result<()> {
        let plain = match facts {
            DurableFacts::Mark(mark) => format!("DURABLE   {} up to {}", mark.chunk_id, Grouped(mark.end)),
            DurableFacts::Absent => "DURABLE   absent".to_owned(),
            DurableFacts::Damaged => {
                return self.fault("DURABLE  DAMAGED  neither of its two slots is whole", lines);
            }
            DurableFacts::Unsupported { version } => {
                return self.fault(&format!("DURABLE  UNSUPPORTED  format version {version}"), lines);
            }
        };
        if self.is_quiet || self.filter.is_set() { Ok(()) } else { lines.note(&plain) }
    }

    fn skipped(&mut self, skip: &Skip, lines: &mut LineWindow<'_>) -> io::Result<()> {
        self.awaits_next = false;
        let text = format!("-- gap: {skip}");
        lines.note(&self.paint.paint(Ink::Warning, &text))
    }

    fn chunk(&mut self, start: &ChunkStart, lines: &mut LineWindow<'_>) -> io::Result<()> {
        let first = start.first.as_ref();
        let role = chunk_role(start);
        let space = match start.header.as_ref().map(|header| header.space) {
            Ok(Space::Fresh) => "space fresh",
            Ok(Space::Reused) => "space reused",
            Err(_) => "header damaged",
        };
        let columns = Columns::of(start);
        let heading = format!("chunk {}   first {}   {role}   {space}", start.id, DisplayLogId(first));
        let heading = format!(
            "{}\n{}",
            self.paint.paint(Ink::Heading, &heading),
            self.paint.paint(Ink::Aside, &columns.heading())
        );
        lines.set_heading(&heading);
        self.columns = Some(columns);
        self.sums = Sums { id: Some(start.id), ..Sums::default() };
        if !self.filter.is_set() {
            lines.show_heading()?;
        }
        let is_good = start.header.as_ref().is_ok_and(|header| header.chunk_id == start.id);
        // A header that nothing could be made of is told, and counted, as the gap that follows.
        self.sums.damaged = u64::from(!is_good && start.is_readable);
        match &start.header {
            Ok(header) if header.chunk_id != start.id => {
                let text =
                    format!("header  it is the header of {}: a copied or renamed file", header.chunk_id);
                self.damage(start.id, 0, &text, lines)
            }
            Ok(_) => Ok(()),
            Err(fault @ HeaderFault::Unsupported { .. }) => {
                self.fault(&format!("chunk {}  UNSUPPORTED  {fault}", start.id), lines)
            }
            Err(_) if !start.is_readable => Ok(()),
            Err(fault) => {
                let text = format!("header  {fault}; what its records need of it was found elsewhere");
                self.damage(start.id, 0, &text, lines)
            }
        }
    }

    fn record(&mut self, record: &StoredRecord, lines: &mut LineWindow<'_>) -> io::Result<()> {
        let frame = &record.frame;
        let is_append = frame.head.kind() == Some(RecordKind::Append);
        if !record.is_behind_end {
            self.sums.records += 1;
            if is_append {
                self.sums.entries += 1;
                self.sums.first.get_or_insert_with(|| frame.id.clone().unwrap_or_default());
                self.sums.last.clone_from(&frame.id);
            }
            let committed = match frame.head.kind() {
                Some(RecordKind::Commit | RecordKind::PurgeUpto) => frame.head.index(),
                Some(RecordKind::State) => {
                    record.state().and_then(|state| state.committed.as_ref().map(LogId::index))
                }
                _ => None,
            };
            self.committed = self.committed.max(committed);
        }
        if frame.fault.is_none() {
            self.next_valid(Some((frame.offset, frame.head)), lines)?;
        }
        if let Some(fault) = frame.fault.filter(|_| !record.is_behind_end) {
            if let Some(index) = frame.head.index().filter(|_| is_append) {
                let (low, high) = self.damaged.unwrap_or((index, index));
                self.damaged = Some((low.min(index), high.max(index)));
            }
            self.sums.damaged += 1;
            if self.filter.shows(record) {
                let text = format!("{}  {fault}", head_name(&frame.head));
                self.damage(record.chunk, frame.offset, &text, lines)?;
                self.bytes_of_record(record, lines)?;
            }
            return Ok(());
        }
        if self.is_quiet || !self.filter.shows(record) {
            return Ok(());
        }
        let Some(columns) = self.columns else { return Ok(()) };
        lines.line(&columns.record(record, self.view))?;
        self.bytes_of_record(record, lines)
    }

    fn bytes_of_record(&mut self, record: &StoredRecord, lines: &mut LineWindow<'_>) -> io::Result<()> {
        let Some(hex_dump) = &mut self.hex_dump else { return Ok(()) };
        let text = hex_dump.record(record);
        lines.more(&self.paint.paint(Ink::Aside, &text))
    }

    fn gap(&mut self, gap: &Gap, lines: &mut LineWindow<'_>) -> io::Result<()> {
        self.sums.damaged += 1;
        if !self.filter.shows_gaps() {
            return Ok(());
        }
        let size = gap.to.saturating_sub(gap.from);
        let what = match gap.cause {
            GapCause::Header(_) => "header".to_owned(),
            _ => format!("no record in {} bytes up to {}", Grouped(size), Grouped(gap.to)),
        };
        self.damage(gap.chunk, gap.from, &format!("{what}  {}", gap.cause), lines)?;
        if let Some(hex_dump) = &mut self.hex_dump {
            let text = hex_dump.gap(gap);
            lines.more(&self.paint.paint(Ink::Aside, &text))?;
        }
        if gap.next.is_none() {
            self.next_valid(None, lines)?;
        }
        Ok(())
    }

    fn tail(&mut self, tail: &Tail, lines: &mut LineWindow<'_>) -> io::Result<()> {
        self.next_valid(None, lines)?;
        let behind = &tail.behind;
        let end = format!("the log ends at {}", Grouped(tail.at));
        if !tail.is_torn() {
            let what = match (behind.first_nonzero, tail.space) {
                _ if behind.is_footer => "its footer".to_owned(),
                (Some(_), Space::Reused) => format!("{} bytes of reused space", Grouped(behind.bytes)),
                _ if behind.bytes == 0 => return self.note(&format!("{end}, and so does the file"), lines),
                _ => format!("{} zeros", Grouped(behind.bytes)),
            };
            return self.note(&format!("{end}; behind it {what}"), lines);
        }
        self.torn_at = Some((tail.chunk, tail.at));
        let next = match &tail.next {
            Some((offset, head)) => {
                format!(", a whole record's head at {} ({})", Grouped(*offset), head_name(head))
            }
            None => String::new(),
        };
        let first_nonzero = behind.first_nonzero.unwrap_or(tail.at);
        let text = format!(
            "chunk {}  offset {}  TORN  {end}; behind it bytes of a write that was cut short, from {}{next}",
            tail.chunk,
            Grouped(tail.at),
            Grouped(first_nonzero),
        );
        lines.line(&self.paint.paint(Ink::Warning, &text))
    }

    fn end(&mut self, lines: &mut LineWindow<'_>) -> io::Result<()> {
        lines.release()?;
        if self.is_quiet {
            return Ok(());
        }
        if let Some((low, high)) = self.damaged {
            let hint = if self.committed >= Some(high) {
                "these entries are committed, so other members have them. Replace this member, or let the engine \
                 fetch them again; do not cut."
            } else if self.committed >= Some(low) {
                "some of these entries are committed, so other members have them. Replace this member; do not cut."
            } else {
                "these entries are not known here to be committed, and may be all the same. Compare with another \
                 member before anything is cut."
            };
            let range = if low == high { format!("{low}") } else { format!("{low} to {high}") };
            let text = format!("hint: damaged at index {range}: {hint}");
            lines.note(&self.paint.paint(Ink::Heading, &text))?;
        }
        if let Some((chunk, at)) = self.torn_at {
            let at = Grouped(at);
            let text = format!(
                "hint: the next open() ends the log at {at} of {chunk}. Nothing behind it is known to have been acknowledged."
            );
            lines.note(&self.paint.paint(Ink::Heading, &text))?;
        }
        Ok(())
    }

    /// The summary of the chunk that ends.
    pub(crate) fn finish_chunk(&mut self, lines: &mut LineWindow<'_>) -> io::Result<()> {
        self.next_valid(None, lines)?;
        lines.end_chunk()?;
        let sums = std::mem::take(&mut self.sums);
        if sums.id.is_some() {
            let entries = match (&sums.first, &sums.last) {
                (Some(first), Some(last)) if first == last => format!(" {first}"),
                (Some(first), Some(last)) => format!(" {first} to {last}"),
                _ => String::new(),
            };
            let (ink, state) = match sums.damaged {
                0 => (Ink::Good, "all checksums good".to_owned()),
                damaged => (Ink::Bad, format!("{damaged} DAMAGED")),
            };
            let state = self.paint.paint(ink, &state);
            let records = count(sums.records, "record", "records");
            let entry_count = count(sums.entries, "entry", "entries");
            self.note(&format!("{records}, {entry_count}{entries}, {state}"), lines)?;
        }
        lines.set_heading("");
        self.columns = None;
        Ok(())
    }

    fn damage(
        &mut self,
        chunk: ChunkId,
        offset: u64,
        text: &str,
        lines: &mut LineWindow<'_>,
    ) -> io::Result<()> {
        self.awaits_next = true;
        self.fault(&format!("chunk {chunk}  offset {}  DAMAGED  {text}", Grouped(offset)), lines)
    }

    /// Says where the next good record begins, if a fault was shown before it.
    fn next_valid(&mut self, next: Option<(u64, FrameHead)>, lines: &mut LineWindow<'_>) -> io::Result<()> {
        if !std::mem::take(&mut self.awaits_next) {
            return Ok(());
        }
        match next {
            Some((offset, head)) => {
                lines.more(&format!("      next valid record at {} ({})", Grouped(offset), head_name(&head)))
            }
            None => lines.more("      no valid record behind it in this chunk"),
        }
    }

    fn fault(&mut self, text: &str, lines: &mut LineWindow<'_>) -> io::Result<()> {
        lines.line(&self.paint.paint(Ink::Bad, text))
    }

    /// What is said of a chunk whose heading was shown.
    fn note(&self, text: &str, lines: &mut LineWindow<'_>) -> io::Result<()> {
        if lines.is_heading_shown() { lines.note(&format!("-- {text}")) } else { Ok(()) }
    }
}

/// A number with its noun.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", Grouped(number), if number == 1 { one } else { many })
}
