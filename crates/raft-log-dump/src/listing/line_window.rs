//! Which of the lines of a listing are written, and in which order: all, the first, the last, or the newest first.
//!
//! What a line says is decided elsewhere. A heading is written with the first line under it, so that filters leave no
//! empty headings. What is held back is at most the lines of one chunk, or the number that was asked for.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::rc::Rc;

/// In which order lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// As they come.
    Forward,
    /// Only so many, the last ones; nothing is written before the end.
    Last(usize),
    /// The lines of a chunk last to first. The chunks must come newest first.
    Reversed,
}

/// Takes lines, and writes those that are wanted.
pub(crate) struct LineWindow<'a> {
    out: &'a mut dyn Write,
    order: Order,
    /// How many lines are still written.
    left: Option<u64>,
    heading: Rc<str>,
    is_heading_shown: bool,
    shows_headings: bool,
    held: VecDeque<(Rc<str>, String)>,
    /// Whether the line before was written or held.
    is_last_kept: bool,
    lines: u64,
}

impl<'a> LineWindow<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            order: Order::Forward,
            left: None,
            heading: "".into(),
            is_heading_shown: false,
            shows_headings: true,
            held: VecDeque::new(),
            is_last_kept: false,
            lines: 0,
        }
    }

    pub(crate) fn set_order(&mut self, order: Order) {
        self.order = order;
    }

    pub(crate) fn set_limit(&mut self, lines: u64) {
        self.left = Some(lines);
    }

    pub(crate) fn hide_headings(&mut self) {
        self.shows_headings = false;
    }

    /// How many lines were taken, whether or not they were wanted.
    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// Whether no line is wanted any more.
    pub(crate) fn is_done(&self) -> bool {
        self.left == Some(0)
    }

    /// Lines from here on stand under this heading.
    pub(crate) fn set_heading(&mut self, heading: &str) {
        self.heading = heading.into();
        self.is_heading_shown = false;
    }

    /// Whether notes belong to something that was shown.
    pub(crate) fn is_heading_shown(&self) -> bool {
        self.is_heading_shown
    }

    /// Writes the heading now, also if no line follows.
    pub(crate) fn show_heading(&mut self) -> io::Result<()> {
        let is_held = matches!(self.order, Order::Last(_));
        if self.is_heading_shown || !self.shows_headings || is_held || self.heading.is_empty() {
            return Ok(());
        }
        self.is_heading_shown = true;
        writeln!(self.out, "{}", self.heading)
    }

    /// The names above a table: written at once, whatever is wanted of the lines.
    pub(crate) fn head(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// A line that counts.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.lines += 1;
        match self.order {
            Order::Forward => {
                if let Some(left) = &mut self.left {
                    let Some(less) = left.checked_sub(1) else {
                        self.is_last_kept = false;
                        return Ok(());
                    };
                    *left = less;
                }
                self.is_last_kept = true;
                self.show_heading()?;
                writeln!(self.out, "{text}")
            }
            Order::Last(count) => {
                self.hold(text, count);
                Ok(())
            }
            Order::Reversed => {
                let count = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
                self.hold(text, count);
                Ok(())
            }
        }
    }

    fn hold(&mut self, text: &str, count: usize) {
        self.held.push_back((self.heading.clone(), text.to_owned()));
        if self.held.len() > count {
            self.held.pop_front();
        }
        self.is_last_kept = !self.held.is_empty();
    }

    /// What belongs to the line before it, and goes where that goes.
    pub(crate) fn more(&mut self, text: &str) -> io::Result<()> {
        if !self.is_last_kept {
            return Ok(());
        }
        if self.order == Order::Forward {
            return writeln!(self.out, "{text}");
        }
        if let Some((_, line)) = self.held.back_mut() {
            line.push('\n');
            line.push_str(text);
        }
        Ok(())
    }

    /// What is said beside the lines; not counted, and left out where only the last lines are wanted.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        match self.order {
            Order::Last(_) => Ok(()),
            Order::Forward | Order::Reversed => writeln!(self.out, "{text}"),
        }
    }

    /// The lines of a chunk are complete.
    pub(crate) fn end_chunk(&mut self) -> io::Result<()> {
        if self.order != Order::Reversed {
            return Ok(());
        }
        while let Some((_, line)) = self.held.pop_back() {
            if let Some(left) = &mut self.left {
                *left = left.saturating_sub(1);
            }
            self.show_heading()?;
            writeln!(self.out, "{line}")?;
        }
        self.is_last_kept = false;
        Ok(())
    }

    /// Writes what was held back, and goes on forward.
    pub(crate) fn release(&mut self) -> io::Result<()> {
        self.end_chunk()?;
        if let Order::Last(_) = self.order {
            self.order = Order::Forward;
            let mut shown: Option<Rc<str>> = None;
            for (heading, line) in std::mem::take(&mut self.held) {
                if self.shows_headings && !heading.is_empty() && shown.as_ref() != Some(&heading) {
                    writeln!(self.out, "{heading}")?;
                    self.is_heading_shown = heading == self.heading;
                    shown = Some(heading);
                }
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }

    /// Hands what was written on to whoever reads it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(work: impl FnOnce(&mut LineWindow<'_>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        let mut window = LineWindow::new(&mut out);
        work(&mut window).unwrap();
        drop(window);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_belongs_to_a_line_goes_where_the_line_goes() {
        let show = |order, limit: Option<u64>| {
            written(|window| {
                window.set_order(order);
                if let Some(limit) = limit {
                    window.set_limit(limit);
                }
                window.set_heading("H");
                window.line("1")?;
                window.more(" 1b")?;
                window.line("2")?;
                window.more(" 2b")?;
                window.end_chunk()?;
                window.release()
            })
        };
        assert_eq!(show(Order::Forward, None), "H\n1\n 1b\n2\n 2b\n");
        assert_eq!(show(Order::Forward, Some(1)), "H\n1\n 1b\n");
        assert_eq!(show(Order::Last(1), None), "H\n2\n 2b\n");
        assert_eq!(show(Order::Last(0), None), "");
        assert_eq!(show(Order::Reversed, None), "H\n2\n 2b\n1\n 1b\n");
        assert_eq!(show(Order::Reversed, Some(1)), "H\n2\n 2b\n");
    }

    #[test]
    fn a_heading_without_lines_is_left_out() {
        let text = written(|window| {
            window.set_heading("A");
            window.end_chunk()?;
            window.set_heading("B");
            window.line("1")?;
            window.release()
        });
        assert_eq!(text, "B\n1\n");
    }
}
