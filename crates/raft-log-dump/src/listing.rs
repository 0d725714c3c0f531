//! The listing of a scan for people: a line for each chunk, each record and each fault. Nothing is read here.
//!
//! A chunk's heading comes with its first line, so that filters leave no empty headings. Nothing that came from the
//! directory reaches the output unescaped.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::rc::Rc;

use raft_log_chunk::{ChunkId, DurableFacts, HeaderFault, Space};
use raft_log_codec::{DisplayLogId, FrameHead, Grouped, LogId, RawLogId, RecordKind};

use crate::columns::Columns;
use crate::opening::full_text;
use crate::{ChunkStart, Filter, Gap, GapCause, Item, PayloadView, StoredRecord, Tail, escape};

/// Writes items as lines.
pub struct Listing<'a> {
    out: &'a mut dyn Write,
    view: &'a dyn PayloadView,
    filter: Filter,
    /// Only faults and what lies behind the end are shown.
    is_quiet: bool,
    /// How many lines are still shown.
    left: Option<u64>,
    /// The last lines so far, with the headings they stand under; `None` if lines are written as they come.
    last: Option<Last>,
    heading: Rc<str>,
    is_heading_shown: bool,
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

#[derive(Debug)]
struct Last {
    count: usize,
    lines: VecDeque<(Rc<str>, String)>,
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

impl<'a> Listing<'a> {
    /// A listing of all records.
    pub fn new(out: &'a mut dyn Write, view: &'a dyn PayloadView) -> Self {
        Self {
            out,
            view,
            filter: Filter::default(),
            is_quiet: false,
            left: None,
            last: None,
            heading: "".into(),
            is_heading_shown: false,
            columns: None,
            sums: Sums::default(),
            awaits_next: false,
            committed: None,
            damaged: None,
            torn_at: None,
        }
    }

    /// Shows only the records that pass.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Shows only what is wrong.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.is_quiet = true;
        self
    }

    /// Ends after this many records and faults.
    #[must_use]
    pub fn first(mut self, count: u64) -> Self {
        self.left = Some(count);
        self
    }

    /// Shows only so many records and faults, the last ones.
    #[must_use]
    pub fn last(mut self, count: usize) -> Self {
        self.last = Some(Last { count, lines: VecDeque::new() });
        self
    }

    /// Shows an item; breaks when no more are wanted.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn show(&mut self, item: &Item) -> io::Result<ControlFlow<()>> {
        if self.left == Some(0) {
            return Ok(ControlFlow::Break(()));
        }
        match item {
            Item::Durable(facts) => self.durable(facts)?,
            Item::OddName { name, why } => {
                self.fault(&format!("{}  DAMAGED  {}", escape(name), escape(why)))?
            }
            Item::Chunk(start) => self.chunk(start)?,
            Item::Record(record) => self.record(record)?,
            Item::Gap(gap) => self.gap(gap)?,
            Item::Tail(tail) => self.tail(tail)?,
            Item::Footer(footer) => {
                let records = count(footer.footer.summary.records, "record", "records");
                self.note(&format!("footer at {}, whole: {records}", Grouped(footer.at)))?;
            }
            Item::Purged(id) => {
                self.awaits_next = false;
                self.heading_line()?;
                if !self.is_quiet {
                    self.plain(&format!("-- {id} was purged while reading"))?;
                }
            }
            Item::Unreadable { file, source } => {
                self.fault(&format!("{file}  UNREADABLE  {}", escape(&full_text(source))))?;
            }
            Item::End(_) => self.end()?,
        }
        Ok(if self.left == Some(0) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn durable(&mut self, facts: &DurableFacts) -> io::Result<()> {
        match facts {
            DurableFacts::Mark(mark) => {
                self.plain_note(&format!("DURABLE   {} up to {}", mark.chunk_id, Grouped(mark.end)))
            }
            DurableFacts::Absent => self.plain_note("DURABLE   absent"),
            DurableFacts::Damaged => self.fault("DURABLE  DAMAGED  neither of its two slots is whole"),
            DurableFacts::Unsupported { version } => {
                self.fault(&format!("DURABLE  UNSUPPORTED  format version {version}"))
            }
        }
    }

    fn chunk(&mut self, start: &ChunkStart) -> io::Result<()> {
        self.finish_chunk()?;
        let first = start.first.as_ref();
        let role = match (start.end, start.is_closed, start.is_leftover) {
            (_, _, true) => "leftover",
            (Some(_), ..) => "sealed",
            (None, true, _) => "closed",
            (None, false, _) => "active",
        };
        let space = match start.header.as_ref().map(|header| header.space) {
            Ok(Space::Fresh) => "space fresh",
            Ok(Space::Reused) => "space reused",
            Err(_) => "header damaged",
        };
        let columns = Columns::of(start);
        self.heading = format!(
            "chunk {}   first {}   {role}   {space}\n{}",
            start.id,
            DisplayLogId(first),
            columns.heading()
        )
        .into();
        self.is_heading_shown = false;
        self.columns = Some(columns);
        self.sums = Sums { id: Some(start.id), ..Sums::default() };
        if self.filter.index.is_none() && self.filter.kinds.is_none() {
            self.heading_line()?;
        }
        let is_good = start.header.as_ref().is_ok_and(|header| header.chunk_id == start.id);
        // A header that nothing could be made of is told, and counted, as the gap that follows.
        self.sums.damaged = u64::from(!is_good && start.is_readable);
        match &start.header {
            Ok(header) if header.chunk_id != start.id => {
                let text =
                    format!("header  it is the header of {}: a copied or renamed file", header.chunk_id);
                self.damage(start.id, 0, &text)
            }
            Ok(_) => Ok(()),
            Err(fault @ HeaderFault::Unsupported { .. }) => {
                self.fault(&format!("chunk {}  UNSUPPORTED  {fault}", start.id))
            }
            Err(_) if !start.is_readable => Ok(()),
            Err(fault) => {
                let text = format!("header  {fault}; what its records need of it was found elsewhere");
                self.damage(start.id, 0, &text)
            }
        }
    }

    fn record(&mut self, record: &StoredRecord) -> io::Result<()> {
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
            self.next_valid(Some((frame.offset, frame.head)))?;
        }
        if let Some(fault) = frame.fault.filter(|_| !record.is_behind_end) {
            if let Some(index) = frame.head.index().filter(|_| is_append) {
                let (low, high) = self.damaged.unwrap_or((index, index));
                self.damaged = Some((low.min(index), high.max(index)));
            }
            self.sums.damaged += 1;
            if self.filter.shows(record) {
                let text = format!("{}  {fault}", name(&frame.head));
                self.damage(record.chunk, frame.offset, &text)?;
            }
            return Ok(());
        }
        if self.is_quiet || !self.filter.shows(record) {
            return Ok(());
        }
        let Some(columns) = self.columns else { return Ok(()) };
        self.line(columns.record(record, self.view))
    }

    fn gap(&mut self, gap: &Gap) -> io::Result<()> {
        self.sums.damaged += 1;
        if !self.filter.shows_gaps() {
            return Ok(());
        }
        let size = gap.to.saturating_sub(gap.from);
        let what = match gap.cause {
            GapCause::Header(_) => "header".to_owned(),
            _ => format!("no record in {} bytes up to {}", Grouped(size), Grouped(gap.to)),
        };
        self.damage(gap.chunk, gap.from, &format!("{what}  {}", gap.cause))?;
        if gap.next.is_none() {
            self.next_valid(None)?;
        }
        Ok(())
    }

    fn tail(&mut self, tail: &Tail) -> io::Result<()> {
        self.next_valid(None)?;
        let behind = &tail.behind;
        let end = format!("the log ends at {}", Grouped(tail.at));
        if !tail.is_torn() {
            let what = match (behind.first_nonzero, tail.space) {
                _ if behind.is_footer => "its footer".to_owned(),
                (Some(_), Space::Reused) => format!("{} bytes of reused space", Grouped(behind.bytes)),
                _ if behind.bytes == 0 => return self.note(&format!("{end}, and so does the file")),
                _ => format!("{} zeros", Grouped(behind.bytes)),
            };
            return self.note(&format!("{end}; behind it {what}"));
        }
        self.torn_at = Some((tail.chunk, tail.at));
        let next = match &tail.next {
            Some((offset, head)) => {
                format!(", a whole record's head at {} ({})", Grouped(*offset), name(head))
            }
            None => String::new(),
        };
        let first_nonzero = behind.first_nonzero.unwrap_or(tail.at);
        self.heading_line()?;
        self.line(format!(
            "chunk {}  offset {}  TORN  {end}; behind it bytes of a write that was cut short, from {}{next}",
            tail.chunk,
            Grouped(tail.at),
            Grouped(first_nonzero),
        ))
    }

    fn end(&mut self) -> io::Result<()> {
        self.finish_chunk()?;
        if let Some(last) = self.last.take() {
            let mut shown: Option<Rc<str>> = None;
            for (heading, line) in last.lines {
                if !heading.is_empty() && shown.as_ref() != Some(&heading) && !self.is_quiet {
                    writeln!(self.out, "{heading}")?;
                    shown = Some(heading);
                }
                writeln!(self.out, "{line}")?;
            }
        }
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
            writeln!(self.out, "hint: damaged at index {range}: {hint}")?;
        }
        if let Some((chunk, at)) = self.torn_at {
            let at = Grouped(at);
            writeln!(
                self.out,
                "hint: the next open() ends the log at {at} of {chunk}. Nothing behind it is known to have been acknowledged."
            )?;
        }
        Ok(())
    }

    /// The summary of the chunk that ends.
    fn finish_chunk(&mut self) -> io::Result<()> {
        self.next_valid(None)?;
        let sums = std::mem::take(&mut self.sums);
        if sums.id.is_some() {
            let entries = match (&sums.first, &sums.last) {
                (Some(first), Some(last)) if first == last => format!(" {first}"),
                (Some(first), Some(last)) => format!(" {first} to {last}"),
                _ => String::new(),
            };
            let state = match sums.damaged {
                0 => "all checksums good".to_owned(),
                damaged => format!("{damaged} DAMAGED"),
            };
            let records = count(sums.records, "record", "records");
            let entry_count = count(sums.entries, "entry", "entries");
            self.note(&format!("{records}, {entry_count}{entries}, {state}"))?;
        }
        self.heading = "".into();
        self.is_heading_shown = false;
        self.columns = None;
        Ok(())
    }

    fn damage(&mut self, chunk: ChunkId, offset: u64, text: &str) -> io::Result<()> {
        self.awaits_next = true;
        self.fault(&format!("chunk {chunk}  offset {}  DAMAGED  {text}", Grouped(offset)))
    }

    /// Says where the next good record begins, if a fault was shown before it.
    fn next_valid(&mut self, next: Option<(u64, FrameHead)>) -> io::Result<()> {
        if !std::mem::take(&mut self.awaits_next) {
            return Ok(());
        }
        match next {
            Some((offset, head)) => {
                self.more(&format!("      next valid record at {} ({})", Grouped(offset), name(&head)))
            }
            None => self.more("      no valid record behind it in this chunk"),
        }
    }

    fn fault(&mut self, text: &str) -> io::Result<()> {
        self.heading_line()?;
        self.line(text.to_owned())
    }

    /// A record or a fault: what is counted.
    fn line(&mut self, text: String) -> io::Result<()> {
        if let Some(left) = &mut self.left {
            let Some(less) = left.checked_sub(1) else { return Ok(()) };
            *left = less;
        }
        self.heading_line()?;
        self.plain(&text)
    }

    /// What belongs to the line before it.
    fn more(&mut self, text: &str) -> io::Result<()> {
        match &mut self.last {
            Some(last) => {
                if let Some((_, line)) = last.lines.back_mut() {
                    line.push('\n');
                    line.push_str(text);
                }
                Ok(())
            }
            None => writeln!(self.out, "{text}"),
        }
    }

    fn plain(&mut self, text: &str) -> io::Result<()> {
        match &mut self.last {
            Some(last) => {
                last.lines.push_back((self.heading.clone(), text.to_owned()));
                if last.lines.len() > last.count {
                    last.lines.pop_front();
                }
                Ok(())
            }
            None => writeln!(self.out, "{text}"),
        }
    }

    fn heading_line(&mut self) -> io::Result<()> {
        if self.is_heading_shown || self.is_quiet || self.last.is_some() || self.heading.is_empty() {
            return Ok(());
        }
        self.is_heading_shown = true;
        writeln!(self.out, "{}", self.heading)
    }

    /// What is said of a chunk whose heading was shown.
    fn note(&mut self, text: &str) -> io::Result<()> {
        if self.is_heading_shown { writeln!(self.out, "-- {text}") } else { Ok(()) }
    }

    /// What is said of the directory.
    fn plain_note(&mut self, text: &str) -> io::Result<()> {
        let is_plain = !self.is_quiet && self.last.is_none() && self.filter.kinds.is_none();
        if is_plain && self.filter.index.is_none() { writeln!(self.out, "{text}") } else { Ok(()) }
    }
}

fn name(head: &FrameHead) -> String {
    let kind = head.kind().map_or_else(|| format!("kind {}", head.kind_byte()), |kind| kind.to_string());
    match (head.term(), head.index()) {
        (Some(term), Some(index)) => format!("{kind} {term}:{index}"),
        _ => kind,
    }
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", Grouped(number), if number == 1 { one } else { many })
}
