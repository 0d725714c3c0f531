//! What a shell and `man` want to know of the program. All of it comes from the parser itself.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::console::Console;
use super::outcome::{Ended, Outcome, Stop};

/// Print the completions for a shell
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, console: &mut Console) -> Ended {
        // Into memory first: the generator panics where it cannot write.
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "raft-log-dump", &mut text);
        console.out().write_all(&text)?;
        Ok(Outcome::Clean)
    }
}

/// Print the manual page of the program, or of one of its commands
#[derive(Debug, Args)]
pub(super) struct Man {
    /// The command
    command: Option<String>,
}

impl Man {
    pub(super) fn run(&self, console: &mut Console) -> Ended {
        let mut program = Cli::command();
        program.build();
        let page = match &self.command {
            None => program,
            Some(name) => {
                let found = program.find_subcommand(name).cloned();
                let found = found.ok_or_else(|| Stop::usage(format!("there is no command {name:?}")))?;
                let full_name = format!("raft-log-dump-{name}");
                found.name(full_name).after_help(super::EXIT_CODES)
            }
        };
        let mut text = Vec::new();
        clap_mangen::Man::new(page).render(&mut text)?;
        console.out().write_all(&text)?;
        Ok(Outcome::Clean)
    }
}
