//! `cargo xtask layers`: the edges between the crates are those that the design allows.
//!
//! [`graph`] reads the workspace, [`table`] says what is allowed, [`rules`] compares the two and is pure.
//! [`self_test`] adds every forbidden thing to the real workspace, one at a time, and shows that it is found.

mod graph;
mod names;
mod rules;
mod self_test;
mod table;

use clap::Args;

use self::graph::Graph;
use crate::Outcome;

/// Check that crates depend on, and name, only what their layer may
#[derive(Args)]
pub(crate) struct Layers {
    /// Show instead that each forbidden edge and each forbidden name would be found
    #[arg(long)]
    self_test: bool,
}

impl Layers {
    /// Checks the workspace of the current directory and prints one summary.
    pub(crate) fn run(&self) -> Outcome {
        let summary = if self.self_test { self_test_workspace()? } else { check_workspace()? };
        println!("{summary}");
        Ok(())
    }
}

/// Checks the workspace of the current directory.
///
/// # Errors
///
/// All violations, one on a line; or that the workspace cannot be read.
pub(crate) fn check_workspace() -> Outcome<String> {
    let graph = Graph::of_workspace()?;
    let violations = rules::check(&graph);
    if violations.is_empty() {
        let edges: usize = graph.packages.iter().map(|package| package.depends_on.len()).sum();
        return Ok(format!("layers: {} packages, {edges} edges, all allowed", graph.packages.len()));
    }
    let lines: Vec<String> = violations.iter().map(|violation| format!("\n  {violation}")).collect();
    Err(format!("{} violations of the layers:{}", lines.len(), lines.concat()).into())
}

/// Shows on the workspace of the current directory that the check finds whatever is forbidden.
///
/// # Errors
///
/// What was added and not found; or that the workspace cannot be read.
pub(crate) fn self_test_workspace() -> Outcome<String> {
    let report = self_test::run(&Graph::of_workspace()?);
    if report.passed() { Ok(report.to_string()) } else { Err(report.to_string().into()) }
}
