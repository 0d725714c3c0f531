//! The checks themselves, record by record, and what they come to in the end.
//!
//! Nothing is read here. What always holds: a fault never hides another; where records cannot be followed any further,
//! the rules are taken up again at the next chunk's state.

use raft_log_chunk::{ChunkHeader, ChunkId, DurableFacts, FORMAT_VERSION, HeaderFault, SummaryBuilder};
use raft_log_codec::{Grouped, LogId, RaftLogState, RawTypes, RecordKind, Replay, ReplayFault};
use raft_log_state::{RaftLogSM, StateMachine};

use super::{Fault, FaultKind, Torn, Verdict, VerifyReport};
use crate::following::Following;
use crate::good_frames::GoodFrame;
use crate::item::head_name;
use crate::opening::full_text;
use crate::progress::Progress;
use crate::{Counts, GapCause, Item, OpenAnswer, SCHEMA_VERSION, StoredFooter, StoredRecord};

/// How many faults a report lists; those beyond are counted.
const FAULTS_MAX: usize = 10_000;

/// Checks items one by one.
#[derive(Default)]
pub(crate) struct Checker {
    durable: Option<DurableFacts>,
    /// The log's state, while the records lead to one; `None` behind what could not be read.
    machine: Option<RaftLogSM<RawTypes>>,
    /// Entries of one term that follow each other, which the machine was not told of yet.
    following: Following,
    /// The state that was known last.
    seen: RaftLogState<RawTypes>,
    summary: SummaryBuilder,
    /// Whether all records of the chunk so far were good, so that its footer can be compared.
    is_whole: bool,
    chunk: Option<(ChunkId, bool)>,
    /// The chunk before, if its header is good.
    header: Option<ChunkHeader>,
    bytes: u64,
    durable_end: u64,
    faults: Vec<Fault>,
    left_out: u64,
    /// The first of the faults that wait for the next good record.
    waiting_from: Option<usize>,
    torn: Option<Torn>,
}

impl Checker {
    /// A good record, where nothing more is to be found out about it than what the checks need.
    pub(crate) fn good(&mut self, frame: &GoodFrame<'_>, progress: &mut Progress) {
        let size = frame.head.size() as u64;
        if frame.kind == Some(RecordKind::Append)
            && let (Some(term), Some(index)) = (frame.head.term(), frame.head.index())
            && self.waiting_from.is_none()
        {
            self.summary.append(term, index, frame.rest(), frame.offset);
            self.bytes += size;
            progress.add(size);
            let is_leftover = self.chunk.is_some_and(|(_, is_leftover)| is_leftover);
            if self.machine.is_none() || is_leftover || self.following.take(term, index, frame.rest()) {
                return;
            }
            self.catch_up();
            if let Some(machine) = &mut self.machine {
                let owned = frame.to_frame();
                match machine.record(&owned) {
                    Ok(()) => self.following.begin(term, index, frame.rest()),
                    Err(fault) => {
                        if let Some((chunk, _)) = self.chunk {
                            let record = StoredRecord { chunk, frame: owned, is_behind_end: false };
                            self.rule(&record, &fault);
                        }
                        self.lose();
                    }
                }
            }
            return;
        }
        let Some((chunk, _)) = self.chunk else { return };
        self.bytes += size;
        progress.add(size);
        self.record(&StoredRecord { chunk, frame: frame.to_frame(), is_behind_end: false });
    }

    /// Tells the machine of the entries that it was not told of one by one.
    fn catch_up(&mut self) {
        let Some(machine) = &mut self.machine else {
            self.following = Following::default();
            return;
        };
        self.following.tell(machine);
    }

    pub(crate) fn take(&mut self, item: &Item, progress: &mut Progress) {
        self.catch_up();
        match item {
            Item::Record(record) => {
                let size = record.frame.head.size() as u64;
                self.bytes += size;
                progress.add(size);
                self.record(record);
            }
            Item::Durable(facts) => self.durable(*facts),
            Item::OddName { name, why } => {
                self.fault(Fault::new(FaultKind::Name, name.clone(), 0, why.clone()))
            }
            Item::Chunk(start) => {
                self.chunk = Some((start.id, start.is_leftover));
                self.waiting_from = None;
                self.summary = SummaryBuilder::new();
                self.is_whole = true;
                self.durable_end = 0;
                self.header(start.id, &start.header);
            }
            Item::Gap(gap) => {
                self.lose();
                self.is_whole = false;
                let kind = match gap.cause {
                    GapCause::Header(_) => FaultKind::Header,
                    _ => FaultKind::Gap,
                };
                let message = match gap.cause {
                    GapCause::Header(_) => gap.cause.to_string(),
                    _ => format!("no record in {} bytes: {}", Grouped(gap.to - gap.from), gap.cause),
                };
                progress.add(gap.to.saturating_sub(gap.from));
                let mut fault = Fault::new(kind, gap.chunk.file_name(), gap.from, message);
                // The header was told of already, as one that is damaged: this says more of the same fault.
                if let (GapCause::Header(_), Some(told)) = (&gap.cause, self.faults.last_mut())
                    && (told.fault, &told.file) == (FaultKind::Header, &fault.file)
                {
                    told.message = fault.message;
                    return;
                }
                if let GapCause::Head(raft_log_codec::HeadFault::Checksum { expected, found }) = gap.cause {
                    (fault.expected, fault.found) =
                        (Some(format!("{expected:08x}")), Some(format!("{found:08x}")));
                }
                fault.next_offset = gap.next.as_ref().map(|(offset, _)| *offset);
                fault.next = gap.next.as_ref().map(|(_, head)| head_name(head));
                self.fault(fault);
            }
            Item::Tail(tail) => {
                self.waiting_from = None;
                if tail.is_torn() {
                    let chunk = tail.chunk.to_string();
                    self.torn = Some(Torn { chunk, offset: tail.at, bytes: tail.behind.bytes });
                }
            }
            Item::Footer(footer) => self.footer(footer),
            Item::Purged(_) | Item::Skipped(_) => {
                self.lose();
                self.header = None;
                self.is_whole = false;
                self.waiting_from = None;
            }
            Item::Unreadable { file, source } => {
                self.lose();
                self.fault(Fault::new(FaultKind::Unreadable, file.clone(), 0, full_text(source)));
            }
            Item::End(_) => {}
        }
    }

    /// What comes next does not follow from what was read.
    fn lose(&mut self) {
        self.catch_up();
        if let Some(machine) = self.machine.take() {
            self.seen = machine.state().clone();
        }
    }

    fn durable(&mut self, facts: DurableFacts) {
        self.durable = Some(facts);
        let file = raft_log_chunk::DURABLE_FILE.to_owned();
        match facts {
            DurableFacts::Damaged => {
                let message = "neither of its two slots is whole".to_owned();
                self.fault(Fault::new(FaultKind::Durable, file, 0, message));
            }
            DurableFacts::Unsupported { version } => {
                let message = format!("format version {version} is not supported");
                self.fault(Fault::new(FaultKind::Unsupported, file, 0, message));
            }
            DurableFacts::Absent | DurableFacts::Mark(_) => {}
        }
    }

    /// Once the newest chunk is known: whether `DURABLE` is of the same log.
    fn durable_of_the_log(&mut self) {
        if let (Some(DurableFacts::Mark(mark)), Some(newest)) = (self.durable, self.header)
            && mark.log_id != newest.log_id
        {
            let message = "it belongs to another log than the newest chunk".to_owned();
            let mut fault =
                Fault::new(FaultKind::Durable, raft_log_chunk::DURABLE_FILE.to_owned(), 0, message);
            (fault.expected, fault.found) =
                (Some(format!("{:032x}", newest.log_id)), Some(format!("{:032x}", mark.log_id)));
            self.durable = None;
            self.fault(fault);
        }
    }

    fn header(&mut self, id: ChunkId, header: &Result<ChunkHeader, HeaderFault>) {
        let before = self.header.take();
        match header {
            Ok(header) if header.chunk_id != id => {
                let message = format!("it is the header of {}: a copied or renamed file", header.chunk_id);
                let mut fault = Fault::new(FaultKind::Header, id.file_name(), 0, message);
                (fault.expected, fault.found) = (Some(id.to_string()), Some(header.chunk_id.to_string()));
                self.fault(fault);
                self.lose();
            }
            Ok(header) => {
                if let Some(before) = before
                    && before.salt != header.previous_salt
                {
                    let message = format!(
                        "it was not written behind {}: a chunk between them is missing, or one of them is from another time",
                        before.chunk_id
                    );
                    let mut fault = Fault::new(FaultKind::Chain, id.file_name(), 0, message);
                    (fault.expected, fault.found) = (
                        Some(format!("{:016x}", before.salt)),
                        Some(format!("{:016x}", header.previous_salt)),
                    );
                    self.fault(fault);
                    self.lose();
                }
                self.header = Some(*header);
            }
            Err(fault @ HeaderFault::Unsupported { .. }) => {
                self.fault(Fault::new(FaultKind::Unsupported, id.file_name(), 0, fault.to_string()));
                self.lose();
            }
            // If nothing could be read behind it, a gap says so.
            Err(fault) => {
                self.fault(Fault::new(FaultKind::Header, id.file_name(), 0, fault.to_string()));
            }
        }
    }

    fn record(&mut self, record: &StoredRecord) {
        if record.is_behind_end {
            return;
        }
        // A group says nothing of the log.
        if record.frame.head.kind() != Some(RecordKind::Group) {
            self.catch_up();
        }
        let frame = &record.frame;
        self.durable_end = self.durable_end.max(record.durable_end().unwrap_or(0));
        self.summary.watch(frame);
        let Some(kind) = frame.head.kind() else {
            let message =
                format!("kind {} with flags {:#x} is not known", frame.head.kind_byte(), frame.head.flags());
            self.lose();
            self.is_whole = false;
            return self.fault(Fault::of_record(FaultKind::Unsupported, record, message));
        };
        match frame.fault {
            None => self.next_good(record),
            Some(found) => {
                let mut fault = Fault::of_record(FaultKind::Body, record, found.to_string());
                (fault.expected, fault.found) =
                    (Some(format!("{:08x}", found.expected)), Some(format!("{:08x}", found.found)));
                self.fault(fault);
            }
        }
        if self.chunk.is_some_and(|(_, is_leftover)| is_leftover) {
            return;
        }
        let is_start = kind == RecordKind::State && frame.offset == raft_log_chunk::HEADER_SIZE as u64;
        if is_start {
            if frame.fault.is_some() {
                self.lose();
            } else {
                self.begin(record);
            }
            return;
        }
        if kind == RecordKind::Group {
            return;
        }
        if let Some(machine) = &mut self.machine
            && let Err(fault) = machine.record(frame)
        {
            self.rule(record, &fault);
            // What it would have led to is not known; the next chunk's state is.
            self.lose();
        }
    }

    /// A chunk's `State`: compared with what the records before it led to, and begun with.
    fn begin(&mut self, record: &StoredRecord) {
        let mut machine = self.machine.take().unwrap_or_default();
        if let Err(fault) = machine.chunk_state(record.frame.payload.clone()) {
            self.rule(record, &fault);
            machine = RaftLogSM::default();
            if machine.chunk_state(record.frame.payload.clone()).is_err() {
                return;
            }
        }
        self.machine = Some(machine);
    }

    fn rule(&mut self, record: &StoredRecord, fault: &ReplayFault) {
        let text = full_text(fault);
        self.fault(Fault::of_record(FaultKind::Rule, record, text));
    }

    fn footer(&mut self, footer: &StoredFooter) {
        self.waiting_from = None;
        if !self.is_whole || self.summary.summary() == &footer.footer.summary {
            return;
        }
        let message = "the footer says something else than the records before it".to_owned();
        let mut fault = Fault::new(FaultKind::Footer, footer.chunk.file_name(), footer.at, message);
        let sum = |records: u64, entries: u64| format!("{records} records, {entries} entries");
        let own = self.summary.summary();
        fault.expected = Some(sum(own.records, own.entries()));
        let said = &footer.footer.summary;
        fault.found = Some(sum(said.records, said.entries()));
        self.fault(fault);
    }

    fn fault(&mut self, mut fault: Fault) {
        fault.is_leftover = self.chunk.is_some_and(|(_, is_leftover)| is_leftover);
        if self.faults.len() == FAULTS_MAX {
            self.left_out += 1;
            return;
        }
        if fault.next_offset.is_none() {
            self.waiting_from.get_or_insert(self.faults.len());
        }
        self.faults.push(fault);
    }

    fn next_good(&mut self, record: &StoredRecord) {
        let Some(from) = self.waiting_from.take() else { return };
        for fault in self.faults.iter_mut().skip(from) {
            fault.next_offset.get_or_insert(record.frame.offset);
            fault.next.get_or_insert_with(|| head_name(&record.frame.head));
        }
    }

    pub(crate) fn report(mut self, directory: String, answer: &OpenAnswer, counts: Counts) -> VerifyReport {
        self.durable_of_the_log();
        let open_refuses = match answer {
            OpenAnswer::Refuses(error) => Some(full_text(error)),
            OpenAnswer::Opens(_) | OpenAnswer::Unsteady => None,
        };
        let is_unsupported = self.faults.iter().any(|fault| fault.fault == FaultKind::Unsupported);
        // Opening believes footers, and so does not notice all of this.
        let has_hidden = self.faults.iter().any(|fault| {
            !fault.is_leftover
                && matches!(
                    fault.fault,
                    FaultKind::Gap | FaultKind::Rule | FaultKind::Chain | FaultKind::Header
                )
        });
        let has_faults = self.faults.iter().any(|fault| !fault.is_leftover);
        let verdict = match answer {
            OpenAnswer::Refuses(_) if !answer.cannot_read() => Verdict::Refused,
            OpenAnswer::Refuses(_) => Verdict::CannotRead,
            _ if counts.unreadable > 0 || is_unsupported => Verdict::CannotRead,
            _ if has_faults || self.torn.is_some() => Verdict::PassedOver,
            _ => Verdict::Clean,
        };
        let mut notes = Vec::new();
        if has_hidden && matches!(answer, OpenAnswer::Opens(_)) {
            notes.push(
                "open() believes a footer here and does not read the damaged records; reading their entries fails"
                    .to_owned(),
            );
        }
        let has_damaged_entry = self
            .faults
            .iter()
            .any(|fault| !fault.is_leftover && fault.fault == FaultKind::Body && fault.index.is_some());
        if has_damaged_entry && matches!(answer, OpenAnswer::Opens(_)) {
            notes.push(
                "open() accepts the directory; reading a damaged entry fails, and its neighbours can be read. \
                 Other members have it if it is committed: replace this one, or make a snapshot and purge"
                    .to_owned(),
            );
        }
        if let OpenAnswer::Unsteady = answer {
            notes.push(
                "the directory changes too fast to tell what open() would do: somebody writes to it"
                    .to_owned(),
            );
        }
        let newest = self.chunk.map(|(id, _)| id);
        match self.durable {
            Some(DurableFacts::Absent) if counts.chunks > 0 => {
                notes.push("DURABLE is absent; open() makes it again".to_owned());
            }
            Some(DurableFacts::Mark(mark)) if newest.is_some_and(|newest| newest > mark.chunk_id) => {
                notes.push(format!(
                    "DURABLE names {}, and {} is newer: DURABLE is from an earlier time, which is safe",
                    mark.chunk_id,
                    newest.unwrap_or_default()
                ));
            }
            Some(DurableFacts::Mark(mark))
                if Some(mark.chunk_id) == newest && mark.end < self.durable_end =>
            {
                notes.push(format!(
                    "DURABLE says {}, and the chunk itself {}: DURABLE is from an earlier time, which is safe",
                    Grouped(mark.end),
                    Grouped(self.durable_end)
                ));
            }
            _ => {}
        }
        self.catch_up();
        let state = self.machine.as_ref().map_or(&self.seen, RaftLogSM::state);
        let mark =
            |id: Option<&raft_log_codec::RawLogId>| id.map(|id| format!("{}:{}", id.term(), id.index()));
        VerifyReport {
            v: SCHEMA_VERSION,
            directory,
            format_version: FORMAT_VERSION,
            verdict,
            open_refuses,
            chunks: counts.chunks,
            records: counts.records,
            entries: counts.entries,
            bytes: self.bytes,
            last: mark(state.last.as_ref()),
            committed: mark(state.committed.as_ref()),
            purged: mark(state.purged.as_ref()),
            faults: self.faults,
            faults_left_out: self.left_out,
            torn: self.torn,
            purged_while_reading: counts.purged,
            notes,
        }
    }
}
