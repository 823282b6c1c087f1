//! `algorithmia.conf`, the file in an algorithm's repository that names the algorithm.

use std::env;
use std::fs::File;
use std::path::Path;

use algo_logs::Algorithm;
use serde::Deserialize;

use super::read_all;
use crate::error::{CliError, redact};

const FILE: &str = "algorithmia.conf";

/// What the program needs of the file.
#[derive(Deserialize)]
struct Project {
    username: String,
    algoname: String,
}

/// Returns the algorithm of the working directory. `given` is an argument that may have been meant as ALGO.
pub(crate) fn algorithm(given: Option<&str>) -> Result<Algorithm, CliError> {
    let none = |why: String| {
        let message = match given {
            Some(word) => format!("'{}' is not OWNER/NAME, and there is {why}", redact(word)),
            None => format!("no ALGO given and {why}"),
        };
        CliError::usage(message).hint("pass OWNER/NAME, e.g. acme/tagger")
    };
    let directory = env::current_dir()
        .map_err(|error| none(format!("no readable working directory: {error}")))?;
    let mut files = directory.ancestors().map(|parent| parent.join(FILE));
    match files.find(|path| path.is_file()) {
        Some(path) => read(&path),
        None => Err(none(format!(
            "no {FILE} in {} or its parents",
            directory.display()
        ))),
    }
}

/// Reads the file. Errors show nothing of its content except an invalid name.
fn read(path: &Path) -> Result<Algorithm, CliError> {
    let invalid =
        |why: String| CliError::invalid_input(format!("cannot use {}: {why}", path.display()));
    let bytes = File::open(path)
        .and_then(read_all)
        .map_err(|error| invalid(error.to_string()))?;
    let project: Project = serde_json::from_slice(&bytes).map_err(|error| {
        invalid(format!(
            "line {}: it must be JSON with the texts 'username' and 'algoname'",
            error.line()
        ))
    })?;
    Algorithm::new(&project.username, &project.algoname).map_err(|error| invalid(error.to_string()))
}
