//! The arguments that select what a command works on: ALGO, OWNER and BUILD_ID. ALGO always contains a `/`; the others
//! never do.

use algo_logs::Algorithm;

use super::args::{AlgorithmArg, Target, VersionSpec};
use super::value::{is_hex, parse_number};
use crate::error::{CliError, redact};

impl AlgorithmArg {
    /// Reads an ALGO without a version.
    pub(super) fn parse(text: &str) -> Result<Self, CliError> {
        if is_url(text) {
            return Self::parse_page(text);
        }
        match segments(text)[..] {
            [owner, name] => Ok(Self::Name(Algorithm::new(owner, name)?)),
            // Probably an unset variable: do not fall back to the working directory's algorithm.
            [""] => Err(CliError::usage("ALGO is empty")),
            _ => Err(CliError::usage(format!(
                "'{}' is not OWNER/NAME",
                redact(text)
            ))),
        }
    }

    /// Reads an ALGO that may end with a version.
    pub(super) fn parse_with_version(text: &str) -> Result<(Self, Option<VersionSpec>), CliError> {
        match segments(text)[..] {
            [owner, name, ref version @ ..] if !is_url(text) && !version.is_empty() => {
                let algorithm = Algorithm::new(owner, name)?;
                let version = VersionSpec::parse(&version.join("/"), &algorithm)?;
                Ok((Self::Name(algorithm), Some(version)))
            }
            _ => Ok((Self::parse(text)?, None)),
        }
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
            [owner, name] => Ok(Self::Page {
                cluster: cluster.parse().map_err(|_| error())?,
                algorithm: Algorithm::new(owner, name)?,
            }),
            _ => Err(error()),
        }
    }
}

impl Target {
    /// Reads a name, which can also come from stdin.
    pub(crate) fn parse(name: &str) -> Result<Self, CliError> {
        if name.contains('/') {
            return Ok(Self::Algorithm(AlgorithmArg::parse(name)?));
        }
        if name.is_empty() {
            // Probably an unset variable.
            return Err(CliError::usage("ALGO or OWNER is empty"));
        }
        // The library checks an owner only as part of an algorithm.
        let algorithm = Algorithm::new(name, "any")?;
        Ok(Self::Owner(algorithm.owner().to_owned()))
    }
}

impl VersionSpec {
    fn parse(version: &str, algorithm: &Algorithm) -> Result<Self, CliError> {
        if (7..=40).contains(&version.len()) && is_hex(version) {
            return Ok(Self::Hash(version.to_ascii_lowercase()));
        }
        if is_semantic(version) {
            return Ok(Self::Semantic(version.to_owned()));
        }
        let error = CliError::usage(format!(
            "'{}' is not a version: neither a semantic version nor 7 to 40 digits of a git hash",
            redact(version)
        ));
        Err(match semantic_version(version) {
            Some(version) => error.hint(format!("did you mean '{algorithm}/{version}'?")),
            None => error.hint("ALGO is OWNER/NAME or OWNER/NAME/VERSION"),
        })
    }
}

/// Splits the arguments of `log` and `why` into ALGO and BUILD_ID, each of which can be missing.
pub(super) fn split_build_id(
    arguments: &[String],
) -> Result<(Option<&str>, Option<&str>), CliError> {
    match arguments {
        [] => Ok((None, None)),
        // Most likely an unset variable, so the newest build is not meant.
        [one] if one.is_empty() => Err(CliError::usage("ALGO or BUILD_ID is empty")),
        [.., id] if arguments.len() > 1 && id.is_empty() => {
            Err(CliError::usage("BUILD_ID is empty"))
        }
        [id] if !id.contains('/') => Ok((None, Some(id))),
        [algorithm, rest @ ..] => Ok((Some(algorithm), rest.first().map(String::as_str))),
    }
}

/// Rejects a version in place of a BUILD_ID. No ID looks like a version. `hint` receives the ALGO that was meant.
pub(super) fn parse_build_id(
    id: &str,
    algorithm: Option<&AlgorithmArg>,
    hint: fn(&str) -> String,
) -> Result<String, CliError> {
    let Some(version) = semantic_version(id) else {
        return Ok(id.to_owned());
    };
    let algorithm = match algorithm {
        Some(AlgorithmArg::Name(algorithm) | AlgorithmArg::Page { algorithm, .. }) => {
            algorithm.to_string()
        }
        None => "OWNER/NAME".to_owned(),
    };
    let message = format!("'{}' is a version, not a BUILD_ID", redact(id));
    Err(CliError::usage(message).hint(hint(&format!("{algorithm}/{version}"))))
}

/// Returns the text without a leading `v`, if it is a semantic version.
fn semantic_version(text: &str) -> Option<&str> {
    let version = text.strip_prefix('v').unwrap_or(text);
    is_semantic(version).then_some(version)
}

/// Accepts `MAJOR.MINOR.PATCH` with an optional `-pre.release`. The service allows no build metadata.
fn is_semantic(version: &str) -> bool {
    let (numbers, pre_release) = match version.split_once('-') {
        Some((numbers, pre_release)) => (numbers, Some(pre_release)),
        None => (version, None),
    };
    let is_identifier = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    numbers.split('.').count() == 3
        && numbers.split('.').all(|part| parse_number(part).is_ok())
        && pre_release.is_none_or(|text| text.split('.').all(is_identifier))
}

fn is_url(text: &str) -> bool {
    text.contains("://") && !text.starts_with("algo://")
}

fn segments(text: &str) -> Vec<&str> {
    let path = text.strip_prefix("algo://").unwrap_or(text);
    path.split('/').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme_x() -> Algorithm {
        Algorithm::new("acme", "x").unwrap()
    }

    #[track_caller]
    fn error(result: Result<impl Sized, CliError>) -> String {
        let error = result.err().expect("an error");
        error.report(false, str::to_owned).expect("a message")
    }

    #[test]
    fn versions() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        let hash = |hash: &str| Some(VersionSpec::Hash(hash.to_owned()));
        let semantic = |version: &str| Some(VersionSpec::Semantic(version.to_owned()));
        for (text, expected) in [
            ("acme/x", None),
            ("algo://acme/x", None),
            ("acme/x/3FA9c1d", hash("3fa9c1d")),
            ("acme/x/1234567", hash("1234567")),
            (&format!("acme/x/{sha}"), hash(sha)),
            ("algo://acme/x/1.20.0", semantic("1.20.0")),
            ("acme/x/1.2.0-rc.1-b", semantic("1.2.0-rc.1-b")),
        ] {
            let (algorithm, version) = AlgorithmArg::parse_with_version(text).unwrap();
            assert_eq!(
                (algorithm, version),
                (AlgorithmArg::Name(acme_x()), expected)
            );
        }
        // The first is empty.
        let invalid = " 3fa9c1 3fa9c1g 01234567_ 1.2 1.2.3.4 1..3 v1.2.3 1.2.3- 1.2.3-a..b \
                       1.2.3-a_b 1.2.3+b 1.2.3/ latest";
        for version in invalid.split(' ') {
            let message = error(AlgorithmArg::parse_with_version(&format!(
                "acme/x/{version}"
            )));
            assert!(message.starts_with(&format!("algo-logs: '{version}' is not a version: ")));
        }
        assert!(AlgorithmArg::parse_with_version(&format!("acme/x/{sha}0")).is_err());
    }

    #[test]
    fn pages() {
        for (url, cluster) in [
            ("https://c.example.com/algorithms/acme/x", "c.example.com"),
            ("HTTPS://C.Example.com/algorithms/acme/x/", "c.example.com"),
            (
                "http://127.0.0.1:8080/algorithms/acme/x?tab=1",
                "http://127.0.0.1:8080",
            ),
            (
                "https://api.c.example.com/algorithms/acme/x#docs",
                "api.c.example.com",
            ),
        ] {
            let expected = AlgorithmArg::Page {
                cluster: cluster.parse().unwrap(),
                algorithm: acme_x(),
            };
            assert_eq!(AlgorithmArg::parse(url).unwrap(), expected);
            let (algorithm, version) = AlgorithmArg::parse_with_version(url).unwrap();
            assert_eq!((algorithm, version), (expected, None));
        }
        for url in [
            "https://c.example.com",
            "https://c.example.com/acme/x",
            "https://c.example.com/algorithms/acme",
            "https://c.example.com/algorithms/acme/x/1.2.0",
            "ftp://c.example.com/algorithms/acme/x",
            "https://user:SECRET@c.example.com/algorithms/acme/x",
            "https:///algorithms/acme/x",
            "://",
        ] {
            assert_eq!(
                error(AlgorithmArg::parse(url)),
                "algo-logs: the URL is not an algorithm's page; \
                 ALGO is OWNER/NAME or https://CLUSTER/algorithms/OWNER/NAME\n"
            );
        }
    }
}
