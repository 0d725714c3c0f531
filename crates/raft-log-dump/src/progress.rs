//! How far long work has come, on a terminal: a bar with speed and time left. Nothing where standard error is none.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the bar is drawn at most, in bytes of work: asking a clock for each record would cost more than the record.
const STEP_BYTES: u64 = 1 << 20;

/// A bar over a number of bytes.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    drawn: u64,
    done: u64,
}

impl Progress {
    /// A bar on standard error; none where that is no terminal. With a total of 0, how much there is is not known.
    pub(crate) fn new(total_bytes: u64) -> Self {
        Self { bar: io::stderr().is_terminal().then(|| bar(total_bytes)), drawn: 0, done: 0 }
    }

    /// No bar.
    pub(crate) fn silent() -> Self {
        Self { bar: None, drawn: 0, done: 0 }
    }

    /// So many bytes more are done.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.done += bytes;
        if self.done - self.drawn >= STEP_BYTES
            && let Some(bar) = &self.bar
        {
            self.drawn = self.done;
            bar.set_position(self.done);
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn bar(total_bytes: u64) -> ProgressBar {
    let length = (total_bytes > 0).then_some(total_bytes);
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr_with_hz(10));
    let template = match length {
        Some(_) => {
            "{wide_bar} {percent:>3} %  {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}  {eta} left"
        }
        // From a pipe: nobody knows how much will come.
        None => "{spinner} {binary_bytes}  {binary_bytes_per_sec}",
    };
    // The template is a constant of ours; the default one is no worse than none.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
