//! How fast the tool reads, beside bare reading and checksumming in the same run: on a quiet machine,
//! `cargo run --release -p raft-log-dump --example speed`. It takes two gigabytes in the directory for temporary files.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program that measures may stop at the first surprise"
)]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use raft_log::{RaftLog, RaftLogWriter, TermIndex};

const GIB: u64 = 1 << 30;

fn fill(path: &Path, payload_bytes: usize) {
    let mut log = RaftLog::open(path).unwrap();
    let payload = bytes::Bytes::from(vec![0x61; payload_bytes]);
    let count = GIB / payload_bytes as u64;
    for first in (0..count).step_by(10_000) {
        log.append(
            (first..(first + 10_000).min(count)).map(|index| (TermIndex::new(1, index), payload.clone())),
        )
        .unwrap();
    }
    log.close().unwrap();
}

/// Reads every chunk and sums it up, as plainly as can be.
fn bare(path: &Path) -> Duration {
    let began = Instant::now();
    let mut buffer = vec![0; 1 << 20];
    let mut sum = 0;
    for entry in fs::read_dir(path).unwrap() {
        let mut file = File::open(entry.unwrap().path()).unwrap();
        loop {
            let found = file.read(&mut buffer).unwrap();
            if found == 0 {
                break;
            }
            sum = crc32c::crc32c_append(sum, &buffer[..found]);
        }
    }
    writeln!(std::io::sink(), "{sum}").unwrap();
    began.elapsed()
}

/// Runs the tool, which is this program when it is given arguments.
fn tool(arguments: &[&str], path: &Path) -> Duration {
    let began = Instant::now();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let status = command.args(arguments).arg(path).stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
    began.elapsed()
}

fn main() -> ExitCode {
    if std::env::args_os().len() > 1 {
        return raft_log_dump::cli::main();
    }
    for (arguments, payload_bytes) in [(&["verify"][..], 256), (&["dump"], 4096)] {
        let directory = tempfile::tempdir().unwrap();
        fill(directory.path(), payload_bytes);
        let mut ratios: Vec<f64> = Vec::new();
        for _ in 0..5 {
            let (bare, tool) = (bare(directory.path()), tool(arguments, directory.path()));
            ratios.push(bare.as_secs_f64() / tool.as_secs_f64());
            println!(
                "{arguments:?} {payload_bytes}: bare {bare:?}, tool {tool:?}, ratio {:.2}",
                ratios.last().unwrap()
            );
        }
        ratios.sort_by(f64::total_cmp);
        println!("{arguments:?} {payload_bytes}: median {:.2}", ratios[2]);
    }
    ExitCode::SUCCESS
}
