//! The part `shutdown`: a real ext4 is shut down without flushing while a log on it is written, or right after one was
//! opened; then it is mounted again. What was only in memory is gone, as after a loss of power.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::child::Start;
use super::judge::Case;
use super::lanes;
use super::ledger::{Fault, Ledger};
use super::mounts::{Mounted, make_ext4};
use super::part::{Need, Share, Tally};
use super::said::Said;
use super::script::kill_before;
use super::work::Style;
use crate::Outcome;
use crate::random::Random;

/// As what mounts, and the program that shuts down.
pub(super) const NEEDS: &[Need] = &[
    Need::Real,
    Need::Root,
    Need::LoopDevices,
    Need::Program("mkfs.ext4", "e2fsprogs"),
    Need::Program("mount", "mount"),
    Need::Program("strace", "strace"),
    Need::Program("python3", "python3"),
];

/// So many file systems are worked on at once.
const LANES: u64 = 4;

const IMAGE_BYTES: u64 = 64 << 20;

/// After so many shutdowns, a new log is begun.
const SHUTDOWNS_PER_LOG: u64 = 20;

/// A writer that is to die before a sync has met one after so many steps.
const KILLED_STEPS: u64 = 400;

/// Shuts a file system down when it is told to. There is no safe way to ask this of the system from here.
const SCRIPT: &str = "\
# Shuts the ext4 that is mounted at the first argument down, in the way that the second one names, when a line comes.
import fcntl, os, struct, sys

EXT4_IOC_SHUTDOWN = 0x8004587D
mount = os.open(sys.argv[1], os.O_RDONLY)
print(\"ready\", flush=True)
sys.stdin.readline()
fcntl.ioctl(mount, EXT4_IOC_SHUTDOWN, struct.pack(\"I\", int(sys.argv[2])))
print(\"done\", flush=True)
";

/// How an ext4 is shut down.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// The journal is written out before.
    FlushJournal = 1,
    /// Nothing is.
    FlushNothing = 2,
}

/// A script that is ready to shut a file system down.
struct Switch {
    child: Child,
    out: BufReader<ChildStdout>,
}

pub(super) fn play(share: &Share<'_>) -> Outcome<Tally> {
    fs::write(script_path(share.directory), SCRIPT)?;
    lanes::play(share, LANES, play_lane)
}

fn script_path(directory: &Path) -> PathBuf {
    directory.join("shutdown.py")
}

fn play_lane(share: &Share<'_>) -> Outcome<Tally> {
    let mut tally = Tally::of("shutdowns");
    let mut random = Random::new(share.seed);
    let image = share.directory.join("ext4");
    let point = share.directory.join("mounted");
    make_ext4(&image, IMAGE_BYTES)?;
    let script = script_path(share.directory.parent().unwrap_or(share.directory));
    let mut mounted = Mounted::image(&image, &point)?;
    let log = point.join("log");
    let mut ledger = Ledger::new();
    while tally.count == 0 || !(share.is_over() || tally.is_hopeless()) {
        if tally.count.is_multiple_of(SHUTDOWNS_PER_LOG) && log.is_dir() {
            ledger = Ledger::new();
            fs::remove_dir_all(&log)?;
            // The writer may be too slow to make anything durable, and with nothing flushed the old log would be back.
            fs::File::open(&point)?.sync_all()?;
        }
        let way = if random.once_in(4) { Way::FlushJournal } else { Way::FlushNothing };
        let is_after_open = random.once_in(3);
        let what = format!(
            "shutdown {} ({way:?}{})",
            tally.count,
            if is_after_open { ", after an open" } else { "" }
        );
        let case = Case { share, log: &log, what };

        let switch = Switch::start(&script, &point, way)?;
        if is_after_open {
            // What this one leaves is in memory only, and the next one opens it.
            let seed = random.next();
            let start = Start::new(&log, seed, Style::Mixed, share);
            let life = if random.once_in(4) {
                let mut writer = start.run()?;
                writer.wait_a_while(&mut random);
                writer.kill()?
            } else {
                // Right behind a write and before its sync.
                let below = kill_before("fdatasync", random.between(1, 30));
                Start { below, steps: Some(KILLED_STEPS), ..start }.run()?.finish()?
            };
            case.hear(&mut tally, &mut ledger, seed, &life)?;
        }
        let seed = random.next();
        let style = if random.once_in(3) { Style::Growing } else { Style::Mixed };
        let mut writer = Start::new(&log, seed, style, share).run()?;
        let has_spoken = if is_after_open {
            writer.hear_until(|said| matches!(said, Said::Opened(_) | Said::NotOpened(_)))
        } else {
            writer.wait_a_while(&mut random)
        };
        if !is_after_open && random.once_in(3) {
            write_some_back(&log, &mut random)?;
            tally.add("with some files written back", 1);
        }
        switch.throw()?;
        let life = writer.kill()?;
        tally.count += 1;
        tally.add("right after an open", is_after_open.into());
        case.hear(&mut tally, &mut ledger, seed, &life)?;
        if !has_spoken {
            case.report(&mut tally, Fault::Silent("the writer hung".into()))?;
        }
        let (submitted, acknowledged) = ledger.figures();
        tally.add("records submitted", submitted as u64);
        tally.add("acknowledged", acknowledged as u64);

        mounted.unmount()?;
        mounted = Mounted::image(&image, &point)?;
        let use_it = random.once_in(6).then(|| random.next());
        if let Some(report) = case.judge(&mut tally, &mut ledger, use_it)? {
            tally.add("torn tails", report.torn_tail.is_some().into());
        }
    }
    mounted.unmount()?;
    if tally.is_clean() {
        fs::remove_file(image)?;
    }
    Ok(tally)
}

/// Has some of the files written back, as a system does by itself at any time.
fn write_some_back(log: &Path, random: &mut Random) -> Outcome {
    // Before the log is made, and while files are removed, there is nothing to write back.
    let Ok(entries) = fs::read_dir(log) else { return Ok(()) };
    for entry in entries {
        if let Ok(file) = fs::File::open(entry?.path())
            && random.once_in(2)
        {
            file.sync_data()?;
        }
    }
    Ok(())
}

impl Switch {
    fn start(script: &Path, point: &Path, way: Way) -> Outcome<Self> {
        let mut command = Command::new("python3");
        command.arg(script).arg(point).arg((way as u32).to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or("the script has no output")?;
        let mut switch = Self { child, out: BufReader::new(out) };
        switch.hear("ready")?;
        Ok(switch)
    }

    fn throw(mut self) -> Outcome {
        if let Some(mut input) = self.child.stdin.take() {
            input.write_all(b"now\n")?;
        }
        self.hear("done")?;
        self.child.wait()?;
        Ok(())
    }

    fn hear(&mut self, word: &str) -> Outcome {
        let mut line = String::new();
        self.out.read_line(&mut line)?;
        if line.trim_end() == word {
            return Ok(());
        }
        Err(format!("the script that shuts ext4 down did not say {word:?} but {line:?}").into())
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        // It holds the mounted file system open for as long as it lives. Where it has ended, both do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
