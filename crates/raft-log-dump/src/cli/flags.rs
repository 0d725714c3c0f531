//! The flags that several commands share. A flag means the same in each.

use clap::{Args, ValueEnum};
use raft_log_chunk::ChunkId;

use super::console::ColorWhen;
use crate::filter::parse_chunk_id;
use crate::{Filter, IndexRange, KindSet, Layout};

/// Which form output has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OutputForm {
    /// For people.
    #[default]
    Text,
    /// JSON.
    Json,
    /// Comma-separated values.
    Csv,
}

impl OutputForm {
    pub(crate) fn layout(self) -> Layout {
        match self {
            Self::Text => Layout::Text,
            Self::Json => Layout::Json,
            Self::Csv => Layout::Csv,
        }
    }
}

/// Which records are meant.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Only this chunk: r-00_000_000_000_000_004_096, or 4096
    #[arg(long, value_name = "ID", value_parser = parse_chunk_id)]
    pub(crate) chunk: Option<ChunkId>,

    /// Only records with an index in this range: 930..=940, 5.., ..9
    #[arg(long, value_name = "RANGE")]
    pub(crate) index: Option<IndexRange>,

    /// Only records with a term in this range: 7, 3..=5
    #[arg(long, value_name = "RANGE")]
    pub(crate) term: Option<IndexRange>,

    /// Only records of these kinds: append,vote|bad
    #[arg(long, value_name = "LIST")]
    pub(crate) kind: Option<KindSet>,

    /// Only the first N lines of records and faults; what is behind them is not looked at
    #[arg(short = 'n', value_name = "N")]
    pub(crate) first: Option<u64>,

    /// Only the last N lines of records and faults
    #[arg(long, value_name = "N", conflicts_with = "first")]
    pub(crate) tail: Option<usize>,

    /// The newest first
    #[arg(short, long)]
    pub(crate) reverse: bool,
}

impl Selection {
    pub(crate) fn filter(&self) -> Filter {
        Filter { index: self.index, term: self.term, kinds: self.kind.clone() }
    }
}

/// How short output is written.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Form {
    /// The form of the output
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub(crate) output: OutputForm,

    /// Colour in text
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorWhen,
}
