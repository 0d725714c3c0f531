//! Which crates and modules of std a source names, outside of comments and literals. Pure.
//!
//! It reads tokens, not a syntax tree: enough to see a path wherever it stands, be it in a `use`, in a
//! group of a `use`, in an expression or in an attribute. It rather reports too much than too little: each
//! part of a path that another part follows counts as the name of a crate.

/// A crate, or a module of std, that a source names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// Counted from 1.
    pub(super) line: usize,
    /// `some_crate`, `std::module`, or [`ALL_OF_STD`].
    pub(super) path: String,
}

/// Reported where a source names the whole of std, by a glob or under another name, so that any module
/// may follow.
pub(super) const ALL_OF_STD: &str = "std::*";

/// All names in `source`, in the order they stand there.
pub(super) fn names_in(source: &str) -> Vec<Name> {
    let tokens = tokens_of(source);
    let mut names = Vec::new();
    let mut before = None;
    let mut rest = tokens.as_slice();
    while let [token, after @ ..] = rest {
        if let Kind::Word(word) = &token.kind {
            let is_path = matches!(after, [Token { kind: Kind::PathSeparator, .. }, ..]);
            let is_renamed = matches!(after, [next, ..] if next.is_word("as"));
            let is_imported =
                matches!(before, Some(Kind::Word(before)) if before == "use" || before == "crate");
            if word == "std" {
                match after {
                    [Token { kind: Kind::PathSeparator, .. }, inside @ ..] => {
                        names.extend(std_modules(inside))
                    }
                    _ if is_renamed || is_imported => {
                        names.push(Name { line: token.line, path: ALL_OF_STD.to_owned() });
                    }
                    _ => {}
                }
            } else if is_path || is_renamed || is_imported {
                names.push(Name { line: token.line, path: word.clone() });
            }
        }
        before = Some(token.kind.clone());
        rest = after;
    }
    names
}

/// The modules named by what follows `std::`: one, or all of a group.
fn std_modules(tokens: &[Token]) -> Vec<Name> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut at_start = true;
    for token in tokens {
        match &token.kind {
            Kind::Other('{') => {
                depth += 1;
                continue;
            }
            Kind::Other('}') => depth = depth.saturating_sub(1),
            Kind::Other(',') if depth == 1 => {
                at_start = true;
                continue;
            }
            Kind::Word(word) if at_start => {
                // `std::{self as other}` gives all of it, as a glob does.
                let path = if word == "self" { ALL_OF_STD.to_owned() } else { format!("std::{word}") };
                names.push(Name { line: token.line, path });
                at_start = false;
            }
            Kind::Other('*') if at_start => {
                names.push(Name { line: token.line, path: ALL_OF_STD.to_owned() });
                at_start = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    line: usize,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// An identifier, a keyword or a number.
    Word(String),
    /// `::`
    PathSeparator,
    Other(char),
}

impl Token {
    fn is_word(&self, wanted: &str) -> bool {
        matches!(&self.kind, Kind::Word(word) if word == wanted)
    }
}

fn tokens_of(source: &str) -> Vec<Token> {
    let mut reader = Reader { rest: source, line: 1 };
    let mut tokens = Vec::new();
    loop {
        reader.skip_blanks_and_comments();
        let line = reader.line;
        let Some(first) = reader.rest.chars().next() else {
            return tokens;
        };
        if reader.skip_literal() {
            continue;
        }
        let kind = if is_word(first) {
            reader.eat("r#");
            Kind::Word(reader.take_while(is_word).to_owned())
        } else if reader.eat("::") {
            Kind::PathSeparator
        } else {
            reader.take(first.len_utf8());
            Kind::Other(first)
        };
        tokens.push(Token { line, kind });
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The part of a source that is still to be read. Never ends within a character.
struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    /// Takes `length` bytes, or all that is left.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.line += taken.matches('\n').count();
        taken
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        self.take(self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len()))
    }

    /// Takes up to and with `end`, or all that is left.
    fn take_through(&mut self, end: &str) {
        self.take(self.rest.find(end).map_or(self.rest.len(), |at| at + end.len()));
    }

    fn eat(&mut self, prefix: &str) -> bool {
        let begins = self.rest.starts_with(prefix);
        if begins {
            self.take(prefix.len());
        }
        begins
    }

    fn skip_blanks_and_comments(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if self.eat("//") {
                self.take_through("\n");
            } else if self.eat("/*") {
                self.skip_block_comment();
            } else {
                return;
            }
        }
    }

    /// What follows `/*`; block comments nest.
    fn skip_block_comment(&mut self) {
        let mut depth = 1_usize;
        while depth > 0 && !self.rest.is_empty() {
            if self.eat("/*") {
                depth += 1;
            } else if self.eat("*/") {
                depth -= 1;
            } else {
                self.take_char();
            }
        }
    }

    /// Skips a text, byte or character literal, or the quote of a lifetime; whether there was one.
    fn skip_literal(&mut self) -> bool {
        let marker = ["br", "cr", "b", "c", "r"].into_iter().find(|marker| self.begins_literal(marker));
        self.take(marker.map_or(0, str::len));
        let is_raw = marker.is_some_and(|marker| marker.ends_with('r'));
        if is_raw {
            let hashes = self.take_while(|c| c == '#');
            self.take(1);
            self.take_through(&format!("\"{hashes}"));
            return true;
        }
        if self.eat("\"") {
            self.skip_until_quote('"');
            return true;
        }
        if self.eat("'") {
            let mut ahead = self.rest.chars();
            let (first, second) = (ahead.next(), ahead.next());
            if first == Some('\\') || second == Some('\'') {
                self.skip_until_quote('\'');
            }
            return true;
        }
        false
    }

    /// Whether a literal with `marker` before its quote begins here: `r#"` does, `r#type` does not.
    fn begins_literal(&self, marker: &str) -> bool {
        let Some(after) = self.rest.strip_prefix(marker) else {
            return false;
        };
        if marker.ends_with('r') {
            after.trim_start_matches('#').starts_with('"')
        } else {
            after.starts_with('"') || (marker == "b" && after.starts_with('\''))
        }
    }

    /// What follows an opening quote, with the closing one. A backslash takes the next character along.
    fn skip_until_quote(&mut self, quote: char) {
        while let Some(c) = self.take_char() {
            if c == '\\' {
                self.take_char();
            } else if c == quote {
                return;
            }
        }
    }

    fn take_char(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.take(c.len_utf8());
        Some(c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(source: &str) -> Vec<String> {
        names_in(source).into_iter().map(|name| name.path).collect()
    }

    #[test]
    fn a_path_is_seen_wherever_it_stands() {
        for (source, path) in [
            ("use std::fs;", "std::fs"),
            ("use ::std::fs::File;", "std::fs"),
            ("use std :: /* here */ fs ;", "std::fs"),
            ("let t = std::time::Instant::now();", "std::time"),
            ("x = a.b('c', std::fs::read)", "std::fs"),
            ("#[tracing::instrument] fn f() {}", "tracing"),
            ("fn f(x: &dyn ::raft_log::Wal) {}", "raft_log"),
        ] {
            assert!(paths(source).contains(&path.to_owned()), "{source}: {:?}", paths(source));
        }
    }

    #[test]
    fn every_module_of_a_group_is_seen() {
        let source = "use std::{io::{self, Read}, fs, collections::{BTreeMap, fs2}, time::Duration};";
        let seen = paths(source);
        for module in ["std::io", "std::fs", "std::collections", "std::time"] {
            assert!(seen.iter().any(|path| path == module), "{module} in {seen:?}");
        }
        assert!(!seen.iter().any(|path| path == "std::BTreeMap" || path == "std::fs2"), "{seen:?}");
        assert_eq!(paths("use {std::fs, tracing::info};"), ["std::fs", "tracing"]);
        assert_eq!(paths("use std::{fs,}; use std::thread;"), ["std::fs", "std::thread"]);
    }

    #[test]
    fn a_name_that_only_begins_alike_is_another() {
        assert_eq!(
            paths("raft_log_chunk::open(); std::fsx::f(); my_std::fs();"),
            ["raft_log_chunk", "std::fsx", "fsx", "my_std"]
        );
        assert_eq!(paths("let raft_log = 1; raft_log.sync();"), [""; 0]);
    }

    #[test]
    fn a_crate_is_seen_without_a_path_and_under_another_name() {
        assert_eq!(paths("use raft_log;"), ["raft_log"]);
        assert_eq!(paths("use raft_log as hidden;"), ["raft_log"]);
        assert_eq!(paths("extern crate raft_log;"), ["raft_log"]);
        assert_eq!(paths("use {raft_log as hidden};"), ["raft_log"]);
        assert_eq!(paths("use r#raft_log::Config;"), ["raft_log"]);
    }

    #[test]
    fn all_of_std_is_seen() {
        for source in [
            "use std::*;",
            "use std as s;",
            "use std::{self as s};",
            "extern crate std as s;",
            "use std::{io, *};",
        ] {
            assert!(paths(source).contains(&ALL_OF_STD.to_owned()), "{source}");
        }
    }

    #[test]
    fn comments_and_literals_name_nothing() {
        for source in [
            "// std::fs",
            "/// use std::fs;\n",
            "//! std::fs",
            "/* std::fs /* nested */ std::fs */",
            r#"let s = "std::fs \" std::fs";"#,
            r##"let s = r#"std::fs " std::fs"#;"##,
            r#"let s = br"std::fs\";"#,
            r#"let s = b"std::fs"; let c = c"std::fs";"#,
        ] {
            assert_eq!(paths(source), [""; 0], "{source}");
        }
    }

    #[test]
    fn what_follows_a_literal_is_read_again() {
        for source in [
            r#"let s = "\\"; std::fs;"#,
            r##"let s = r#"""#; std::fs;"##,
            r"let c = '\''; std::fs;",
            "let c = '\"'; std::fs; let d = '\"';",
            r"let c = '\u{1F600}'; std::fs;",
            "fn f<'a>(x: &'a str) { std::fs; }",
            "let c = b'\\''; std::fs;",
            "'outer: loop { std::fs; }",
            "a /* b */; std::fs; // end",
        ] {
            assert_eq!(paths(source), ["std::fs"], "{source}");
        }
    }

    #[test]
    fn lines_are_counted_through_comments_and_literals() {
        let source = "//! a\n/* b\n */\nlet s = \"c\nd\";\nuse std::fs;\nuse std::{\n    io,\n    time,\n};";
        let lines: Vec<(usize, String)> =
            names_in(source).into_iter().map(|name| (name.line, name.path)).collect();
        assert_eq!(lines, [(6, "std::fs".into()), (8, "std::io".into()), (9, "std::time".into())]);
    }

    #[test]
    fn an_unfinished_source_ends() {
        for source in
            ["\"std::fs", "/* std::fs", "r#\"std::fs", "'\\", "'", "std::", "use std::{", "é'é", "r#"]
        {
            let _ = names_in(source);
        }
    }
}
