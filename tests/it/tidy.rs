//! Checks of the repository itself: its README, dependencies and source.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo::packages;
use crate::program::Program;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn readme_shows_the_real_usage_text() {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme
        .split_once("<!-- usage -->\n```text\n")
        .expect("the usage text begins");
    let (shown, _) = rest
        .split_once("```\n<!-- /usage -->")
        .expect("the usage text ends");
    Program::bare().run("--help").prints(shown);
}

#[test]
fn there_are_four_direct_dependencies() {
    let names = packages(&["--depth", "1", "--features", "cli,gzip,rustls"]);
    let expected = ["algo-logs", "lexopt", "serde", "serde_json", "ureq"];
    assert_eq!(names, expected.map(str::to_owned).into());
}

#[test]
fn the_dependency_tree_is_small() {
    let names = packages(&[]);
    assert!(names.len() <= 40, "{} packages: {names:?}", names.len());
}

#[test]
fn ureq_and_threads_stay_where_they_belong() {
    for path in files(&root().join("src")) {
        let path_text = path.display().to_string().replace('\\', "/");
        if path_text.ends_with("tests.rs") {
            continue;
        }
        let source = fs::read_to_string(&path).expect("the source can be read");
        let (code, _) = source.split_once("#[cfg(test)]").unwrap_or((&source, ""));
        let lines = code.lines().map(str::trim_start);
        for line in lines.filter(|line| !line.starts_with("//")) {
            for (words, place) in [
                // ureq may change this interface at any time.
                ("unversioned", None),
                ("ureq", Some("/src/http/")),
                ("thread::spawn", Some("/commands/save/")),
                ("thread::scope", Some("/commands/save/")),
                ("thread::Builder", Some("/commands/save/")),
            ] {
                let is_allowed = place.is_some_and(|place| path_text.contains(place));
                assert!(is_allowed || !line.contains(words), "{path_text}: {line}");
            }
        }
    }
}

/// Returns the source files in `dir` and its subdirectories.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("the directory can be read") {
        let path = entry.expect("the directory can be read").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
