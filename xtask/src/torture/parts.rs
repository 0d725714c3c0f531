//! The list of the parts. To add one is to add a line here, and a file that has its `play`.

use clap::builder::PossibleValuesParser;

use super::part::{Need, Part};
use super::{errors, full_disk, kills, lost_writes, mounts, script, shutdown, simulated, syscalls, tears};

/// In the order in which they are played.
pub(super) const PARTS: &[Part] = &[
    Part {
        name: "crash-states",
        about: "the power goes at every call of a simulated disk",
        needs: &[],
        play: simulated::crash_states,
    },
    Part {
        name: "failing-calls",
        about: "every call of a simulated disk fails, and syncs lie",
        needs: &[],
        play: simulated::failing_calls,
    },
    Part {
        name: "long-lives",
        about: "long lives with a flush thread on a simulated disk",
        needs: &[],
        play: simulated::long_lives,
    },
    Part { name: "damage", about: "what was acknowledged is damaged", needs: &[], play: simulated::damage },
    Part { name: "kills", about: "a writer is killed at random moments", needs: &[], play: kills::play },
    Part { name: "tears", about: "the kernel cuts a write in two", needs: &[], play: tears::play },
    Part {
        name: "syscalls",
        about: "a writer is killed before each system call",
        needs: script::NEEDS,
        play: syscalls::play,
    },
    Part {
        name: "errors",
        about: "system calls are told that they failed",
        needs: script::NEEDS,
        play: errors::play,
    },
    Part {
        name: "shutdown",
        about: "a real ext4 is shut down without flushing",
        needs: shutdown::NEEDS,
        play: shutdown::play,
    },
    Part {
        name: "full-disk",
        about: "real file systems are filled to every level",
        needs: mounts::NEEDS,
        play: full_disk::play,
    },
    Part {
        name: "lost-writes",
        about: "the disk below a real ext4 loses writes, and syncs fail",
        needs: mounts::NEEDS,
        play: lost_writes::play,
    },
];

/// The names, for `--only`.
pub(super) fn names() -> PossibleValuesParser {
    PARTS.iter().map(|part| part.name).collect::<Vec<_>>().into()
}

/// The parts in words, for `--help`.
pub(super) fn help() -> String {
    let mut text = String::from("Parts:\n");
    for part in PARTS {
        let is_real = part.needs.contains(&Need::Real);
        text += &format!("  {:<13} {}{}\n", part.name, part.about, if is_real { " (--real)" } else { "" });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once_and_can_be_typed() {
        for (position, part) in PARTS.iter().enumerate() {
            assert!(part.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", part.name);
            assert!(PARTS[..position].iter().all(|other| other.name != part.name), "{} twice", part.name);
            assert!(help().contains(part.name) && help().contains(part.about));
        }
    }
}
