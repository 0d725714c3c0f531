//! The proof that the check can fail: each forbidden thing, added alone to a graph, must be found.
//!
//! Found means: the check reports exactly this one violation more than without it. What is forbidden is
//! taken from the table, and a table that forbids nothing is a failure.

use std::fmt;

use super::graph::{Graph, Package, Source};
use super::rules::{Violation, check};
use super::table::layer_of;

/// What was tried and what was missed.
#[derive(Debug)]
pub(super) struct Report {
    edges: Tally,
    names: Tally,
    third_party: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    tried: usize,
    missed: Vec<Violation>,
}

/// Tries on `graph` every forbidden edge between its packages, every forbidden name in each way a source
/// can name it, and a crate from outside wherever those are listed.
pub(super) fn run(graph: &Graph) -> Report {
    let mut report =
        Report { edges: Tally::default(), names: Tally::default(), third_party: Tally::default() };
    for package in &graph.packages {
        let from = &package.name;
        let Some(layer) = layer_of(from) else { continue };

        for to in graph.packages.iter().map(|package| &package.name) {
            if to != from && !layer.may_depend_on(to) {
                let expected = Violation::Edge { from: from.clone(), to: to.clone() };
                // Should the workspace have the edge already, it is to be found all the same.
                let without = changed(graph, from, |package| package.depends_on.remove(to));
                let with = changed(graph, from, |package| package.depends_on.insert(to.clone()));
                report.edges.add(&without, &with, expected);
            }
        }

        for &name in layer.forbidden_names {
            for text in sources_that_name(name) {
                let path = "src/the_self_test_adds_this.rs".to_owned();
                let expected = Violation::Name {
                    package: from.clone(),
                    path: path.clone(),
                    line: 2,
                    name: name.to_owned(),
                };
                let with = changed(graph, from, |package| package.sources.push(Source { path, text }));
                report.names.add(graph, &with, expected);
            }
        }

        if layer.third_party.is_some() {
            let to = "a-crate-the-self-test-adds".to_owned();
            let expected = Violation::ThirdParty { from: from.clone(), to: to.clone() };
            let with = changed(graph, from, |package| package.third_party.insert(to));
            report.third_party.add(graph, &with, expected);
        }
    }
    report
}

/// Sources that name `name` once, on their second line.
fn sources_that_name(name: &str) -> Vec<String> {
    let mut sources = vec![
        format!("//! In an import.\nuse {name}::something;\n"),
        format!("//! Under another name.\nuse {name} as hidden;\n"),
        format!("//! In an expression.\nfn f() {{ let \"{name}\" = {name}::something(); }}\n"),
    ];
    match name.split_once("::") {
        Some((root, module)) => {
            sources.push(format!("//! In a group.\nuse {root}::{{fmt::{{self, Debug}}, {module}}};\n"));
        }
        None => sources.push(format!("//! As a crate.\nextern crate {name};\n")),
    }
    sources
}

/// A copy of `graph` in which `change` was made to the package of this name. What `change` returns is of no
/// interest here.
fn changed<R>(graph: &Graph, name: &str, change: impl FnOnce(&mut Package) -> R) -> Graph {
    let mut graph = graph.clone();
    if let Some(package) = graph.packages.iter_mut().find(|package| package.name == name) {
        change(package);
    }
    graph
}

impl Tally {
    fn add(&mut self, without: &Graph, with: &Graph, expected: Violation) {
        let before = check(without);
        let more: Vec<_> = check(with).into_iter().filter(|violation| !before.contains(violation)).collect();
        self.tried += 1;
        if more != [expected.clone()] {
            self.missed.push(expected);
        }
    }

    fn passed(&self) -> bool {
        self.tried > 0 && self.missed.is_empty()
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
        write!(f, "{} of {} {what} found", self.tried - self.missed.len(), self.tried)?;
        for missed in &self.missed {
            write!(f, "\n  missed: {missed}")?;
        }
        Ok(())
    }
}

impl Report {
    /// Whether something of each kind was tried, and all of it found.
    pub(super) fn passed(&self) -> bool {
        self.edges.passed() && self.names.passed() && self.third_party.passed()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.edges.write(f, "forbidden edges")?;
        f.write_str("\n")?;
        self.names.write(f, "forbidden names")?;
        f.write_str("\n")?;
        self.third_party.write(f, "forbidden crates from outside")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(names: &[&str]) -> Graph {
        let package = |name: &&str| Package {
            name: (*name).to_owned(),
            depends_on: Default::default(),
            third_party: Default::default(),
            sources: Vec::new(),
        };
        Graph { packages: names.iter().map(package).collect() }
    }

    #[test]
    fn every_forbidden_edge_is_tried_and_found() {
        let report = run(&graph(&["raft-log-codec", "raft-log-chunk", "raft-log-state", "xtask"]));
        assert!(report.passed(), "{report}");
        // Codec to three others, chunk and state to each other and to xtask; xtask may use them all.
        assert_eq!(report.edges.tried, 7);
        // Two pure layers, six names, four ways to name each.
        assert_eq!(report.names.tried, 48);
        assert_eq!(report.third_party.tried, 2);
        assert!(report.to_string().starts_with("7 of 7 forbidden edges found\n"), "{report}");
    }

    #[test]
    fn an_edge_that_is_there_already_is_found() {
        let mut graph = graph(&["raft-log-codec", "raft-log-chunk"]);
        for package in &mut graph.packages {
            if package.name == "raft-log-codec" {
                package.depends_on.insert("raft-log-chunk".into());
            }
        }
        assert!(run(&graph).passed());
    }

    #[test]
    fn a_miss_is_a_failure_and_is_named() {
        let codec = graph(&["raft-log-codec"]);
        let mut tally = Tally::default();
        let expected = Violation::Edge { from: "raft-log-codec".into(), to: "raft-log".into() };
        tally.add(&codec, &codec, expected);
        assert!(!tally.passed());
        let report = Report { edges: tally, names: Tally::default(), third_party: Tally::default() };
        let text = report.to_string();
        assert!(text.starts_with("0 of 1 forbidden edges found\n"), "{text}");
        assert!(text.contains("missed: raft-log-codec must not depend on raft-log"), "{text}");
    }

    #[test]
    fn nothing_tried_is_a_failure() {
        assert!(!run(&graph(&[])).passed());
        assert!(!run(&graph(&["xtask"])).passed());
    }
}
