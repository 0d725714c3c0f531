//! The Markdown pages of the workspace: their links, headings and blocks. It reads, and judges one page at a time.

use std::path::{Path, PathBuf};

use crate::Outcome;

/// A page: where it lies from the root of the workspace, and its text.
pub(super) struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    /// All pages: at the root, and under `docs`.
    pub(super) fn all(root: &Path) -> Outcome<Vec<Self>> {
        let mut pages = Vec::new();
        let mut directories = vec![(root.to_owned(), false), (root.join("docs"), true)];
        while let Some((directory, is_deep)) = directories.pop() {
            for entry in std::fs::read_dir(&directory)? {
                let path = entry?.path();
                if path.is_dir() && is_deep {
                    directories.push((path, true));
                } else if path.extension().is_some_and(|extension| extension == "md") {
                    let text = std::fs::read_to_string(&path)?;
                    pages.push(Self { path: path.strip_prefix(root)?.to_owned(), text });
                }
            }
        }
        pages.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(pages)
    }

    #[cfg(test)]
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.to_owned() }
    }

    /// What the page links to, outside of blocks: paths and anchors, and no addresses of other places.
    pub(super) fn links(&self) -> Vec<&str> {
        let outside = self.text.split("```").step_by(2);
        let links = outside.flat_map(|text| text.split("](").skip(1));
        links.filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://")).collect()
    }

    /// How many blocks of Rust it has.
    pub(super) fn rust_blocks(&self) -> usize {
        self.text.lines().filter(|line| line.trim_start().starts_with("```rust")).count()
    }

    /// Whether a heading of the page has this anchor, by the rule that is usual on the web.
    fn has_anchor(&self, anchor: &str) -> bool {
        let is_kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let anchor_of = |line: &str| -> String {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            heading.chars().filter(is_kept).map(|c| if c == ' ' { '-' } else { c }).collect()
        };
        self.text.lines().filter(|line| line.starts_with('#')).any(|line| anchor_of(line) == anchor)
    }
}

/// What is wrong with a page: links that lead nowhere, and blocks of Rust that nobody compiles.
pub(super) fn faults(root: &Path, page: &Page, pages: &[Page]) -> Vec<String> {
    let mut faults = Vec::new();
    let here = page.path.display();
    for link in page.links() {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let directory = page.path.parent().unwrap_or(Path::new(""));
        let target = if path.is_empty() { page.path.clone() } else { plain(&directory.join(path)) };
        if !root.join(&target).exists() {
            faults.push(format!("{here}: {link} leads nowhere"));
        } else if !anchor.is_empty() {
            let target = pages.iter().find(|page| page.path == target);
            if !target.is_some_and(|page| page.has_anchor(anchor)) {
                faults.push(format!("{here}: {link} names a heading that is not there"));
            }
        }
    }
    // Doctests take whole pages: one is compiled if a crate includes it.
    let facade = std::fs::read_to_string(root.join("crates/raft-log/src/lib.rs")).unwrap_or_default();
    if page.rust_blocks() > 0 && !facade.contains(&format!("include_str!(\"../../../{here}\")")) {
        faults.push(format!("{here}: its Rust is not compiled; include it in crates/raft-log/src/lib.rs"));
    }
    faults
}

/// A path without `..`, which need not exist.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path {
        if part == ".." {
            plain.pop();
        } else if part != "." {
            plain.push(part);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_leads_nowhere_and_rust_that_nobody_compiles_are_found() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("docs/deep")).unwrap();
        for name in ["docs/a.md", "docs/deep/b.md", "README.md"] {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        let told = |text: &str| {
            let pages = [Page::new("docs/a.md", text), Page::new("README.md", "# Of `x`, and y_z\n")];
            faults(root.path(), &pages[0], &pages)
        };
        assert!(
            told("[a](deep/b.md) [b](../README.md#of-x-and-y_z) [c](#here) [d](https://x/y)\n# Here\n")
                .is_empty()
        );
        assert_eq!(told("[a](deep/c.md)"), ["docs/a.md: deep/c.md leads nowhere"]);
        assert_eq!(told("[a](#no)").len(), 1);
        assert_eq!(told("[a](../README.md#no)").len(), 1);
        assert!(told("```text\n[a](nowhere.md)\n```\n").is_empty());
        assert_eq!(told("```rust\nfn main() {}\n```\n").len(), 1);
        assert_eq!(Page::all(root.path()).unwrap().len(), 3);
    }
}
