//! The demo as a user runs it: writers die, nothing is lost, and mistakes are answered with advice.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn demo(arguments: &[&str], dir: &Path) -> Output {
    let output =
        Command::new(env!("CARGO_BIN_EXE_xtask")).arg("demo").args(arguments).arg("--dir").arg(dir).output();
    output.expect("the program can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn four_rounds_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let output = demo(&["--rounds", "4"], &log);
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{errors}");
    assert!(out.contains("lost 0, wrong 0"), "{out}");
    assert!(out.contains(&format!("next: cargo xtask dump {}", log.display())), "{out}");
    let rounds: Vec<&str> = out.lines().filter(|line| line.starts_with("round ")).collect();
    assert_eq!(rounds.len(), 4, "{out}");
    for (round, kind) in rounds.iter().zip(["kill", "tear", "kill", "tear"]) {
        assert!(round.contains(kind), "{round}");
    }
    // The log is kept for the next command to try.
    assert!(log.join("DURABLE").exists());
}

#[test]
fn a_directory_that_holds_something_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("precious"), "data").unwrap();
    let output = demo(&[], directory.path());
    let errors = text(&output.stderr);
    assert!(!output.status.success());
    assert!(errors.contains("is not empty") && errors.contains("give a directory"), "{errors}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_missing_or_empty_input_is_answered_with_advice() {
    let directory = tempfile::tempdir().unwrap();
    let (log, empty) = (directory.path().join("log"), directory.path().join("empty"));
    fs::write(&empty, "").unwrap();
    for input in [directory.path().join("missing"), empty] {
        let output = demo(&["--input", input.to_str().unwrap()], &log);
        let errors = text(&output.stderr);
        assert!(!output.status.success());
        assert!(errors.contains("--input FILE") && errors.contains(input.to_str().unwrap()), "{errors}");
    }
    assert!(!log.exists(), "nothing was made before the input was looked at");
}
