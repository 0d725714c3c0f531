//! The comparison of a graph with the table. Pure: the same graph gives the same violations.

use std::fmt;

use super::graph::{Graph, Package};
use super::names::{ALL_OF_STD, names_in};
use super::table::{Layer, layer_of};

/// One thing in the workspace that its table does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Violation {
    /// A package without a row in the table.
    NotInTable { package: String },
    /// A dependency on a package of the workspace.
    Edge { from: String, to: String },
    /// A dependency on a package from outside.
    ThirdParty { from: String, to: String },
    /// A crate or a module of std named in a source.
    Name { package: String, path: String, line: usize, name: String },
}

/// All violations in `graph`, package by package.
pub(super) fn check(graph: &Graph) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in &graph.packages {
        match layer_of(&package.name) {
            Some(layer) => check_package(package, layer, &mut violations),
            None => violations.push(Violation::NotInTable { package: package.name.clone() }),
        }
    }
    violations
}

fn check_package(package: &Package, layer: &Layer, violations: &mut Vec<Violation>) {
    for to in &package.depends_on {
        if !layer.may_depend_on(to) {
            violations.push(Violation::Edge { from: package.name.clone(), to: to.clone() });
        }
    }
    for to in &package.third_party {
        if layer.third_party.is_some_and(|allowed| !allowed.contains(&to.as_str())) {
            violations.push(Violation::ThirdParty { from: package.name.clone(), to: to.clone() });
        }
    }
    if layer.forbidden_names.is_empty() {
        return;
    }
    for source in package.sources.iter().filter(|source| !layer.is_exempt(&source.path)) {
        for name in names_in(&source.text) {
            if is_forbidden(layer, &name.path) {
                violations.push(Violation::Name {
                    package: package.name.clone(),
                    path: source.path.clone(),
                    line: name.line,
                    name: name.path,
                });
            }
        }
    }
}

/// Whoever must not name one module of std must not name all of it either.
fn is_forbidden(layer: &Layer, name: &str) -> bool {
    layer.forbidden_names.contains(&name)
        || (name == ALL_OF_STD
            && layer.forbidden_names.iter().any(|forbidden| forbidden.starts_with("std::")))
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInTable { package } => {
                write!(f, "{package} has no layer: add it to the table in xtask/src/layers/table.rs")
            }
            Self::Edge { from, to } => write!(f, "{from} must not depend on {to}"),
            Self::ThirdParty { from, to } => {
                write!(f, "{from} must not depend on {to} from outside the workspace")
            }
            Self::Name { package, path, line, name } => {
                write!(f, "{package} must not name `{name}` at {path}:{line}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::graph::Source;
    use super::*;

    fn package(name: &str, depends_on: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            depends_on: depends_on.iter().map(|&to| to.to_owned()).collect(),
            third_party: ["bytes".to_owned()].into(),
            sources: vec![Source { path: "src/lib.rs".into(), text: "use std::fmt;".into() }],
        }
    }

    fn check_one(package: Package) -> Vec<String> {
        check(&Graph { packages: vec![package] }).iter().map(Violation::to_string).collect()
    }

    #[test]
    fn a_workspace_within_the_table_has_no_violations() {
        let packages = vec![
            package("raft-log-codec", &[]),
            package("raft-log-chunk", &["raft-log-codec"]),
            package("raft-log-state", &["raft-log-codec"]),
            package("raft-log", &["raft-log-codec", "raft-log-chunk", "raft-log-state"]),
            package("xtask", &["raft-log", "raft-log-codec"]),
        ];
        assert_eq!(check(&Graph { packages }), []);
    }

    #[test]
    fn chunk_and_state_never_meet() {
        assert_eq!(
            check_one(package("raft-log-chunk", &["raft-log-state"])),
            ["raft-log-chunk must not depend on raft-log-state"]
        );
        assert_eq!(
            check_one(package("raft-log-state", &["raft-log-chunk"])),
            ["raft-log-state must not depend on raft-log-chunk"]
        );
    }

    #[test]
    fn a_package_outside_the_table_is_to_be_added_to_it() {
        assert_eq!(
            check_one(package("raft-log-new", &[])),
            ["raft-log-new has no layer: add it to the table in xtask/src/layers/table.rs"]
        );
    }

    #[test]
    fn a_pure_layer_takes_no_other_crates_from_outside() {
        let mut state = package("raft-log-state", &[]);
        state.third_party.insert("tracing".into());
        assert_eq!(
            check_one(state),
            ["raft-log-state must not depend on tracing from outside the workspace"]
        );

        let mut facade = package("raft-log", &[]);
        facade.third_party.insert("tracing".into());
        assert_eq!(check_one(facade), [""; 0]);
    }

    #[test]
    fn a_forbidden_name_is_told_with_its_place() {
        let mut codec = package("raft-log-codec", &[]);
        codec
            .sources
            .push(Source { path: "src/frame.rs".into(), text: "// a\nuse std::{fmt, time};\n".into() });
        assert_eq!(check_one(codec), ["raft-log-codec must not name `std::time` at src/frame.rs:2"]);
    }

    #[test]
    fn all_of_std_is_as_forbidden_as_its_parts() {
        let mut codec = package("raft-log-codec", &[]);
        codec.sources.push(Source { path: "src/frame.rs".into(), text: "use std::*;".into() });
        assert_eq!(check_one(codec), ["raft-log-codec must not name `std::*` at src/frame.rs:1"]);
    }

    #[test]
    fn the_tool_names_the_facade_only_where_it_imports_and_repairs() {
        let mut dump = package("raft-log-dump", &["raft-log"]);
        let text = "use raft_log::RaftLog;\nuse raft_log_chunk::Storage;\nuse std::*;";
        dump.sources.push(Source { path: "src/import.rs".into(), text: text.into() });
        dump.sources.push(Source { path: "src/repair/plan.rs".into(), text: text.into() });
        dump.sources.push(Source { path: "src/show.rs".into(), text: text.into() });
        assert_eq!(check_one(dump), ["raft-log-dump must not name `raft_log` at src/show.rs:1"]);
    }
}
