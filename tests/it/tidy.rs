//! Checks of the repository itself: its README, dependencies and files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo::packages;
use crate::program::Program;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).expect("README.md can be read")
}

#[test]
fn readme_shows_the_real_usage_text() {
    let readme = readme();
    let (_, rest) = readme
        .split_once("<!-- usage -->\n```text\n")
        .expect("the usage text begins");
    let (shown, _) = rest
        .split_once("```\n<!-- /usage -->")
        .expect("the usage text ends");
    Program::bare().run("--help").prints(shown);
}

#[test]
fn readme_takes_five_minutes() {
    let lines = readme().lines().count();
    assert!(lines <= 200, "{lines} lines");
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
fn only_one_folder_of_the_library_names_ureq() {
    for path in files(&root().join("src"), "rs") {
        if path.components().any(|part| part.as_os_str() == "http") {
            continue;
        }
        let source = fs::read_to_string(&path).expect("the source can be read");
        let mut code = source
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        assert!(
            !code.any(|line| line.contains("ureq")),
            "{}",
            path.display()
        );
    }
}

#[test]
fn ureqs_unversioned_interface_is_not_used() {
    for path in files(&root().join("src"), "rs") {
        let source = fs::read_to_string(&path).expect("the source can be read");
        assert!(!source.contains("unversioned"), "{}", path.display());
    }
}

#[test]
fn only_save_starts_threads() {
    for path in files(&root().join("src"), "rs") {
        let path_text = path.display().to_string().replace('\\', "/");
        if path_text.contains("commands/save") || path.ends_with("tests.rs") {
            continue;
        }
        let source = fs::read_to_string(&path).expect("the source can be read");
        let (code, _) = source.split_once("#[cfg(test)]").unwrap_or((&source, ""));
        let code = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for start in ["thread::spawn", "thread::scope", "thread::Builder"] {
                assert!(!line.contains(start), "{path_text}: {line}");
            }
        }
    }
}

#[test]
fn no_file_is_too_long() {
    for (folder, limit) in [("src", 500), ("tests", 700)] {
        for path in files(&root().join(folder), "rs") {
            if path.ends_with("tests.rs") {
                continue;
            }
            let source = fs::read_to_string(&path).expect("the source can be read");
            // Unit tests at the end of a file are not counted.
            let code = source.split("#[cfg(test)]\nmod tests").next();
            let lines = code.unwrap_or_default().lines().count();
            assert!(lines <= limit, "{}: {lines} lines", path.display());
        }
    }
}

/// Returns all files with this extension in `folder` and its subfolders, except build output.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}
