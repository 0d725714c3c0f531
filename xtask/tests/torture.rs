//! The torture as a user runs it: what is chosen is played, what cannot be is skipped and says why, and all of it ends
//! in a table.

use std::process::{Command, Output};

fn torture(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("torture").args(arguments).output();
    output.expect("the program can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The lines of the table.
fn table(out: &str) -> Vec<Vec<&str>> {
    let lines = out.lines().skip_while(|line| !line.starts_with("test ")).filter(|line| !line.is_empty());
    lines.map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect()
}

#[test]
fn a_few_kills_lose_nothing() {
    let output = torture(&["--only", "kills", "--minutes", "0", "--seed", "7"]);
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{errors}");
    let table = table(&out);
    assert_eq!(table[0], ["test", "count", "lost", "false acks", "silent", "seed"], "{out}");
    assert_eq!(table[1], ["kills", "4 kills", "0", "0", "0", "7"], "{out}");
    assert_eq!(table[2], ["total", "4", "0", "0", "0"], "{out}");
    assert_eq!(table.len(), 3, "{out}");
}

#[test]
fn what_takes_hold_of_the_machine_is_not_played_unasked() {
    let output = torture(&["--only", "shutdown", "--only", "syscalls", "--minutes", "0"]);
    let out = text(&output.stdout);
    assert!(output.status.success(), "{out}");
    for part in ["shutdown", "syscalls"] {
        let row = out.lines().rfind(|line| line.starts_with(part)).unwrap();
        assert!(row.contains("skipped: ") && row.contains("say --real"), "{row}");
    }
    assert_eq!(table(&out).last().unwrap()[..2], ["total", "0"], "{out}");
}

#[test]
fn a_part_that_does_not_exist_is_answered_with_those_that_do() {
    let output = torture(&["--only", "nonsense"]);
    let errors = text(&output.stderr);
    assert!(!output.status.success());
    for part in ["kills", "tears", "syscalls", "errors", "shutdown", "full-disk", "lost-writes"] {
        assert!(errors.contains(part), "{errors}");
    }
}

#[test]
fn minutes_that_are_no_time_are_refused() {
    for minutes in ["--minutes=-1", "--minutes=NaN", "--minutes=1e300"] {
        let output = torture(&[minutes]);
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains("--minutes"), "{minutes}");
    }
}
