//! `cargo xtask check`: what every commit must pass, in order, quietly.
//!
//! One line per step that passed; the first step that fails prints all it said and ends the run.

mod test_sum;

use std::time::Instant;

use clap::Args;

use self::test_sum::TestSum;
use crate::Outcome;
use crate::capture::{Captured, capture, cargo};
use crate::layers;

/// What every commit must pass: format, layers, lints, tests, docs
#[derive(Args)]
pub(crate) struct Check {}

impl Check {
    /// Runs all steps, or up to the first that fails.
    pub(crate) fn run(&self) -> Outcome {
        cargo_step("fmt", &["fmt", "--all", "--check"], &[])?;
        step("layers", || captured(layers::check_workspace()))?;
        step("layers --self-test", || captured(layers::self_test_workspace()))?;
        cargo_step(
            "clippy",
            &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
            &[],
        )?;
        test_step()?;
        cargo_step(
            "doc",
            &["doc", "--workspace", "--no-deps", "--all-features"],
            &[("RUSTDOCFLAGS", "-D warnings")],
        )?;
        Ok(())
    }
}

/// `cargo test`, with its many result lines summed up in one.
///
/// A run without a single test is a failure: a check that looks at nothing must not pass.
fn test_step() -> Outcome {
    let mut sum = TestSum::default();
    let outcome = step("test", || {
        let mut captured = run_cargo(&["test", "--workspace"], &[])?;
        sum = TestSum::of(&captured.output);
        if sum.is_empty() {
            captured.success = false;
            captured.output.push_str("no test ran\n");
        }
        Ok(captured)
    });
    if !sum.is_empty() {
        println!("tests: {sum}");
    }
    outcome
}

fn cargo_step(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
    step(name, || run_cargo(arguments, environment))
}

fn run_cargo(arguments: &[&str], environment: &[(&str, &str)]) -> Outcome<Captured> {
    let mut command = cargo();
    command.args(arguments).envs(environment.iter().copied());
    capture(command)
}

/// An outcome of this program's own, in the form of a command's.
fn captured(outcome: Outcome<String>) -> Outcome<Captured> {
    Ok(match outcome {
        Ok(output) => Captured { success: true, output },
        Err(error) => Captured { success: false, output: format!("{error}\n") },
    })
}

/// Runs one step: a line with its time if it passed, all of its output if not.
fn step(name: &str, work: impl FnOnce() -> Outcome<Captured>) -> Outcome {
    let start = Instant::now();
    let captured = work()?;
    let seconds = start.elapsed().as_secs_f64();
    if captured.success {
        println!("ok  {name} ({seconds:.1} s)");
        return Ok(());
    }
    println!("{}", captured.output.trim_end());
    println!("FAILED  {name} ({seconds:.1} s)");
    Err(format!("step `{name}` failed").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_fails_ends_the_run_and_is_named() {
        let outcome = step("lint", || Ok(Captured { success: false, output: "why".into() }));
        assert_eq!(outcome.unwrap_err().to_string(), "step `lint` failed");
    }

    #[test]
    fn a_step_that_passes_lets_the_run_go_on() {
        assert!(step("lint", || captured(Ok("fine".into()))).is_ok());
        assert!(step("lint", || captured(Err("not fine".into()))).is_err());
    }
}
