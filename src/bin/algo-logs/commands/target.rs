//! Which algorithm a command is about.

use algo_logs::{Algorithm, BaseUrl};

use crate::cli::AlgorithmArg;
use crate::error::CliError;

/// Returns the algorithm of an ALGO. The URL of a page must be one of the cluster.
pub(super) fn resolve(algorithm: AlgorithmArg, cluster: &BaseUrl) -> Result<Algorithm, CliError> {
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

/// A cluster's pages and its API can differ by this prefix.
fn without_api(host: &str) -> &str {
    host.strip_prefix("api.").unwrap_or(host)
}
