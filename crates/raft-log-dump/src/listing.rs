//! A scan as lines: for people, as JSON, or as a table. Nothing is read here, but for `-x`.
//!
//! What a line looks like is in `text` and `rows`, which lines are written in `line_window`.

mod columns;
mod hex_dump;
mod line_window;
mod paint;
mod row;
mod rows;
mod text;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use raft_log_chunk::Storage;

use crate::{Filter, Item, PayloadView};
use hex_dump::HexDump;
use line_window::LineWindow;
use rows::RowListing;
use text::TextListing;

pub(crate) use columns::vote as vote_text;
pub(crate) use line_window::Order;
pub(crate) use paint::{Ink, Paint};
pub use row::{Field, SCHEMA_VERSION};
pub(crate) use rows::csv_cell;
pub(crate) use text::count;

/// How a listing is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Layout {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// Comma-separated values under a line of names.
    Csv,
}

/// Writes items as lines.
pub struct Listing<'a> {
    lines: LineWindow<'a>,
    form: Form<'a>,
}

enum Form<'a> {
    Text(Box<TextListing<'a>>),
    Rows(RowListing<'a>),
}

impl<'a> Listing<'a> {
    /// A listing of all records, for people.
    pub fn new(out: &'a mut dyn Write, view: &'a dyn PayloadView) -> Self {
        Self { lines: LineWindow::new(out), form: Form::Text(Box::new(TextListing::new(view))) }
    }

    /// Lays it out in another way, with these fields only; with none given, all that the layout has.
    #[must_use]
    pub fn layout(mut self, layout: Layout, fields: &[Field]) -> Self {
        if let Form::Text(text) = &mut self.form
            && (layout != Layout::Text || !fields.is_empty())
        {
            self.lines.hide_headings();
            let rows = RowListing::new(text.view(), layout, fields, text.take_filter());
            self.form = Form::Rows(rows);
        }
        self
    }

    /// Shows only the records that pass.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        match &mut self.form {
            Form::Text(text) => text.set_filter(filter),
            Form::Rows(rows) => rows.set_filter(filter),
        }
        self
    }

    /// Shows only what is wrong.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        match &mut self.form {
            Form::Text(text) => text.set_quiet(),
            Form::Rows(rows) => rows.set_quiet(),
        }
        self.lines.hide_headings();
        self
    }

    /// Ends after this many records and faults.
    #[must_use]
    pub fn first(mut self, count: u64) -> Self {
        self.lines.set_limit(count);
        self
    }

    /// Shows only so many records and faults, the last ones.
    #[must_use]
    pub fn last(mut self, count: usize) -> Self {
        self.lines.set_order(Order::Last(count));
        self
    }

    /// Shows the records of each chunk last to first. The chunks must come newest first, as
    /// [`ScanOptions::newest_first`](crate::ScanOptions::newest_first) has it.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.lines.set_order(Order::Reversed);
        self
    }

    /// Colours what a person should see first. Not for JSON and tables.
    #[must_use]
    pub fn colored(mut self) -> Self {
        if let Form::Text(text) = &mut self.form {
            text.set_paint(Paint::new(true));
        }
        self
    }

    /// Shows the bytes of each record and each fault as well. Not for JSON and tables.
    #[must_use]
    pub fn with_bytes(mut self, storage: Arc<dyn Storage>, payload_bytes: usize) -> Self {
        if let Form::Text(text) = &mut self.form {
            text.set_hex_dump(HexDump::new(storage, payload_bytes));
        }
        self
    }

    /// Shows an item; breaks when no more are wanted.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn show(&mut self, item: &Item) -> io::Result<ControlFlow<()>> {
        if self.lines.is_done() {
            return Ok(ControlFlow::Break(()));
        }
        if let Item::Chunk(_) | Item::End(_) = item {
            match &mut self.form {
                Form::Text(text) => text.finish_chunk(&mut self.lines)?,
                Form::Rows(_) => self.lines.end_chunk()?,
            }
            if self.lines.is_done() {
                return Ok(ControlFlow::Break(()));
            }
        }
        match &mut self.form {
            Form::Text(text) => text.show(item, &mut self.lines)?,
            Form::Rows(rows) => rows.show(item, &mut self.lines)?,
        }
        Ok(if self.lines.is_done() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// How many records and faults passed the filter.
    pub fn lines(&self) -> u64 {
        self.lines.lines()
    }

    /// Writes what was held back so far, and hands it on to whoever reads it. Lines that come later are written as they
    /// come.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn catch_up(&mut self) -> io::Result<()> {
        self.lines.release()?;
        self.lines.flush()
    }
}
