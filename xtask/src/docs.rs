//! `cargo xtask docs`: what the pages say is so: their Rust compiles and runs, their commands say what stands below them,
//! and their links lead somewhere.
//!
//! What a page names in the code is looked up by tests beside that code; this runs them, and looks itself at what
//! concerns all pages.

mod pages;

use std::path::Path;

use clap::Args;

use self::pages::{Page, faults};
use crate::Outcome;
use crate::capture::{capture, cargo};

/// Check the pages: code, commands, links and names
#[derive(Args)]
pub(crate) struct Docs {}

/// The tests that hold the pages: of a package, by a part of their names.
const TESTS: [(&str, &str); 4] = [
    ("raft-log", "operations_page"),
    ("raft-log", "quickstart"),
    ("raft-log", "format_page"),
    ("raft-log-dump", "documentation"),
];

impl Docs {
    /// Looks at the pages, and runs the tests about them, up to the first that fails.
    pub(crate) fn run(&self) -> Outcome {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask lies in the workspace")?;
        let pages = Page::all(root)?;
        let (mut links, mut blocks, mut found) = (0, 0, Vec::new());
        for page in &pages {
            links += page.links().len();
            blocks += page.rust_blocks();
            found.extend(faults(root, page, &pages));
        }
        if pages.is_empty() || links == 0 || blocks == 0 {
            return Err("no page, link or block was looked at".into());
        }
        if !found.is_empty() {
            return Err(found.join("\n").into());
        }
        println!("ok  {} pages, {links} links, {blocks} blocks of Rust", pages.len());
        run("the blocks of Rust", &["test", "-p", "raft-log", "--doc"])?;
        run("docs/faults.md", &["test", "-p", "xtask", "--test", "faults_page"])?;
        for (package, name) in TESTS {
            run(&format!("{package}: {name}"), &["test", "-p", package, "--test", "it", name])?;
        }
        Ok(())
    }
}

/// Runs cargo. A filter that matches no test is a failure: it would hold nothing.
fn run(what: &str, arguments: &[&str]) -> Outcome {
    let mut command = cargo();
    command.args(arguments);
    let captured = capture(command)?;
    let has_run = captured.output.lines().any(|line| {
        let passed = line.strip_prefix("test result: ok. ").and_then(|rest| rest.split(' ').next());
        passed.is_some_and(|passed| passed != "0")
    });
    if captured.success && has_run {
        println!("ok  {what}");
        return Ok(());
    }
    println!("{}", captured.output.trim_end());
    Err(format!("{what}: {}", if captured.success { "no test ran" } else { "failed" }).into())
}
