//! The algorithms that a command works on.

use std::collections::HashSet;
use std::io;

use algo_logs::{Algorithm, BaseUrl};

use super::hints::add_connection_hint;
use crate::cli::{AlgorithmArg, Command, SaveTarget};
use crate::config::{Connection, project, read_all};
use crate::error::CliError;

/// Returns the algorithms and owners that a command line names. Without an ALGO, that is the algorithm of the working
/// directory. `-` stands for the names on stdin.
pub(super) fn targets(command: &Command) -> Result<Vec<SaveTarget>, CliError> {
    let algorithm = match command {
        Command::Builds { algorithm, .. } | Command::Versions { algorithm, .. } => algorithm,
        Command::Log(log) => &log.algorithm,
        Command::Why(why) => &why.algorithm,
        Command::Save(save) => return with_stdin(&save.targets),
    };
    let algorithm = match algorithm {
        Some(algorithm) => algorithm.clone(),
        None => AlgorithmArg::Name(project::algorithm()?),
    };
    Ok(vec![SaveTarget::Algorithm(algorithm)])
}

/// Replaces `-` with the names on stdin, one per line.
fn with_stdin(targets: &[SaveTarget]) -> Result<Vec<SaveTarget>, CliError> {
    let mut named = targets.to_vec();
    if !targets.contains(&SaveTarget::Stdin) {
        return Ok(named);
    }
    named.retain(|target| *target != SaveTarget::Stdin);
    let bytes = read_all(io::stdin())
        .map_err(|error| CliError::usage(format!("cannot read names from stdin: {error}")))?;
    let text = String::from_utf8_lossy(&bytes);
    for name in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        named.push(SaveTarget::from_name(name)?);
    }
    if named.is_empty() {
        return Err(CliError::usage("there are no names on stdin"));
    }
    Ok(named)
}

/// Returns the algorithms without duplicates, and the failures to list the algorithms of an owner.
pub(super) fn algorithms(
    targets: Vec<SaveTarget>,
    connection: &Connection,
) -> Result<(Vec<Algorithm>, Vec<CliError>), CliError> {
    let client = &connection.client;
    let (mut algorithms, mut owners) = (Vec::new(), Vec::new());
    for target in targets {
        match target {
            SaveTarget::Algorithm(algorithm) => {
                algorithms.push(resolve(algorithm, client.base_url())?);
            }
            SaveTarget::Owner(owner) => owners.push(owner),
            SaveTarget::Stdin => {}
        }
    }
    let mut failures: Vec<CliError> = Vec::new();
    for owner in owners {
        match client.algorithms(&owner) {
            // The service lists nothing for an owner that does not exist.
            Ok(listed) if listed.is_empty() => {
                let message = format!("there are no algorithms of {owner}");
                failures.push(
                    CliError::no_match(message)
                        .hint("check the name, upper and lower case included"),
                );
            }
            Ok(listed) => algorithms.extend(listed),
            Err(error) => failures.push(add_connection_hint(error.into(), connection)),
        }
        if failures.last().is_some_and(CliError::is_fatal) {
            break;
        }
    }
    let mut seen = HashSet::new();
    algorithms.retain(|algorithm| seen.insert(algorithm.to_string()));
    Ok((algorithms, failures))
}

/// Returns the algorithm of an ALGO. If it is the URL of a page, the page must be on the cluster.
fn resolve(algorithm: AlgorithmArg, cluster: &BaseUrl) -> Result<Algorithm, CliError> {
    match algorithm {
        AlgorithmArg::Name(algorithm) => Ok(algorithm),
        AlgorithmArg::Page {
            cluster: page,
            algorithm,
        } => {
            if without_api(page.host()) == without_api(cluster.host()) {
                return Ok(algorithm);
            }
            let message = format!(
                "the page of {algorithm} is on {}, but the cluster is {cluster}",
                page.host()
            );
            Err(CliError::usage(message)
                .hint(format!("use '--api {page}', or {algorithm} as ALGO")))
        }
    }
}

/// Removes the prefix by which the hosts of a cluster's API and its pages can differ.
fn without_api(host: &str) -> &str {
    host.strip_prefix("api.").unwrap_or(host)
}
