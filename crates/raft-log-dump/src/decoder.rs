//! A program of the application's that says what a payload means: one child process for a whole run.
//!
//! Each payload goes to it as one line of base64; for each it answers with one line of text, and must not keep that in a
//! buffer. What always holds: a decoder that ends, or gives no answer in time, ends the run with a message, and never
//! makes it wait for ever.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use crate::{PayloadView, base64};

/// How long a decoder may take for one payload.
const TIME_MAX: Duration = Duration::from_secs(10);
/// A longer answer is a failure: a decoder must not fill the memory.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// A running decoder.
#[derive(Debug)]
pub(crate) struct Decoder {
    command: String,
    running: RefCell<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    lines: SyncSender<String>,
    answers: Receiver<std::io::Result<String>>,
    failure: Option<String>,
}

impl Decoder {
    /// Starts `command` by the shell.
    pub(crate) fn start(command: &str) -> Result<Self, String> {
        let cannot = |why: &dyn std::fmt::Display| format!("cannot start the decoder {command:?}: {why}");
        let mut child = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| cannot(&error))?;
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(cannot(&"it has no pipes"));
        };
        let (send, answers) = sync_channel(1);
        // Writing and reading have threads of their own, so that waiting for an answer can end.
        let (lines, next_line) = sync_channel::<String>(1);
        thread::spawn(move || {
            while let Ok(line) = next_line.recv() {
                // A decoder that has ended shows in its missing answer.
                if input.write_all(line.as_bytes()).and_then(|()| input.flush()).is_err() {
                    break;
                }
            }
        });
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            loop {
                let mut line = Vec::new();
                let mut limited = std::io::Read::take(&mut output, ANSWER_BYTES_MAX);
                let answer = match limited.read_until(b'\n', &mut line) {
                    Ok(0) => break,
                    Ok(size) if size as u64 == ANSWER_BYTES_MAX => {
                        Err(std::io::Error::other("one of its lines is longer than 1 MiB"))
                    }
                    Ok(_) => Ok(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned()),
                    Err(error) => Err(error),
                };
                if send.send(answer).is_err() {
                    break;
                }
            }
        });
        let running = RefCell::new(Running { child, lines, answers, failure: None });
        Ok(Self { command: command.to_owned(), running })
    }
}

impl Running {
    fn ask(&mut self, payload: &Bytes) -> Result<String, String> {
        let mut line = base64::encode(payload);
        line.push('\n');
        // The thread that takes it ends with the decoder, which shows below.
        let _ = self.lines.send(line);
        match self.answers.recv_timeout(TIME_MAX) {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(RecvTimeoutError::Timeout) => Err(format!(
                "it gave no line within {} s; it must write one line for each, and flush it",
                TIME_MAX.as_secs()
            )),
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait();
                let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                Err(format!("it ended before its time ({status})"))
            }
        }
    }
}

impl PayloadView for Decoder {
    fn show(&self, payload: &Bytes) -> String {
        let mut running = self.running.borrow_mut();
        if running.failure.is_some() {
            return String::new();
        }
        match running.ask(payload) {
            Ok(answer) => answer,
            Err(why) => {
                running.failure = Some(format!("the decoder {:?} failed: {why}", self.command));
                String::new()
            }
        }
    }

    fn failure(&self) -> Option<String> {
        self.running.borrow().failure.clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may wait for more input, or for somebody to read its answers.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
