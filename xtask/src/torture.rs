//! `cargo xtask torture`: the long fault tests, and a table of what they found.
//!
//! Here is the run only. [`parts`] lists the parts, [`part`] says what one is, [`table`] is what the run ends in. The
//! parts share [`work`] (what a writer does), [`write`](mod@write) (the writer), [`child`] (starting and killing it),
//! [`ledger`] and [`judge`] (whether what is found is right), and [`mounts`] (file systems of their own).

mod child;
mod errors;
mod found;
mod full_disk;
mod janitor;
mod judge;
mod kills;
mod lanes;
mod ledger;
mod lost_writes;
mod mounts;
mod part;
mod parts;
mod said;
mod script;
mod shutdown;
mod simulated;
mod syscalls;
mod table;
mod tears;
mod trace;
mod work;
mod write;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use clap::{Args, Subcommand};

use self::janitor::{Employed, clean_up_leftovers, directory_prefix};
use self::mounts::unmount_below;
use self::part::{Part, Share};
use self::parts::PARTS;
use self::table::{Fate, Row, Table};
use crate::Outcome;
use crate::random::new_seed;

/// Try to break the log for as long as there is time, and count what was lost
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, after_help = parts::help())]
pub(crate) struct Torture {
    #[command(subcommand)]
    role: Option<Role>,
    /// How long it may take in all; each part has its least to do in any case
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Choose the same operations and faults as the run that printed this number
    #[arg(long)]
    seed: Option<u64>,
    /// Also play the parts that trace processes and mount file systems: as root, on Linux
    #[arg(long)]
    real: bool,
    /// Play this part only; can be given several times
    #[arg(long, value_name = "PART", value_parser = parts::names())]
    only: Vec<String>,
}

/// The processes that the torture starts.
#[derive(Subcommand)]
enum Role {
    #[command(hide = true)]
    Write(write::Write),
    #[command(hide = true)]
    Janitor(janitor::Janitor),
}

/// No run is longer.
const MINUTES_MAX: f64 = 100_000.0;

impl Torture {
    /// Plays the parts, and prints the table.
    ///
    /// # Errors
    /// When anything was lost or wrong, or a part could not be played.
    pub(crate) fn run(&self) -> Outcome {
        match &self.role {
            Some(Role::Write(write)) => return write.run(),
            Some(Role::Janitor(janitor)) => return janitor.run(),
            None => {}
        }
        if !(0.0..=MINUTES_MAX).contains(&self.minutes) {
            return Err(format!("--minutes {} is not between 0 and {MINUTES_MAX}", self.minutes).into());
        }
        let seed = self.seed.unwrap_or_else(new_seed);
        let end = Instant::now() + Duration::from_secs_f64(self.minutes * 60.0);
        let target = target_directory()?;
        if self.real {
            clean_up_leftovers(&target)?;
        }
        let place = tempfile::Builder::new()
            .prefix(&directory_prefix())
            .tempdir_in(&target)
            .map_err(|error| format!("cannot make a directory in {}: {error}", target.display()))?;
        println!("seed       {seed}");
        println!("directory  {}", place.path().display());
        // Whatever ends this process, by Ctrl-C or otherwise, what is mounted in the directory is unmounted.
        let janitor = Employed::start(place.path())?;
        let chosen: Vec<&Part> = PARTS.iter().filter(|part| self.is_chosen(part)).collect();
        let mut table = Table::default();
        let mut kept = Vec::new();
        for (position, part) in chosen.iter().enumerate() {
            // What the parts before did not use is shared by those that are left.
            let left = end.saturating_duration_since(Instant::now());
            let deadline = Instant::now() + left / (chosen.len() - position) as u32;
            let directory = place.path().join(part.name);
            let fate = self.play(part, seed, deadline, &directory)?;
            let row = Row { test: part.name, fate, seed };
            if row.is_well() {
                // What is mounted in it was unmounted by the part.
                let _ = fs::remove_dir_all(&directory);
            } else {
                kept.push((part.name, directory));
            }
            table.rows.push(row);
        }
        unmount_below(place.path())?;
        janitor.dismiss()?;
        println!("\n{table}");
        if table.is_well() {
            return Ok(());
        }
        // From here on it stays.
        let _ = place.keep();
        let mut text = String::from("not all is well");
        for (name, directory) in kept {
            text += &format!(
                "\n{name}: kept in {}; again: cargo xtask torture --only {name} --seed {seed} --minutes {}{}",
                directory.display(),
                self.minutes,
                if self.real { " --real" } else { "" }
            );
        }
        Err(text.into())
    }

    fn is_chosen(&self, part: &Part) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part.name)
    }

    /// Plays one part, and says so in a line at its beginning and one at its end.
    fn play(&self, part: &Part, seed: u64, deadline: Instant, directory: &Path) -> Outcome<Fate> {
        let name = part.name;
        let missing: Vec<String> = part.needs.iter().filter_map(|need| need.missing(self.real)).collect();
        if !missing.is_empty() {
            println!("{name}: skipped: {}", missing.join("; "));
            return Ok(Fate::Skipped(missing.join("; ")));
        }
        fs::create_dir_all(directory)?;
        let begin = Instant::now();
        println!("{name}: {} ({} s)", part.about, deadline.saturating_duration_since(begin).as_secs());
        let fate = match (part.play)(&Share { seed, deadline, directory }) {
            Ok(tally) => Fate::Played(tally),
            Err(error) => Fate::Broken(error.to_string()),
        };
        let seconds = begin.elapsed().as_secs();
        match &fate {
            Fate::Played(tally) => {
                println!("{name}: {} {} ({seconds} s)", tally.count, tally.counted);
                tally.figures.iter().for_each(|(what, count)| println!("  {count:>12}  {what}"));
                tally.examples.iter().for_each(|example| println!("  WRONG: {example}"));
            }
            Fate::Skipped(why) => println!("{name}: skipped: {why}"),
            Fate::Broken(why) => println!("{name}: BROKEN after {seconds} s: {why}"),
        }
        Ok(fate)
    }
}

/// The directory of this program, below `target`.
fn target_directory() -> Outcome<PathBuf> {
    let program = env::current_exe()?;
    Ok(program.parent().ok_or("the program lies in no directory")?.to_owned())
}
