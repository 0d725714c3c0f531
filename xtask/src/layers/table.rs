//! What each crate of the workspace may use. Every crate has a row; a crate without one is an error.
//!
//! Only the normal and build dependencies are bound by it: tests may use what they like.

/// One row: a crate, or a family of crates, and what it may use.
pub(super) struct Layer {
    /// The package name; with a `*` at its end, all packages that begin so.
    package: &'static str,
    depends_on: DependsOn,
    /// The only crates from outside the workspace it may depend on; `None` leaves them free.
    pub(super) third_party: Option<&'static [&'static str]>,
    /// Crates and modules of std that its sources must not name.
    pub(super) forbidden_names: &'static [&'static str],
    /// Sources that may name them all the same: paths from the package's root, with a `/` at the end of
    /// directories.
    exempt: &'static [&'static str],
}

enum DependsOn {
    Anything,
    Only(&'static [&'static str]),
}

/// A layer without files, threads, clocks and logging.
const PURE: Layer = Layer {
    package: "",
    depends_on: DependsOn::Only(&[]),
    third_party: Some(&["bytes", "crc32c", "thiserror"]),
    forbidden_names: &["std::fs", "std::thread", "std::time", "fs_err", "tracing", "parking_lot"],
    exempt: &[],
};

/// A layer that is bound by its edges alone.
const FREE: Layer = Layer {
    package: "",
    depends_on: DependsOn::Only(&[]),
    third_party: None,
    forbidden_names: &[],
    exempt: &[],
};

const LAYERS: &[Layer] = &[
    Layer { package: "raft-log-codec", ..PURE },
    Layer { package: "raft-log-chunk", depends_on: DependsOn::Only(&["raft-log-codec"]), ..FREE },
    Layer { package: "raft-log-state", depends_on: DependsOn::Only(&["raft-log-codec"]), ..PURE },
    Layer {
        package: "raft-log",
        depends_on: DependsOn::Only(&["raft-log-chunk", "raft-log-state", "raft-log-codec"]),
        ..FREE
    },
    // Looking at a directory must not need the facade, which takes the lock and may write.
    Layer {
        package: "raft-log-dump",
        depends_on: DependsOn::Only(&["raft-log-codec", "raft-log-chunk", "raft-log-state", "raft-log"]),
        forbidden_names: &["raft_log"],
        exempt: &["src/import.rs", "src/import/", "src/repair.rs", "src/repair/"],
        ..FREE
    },
    Layer {
        package: "raft-log-testkit",
        depends_on: DependsOn::Only(&["raft-log-codec", "raft-log-chunk", "raft-log-state", "raft-log"]),
        ..FREE
    },
    // Of the log an adapter sees the facade alone; what it shares with others stands between them.
    Layer { package: "raft-log-engine", depends_on: DependsOn::Only(&["raft-log"]), ..FREE },
    Layer {
        package: "raft-log-openraft*",
        depends_on: DependsOn::Only(&["raft-log", "raft-log-engine"]),
        ..FREE
    },
    // Only what every application can use is measured; a storage that is watched counts the calls, and holds them up.
    Layer {
        package: "raft-log-bench",
        depends_on: DependsOn::Only(&["raft-log-chunk", "raft-log", "raft-log-testkit"]),
        ..FREE
    },
    // An application: what it needs beyond the adapter is the storage it counts with, and the tool.
    Layer {
        package: "kv-cluster",
        depends_on: DependsOn::Only(&["raft-log", "raft-log-chunk", "raft-log-dump", "raft-log-openraft"]),
        ..FREE
    },
    Layer { package: "xtask", depends_on: DependsOn::Anything, ..FREE },
];

/// The row of `package`, if it has one.
pub(super) fn layer_of(package: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| match layer.package.strip_suffix('*') {
        Some(prefix) => package.starts_with(prefix),
        None => package == layer.package,
    })
}

impl Layer {
    /// Whether this layer may depend on `package` of the workspace.
    pub(super) fn may_depend_on(&self, package: &str) -> bool {
        match self.depends_on {
            DependsOn::Anything => true,
            DependsOn::Only(packages) => packages.contains(&package),
        }
    }

    /// Whether the source at `path` may name what the others of this layer must not.
    pub(super) fn is_exempt(&self, path: &str) -> bool {
        self.exempt.iter().any(
            |exempt| {
                if exempt.ends_with('/') { path.starts_with(exempt) } else { path == *exempt }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGES: [&str; 12] = [
        "raft-log-codec",
        "raft-log-chunk",
        "raft-log-state",
        "raft-log",
        "raft-log-dump",
        "raft-log-testkit",
        "raft-log-engine",
        "raft-log-openraft",
        "raft-log-openraft-09",
        "raft-log-bench",
        "kv-cluster",
        "xtask",
    ];

    /// The table once more, drawn: a row depends on the columns marked `x`. Said twice on purpose, so that
    /// no slip of a hand widens the table unseen.
    #[test]
    fn the_table_allows_exactly_the_edges_of_the_design() {
        #[rustfmt::skip]
        let drawn = [
            //                       codec chunk state log dump testkit engine openraft -09 bench kv xtask
            ("raft-log-codec",       ". . . . . . . . . . . ."),
            ("raft-log-chunk",       "x . . . . . . . . . . ."),
            ("raft-log-state",       "x . . . . . . . . . . ."),
            ("raft-log",             "x x x . . . . . . . . ."),
            ("raft-log-dump",        "x x x x . . . . . . . ."),
            ("raft-log-testkit",     "x x x x . . . . . . . ."),
            ("raft-log-engine",      ". . . x . . . . . . . ."),
            ("raft-log-openraft",    ". . . x . . x . . . . ."),
            ("raft-log-openraft-09", ". . . x . . x . . . . ."),
            ("raft-log-bench",       ". x . x . x . . . . . ."),
            ("kv-cluster",           ". x . x x . . x . . . ."),
            ("xtask",                "x x x x x x x x x x x x"),
        ];
        for (from, row) in drawn {
            let layer = layer_of(from).unwrap();
            let cells: Vec<&str> = row.split(' ').collect();
            assert_eq!(cells.len(), PACKAGES.len());
            for (to, cell) in PACKAGES.iter().zip(cells) {
                assert_eq!(layer.may_depend_on(to), cell == "x", "{from} -> {to}");
            }
        }
    }

    #[test]
    fn only_a_star_stands_for_a_family() {
        assert!(layer_of("raft-log-openraft-example").is_some());
        assert!(layer_of("raft-log-codec-example").is_none());
        assert!(layer_of("raft-log-").is_none());
        assert!(layer_of("").is_none());
    }

    #[test]
    fn only_import_and_repair_of_the_tool_may_name_the_facade() {
        let dump = layer_of("raft-log-dump").unwrap();
        for path in ["src/import.rs", "src/import/tail.rs", "src/repair.rs", "src/repair/a/b.rs"] {
            assert!(dump.is_exempt(path), "{path}");
        }
        for path in ["src/lib.rs", "src/importer.rs", "src/show/import.rs", "src/repairs/a.rs"] {
            assert!(!dump.is_exempt(path), "{path}");
        }
    }

    #[test]
    fn codec_and_state_are_pure() {
        for package in ["raft-log-codec", "raft-log-state"] {
            let layer = layer_of(package).unwrap();
            assert_eq!(layer.third_party, Some(["bytes", "crc32c", "thiserror"].as_slice()));
            for name in ["std::fs", "std::thread", "std::time", "fs_err", "tracing", "parking_lot"] {
                assert!(layer.forbidden_names.contains(&name), "{package} {name}");
            }
        }
    }
}
