//! The name of an algorithm, and the check that every name and ID must pass to become part of a URL path.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, shorten};

/// The name of an algorithm: `OWNER/NAME`, with or without `algo://` in front.
///
/// Both parts consist of letters, digits, `_`, `-` and `.`, and neither is `.` or `..`, so a name cannot redirect a
/// request.
///
/// # Errors
///
/// Parsing fails with [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for anything else.
///
/// # Examples
///
/// ```
/// use algo_logs::Algorithm;
///
/// let algorithm: Algorithm = "algo://acme/Lemmatizer".parse()?;
/// assert_eq!(algorithm.owner(), "acme");
/// assert_eq!(algorithm.name(), "Lemmatizer");
/// assert_eq!(algorithm.to_string(), "acme/Lemmatizer");
/// # Ok::<(), algo_logs::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Algorithm {
    owner: String,
    name: String,
}

impl Algorithm {
    /// Returns the algorithm `name` of `owner`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if either of them is not valid.
    pub fn new(owner: &str, name: &str) -> Result<Self, Error> {
        Ok(Self {
            owner: segment("owner", owner)?.to_owned(),
            name: segment("algorithm name", name)?.to_owned(),
        })
    }

    /// Returns an algorithm that the service named.
    pub(crate) fn received(owner: &str, name: &str) -> Result<Self, Error> {
        Ok(Self {
            owner: received_segment("owner", owner)?.to_owned(),
            name: received_segment("algorithm name", name)?.to_owned(),
        })
    }

    /// Returns the owner: a user or an organization.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Returns the name without the owner.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the path of the algorithm on the service.
    pub(crate) fn path(&self) -> String {
        format!("/v1/algorithms/{}/{}", self.owner, self.name)
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let path = text.strip_prefix("algo://").unwrap_or(text);
        match path.split_once('/') {
            Some((owner, name)) if !owner.is_empty() && !name.is_empty() && !name.contains('/') => {
                Self::new(owner, name)
            }
            split => {
                // A long word without a slash may be a key in the wrong place.
                let is_word = split.is_none() && text.len() > 20;
                let shown = shorten(text, if is_word { 3 } else { 40 });
                let message = format!("'{}' is not OWNER/NAME", shown.escape_debug());
                Err(Error::invalid_input(message))
            }
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// Longer than any ID the service uses, but short enough for a request line.
const MAX_SEGMENT: usize = 255;

/// Returns a name or an ID from the caller, which becomes a segment of a URL path.
pub(crate) fn segment<'a>(kind: &str, value: &'a str) -> Result<&'a str, Error> {
    check_segment(kind, value).map_err(Error::invalid_input)
}

/// Returns a name or an ID from the service, which becomes a segment of a URL path.
pub(crate) fn received_segment<'a>(kind: &str, value: &'a str) -> Result<&'a str, Error> {
    check_segment(kind, value).map_err(Error::invalid_response)
}

/// Checks that a value needs no encoding in a URL path.
fn check_segment<'a>(kind: &str, value: &'a str) -> Result<&'a str, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let problem = if value.is_empty() {
        "it is empty"
    } else if value.len() > MAX_SEGMENT {
        "it is longer than 255 characters"
    } else if value == "." || value == ".." || !value.bytes().all(allowed) {
        "only letters, digits, '_', '-' and '.' are allowed"
    } else {
        return Ok(value);
    };
    // A long value is left out rather than shortened, because redaction does not recognize part of a key.
    let shown = match value.chars().count() {
        0..=40 => format!("'{}'", value.escape_debug()),
        length => format!("a value of {length} characters"),
    };
    Err(format!("{shown} is not a valid {kind}: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parsed(text: &str, path: &str) {
        assert_eq!(text.parse::<Algorithm>().unwrap().path(), path);
    }

    #[track_caller]
    fn rejected(text: &str, why: &str) {
        let error = text.parse::<Algorithm>().unwrap_err();
        assert_eq!(error.to_string(), why);
        assert_eq!(error.kind(), crate::ErrorKind::InvalidInput);
    }

    #[test]
    fn names() {
        parsed("acme/Lemmatizer", "/v1/algorithms/acme/Lemmatizer");
        parsed("algo://acme/Lemmatizer", "/v1/algorithms/acme/Lemmatizer");
        parsed("A_1/b-c.d", "/v1/algorithms/A_1/b-c.d");
        parsed(".../_", "/v1/algorithms/.../_");
    }

    #[test]
    fn invalid_names_are_rejected() {
        rejected("", "'' is not OWNER/NAME");
        rejected("acme", "'acme' is not OWNER/NAME");
        rejected("simABCDEFGHIJKLMNOPQR", "'sim…' is not OWNER/NAME");
        rejected("a/b/c", "'a/b/c' is not OWNER/NAME");
        rejected("http://a/b", "'http://a/b' is not OWNER/NAME");
        rejected("a/", "'a/' is not OWNER/NAME");
        rejected("/b", "'/b' is not OWNER/NAME");
        let allowed = "only letters, digits, '_', '-' and '.' are allowed";
        for (name, shown) in [
            ("a/.", "'.' is not a valid algorithm name"),
            ("../b", "'..' is not a valid owner"),
            ("a/b?c", "'b?c' is not a valid algorithm name"),
            ("a/b%2f", "'b%2f' is not a valid algorithm name"),
            ("a/b c", "'b c' is not a valid algorithm name"),
            ("a/b\n", "'b\\n' is not a valid algorithm name"),
            ("ä/b", "'ä' is not a valid owner"),
        ] {
            rejected(name, &format!("{shown}: {allowed}"));
        }
    }

    #[test]
    fn a_long_name_is_rejected_and_not_shown_in_part() {
        assert!(segment("owner", &"x".repeat(MAX_SEGMENT)).is_ok());
        for (name, expected) in [
            (
                "x".repeat(256),
                "a value of 256 characters is not a valid owner: it is longer than 255 characters",
            ),
            (
                format!("{}/", "x".repeat(40)),
                "a value of 41 characters is not a valid owner: \
                 only letters, digits, '_', '-' and '.' are allowed",
            ),
        ] {
            assert_eq!(segment("owner", &name).unwrap_err().to_string(), expected);
        }
    }
}
