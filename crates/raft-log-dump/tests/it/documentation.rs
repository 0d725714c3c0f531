//! The console blocks of `docs/tool.md`: each command is run, and must say what stands below it.
//!
//! `RAFT_LOG_DUMP_BLESS=1` writes what it says into the page instead.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::*;

const PAGE: &str = "../../docs/tool.md";
const GOLDEN: &str = "../raft-log/tests/golden";

/// The directories that the page speaks of, made of logs that were written once and for all.
fn make_directories(place: &Path) {
    let golden = |name: &str| files_of(&Path::new(GOLDEN).join(name));
    let put = |name: &str, files: &Files| {
        fs::create_dir(place.join(name)).unwrap();
        write_files(&place.join(name), files);
    };
    put("small", &golden("v1-small"));
    put("node-1", &golden("v1-killed"));
    put("node-2", &golden("v1-torn"));
    // One bit of a payload.
    let mut damaged = golden("v1-killed");
    let chunk = damaged.get_mut("r-00_000_000_000_000_002_104.wal").unwrap();
    let at = chunk.windows(13).position(|window| window == b"payload of 20").unwrap();
    chunk[at] ^= 1;
    put("damaged", &damaged);
    // The header of a chunk in the middle.
    let mut broken = golden("v1-killed");
    broken.get_mut("r-00_000_000_000_000_002_104.wal").unwrap()[20] ^= 1;
    put("broken", &broken);
}

/// Runs a line of a block in `place`, and gives all that it shows.
fn shown(line: &str, place: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_raft-log-dump"));
    let path = env::join_paths(
        [program.parent().unwrap().to_owned()]
            .into_iter()
            .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    );
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {line}")])
        .current_dir(place)
        .env("PATH", path.unwrap())
        .output()
        .unwrap();
    text(&output.stdout)
}

/// What differs from disk to disk: how much space a file system takes for a file.
fn normal(text: &str) -> String {
    let line = |line: &str| match (line.find(" used, "), line.find(" on the disk")) {
        (Some(from), Some(to)) if from < to => format!("{} used, 28_672{}", &line[..from], &line[to..]),
        _ => line.trim_end().to_owned(),
    };
    text.lines().map(line).collect::<Vec<String>>().join("\n")
}

#[test]
fn the_console_blocks_of_the_page_are_what_the_program_says() {
    let place = tempfile::tempdir().unwrap();
    make_directories(place.path());
    let page = fs::read_to_string(PAGE).unwrap();
    let mut written = String::new();
    let (mut blocks, mut commands) = (0, 0);
    let mut rest = page.as_str();
    while let Some((before, block)) = rest.split_once("```console\n") {
        let (block, after) = block.split_once("```\n").expect("a block ends");
        blocks += 1;
        written.push_str(before);
        written.push_str("```console\n");
        for line in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
            commands += 1;
            let said = normal(&shown(line, place.path()));
            written.push_str(&format!("$ {line}\n{said}\n"));
        }
        written.push_str("```\n");
        rest = after;
    }
    written.push_str(rest);
    assert!(blocks >= 10 && commands >= 18, "{blocks} blocks, {commands} commands");
    if env::var_os("RAFT_LOG_DUMP_BLESS").is_some() {
        fs::write(PAGE, &written).unwrap();
    }
    let differs = page.lines().zip(written.lines()).find(|(page, said)| page != said);
    assert!(page == written, "the page and the program differ, first here: {differs:?}");
}

#[test]
fn every_command_and_flag_is_on_the_page() {
    let page = fs::read_to_string(PAGE).unwrap();
    let help = text(&command().arg("--help").output().unwrap().stdout);
    let commands: Vec<&str> = help
        .split("Commands:")
        .nth(1)
        .unwrap()
        .lines()
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 11, "{commands:?}");
    for name in commands {
        assert!(page.contains(&format!("`{name}")), "{name} is not on the page");
        let help = text(&command().args([name, "--help"]).output().unwrap().stdout);
        let flags = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 3);
        for flag in flags.map(|flag| flag.trim_end_matches([',', ']', ')', '.', ':'])) {
            let short = match flag {
                "--help" => continue,
                "--reverse" => "`-r`",
                "--follow" => "`-f`",
                "--hex" => "`-x`",
                "--output" => "-o ",
                "--quiet" => "`-q`",
                flag => flag,
            };
            assert!(page.contains(short), "{flag} of {name} is not on the page");
        }
    }
}
