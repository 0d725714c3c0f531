//! The figures of all runs, side by side. Pure.

use std::fmt::Write;

use super::outcome::RunOutcome;

const HEADINGS: [&str; 7] = ["target", "executions", "crashes", "edges", "corpus", "seconds", "peak memory"];

/// One line for each target under the headings.
pub(super) fn table(rows: &[(&str, RunOutcome)]) -> String {
    let cells = |(name, outcome): &(&str, RunOutcome)| {
        [
            (*name).to_owned(),
            outcome.executions.to_string(),
            outcome.finds.len().to_string(),
            outcome.edges.to_string(),
            outcome.corpus.to_string(),
            format!("{:.0}", outcome.seconds),
            format!("{} MiB", outcome.peak_mib),
        ]
    };
    let mut lines = vec![HEADINGS.map(str::to_owned)];
    lines.extend(rows.iter().map(cells));
    let mut text = String::new();
    for line in &lines {
        for (column, cell) in line.iter().enumerate() {
            let width = lines.iter().filter_map(|line| line.get(column)).map(String::len).max().unwrap_or(0);
            // Writing to a string does not fail.
            let _ = match column {
                0 => write!(text, "{cell:<width$}"),
                _ => write!(text, "  {cell:>width$}"),
            };
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_headings() {
        let outcome =
            RunOutcome { executions: 10_000_000, edges: 812, peak_mib: 40, ..RunOutcome::default() };
        let found = RunOutcome { executions: 7, finds: vec!["a".to_owned()], ..RunOutcome::default() };
        let text = table(&[("decode", outcome), ("open", found)]);
        let expected = "\
target  executions  crashes  edges  corpus  seconds  peak memory
decode    10000000        0    812       0        0       40 MiB
open             7        1      0       0        0        0 MiB
";
        assert_eq!(text, expected);
    }
}
