//! What a trace of a writer's system calls proves: that each acknowledgement came after the syncs it rests on. Pure.
//!
//! No power needs to fail for this: an acknowledgement is false if the trace has no successful sync of a chunk that
//! began after its step was submitted and ended before it was told; or if the chunk's name was not synced by then; or
//! if a write or a sync that the log rests on had failed before. A trace cannot tell which bytes a sync covered, so
//! what it proves is necessary and not sufficient.

use std::collections::HashMap;

/// A system call. Lines of the trace are the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) thread: u64,
    pub(super) name: String,
    arguments: String,
    /// The error's name, if it failed.
    error: Option<String>,
    pub(super) is_injected: bool,
    begin: usize,
    end: usize,
}

/// Parses what the tracer wrote. Lines that are no calls are passed over, and so are calls that never returned.
pub(super) fn parse(text: &str) -> Vec<Call> {
    let mut unfinished: HashMap<(u64, String), (usize, String)> = HashMap::new();
    let mut calls = Vec::new();
    for (line, text) in text.lines().enumerate() {
        let Some((thread, rest)) = text.split_once(' ') else { continue };
        let Ok(thread) = thread.parse() else { continue };
        let rest = rest.trim_start();
        if let Some(resumed) = rest.strip_prefix("<... ") {
            if let Some((name, rest)) = resumed.split_once(" resumed>")
                && let Some((begin, arguments)) = unfinished.remove(&(thread, name.to_owned()))
            {
                calls.extend(finished(thread, name, &format!("{arguments}{rest}"), begin, line));
            }
            continue;
        }
        let Some((name, rest)) = rest.split_once('(') else { continue };
        match rest.strip_suffix("<unfinished ...>") {
            Some(arguments) => {
                unfinished.insert((thread, name.to_owned()), (line, arguments.trim_end().to_owned()));
            }
            None => calls.extend(finished(thread, name, rest, line, line)),
        }
    }
    calls
}

fn finished(thread: u64, name: &str, rest: &str, begin: usize, end: usize) -> Option<Call> {
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let arguments = arguments.trim_end().strip_suffix(')')?.to_owned();
    if result == "?" {
        // It was killed before it was done.
        return None;
    }
    let error = result.strip_prefix("-1 ").and_then(|error| error.split(' ').next()).map(str::to_owned);
    let is_injected = result.ends_with("(INJECTED)");
    Some(Call { thread, name: name.to_owned(), arguments, error, is_injected, begin, end })
}

impl Call {
    /// The path of the file that the first argument is a handle of.
    fn path(&self) -> Option<&str> {
        let (_, rest) = self.arguments.split_once('<')?;
        rest.split_once('>').map(|(path, _)| path)
    }

    /// What stands in the quotes of this number.
    fn quoted(&self, number: usize) -> Option<&str> {
        self.arguments.split('"').nth(2 * number + 1)
    }

    /// What the writer said with it: the word, and the number behind it.
    fn said(&self) -> Option<(&str, u64)> {
        let text = self.quoted(0).filter(|_| self.name == "write" && self.arguments.starts_with("1<"))?;
        let text = text.strip_suffix("\\n").unwrap_or(text);
        let (word, number) = text.split_once(' ')?;
        Some((word, number.parse().unwrap_or(0)))
    }

    /// Whether it is the first that a writer says.
    pub(super) fn is_begun(&self) -> bool {
        self.said().is_some_and(|(word, _)| word == "begun")
    }

    /// Whether it was only interrupted, and may be tried again.
    fn is_interrupted(&self) -> bool {
        self.error.as_deref() == Some("EINTR")
    }

    fn is_ok(&self) -> bool {
        self.error.is_none()
    }

    /// Whether it is a write that failed although it put something into the log, and is not simply tried again.
    fn is_failed_write(&self) -> bool {
        let is_transient = matches!(self.error.as_deref(), None | Some("EINTR" | "EAGAIN"));
        self.name == "pwrite64" && !is_transient && self.puts_frames()
    }

    /// Whether it writes something else than zeros that are laid, or a footer.
    fn puts_frames(&self) -> bool {
        let bytes = self.quoted(0).unwrap_or_default();
        !bytes.starts_with("\\0\\0\\0\\0") && !bytes.starts_with("RLFOOTER")
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_chunk(path: &str) -> bool {
    file_name(path).starts_with("r-")
}

/// The acknowledgements, and the opening, that the trace does not bear out, in words.
pub(super) fn unproved(calls: &[Call], log: &str) -> Vec<String> {
    let mut proof = Proof { log, ..Proof::default() };
    let mut calls: Vec<&Call> = calls.iter().collect();
    calls.sort_by_key(|call| call.end);
    calls.into_iter().filter_map(|call| proof.look_at(call)).collect()
}

/// What the trace has shown so far.
#[derive(Default)]
struct Proof<'a> {
    log: &'a str,
    /// When each step was submitted.
    issued: HashMap<u64, usize>,
    /// Successful syncs of chunks: when they began and ended, and of which chunk.
    chunk_syncs: Vec<(usize, usize, String)>,
    /// When each step that purges was submitted.
    purges: Vec<usize>,
    /// When frames had been written to a chunk.
    frames: Vec<usize>,
    /// The chunks that were there when the log was opened: a purge before may have left them.
    found: Vec<String>,
    /// When each chunk got its name.
    named: HashMap<String, usize>,
    /// Successful syncs of the directory.
    directory_syncs: Vec<(usize, usize)>,
    /// Prepared files whose sync failed.
    unsynced: Vec<String>,
    /// From here on no sync proves anything.
    failed: Option<usize>,
}

impl Proof<'_> {
    /// What is wrong with this call, in words.
    fn look_at(&mut self, call: &Call) -> Option<String> {
        match (call.name.as_str(), call.said()) {
            ("write", Some(("issued", step))) => {
                self.issued.insert(step, call.begin);
            }
            ("write", Some(("purges", _))) => self.purges.push(call.begin),
            ("write", Some(("ack", step))) => return self.acknowledge(step, call.begin),
            ("write", Some(("opened", _))) => return self.opened(),
            _ => {}
        }
        let path = call.path().unwrap_or_default();
        match call.name.as_str() {
            "openat" if call.is_ok() => {
                self.found.extend(call.quoted(0).filter(|name| is_chunk(name)).map(str::to_owned));
            }
            "pwrite64"
                if call.is_failed_write() && (is_chunk(path) || call.arguments.contains("\"RAFTLOG")) =>
            {
                self.fail(call.end);
            }
            "pwrite64" if call.is_ok() && is_chunk(path) && call.puts_frames() => {
                self.frames.push(call.end);
            }
            "unlinkat" if call.is_ok() && call.quoted(0).is_some_and(is_chunk) => return self.remove(call),
            "fdatasync" if is_chunk(path) && call.is_ok() => {
                self.chunk_syncs.push((call.begin, call.end, file_name(path).to_owned()));
            }
            "fdatasync" if call.is_interrupted() => {}
            "fdatasync" if is_chunk(path) => self.fail(call.end),
            "fdatasync" if !call.is_ok() => self.unsynced.push(file_name(path).to_owned()),
            "fdatasync" => {}
            "fsync" if path == self.log && call.is_ok() => self.directory_syncs.push((call.begin, call.end)),
            // Before a chunk has its name, nobody rests on the directory.
            "fsync" if path == self.log && !self.named.is_empty() && !call.is_interrupted() => {
                self.fail(call.end)
            }
            // Its file is kept for another chunk.
            "renameat"
                if call.is_ok()
                    && call.quoted(0).is_some_and(is_chunk)
                    && !call.quoted(1).is_some_and(is_chunk) =>
            {
                return self.remove(call);
            }
            "renameat" => {
                if let Some(new) = call.quoted(1).filter(|new| is_chunk(new)) {
                    let was_synced =
                        call.quoted(0).is_none_or(|old| !self.unsynced.iter().any(|name| name == old));
                    self.named.insert(new.to_owned(), call.end);
                    if !call.is_ok() || !was_synced {
                        self.fail(call.end);
                    }
                }
            }
            _ => {}
        }
        None
    }

    fn fail(&mut self, line: usize) {
        self.failed = self.failed.or(Some(line));
    }

    fn acknowledge(&self, step: u64, told: usize) -> Option<String> {
        // Before the first step there is nothing to sync.
        let issued = *self.issued.get(&step)?;
        let is_named = |chunk: &String| match self.named.get(chunk) {
            Some(named) => self.directory_syncs.iter().any(|(begin, end)| begin > named && *end < told),
            None => true,
        };
        let is_before_failure = |begin: usize| self.failed.is_none_or(|failed| begin < failed);
        let mut syncs =
            self.chunk_syncs.iter().filter(|(begin, end, _)| *begin > issued && *end < told).peekable();
        if syncs.peek().is_none() {
            return Some(format!(
                "step {step} was acknowledged, and no chunk was synced since it was submitted"
            ));
        }
        let mut syncs = syncs.filter(|(begin, ..)| is_before_failure(*begin)).peekable();
        if syncs.peek().is_none() {
            return Some(format!("step {step} was acknowledged after a write or a sync had failed"));
        }
        if syncs.any(|(_, _, chunk)| is_named(chunk)) {
            return None;
        }
        Some(format!("step {step} was acknowledged before the name of its chunk was synced"))
    }

    /// A chunk goes: a purge must be durable. It stands at the earliest in what was written first after its step was
    /// submitted, and that must have been synced. What was purged before the log was opened was made durable then.
    fn remove(&self, call: &Call) -> Option<String> {
        let name = call.quoted(0).unwrap_or_default();
        let is_durable = |purge: &usize| {
            let written = self.frames.iter().find(|written| *written > purge);
            let is_synced = |written: &usize| {
                self.chunk_syncs.iter().any(|(begin, end, _)| begin > written && *end < call.begin)
            };
            written.is_some_and(is_synced)
        };
        let is_allowed = self.found.iter().any(|found| found == name) || self.purges.iter().any(is_durable);
        (!is_allowed).then(|| format!("{name} was removed, and no purge had been synced"))
    }

    fn opened(&self) -> Option<String> {
        if self.directory_syncs.is_empty() {
            return Some("the log was opened and the directory was not synced".into());
        }
        if !self.found.is_empty() && self.chunk_syncs.is_empty() {
            return Some("the log was opened and its newest chunk was not synced".into());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "/x/log";

    /// A small trace of a writer that does all as it must.
    fn good() -> Vec<&'static str> {
        vec![
            r#"7 fsync(3</x/log>) = 0"#,
            r#"7 write(1<pipe:[1]>, "opened 55"..., 12) = 12"#,
            r#"7 write(1<pipe:[1]>, "issued 3\n", 9) = 9"#,
            r#"7 pwrite64(5</x/log/spare-1.tmp>, "\0\0\0\0\0\0\0\0\0\0\0\0"..., 66152, 0) = 66152"#,
            r#"7 pwrite64(5</x/log/spare-1.tmp>, "RAFTLOG\n\1\0\0\0"..., 88, 0) = 88"#,
            r#"7 fdatasync(5</x/log/spare-1.tmp>)     = 0"#,
            r#"7 renameat(3</x/log>, "spare-1.tmp", 3</x/log>, "r-00_0.wal") = 0"#,
            r#"7 fsync(3</x/log>)                = 0"#,
            r#"7 pwrite64(5</x/log/r-00_0.wal>, "\244\5"..., 720, 88) = 720"#,
            r#"7 fdatasync(5</x/log/r-00_0.wal>) = 0"#,
            r#"7 write(1<pipe:[1]>, "ack 3\n", 6) = 6"#,
        ]
    }

    fn judged(lines: &[&str]) -> Vec<String> {
        unproved(&parse(&lines.join("\n")), LOG)
    }

    #[test]
    fn an_acknowledgement_after_all_its_syncs_is_proved() {
        assert_eq!(judged(&good()), Vec::<String>::new());
        assert_eq!(parse(&good().join("\n")).len(), 11);
    }

    #[test]
    fn each_sync_that_is_left_out_is_missed() {
        for (line, expected) in
            [(0, "directory was not synced"), (7, "name of its chunk"), (9, "no chunk was synced")]
        {
            let mut lines = good();
            lines.remove(line);
            let found = judged(&lines);
            assert!(found.len() == 1 && found[0].contains(expected), "{line}: {found:?}");
        }
    }

    #[test]
    fn each_call_that_failed_takes_the_proof_away() {
        for line in [4, 5, 6, 7, 8, 9] {
            let mut lines = good();
            let failed = lines[line].rsplit_once(" = ").unwrap().0.to_owned()
                + " = -1 EIO (Input/output error) (INJECTED)";
            lines[line] = &failed;
            assert_eq!(judged(&lines).len(), 1, "{failed}");
            // Asking a second time proves nothing.
            let again = good()[9];
            lines.insert(10, again);
            assert_eq!(judged(&lines).len(), 1, "{failed}, then {again}");
        }
    }

    #[test]
    fn zeros_that_cannot_be_laid_and_interruptions_are_no_failure() {
        for (line, error) in [(3, "ENOSPC"), (8, "EINTR"), (8, "EAGAIN")] {
            let mut lines = good();
            let failed =
                format!("{} = -1 {error} (text) (INJECTED)", lines[line].rsplit_once(" = ").unwrap().0);
            lines.insert(line, &failed);
            assert_eq!(judged(&lines), Vec::<String>::new(), "{failed}");
        }
    }

    #[test]
    fn a_sync_that_began_before_the_step_does_not_prove_it() {
        let mut lines = good();
        lines.truncate(9);
        lines.extend([
            r#"8 fdatasync(5</x/log/r-00_0.wal> <unfinished ...>"#,
            r#"7 write(1<pipe:[1]>, "issued 4\n", 9) = 9"#,
            r#"8 <... fdatasync resumed>) = 0"#,
            r#"8 write(1<pipe:[1]>, "ack 3\n", 6) = 6"#,
        ]);
        assert_eq!(judged(&lines), Vec::<String>::new());
        lines.push(r#"8 write(1<pipe:[1]>, "ack 4\n", 6) = 6"#);
        let found = judged(&lines);
        assert!(found.len() == 1 && found[0].contains("step 4"), "{found:?}");
    }

    #[test]
    fn a_chunk_is_removed_only_when_a_purge_is_synced() {
        let purges = r#"7 write(1<pipe:[1]>, "purges 3\n", 9) = 9"#;
        for remove in [
            r#"7 unlinkat(3</x/log>, "r-00_0.wal", 0) = 0"#,
            r#"7 renameat(3</x/log>, "r-00_0.wal", 3</x/log>, "spare-2.tmp") = 0"#,
        ] {
            let mut lines = good();
            lines.push(remove);
            let found = judged(&lines);
            assert!(found.len() == 1 && found[0].contains("no purge"), "{found:?}");
            lines.insert(3, purges);
            assert_eq!(judged(&lines), Vec::<String>::new());
            // What is written after the purge was synced does not matter.
            lines.insert(11, lines[9]);
            assert_eq!(judged(&lines), Vec::<String>::new());
            // Here neither is the purge synced, nor was it written before the sync.
            for early in [10, 9] {
                let mut lines = lines.clone();
                lines.retain(|line| *line != remove);
                lines.insert(early, remove);
                let found = judged(&lines);
                assert!(found.len() == 1 && found[0].contains("was removed"), "{early}: {found:?}");
            }
        }
    }

    #[test]
    fn a_chunk_that_was_found_may_have_been_purged_before() {
        let lines = [
            r#"7 fsync(3</x/log>) = 0"#,
            r#"7 openat(3</x/log>, "r-00_0.wal", O_RDONLY) = 6</x/log/r-00_0.wal>"#,
            r#"7 fdatasync(6</x/log/r-00_0.wal>) = 0"#,
            r#"7 write(1<pipe:[1]>, "opened 55"..., 12) = 12"#,
            r#"7 unlinkat(3</x/log>, "r-00_0.wal", 0) = 0"#,
        ];
        assert_eq!(judged(&lines), Vec::<String>::new());
    }

    #[test]
    fn an_open_that_finds_chunks_syncs_the_newest() {
        let lines = [
            r#"7 fsync(3</x/log>) = 0"#,
            r#"7 openat(3</x/log>, "r-00_0.wal", O_RDONLY) = 6</x/log/r-00_0.wal>"#,
            r#"7 fdatasync(6</x/log/r-00_0.wal>) = 0"#,
            r#"7 write(1<pipe:[1]>, "opened 55"..., 12) = 12"#,
        ];
        assert_eq!(judged(&lines), Vec::<String>::new());
        assert_eq!(judged(&[lines[0], lines[1], lines[3]]).len(), 1);
    }
}
