//! Building the fuzz targets: with the coverage that libFuzzer reads, and on a stable toolchain.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::capture::{capture, cargo};

/// Counters at every edge, a table of places, and the values of comparisons. `cargo fuzz` passes the same.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

/// Builds all targets and gives the directory that they are in.
pub(super) fn build(root: &Path) -> Outcome<PathBuf> {
    let compiler = env::var_os("CXX").unwrap_or_else(|| OsString::from("c++"));
    let probe = Command::new(&compiler).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        return Err(format!(
            "libFuzzer is built from C++, and {} does not run: install a C++ compiler (on Debian: \
             apt-get install g++), or name yours in CXX. Nothing else is needed; \
             whoever has `cargo fuzz` (cargo install cargo-fuzz) can also use that, with -s none: see fuzz/README.md",
            compiler.display()
        )
        .into());
    }
    let host = host()?;
    let fuzz = root.join("fuzz");
    let mut command = cargo();
    command.args(["build", "--release", "--locked", "--bins"]);
    // With a target named, the flags are not for build scripts, which have no fuzzer to report to.
    command.args(["--target", &host]);
    command.arg("--manifest-path").arg(fuzz.join("Cargo.toml"));
    command.arg("--target-dir").arg(fuzz.join("target"));
    command.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", FLAGS.join(" "));
    println!("building the fuzz targets");
    let captured = capture(command)?;
    if !captured.success {
        return Err(format!("the fuzz targets do not build\n{}", captured.output).into());
    }
    Ok(fuzz.join("target").join(host).join("release"))
}

fn host() -> Outcome<String> {
    let mut command = Command::new(env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc")));
    command.arg("-vV");
    let captured = capture(command)?;
    let host = captured.output.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| format!("rustc does not name its host:\n{}", captured.output).into())
}
