//! Information from Cargo about the package, and builds of it. The benchmark uses this module, too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the names of the packages in the normal dependency tree, including this one.
pub fn packages(options: &[&str]) -> BTreeSet<String> {
    let output = cargo()
        .args(["tree", "--offline", "--edges", "normal"])
        .args(["--prefix", "none", "--format", "{p}"])
        .args(options)
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    tree.lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// Builds the static program and returns its path.
pub fn static_program() -> PathBuf {
    build(&["static"], "release")
}

/// Runs Cargo with `args` and returns the path of the program, which is built in `dir` of the target directory.
pub fn build(args: &[&str], dir: &str) -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_algo-logs"));
    let target = built.ancestors().nth(2).expect("target/PROFILE/algo-logs");
    let status = cargo()
        .args(args)
        .env("CARGO_TARGET_DIR", target)
        .status()
        .expect("cargo runs");
    assert!(status.success(), "cargo {args:?} failed");
    target.join(dir).join("algo-logs")
}

fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}
