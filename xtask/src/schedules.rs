//! `cargo xtask schedules`: the hand-off between writer, flush thread, callbacks and readers, under a scheduler that
//! tries out who goes on. It builds the tests with that scheduler in place of locks and threads, runs them, and makes
//! a table of what they print.
//!
//! The build has a target directory of its own: its flags would throw away that of every other build.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use crate::Outcome;
use crate::capture::{capture, cargo};

/// Try out many schedules of the log's threads: no deadlock, no lost callback, no acknowledgement before its sync
#[derive(Args)]
pub(crate) struct Schedules {
    /// How many schedules each scenario is played in: so many with few preemptions, exhaustively if they are enough,
    /// so many random ones, and so many random ones by priorities
    #[arg(long, default_value_t = 10_000)]
    iterations: u64,
    /// What the random schedules are drawn from: the same number gives the same ones
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only scenarios with this in their name
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
}

/// The line of one scenario played in one way, as the tests print it: see `explore.rs` among them.
#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    scenario: &'a str,
    how: &'a str,
    /// `None` if one of them failed.
    schedules: Option<u64>,
    deadlocks: u64,
    violations: u64,
    seed: &'a str,
}

impl Schedules {
    /// Builds, runs and tells.
    ///
    /// # Errors
    /// If a schedule failed, or nothing was played.
    pub(crate) fn run(&self) -> Outcome {
        let begin = Instant::now();
        let mut command = cargo();
        command.args(["test", "--release", "--package", "raft-log", "--test", "schedules", "--target-dir"]);
        command.arg(target_directory()?);
        command.args(["--", "--nocapture"]).args(&self.scenario);
        command
            .env("RUSTFLAGS", "--cfg raft_log_shuttle")
            // They would go before RUSTFLAGS.
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
            .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true")
            .env("RAFT_LOG_SCHEDULES_ITERATIONS", self.iterations.to_string())
            .env("RAFT_LOG_SCHEDULES_SEED", self.seed.to_string());
        let captured = capture(command)?;

        let mut lines: Vec<Line<'_>> = captured.output.lines().filter_map(Line::parse).collect();
        // Scenarios run side by side; the ways of one are in order.
        lines.sort_by_key(|line| line.scenario);
        let mut before = "";
        for line in &lines {
            if line.scenario != before {
                println!("{}", line.scenario);
                before = line.scenario;
            }
            println!("  {line}");
        }
        let is_bad = lines.iter().any(|line| line.schedules.is_none());
        if !captured.success || is_bad {
            println!("{}", captured.output.trim_end());
            let again = format!("--iterations {} --seed {}", self.iterations, self.seed);
            return Err(
                format!("a schedule failed; again: cargo xtask schedules {again} --scenario NAME").into()
            );
        }
        if lines.is_empty() {
            return Err("no schedule was played".into());
        }
        let sum: u64 = lines.iter().filter_map(|line| line.schedules).sum();
        let mut scenarios: Vec<&str> = lines.iter().map(|line| line.scenario).collect();
        scenarios.dedup();
        println!(
            "{} scenarios, {sum} schedules, deadlocks 0, violations 0, seed {} ({:.1} s)",
            scenarios.len(),
            self.seed,
            begin.elapsed().as_secs_f64()
        );
        Ok(())
    }
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split('\t');
        if fields.next() != Some("schedules") {
            return None;
        }
        Some(Self {
            scenario: fields.next()?,
            how: fields.next()?,
            schedules: fields.next()?.parse().ok(),
            deadlocks: fields.next()?.parse().ok()?,
            violations: fields.next()?.parse().ok()?,
            seed: fields.next()?,
        })
    }
}

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let schedules = self.schedules.map_or("FAILED".to_owned(), |count| count.to_string());
        let Self { how, deadlocks, violations, seed, .. } = self;
        write!(f, "{schedules:>8}  deadlocks {deadlocks}  violations {violations}  seed {seed:<4}  {how}")
    }
}

/// Beside the other builds: `target/schedules`.
fn target_directory() -> Outcome<PathBuf> {
    // target/<profile>/xtask
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or("the program does not lie in a target directory")?;
    Ok(target.join("schedules"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_line_is_known_and_others_are_not_taken_for_one() {
        let good = Line::parse("schedules\ta_promise\trandom\t1000\t0\t0\t7").unwrap();
        assert_eq!((good.scenario, good.schedules, good.seed), ("a_promise", Some(1000), "7"));
        let bad = Line::parse("schedules\ta_promise\trandom\t?\t1\t0\t7").unwrap();
        assert_eq!((bad.schedules, bad.deadlocks, bad.violations), (None, 1, 0));
        assert!(bad.to_string().contains("FAILED"), "{bad}");
        assert_eq!(Line::parse("test callbacks::a_promise ... ok"), None);
        assert_eq!(Line::parse("schedules\ta_promise"), None);
    }
}
