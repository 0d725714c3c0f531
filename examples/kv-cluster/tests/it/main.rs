//! The example as it is run: a short round loses nothing, wrong arguments are refused, and no node outlives its parent.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a panic is how a test fails")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

fn kv_cluster(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kv-cluster"));
    command.args(["--clients", "8", "--seconds", "0.3", "--dir"]).arg(directory);
    command
}

#[test]
fn a_round_with_kills_loses_nothing_and_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let output = kv_cluster(directory.path()).args(["--rounds", "1", "--seed", "7"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("nothing lost"), "{said}");
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[test]
fn kept_directories_can_be_read_with_the_tool() {
    let directory = tempfile::tempdir().unwrap();
    let output = kv_cluster(directory.path()).args(["--rounds", "1", "--keep"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let kept = directory.path().read_dir().unwrap().next().unwrap().unwrap().path();
    for node in ["node-1", "node-2", "node-3"] {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_kv-cluster"));
        let output = tool.args(["log", "dump"]).arg(kept.join(node).join("log")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{node}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("key-00"), "{said}");
    }
}

#[test]
fn arguments_that_make_no_cluster_are_refused() {
    for arguments in [["--nodes", "2"], ["--rounds", "0"], ["--clients", "0"], ["--seconds", "nan"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kv-cluster"));
        assert_eq!(command.args(arguments).output().unwrap().status.code(), Some(2), "{arguments:?}");
    }
}

/// Processes are found in `/proc`, by the directory in their arguments.
#[test]
#[cfg(target_os = "linux")]
fn no_node_outlives_a_parent_that_was_killed() {
    let directory = tempfile::tempdir().unwrap();
    let name = directory.path().display().to_string();
    let nodes = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let arguments = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
        arguments
            .map(|arguments| String::from_utf8_lossy(&arguments).into_owned())
            .filter(|arguments| arguments.contains("\0node\0") && arguments.contains(&name))
            .count()
    };
    let mut parent =
        kv_cluster(directory.path()).args(["--rounds", "1000"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let load = lines.map(Result::unwrap).find(|line| line.trim_start().starts_with("load"));
    let running = nodes();
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(load.is_some(), "there was no load");
    assert!(running >= 2, "{running} nodes were found");
    let begin = Instant::now();
    while nodes() > 0 {
        assert!(begin.elapsed() < Duration::from_secs(20), "{} nodes are left", nodes());
        sleep(Duration::from_millis(20));
    }
}
