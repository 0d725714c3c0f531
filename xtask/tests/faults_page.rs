//! `docs/faults.md` names tests that exist.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::path::Path;

/// All that the page names as `crate: file::test`, `crate: directory::file::test` or `crate: file`.
fn named_tests(page: &str) -> BTreeSet<(String, String)> {
    let quoted = page.split('`').skip(1).step_by(2);
    let named = quoted.filter_map(|text| text.split_once(": "));
    let named = named.filter(|(package, _)| package.starts_with("raft-log"));
    named.map(|(package, test)| (package.to_owned(), test.to_owned())).collect()
}

/// Why the test is not there, if it is not.
fn missing(root: &Path, package: &str, test: &str) -> Option<String> {
    let (file, name) = test.rsplit_once("::").unwrap_or((test, ""));
    let path =
        root.join("crates").join(package).join("tests/it").join(file.replace("::", "/")).with_extension("rs");
    let Ok(source) = std::fs::read_to_string(&path) else {
        return Some(format!("{package}: no file {file}"));
    };
    let is_there = name.is_empty() || source.contains(&format!("fn {name}()"));
    (!is_there).then(|| format!("{package}: {file} has no test {name}"))
}

#[test]
fn the_faults_page_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/faults.md")).unwrap();
    let named = named_tests(&page);
    assert!(named.len() > 40, "{} tests are named", named.len());
    let missing: Vec<String> =
        named.iter().filter_map(|(package, test)| missing(root, package, test)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(missing_something(root), "a test that is not there would be told");
}

fn missing_something(root: &Path) -> bool {
    missing(root, "raft-log", "crashes::no_such_test").is_some()
        && missing(root, "raft-log", "no_such_file").is_some()
}
