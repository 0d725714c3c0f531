//! The README says what is true: the quickstart is short (it runs as a doctest), the error table is complete, its
//! links lead somewhere, and the examples it names are there.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_quickstart_takes_at_most_twenty_lines() {
    let readme = read("README.md");
    let block = readme.split("```rust\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(block.contains("fn main"));
    assert!((5..=20).contains(&block.lines().count()), "{} lines", block.lines().count());
}

/// The variants of a public enum, by its source.
fn variants(source: &str, name: &str) -> Vec<String> {
    let start = source.find(&format!("pub enum {name}")).unwrap();
    let body = &source[start..start + source[start..].find("\n}").unwrap()];
    let is_variant = |line: &&str| {
        line.strip_prefix("    ")
            .is_some_and(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
    };
    let name = |line: &str| line.trim().chars().take_while(char::is_ascii_alphanumeric).collect();
    body.lines().filter(is_variant).map(name).collect()
}

#[test]
fn the_readme_tells_what_to_do_about_each_error() {
    let readme = read("README.md");
    let facade = read("crates/raft-log/src/error.rs");
    let chunk = read("crates/raft-log-chunk/src/error.rs");
    let mut rows = 0;
    for (source, name) in [
        (&facade, "OpenError"),
        (&chunk, "RecoveryError"),
        (&facade, "WriteError"),
        (&facade, "FlushError"),
        (&facade, "ReadError"),
    ] {
        let variants = variants(source, name);
        assert!(variants.len() >= 2, "{name}: {variants:?}");
        for variant in variants {
            let row = format!("| `{name}::{variant}` |");
            assert!(readme.contains(&row), "the README has no row {row}");
            rows += 1;
        }
        let written = readme.matches(&format!("| `{name}::")).count();
        rows -= written;
    }
    assert_eq!(rows, 0, "a row is about an error that is not there");
}

#[test]
fn every_example_is_named_in_the_documentation() {
    let readme = read("README.md") + &read("docs/README.md");
    let examples = std::fs::read_dir(root().join("crates/raft-log/examples")).unwrap();
    let mut names: Vec<_> = examples.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 5);
    for path in names {
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            readme.contains(&format!("`{name}`")) || readme.contains(&format!("--example {name}`")),
            "{name}"
        );
    }
}

/// Every relative link of a page leads to a file that is there.
fn check_links(page: &str) -> usize {
    let text = read(page);
    let directory = root().join(page).parent().unwrap().to_owned();
    let mut links = 0;
    for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        if path.contains("://") {
            continue;
        }
        links += 1;
        let target = if path.is_empty() { root().join(page) } else { directory.join(path) };
        assert!(target.exists(), "{page}: {link} leads nowhere");
        if !anchor.is_empty() {
            let target = std::fs::read_to_string(target).unwrap();
            let slug = |line: &str| -> String {
                let kept = |c: char| c.is_alphanumeric() || c == ' ' || c == '-' || c == '_';
                line.trim_start_matches('#').trim().to_lowercase().chars().filter(|c| kept(*c)).collect()
            };
            let headings = target.lines().filter(|line| line.starts_with('#'));
            assert!(headings.map(slug).any(|slug| slug.replace(' ', "-") == anchor), "{page}: {link}");
        }
    }
    links
}

#[test]
fn links_between_the_pages_lead_somewhere() {
    let mut links = check_links("README.md") + check_links("CHANGELOG.md");
    for page in std::fs::read_dir(root().join("docs")).unwrap() {
        let page = page.unwrap().path();
        if page.extension().is_some_and(|extension| extension == "md") {
            links += check_links(&format!("docs/{}", page.file_name().unwrap().to_str().unwrap()));
        }
    }
    assert!(links >= 20, "{links}");
}
