//! The listing for programs, and of chosen fields: JSON, comma-separated values, or a plain table.
//!
//! Every line is complete in itself, and says all that the listing for people says.

use std::io;

use serde_json::Value;

use super::line_window::LineWindow;
use super::row::{Field, Row};
use crate::{Filter, Item, Layout, PayloadView};

/// The columns of a table, where none are asked for.
const COLUMNS: &[Field] = &[
    Field::named("type"),
    Field::named("chunk"),
    Field::named("offset"),
    Field::named("size"),
    Field::named("kind"),
    Field::named("term"),
    Field::named("index"),
    Field::named("len"),
    Field::named("data"),
    Field::named("fault"),
];

/// How the rows are written.
pub(crate) struct RowListing<'a> {
    view: &'a dyn PayloadView,
    layout: Layout,
    fields: Vec<Field>,
    filter: Filter,
    is_quiet: bool,
    is_head_written: bool,
}

impl<'a> RowListing<'a> {
    pub(crate) fn new(view: &'a dyn PayloadView, layout: Layout, fields: &[Field], filter: Filter) -> Self {
        let fields = match (layout, fields) {
            (Layout::Csv, []) => COLUMNS.to_vec(),
            (_, fields) => fields.to_vec(),
        };
        Self { view, layout, fields, filter, is_quiet: false, is_head_written: false }
    }

    pub(crate) fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
    }

    pub(crate) fn set_quiet(&mut self) {
        self.is_quiet = true;
    }

    pub(crate) fn show(&mut self, item: &Item, lines: &mut LineWindow<'_>) -> io::Result<()> {
        if !std::mem::replace(&mut self.is_head_written, true) && self.layout != Layout::Json {
            lines.head(&self.head())?;
        }
        let is_line = match item {
            Item::Record(record) => {
                let is_bad = record.is_bad() && !record.is_behind_end;
                if (self.is_quiet && !is_bad) || !self.filter.shows(record) {
                    return Ok(());
                }
                true
            }
            Item::Gap(_) => {
                if !self.filter.shows_gaps() {
                    return Ok(());
                }
                true
            }
            Item::Tail(tail) if tail.is_torn() => true,
            Item::OddName { .. } | Item::Unreadable { .. } => true,
            // What must not be missed, whatever is asked for.
            Item::Skipped(_) | Item::Purged(_) if self.is_quiet => return Ok(()),
            Item::Skipped(_) | Item::Purged(_) => false,
            Item::Durable(_) | Item::Chunk(_) | Item::Tail(_) | Item::Footer(_) | Item::End(_) => {
                // Tables have rows of one kind of thing.
                if self.is_quiet || self.filter.is_set() || self.layout != Layout::Json {
                    return Ok(());
                }
                false
            }
        };
        if !is_line && self.is_quiet {
            return Ok(());
        }
        let text = self.row(&Row::of(item, self.view));
        if matches!(item, Item::End(_)) {
            lines.release()?;
        }
        if is_line { lines.line(&text) } else { lines.note(&text) }
    }

    fn head(&self) -> String {
        let names = self.fields.iter().map(|field| field.name());
        match self.layout {
            Layout::Csv => names.collect::<Vec<&str>>().join(","),
            _ => self.aligned(names.map(|name| Value::String(name.to_uppercase())).collect()),
        }
    }

    fn row(&self, row: &Row) -> String {
        let broken = || String::from("{}");
        if self.layout == Layout::Json && self.fields.is_empty() {
            // Strings and numbers always serialise.
            return serde_json::to_string(row).unwrap_or_else(|_| broken());
        }
        let Ok(Value::Object(mut object)) = serde_json::to_value(row) else { return broken() };
        let mut value = |field: &Field| object.remove(field.name()).unwrap_or(Value::Null);
        let values: Vec<Value> = self.fields.iter().map(&mut value).collect();
        match self.layout {
            Layout::Json => {
                let members = self.fields.iter().zip(values);
                let members = members.map(|(field, value)| format!("\"{}\":{value}", field.name()));
                format!("{{{}}}", members.collect::<Vec<String>>().join(","))
            }
            Layout::Csv => values.iter().map(csv_cell).collect::<Vec<String>>().join(","),
            Layout::Text => self.aligned(values),
        }
    }

    fn aligned(&self, values: Vec<Value>) -> String {
        let mut line = String::new();
        for (field, value) in self.fields.iter().zip(values) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            let text = plain(&value);
            let (width, is_number) = match field.name() {
                "chunk" => (28, false),
                "offset" | "to" | "next_offset" | "durable_end" | "file_size" => (12, true),
                "index" => (8, true),
                "size" | "len" => (7, true),
                "term" => (5, true),
                "kind" => (9, false),
                "type" => (7, false),
                _ => (4, false),
            };
            line.push_str(&if is_number { format!("{text:>width$}") } else { format!("{text:<width$}") });
        }
        line.truncate(line.trim_end().len());
        line
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A cell, quoted where it must be (RFC 4180).
pub(crate) fn csv_cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_where_it_must_be() {
        for (value, cell) in [
            (Value::Null, ""),
            (Value::from(7), "7"),
            (Value::from("plain text"), "plain text"),
            (Value::from("a,b"), "\"a,b\""),
            (Value::from("say \"x\""), "\"say \"\"x\"\"\""),
        ] {
            assert_eq!(csv_cell(&value), cell);
        }
    }
}
