//! The algorithms that a command works on.

use std::collections::HashSet;
use std::io;

use algo_logs::{Algorithm, BaseUrl};

use super::Session;
use super::context::Context;
use super::hints::add_connection_hint;
use crate::cli::{AlgorithmArg, SaveArgs, Target};
use crate::config::{Connection, project, read_all};
use crate::error::{CliError, redact};

impl Session<'_> {
    /// Returns the context of an ALGO, or of the working directory's algorithm.
    pub(super) fn context(&self, algorithm: Option<&AlgorithmArg>) -> Result<Context, CliError> {
        let argument = match algorithm {
            Some(argument) => argument.clone(),
            None => AlgorithmArg {
                algorithm: project::algorithm(self.args.only_argument.as_deref())?,
                cluster: None,
            },
        };
        let connection = self.connect(1)?;
        let algorithm = resolve(argument, connection.client.base_url())?;
        Ok(self.context_of(algorithm, &connection))
    }

    /// Returns the contexts of algorithms without duplicates, and the failures to list the algorithms of an owner.
    pub(super) fn contexts(
        &self,
        targets: Vec<Target>,
        connections: usize,
    ) -> Result<(Vec<Context>, Vec<CliError>), CliError> {
        let connection = self.connect(connections)?;
        let (algorithms, failures) = algorithms(targets, &connection)?;
        let contexts = algorithms.into_iter();
        let contexts = contexts.map(|algorithm| self.context_of(algorithm, &connection));
        Ok((contexts.collect(), failures))
    }

    fn context_of(&self, algorithm: Algorithm, connection: &Connection) -> Context {
        Context {
            algorithm,
            connection: connection.clone(),
            reporter: self.reporter.clone(),
            color: self.color,
        }
    }
}

/// Returns the targets of `save`, with those on stdin, one per line.
pub(super) fn with_stdin(args: &SaveArgs) -> Result<Vec<Target>, CliError> {
    let mut targets = args.targets.clone();
    if !args.stdin {
        return Ok(targets);
    }
    let bytes = read_all(io::stdin())
        .map_err(|error| CliError::usage(format!("cannot read names from stdin: {error}")))?;
    let text = String::from_utf8_lossy(&bytes);
    for name in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        targets.push(Target::parse(name)?);
    }
    if targets.is_empty() {
        return Err(CliError::usage("stdin contains no names"));
    }
    Ok(targets)
}

/// Returns the algorithms without duplicates, and the failures to list the algorithms of an owner.
fn algorithms(
    targets: Vec<Target>,
    connection: &Connection,
) -> Result<(Vec<Algorithm>, Vec<CliError>), CliError> {
    let client = &connection.client;
    let (mut algorithms, mut owners) = (Vec::new(), Vec::new());
    for target in targets {
        match target {
            Target::Algorithm(algorithm) => {
                algorithms.push(resolve(algorithm, client.base_url())?);
            }
            Target::Owner(owner) => owners.push(owner),
        }
    }
    let mut failures: Vec<CliError> = Vec::new();
    for owner in owners {
        match client.algorithms(&owner) {
            // The service lists nothing for an owner that does not exist.
            Ok(listed) if listed.is_empty() => {
                let message = format!("{} has no algorithms", redact(&owner));
                failures.push(CliError::no_match(message).hint("names are case-sensitive"));
            }
            Ok(listed) => {
                for listed in listed {
                    match listed {
                        Ok(algorithm) => algorithms.push(algorithm),
                        Err(error) => failures.push(error.into()),
                    }
                }
            }
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
fn resolve(argument: AlgorithmArg, cluster: &BaseUrl) -> Result<Algorithm, CliError> {
    // The API and the pages of a cluster may have hosts that differ by a prefix.
    let name = |url: &BaseUrl| url.host().trim_start_matches("api.").to_owned();
    let algorithm = argument.algorithm;
    match argument.cluster {
        Some(page) if name(&page) != name(cluster) => {
            let host = page.host();
            let message =
                format!("the page of {algorithm} is on {host}, but the cluster is {cluster}");
            Err(CliError::usage(message)
                .hint(format!("use '--api {page}', or {algorithm} as ALGO")))
        }
        _ => Ok(algorithm),
    }
}
