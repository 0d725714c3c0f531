//! Cleaning up after a run that died: by Ctrl-C, by a signal, by a panic. A process of its own waits for the end of the
//! run, out of reach of the terminal, and unmounts what is left; and each run looks for what none has cleaned up.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{fs, process};

use clap::Args;

use super::mounts::{mounted_below, unmount_below};
use crate::Outcome;

/// Wait for the end of a run, and clean up behind it (the torture starts this)
#[derive(Args)]
pub(super) struct Janitor {
    /// The directory of the run
    #[arg(long)]
    dir: PathBuf,
}

/// A janitor at work, for as long as this lives.
pub(super) struct Employed(Child);

/// Directories of runs begin with this; what follows is the process id, so that leftovers are told from runs.
const PREFIX: &str = "torture-";

/// What a run says that has cleaned up itself.
const DONE: &[u8] = b"done";

/// What a directory of this run begins with.
pub(super) fn directory_prefix() -> String {
    format!("{PREFIX}{}-", process::id())
}

impl Janitor {
    /// Waits, and cleans up unless it is told that there is nothing to do.
    pub(super) fn run(&self) -> Outcome {
        let mut said = Vec::new();
        io::stdin().read_to_end(&mut said)?;
        let is_ours = self.dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
        if said == DONE || !is_ours {
            return Ok(());
        }
        unmount_below(&self.dir)?;
        // What an interrupted run leaves says nothing.
        Ok(fs::remove_dir_all(&self.dir)?)
    }
}

impl Employed {
    /// Starts a janitor for a directory.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(directory: &Path) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["torture", "janitor", "--dir"]).arg(directory);
        // In a group of its own, the signals of the terminal do not reach it.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0);
        Ok(Self(command.spawn()?))
    }

    /// Tells it that nothing is left to do.
    ///
    /// # Errors
    /// When it is gone.
    pub(super) fn dismiss(mut self) -> Outcome {
        if let Some(mut said) = self.0.stdin.take() {
            said.write_all(DONE)?;
        }
        self.0.wait()?;
        Ok(())
    }
}

/// Unmounts what runs that are dead left below `target`, and names it.
///
/// # Errors
/// When the directory cannot be read.
pub(super) fn clean_up_leftovers(target: &Path) -> Outcome {
    for entry in fs::read_dir(target)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-')).map(|(pid, _)| pid);
        let Some(process) = process.filter(|pid| !is_run(pid)) else { continue };
        let left = mounted_below(&entry.path()).unwrap_or_default();
        for point in &left {
            println!(
                "leftover   {} is mounted, of process {process}, which is gone: unmounting it",
                point.display()
            );
        }
        if !left.is_empty()
            && let Err(error) = unmount_below(&entry.path())
        {
            println!("leftover   {error}");
        }
    }
    Ok(())
}

/// Whether a process is alive, and is this program.
fn is_run(pid: &str) -> bool {
    let program = |pid: &str| fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    pid == process::id().to_string() || (program(pid).is_some() && program(pid) == program("self"))
}
