//! Runs one test of this binary in a process of its own, for what a process has only one of.
//!
//! Such a test does nothing when it is run with all the others: it asks [`directory`] first.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const DIRECTORY: &str = "RAFT_LOG_TEST_CHILD_DIRECTORY";

/// The directory that this process is to work in, if it was started by [`run`].
pub(crate) fn directory() -> Option<PathBuf> {
    env::var_os(DIRECTORY).map(PathBuf::from)
}

/// Runs the test of this name (with its module) in `directory`, and gives what it printed.
pub(crate) fn run(test: &str, directory: &Path) -> String {
    run_as(Command::new(env::current_exe().unwrap()), test, directory)
}

/// The same with a limit on the size of files, in blocks of the shell (512 or 1024 bytes). The signal that
/// goes with the limit is ignored, so that a write gets an error instead.
pub(crate) fn run_with_file_limit(blocks: u32, test: &str, directory: &Path) -> String {
    let mut shell = Command::new("sh");
    let script = format!(r#"trap "" XFSZ; ulimit -f {blocks}; exec "$0" "$@""#);
    shell.arg("-c").arg(script).arg(env::current_exe().unwrap());
    run_as(shell, test, directory)
}

fn run_as(mut command: Command, test: &str, directory: &Path) -> String {
    command.args(["--exact", test, "--nocapture"]).current_dir(directory).env(DIRECTORY, directory);
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{test} failed in its process: {printed}{errors}");
    assert!(printed.contains("1 passed"), "there is no test {test}: {printed}");
    printed
}
