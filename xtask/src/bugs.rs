//! `cargo xtask bugs`: switches on one seeded bug after the other, and shows which test finds it.
//!
//! The tests are built once, with `--cfg raft_log_seeded_bugs`, into a directory of their own; a bug is chosen by an
//! environment variable. What always holds: a test that is said to find a bug passes without it.

mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use raft_log_codec::{SEEDED_BUG_VARIABLE, SeededBug};

use self::table::{Test, tests_for};
use crate::Outcome;
use crate::capture::cargo;

/// Show that the tests find each seeded bug
#[derive(Args)]
pub(crate) struct Bugs {
    /// Only this bug
    #[arg(long, value_name = "NAME")]
    bug: Option<String>,
    /// List the bugs and the tests that are to find them, and run nothing
    #[arg(long)]
    list: bool,
}

/// A test that runs longer has been stopped by the bug.
const TIME_MAX: Duration = Duration::from_secs(240);

impl Bugs {
    /// Runs them all, and fails if one survives.
    pub(crate) fn run(&self) -> Outcome {
        let wanted = |bug: &&SeededBug| self.bug.as_ref().is_none_or(|name| bug.name() == name);
        let bugs: Vec<SeededBug> = SeededBug::ALL.iter().filter(wanted).copied().collect();
        if bugs.is_empty() {
            return Err("there is no such bug; see `cargo xtask bugs --list`".into());
        }
        if self.list {
            for bug in bugs {
                println!("{}", bug.name());
                tests_for(bug).iter().for_each(|test| println!("    {test}"));
            }
            return Ok(());
        }
        let programs = build()?;
        let mut passed_without = BTreeMap::new();
        let mut killed = 0;
        for &bug in &bugs {
            let begin = Instant::now();
            let mut killer = None;
            for test in tests_for(bug) {
                let program = programs.get(test.package).ok_or("a package without tests")?;
                let is_good = match passed_without.get(&test) {
                    Some(is_good) => *is_good,
                    None => run(program, &test, None)? == End::Passed,
                };
                passed_without.insert(test, is_good);
                if !is_good {
                    return Err(format!("{test} fails without any bug").into());
                }
                match run(program, &test, Some(bug))? {
                    End::Passed => {}
                    end => {
                        killer = Some((test, end));
                        break;
                    }
                }
            }
            let seconds = begin.elapsed().as_secs_f64();
            match killer {
                Some((test, end)) => {
                    killed += 1;
                    let how = if end == End::TimedOut { ", which did not end" } else { "" };
                    println!("{:<32} killed by {test}{how} ({seconds:.1} s)", bug.name());
                }
                None => println!("{:<32} SURVIVES ({seconds:.1} s)", bug.name()),
            }
        }
        println!("seeded bugs killed: {killed} of {}", bugs.len());
        if killed == bugs.len() { Ok(()) } else { Err("a seeded bug survives".into()) }
    }
}

/// Builds the tests; gives the program of each package's integration tests.
fn build() -> Outcome<BTreeMap<String, PathBuf>> {
    let begin = Instant::now();
    let packages = ["raft-log-codec", "raft-log-chunk", "raft-log", "raft-log-testkit"];
    let mut command = cargo();
    command.args([
        "test",
        "--no-run",
        "--message-format=json",
        "--target-dir",
        "target/bugs",
        "--test",
        "it",
    ]);
    for package in packages {
        command.args(["--package", package]);
    }
    command.env("RUSTFLAGS", "--cfg raft_log_seeded_bugs").stdin(Stdio::null());
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("the tests do not build:\n{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let mut programs = BTreeMap::new();
    for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let message: serde_json::Value = serde_json::from_slice(line)?;
        let program = message.get("executable").and_then(serde_json::Value::as_str);
        let manifest = message.get("manifest_path").and_then(serde_json::Value::as_str).unwrap_or_default();
        let package = packages.iter().find(|package| manifest.ends_with(&format!("/{package}/Cargo.toml")));
        if let (Some(program), Some(package)) = (program, package) {
            programs.insert((*package).to_owned(), PathBuf::from(program));
        }
    }
    println!("built with seeded bugs ({:.1} s)", begin.elapsed().as_secs_f64());
    Ok(programs)
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    TimedOut,
}

fn run(program: &PathBuf, test: &Test, bug: Option<SeededBug>) -> Outcome<End> {
    let mut command = Command::new(program);
    command.args([test.name, "--exact", "--test-threads=2"]).env_remove(SEEDED_BUG_VARIABLE);
    if let Some(bug) = bug {
        command.env(SEEDED_BUG_VARIABLE, bug.name());
    }
    // What it prints is of no interest but for the sum, which tells that there is such a test.
    let output_path = tempfile::NamedTempFile::new()?;
    command.stdin(Stdio::null()).stdout(output_path.reopen()?).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            let output = String::from_utf8_lossy(&std::fs::read(output_path.path())?).into_owned();
            let ran = output.contains("running 1 test");
            return match (ran, status.success()) {
                (false, _) => Err(format!("there is no test {test}").into()),
                (true, true) => Ok(End::Passed),
                (true, false) => Ok(End::Failed),
            };
        }
        if begin.elapsed() > TIME_MAX {
            child.kill()?;
            child.wait()?;
            return Ok(End::TimedOut);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_has_a_test_that_is_to_find_it() {
        for bug in SeededBug::ALL {
            assert!(!tests_for(*bug).is_empty(), "{bug:?}");
        }
    }

    #[test]
    fn no_bug_is_on_in_this_build() {
        assert!(SeededBug::ALL.iter().all(|bug| !bug.is_on()));
    }
}
