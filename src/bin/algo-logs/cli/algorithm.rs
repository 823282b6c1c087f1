//! The arguments that select what a command works on: ALGO, OWNER and BUILD_ID. ALGO always contains a `/`; the others
//! never do.

use algo_logs::Algorithm;

use super::args::{AlgorithmArg, Target};
use super::value::{is_hex, parse_number};
use crate::error::{CliError, redact};

impl AlgorithmArg {
    /// Reads an ALGO without a version.
    pub(super) fn parse(text: &str) -> Result<Self, CliError> {
        if is_url(text) {
            return Self::parse_page(text);
        }
        match segments(text)[..] {
            [owner, name] => Self::from_segments(text, owner, name),
            _ => Err(is_not(text, "OWNER/NAME")),
        }
    }

    /// Reads an ALGO that may end with a version.
    pub(super) fn parse_with_version(text: &str) -> Result<(Self, Option<String>), CliError> {
        match segments(text)[..] {
            [owner, name, ref version @ ..] if !is_url(text) && !version.is_empty() => {
                let algorithm = Self::from_segments(text, owner, name)?;
                let version = parse_version(&version.join("/"))?;
                Ok((algorithm, Some(version)))
            }
            _ => Ok((Self::parse(text)?, None)),
        }
    }

    /// Creates an ALGO. An error shows the whole word if it looks like a path, or else only the invalid part.
    fn from_segments(text: &str, owner: &str, name: &str) -> Result<Self, CliError> {
        if [owner, name]
            .iter()
            .any(|part| ["", ".", ".."].contains(part))
        {
            return Err(is_not(text, "OWNER/NAME"));
        }
        Ok(Self {
            algorithm: Algorithm::new(owner, name)?,
            cluster: None,
        })
    }

    /// Reads the URL of a page. Ignores a query and a fragment, which browsers may add.
    fn parse_page(url: &str) -> Result<Self, CliError> {
        // The URL is not shown: it could contain a password.
        let error = || {
            CliError::usage("the URL is not an algorithm's page")
                .hint("ALGO is OWNER/NAME or https://CLUSTER/algorithms/OWNER/NAME")
        };
        let page = url.split(['?', '#']).next().unwrap_or(url);
        let (cluster, name) = page.split_once("/algorithms/").ok_or_else(error)?;
        match segments(name.trim_end_matches('/'))[..] {
            [owner, name] => Ok(Self {
                algorithm: Algorithm::new(owner, name)?,
                cluster: Some(cluster.parse().map_err(|_| error())?),
            }),
            _ => Err(error()),
        }
    }
}

impl Target {
    /// Reads the name of an algorithm or an owner, from the command line or stdin.
    pub(crate) fn parse(name: &str) -> Result<Self, CliError> {
        if name.contains('/') {
            return Ok(Self::Algorithm(AlgorithmArg::parse(name)?));
        }
        // The library checks an owner only as part of an algorithm.
        let algorithm = Algorithm::new(name, "any")?;
        Ok(Self::Owner(algorithm.owner().to_owned()))
    }
}

/// Reads a semantic version or a git hash, which may be abbreviated.
fn parse_version(version: &str) -> Result<String, CliError> {
    if is_semantic(version) {
        return Ok(version.to_owned());
    }
    if (7..=40).contains(&version.len()) && is_hex(version) {
        return Ok(version.to_ascii_lowercase());
    }
    let expected = "a version: neither a semantic version nor 7 to 40 digits of a git hash";
    let hint = "ALGO is OWNER/NAME or OWNER/NAME/VERSION";
    Err(is_not(version, expected).hint(hint))
}

/// Splits the arguments of `log` and `why` into ALGO and BUILD_ID, each of which can be missing.
pub(super) fn split_build_id(arguments: &[String]) -> (Option<&str>, Option<&str>) {
    match arguments {
        [] => (None, None),
        [id] if !id.contains('/') => (None, Some(id)),
        [algorithm] => (Some(algorithm), None),
        [algorithm, id, ..] => (Some(algorithm), Some(id)),
    }
}

/// Rejects a version in place of a BUILD_ID. No ID looks like a version.
pub(super) fn parse_build_id(
    id: &str,
    algorithm: Option<&AlgorithmArg>,
) -> Result<String, CliError> {
    let version = id.strip_prefix('v').unwrap_or(id);
    if !is_semantic(version) {
        return Ok(id.to_owned());
    }
    let algorithm = algorithm.map(|argument| argument.algorithm.to_string());
    let algorithm = algorithm.as_deref().unwrap_or("OWNER/NAME");
    let hint = format!("'algo-logs log {algorithm}/{version}' writes its log");
    Err(CliError::usage(format!("'{id}' is a version, not a BUILD_ID")).hint(hint))
}

/// Accepts `MAJOR.MINOR.PATCH` with an optional `-pre.release`. The service allows no build metadata.
fn is_semantic(version: &str) -> bool {
    let (numbers, pre_release) = version.split_once('-').unwrap_or((version, "0"));
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    numbers.split('.').count() == 3
        && numbers
            .split('.')
            .all(|part| parse_number::<u64>(part).is_ok())
        && !pre_release.is_empty()
        && pre_release.chars().all(is_allowed)
}

fn is_url(text: &str) -> bool {
    text.contains("://") && !text.starts_with("algo://")
}

fn segments(text: &str) -> Vec<&str> {
    let path = text.strip_prefix("algo://").unwrap_or(text);
    path.split('/').collect()
}

fn is_not(word: &str, expected: &str) -> CliError {
    CliError::usage(format!("'{}' is not {expected}", redact(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (text, expected) in [
            ("acme/x", None),
            ("acme/x/3FA9c1d", Some("3fa9c1d")),
            ("acme/x/1234567", Some("1234567")),
            ("algo://acme/x/1.20.0", Some("1.20.0")),
            ("acme/x/1.2.0-rc.1-b", Some("1.2.0-rc.1-b")),
        ] {
            let (argument, version) = AlgorithmArg::parse_with_version(text).unwrap();
            assert_eq!(argument.algorithm.to_string(), "acme/x");
            assert_eq!(version.as_deref(), expected);
        }
        let invalid = "3fa9c1 3fa9c1g 01234567_ 1.2 1.2.3.4 1..3 v1.2.3 1.2.3- 1.2.3-a_b 1.2.3+b 1.2.3/ \
                       0123456789abcdef0123456789abcdef012345678 latest";
        for version in invalid.split(' ') {
            let result = AlgorithmArg::parse_with_version(&format!("acme/x/{version}"));
            let report = result.unwrap_err().report(false, str::to_owned).unwrap();
            assert!(report.starts_with(&format!("algo-logs: '{version}' is not a version: ")));
        }
    }

    #[test]
    fn pages() {
        for (url, cluster) in [
            ("HTTPS://C.Example.com/algorithms/acme/x/", "c.example.com"),
            (
                "https://api.c.example.com/algorithms/acme/x#docs",
                "api.c.example.com",
            ),
            (
                "http://127.0.0.1:8080/algorithms/acme/x?tab=1",
                "http://127.0.0.1:8080",
            ),
        ] {
            let (argument, version) = AlgorithmArg::parse_with_version(url).unwrap();
            assert_eq!(argument.algorithm.to_string(), "acme/x");
            assert_eq!((argument.cluster, version), (cluster.parse().ok(), None));
        }
    }
}
