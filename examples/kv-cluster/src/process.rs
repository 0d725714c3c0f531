//! The process of one node, as its parent holds it. It is killed when this is dropped, and ends by itself when the pipe
//! to it breaks: no node outlives the run.

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use fs_err as fs;

use crate::Outcome;

/// How long a node may take to open its log and to listen.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long a node may take to end when it is asked to.
const END_LIMIT: Duration = Duration::from_secs(20);
/// The file for what a node says before it dies.
const SAID: &str = "said";

/// A running node.
pub(crate) struct NodeProcess {
    child: Child,
    address: SocketAddr,
}

impl NodeProcess {
    /// Starts the node of a directory, and waits until it listens.
    pub(crate) fn start(id: u64, directory: &Path, leader_restore: bool) -> Outcome<Self> {
        fs::create_dir_all(directory)?;
        let said = fs::OpenOptions::new().create(true).append(true).open(directory.join(SAID))?;
        let child = Command::new(std::env::current_exe()?)
            .args(["node", "--id", &id.to_string(), "--directory"])
            .arg(directory)
            .args(leader_restore.then_some("--leader-restore"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said.into_file())
            .spawn()?;
        // From here on dropping it kills the child, so that no error leaves one behind.
        let mut process = Self { child, address: ([0, 0, 0, 0], 0).into() };
        process.address = process.hear_address().map_err(|error| {
            format!("node {id} did not start: {error}; it said: {}", last_words(directory))
        })?;
        Ok(process)
    }

    fn hear_address(&mut self) -> Outcome<SocketAddr> {
        let stdout = self.child.stdout.take().ok_or("it has no standard output")?;
        let (tell, told) = mpsc::channel();
        // A node that hangs must not hang its parent. The thread ends with the node at the latest.
        thread::spawn(move || {
            let mut line = String::new();
            let outcome = BufReader::new(stdout).read_line(&mut line).map(|_| line);
            // Nobody waits any more if it came too late.
            let _ = tell.send(outcome);
        });
        Ok(told.recv_timeout(START_LIMIT)??.trim().parse()?)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells the node where another listens.
    pub(crate) fn tell_address(&mut self, id: u64, address: SocketAddr) -> io::Result<()> {
        let stdin = self.child.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(stdin, "{id} {address}")?;
        stdin.flush()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, which closes its log.
    pub(crate) fn end(mut self) -> Outcome<()> {
        drop(self.child.stdin.take());
        let begin = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("{status}").into()),
                None if begin.elapsed() > END_LIMIT => return Err("it does not end".into()),
                None => thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the node of a directory said last on its standard error.
pub(crate) fn last_words(directory: &Path) -> String {
    let said = fs::read(directory.join(SAID)).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let mut lines: Vec<&str> = said.lines().rev().take(8).collect();
    lines.reverse();
    if lines.is_empty() { "nothing".to_owned() } else { lines.join("\n  ") }
}
