//! `cargo xtask dump` is the tool, with all its commands, flags and exit codes.

use std::process::{Command, Output};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/raft-log/tests/golden");

fn dump(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("dump").args(arguments).output();
    output.expect("the program can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn it_lists_a_directory_and_knows_the_flags_of_the_tool() {
    let small = format!("{GOLDEN}/v1-small");
    let output = dump(&[&small]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("-- 6 records, 1 entry 3:1, all checksums good"), "{output:?}");
    let output = dump(&[&small, "-o", "json", "--kind", "append", "--fields", "term,index"]);
    assert_eq!(text(&output.stdout), "{\"term\":3,\"index\":1}\n");
}

#[test]
fn every_command_of_the_tool_is_there() {
    let help = text(&dump(&["--help"]).stdout);
    for command in [
        "info",
        "dump",
        "verify",
        "stats",
        "diff",
        "repair",
        "export",
        "import",
        "report",
        "completions",
        "man",
    ] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command}: {help}");
    }
    assert!(help.contains("Exit codes: 0 clean"), "{help}");
    let output = dump(&["info", &format!("{GOLDEN}/v1-small")]);
    assert!(text(&output.stdout).contains("last        3:1"), "{output:?}");
}

#[test]
fn its_exit_codes_are_those_of_the_tool() {
    for (arguments, code) in [
        (vec!["verify".to_owned(), format!("{GOLDEN}/v1-closed")], 0),
        (vec![format!("{GOLDEN}/v1-torn")], 1),
        (vec!["diff".to_owned(), format!("{GOLDEN}/v1-killed"), format!("{GOLDEN}/v1-torn")], 1),
        (vec!["--index".to_owned(), "5..5".to_owned(), GOLDEN.to_owned()], 2),
        (vec![format!("{GOLDEN}/absent")], 4),
    ] {
        let borrowed: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = dump(&borrowed);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    }
}
