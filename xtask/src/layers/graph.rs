//! The workspace as plain data: packages, their edges, their sources. Read here, judged in `rules`.
//!
//! Dev-dependencies are left out. Edges between packages of the workspace always go by path, so a
//! published crate of the same name counts as third party.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Outcome;
use crate::capture::{capture, cargo};

/// All packages of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Graph {
    pub(super) packages: Vec<Package>,
}

/// One package of the workspace, and what it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    /// Packages of the workspace, by normal and build dependencies, optional ones too.
    pub(super) depends_on: BTreeSet<String>,
    /// Packages from elsewhere, likewise.
    pub(super) third_party: BTreeSet<String>,
    /// All Rust files below `src`.
    pub(super) sources: Vec<Source>,
}

/// A source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// From the package's root, with `/`: `src/lib.rs`.
    pub(super) path: String,
    pub(super) text: String,
}

impl Graph {
    /// Asks cargo for the workspace of the current directory, and reads its sources.
    ///
    /// # Errors
    ///
    /// If cargo fails, if its answer is not of the known form, or if a source cannot be read.
    pub(super) fn of_workspace() -> Outcome<Self> {
        let mut command = cargo();
        command.args(["metadata", "--quiet", "--format-version", "1", "--no-deps"]);
        let metadata = capture(command)?;
        if !metadata.success {
            return Err(format!("cargo metadata failed:\n{}", metadata.output).into());
        }
        let mut packages = Vec::new();
        for (mut package, manifest) in packages_of(&serde_json::from_str(&metadata.output)?)? {
            let root = manifest.parent().ok_or("a manifest without a directory")?;
            read_sources(root, &root.join("src"), &mut package.sources)?;
            if package.sources.is_empty() {
                return Err(format!("{} has no sources below {}", package.name, root.display()).into());
            }
            packages.push(package);
        }
        Ok(Self { packages })
    }
}

/// The packages in cargo's answer, still without sources, each with the path of its manifest.
///
/// # Errors
///
/// If the answer is not of the known form, or holds no package, or if a package of the workspace is used
/// under another name: the check of the sources goes by names.
fn packages_of(metadata: &Value) -> Outcome<Vec<(Package, PathBuf)>> {
    let listed = array(metadata, "packages")?;
    let members = listed.iter().map(|package| text(package, "name")).collect::<Outcome<BTreeSet<&str>>>()?;
    if members.is_empty() {
        return Err("cargo metadata lists no packages".into());
    }

    let mut packages = Vec::new();
    for listed in listed {
        let name = text(listed, "name")?;
        let mut depends_on = BTreeSet::new();
        let mut third_party = BTreeSet::new();
        for dependency in array(listed, "dependencies")? {
            if dependency.get("kind").and_then(Value::as_str) == Some("dev") {
                continue;
            }
            let dependency_name = text(dependency, "name")?;
            let by_path = dependency.get("path").is_some_and(Value::is_string);
            if !(by_path && members.contains(dependency_name)) {
                third_party.insert(dependency_name.to_owned());
                continue;
            }
            if let Some(rename) = dependency.get("rename").and_then(Value::as_str) {
                return Err(format!("{name} renames {dependency_name} to {rename}: use its own name").into());
            }
            depends_on.insert(dependency_name.to_owned());
        }
        let package = Package { name: name.to_owned(), depends_on, third_party, sources: Vec::new() };
        packages.push((package, PathBuf::from(text(listed, "manifest_path")?)));
    }
    Ok(packages)
}

fn array<'a>(value: &'a Value, key: &str) -> Outcome<&'a Vec<Value>> {
    value
        .get(key)
        .and_then(Value::as_array)
        .ok_or_else(|| format!("cargo metadata without a list `{key}`").into())
}

fn text<'a>(value: &'a Value, key: &str) -> Outcome<&'a str> {
    value
        .get(key)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("cargo metadata without a text `{key}`").into())
}

/// Adds all Rust files below `directory`, with paths from `root`.
fn read_sources(root: &Path, directory: &Path, sources: &mut Vec<Source>) -> Outcome {
    let unreadable = |path: &Path, error| format!("{} cannot be read: {error}", path.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| unreadable(directory, error))? {
        paths.push(entry?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_sources(root, &path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            let parts = path.strip_prefix(root)?.components();
            let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
            sources.push(Source { path: parts.join("/"), text });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(set: &BTreeSet<String>) -> Vec<&str> {
        set.iter().map(String::as_str).collect()
    }

    #[test]
    fn normal_and_build_dependencies_count_and_dev_ones_do_not() {
        let metadata = json!({ "packages": [
            { "name": "low", "manifest_path": "/w/low/Cargo.toml", "dependencies": [] },
            { "name": "built", "manifest_path": "/w/built/Cargo.toml", "dependencies": [] },
            { "name": "kit", "manifest_path": "/w/kit/Cargo.toml", "dependencies": [] },
            { "name": "high", "manifest_path": "/w/high/Cargo.toml", "dependencies": [
                { "name": "low", "kind": null, "path": "/w/low", "rename": null, "optional": true },
                { "name": "built", "kind": "build", "path": "/w/built" },
                { "name": "kit", "kind": "dev", "path": "/w/kit" },
                { "name": "bytes", "kind": null },
                { "name": "proptest", "kind": "dev" },
            ] },
        ] });
        let packages = packages_of(&metadata).unwrap();
        let (high, manifest) = packages.last().unwrap();
        assert_eq!(high.name, "high");
        assert_eq!(manifest, Path::new("/w/high/Cargo.toml"));
        assert_eq!(names(&high.depends_on), ["built", "low"]);
        assert_eq!(names(&high.third_party), ["bytes"]);
    }

    #[test]
    fn a_published_crate_with_the_name_of_a_member_is_third_party() {
        let metadata = json!({ "packages": [
            { "name": "low", "manifest_path": "/w/low/Cargo.toml", "dependencies": [] },
            { "name": "high", "manifest_path": "/w/high/Cargo.toml", "dependencies": [
                { "name": "low", "kind": null, "source": "registry+https://example.org", "rename": "old_low" },
            ] },
        ] });
        let packages = packages_of(&metadata).unwrap();
        let (high, _) = packages.last().unwrap();
        assert_eq!(names(&high.depends_on), [""; 0]);
        assert_eq!(names(&high.third_party), ["low"]);
    }

    #[test]
    fn a_member_under_another_name_is_refused() {
        let metadata = json!({ "packages": [
            { "name": "low", "manifest_path": "/w/low/Cargo.toml", "dependencies": [] },
            { "name": "high", "manifest_path": "/w/high/Cargo.toml", "dependencies": [
                { "name": "low", "kind": null, "path": "/w/low", "rename": "hidden" },
            ] },
        ] });
        let error = packages_of(&metadata).unwrap_err().to_string();
        assert!(error.contains("hidden") && error.contains("high"), "{error}");
    }

    #[test]
    fn an_answer_of_another_form_is_an_error() {
        for metadata in [json!({}), json!({ "packages": [] }), json!({ "packages": [{ "name": 1 }] })] {
            assert!(packages_of(&metadata).is_err(), "{metadata}");
        }
    }

    #[test]
    fn the_real_workspace_is_read_with_its_sources() {
        let graph = Graph::of_workspace().unwrap();
        let xtask = graph.packages.iter().find(|package| package.name == "xtask").unwrap();
        let this = xtask.sources.iter().find(|source| source.path == "src/layers/graph.rs").unwrap();
        assert!(this.text.contains("the_real_workspace_is_read_with_its_sources"));
        assert!(names(&xtask.third_party).contains(&"clap"));
    }
}
