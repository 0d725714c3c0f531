//! A run: where and when it was made, and its rows; as it is written to a file and read again.

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::row::Row;

/// All that was measured in one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    /// When, in UTC.
    pub(crate) date: String,
    pub(crate) machine: String,
    pub(crate) rustc: String,
    /// What was typed.
    pub(crate) command: String,
    /// The logs beside ours, with their versions.
    pub(crate) peers: Vec<String>,
    pub(crate) rounds: usize,
    pub(crate) round_seconds: f64,
    pub(crate) rows: Vec<Row>,
}

impl Run {
    /// A run that begins now.
    pub(crate) fn begin(
        command: String,
        peers: Vec<String>,
        rounds: usize,
        round_seconds: f64,
    ) -> Outcome<Self> {
        let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let output = Command::new("rustc").arg("--version").output();
        let rustc = output.map_or_else(
            |_| "unknown".to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        );
        Ok(Self { date, machine: machine(), rustc, command, peers, rounds, round_seconds, rows: Vec::new() })
    }
}

/// The processor, how many of them, the memory and the kernel.
fn machine() -> String {
    let line = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory: u64 = line("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{cores} cores of {}, {:.0} GiB of memory, Linux {}",
        line("/proc/cpuinfo", "model name"),
        memory as f64 / f64::from(1 << 20),
        kernel.trim()
    )
}
