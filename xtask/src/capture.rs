//! Running a command quietly: without input, and with all it prints kept in the order it was printed.

use std::ffi::OsString;
use std::io::{self, Read};
use std::process::{Command, Stdio};

use crate::Outcome;

/// What a finished command left behind.
pub(crate) struct Captured {
    /// Whether it exited with zero.
    pub(crate) success: bool,
    /// Standard output and standard error, as they came. Bytes that are not UTF-8 are replaced.
    pub(crate) output: String,
}

/// Runs `command` to its end and captures both of its outputs.
///
/// # Errors
///
/// If the command cannot be started or waited for. A command that fails is no error: see
/// [`Captured::success`].
pub(crate) fn capture(mut command: Command) -> Outcome<Captured> {
    // One pipe for both outputs: with two, an error could not be told from the line it belongs to.
    let (mut reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command
        .spawn()
        .map_err(|error| format!("{} does not start: {error}", command.get_program().display()))?;
    // The command holds the write ends; the read below ends only when all of them are closed.
    drop(command);

    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    let status = child.wait()?;
    Ok(Captured { success: status.success(), output: String::from_utf8_lossy(&bytes).into_owned() })
}

/// The cargo that runs this program, or the one on the path.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_outputs_are_kept_and_success_is_told() {
        let mut command = cargo();
        command.arg("--version");
        let captured = capture(command).unwrap();
        assert!(captured.success);
        assert!(captured.output.starts_with("cargo "), "{}", captured.output);

        let mut command = cargo();
        command.arg("no-such-subcommand-of-cargo");
        let captured = capture(command).unwrap();
        assert!(!captured.success);
        assert!(captured.output.contains("no-such-subcommand-of-cargo"), "{}", captured.output);
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let error = capture(Command::new("no-such-program-anywhere")).err().unwrap();
        assert!(error.to_string().contains("no-such-program-anywhere"), "{error}");
    }
}
