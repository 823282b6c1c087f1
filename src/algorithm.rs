//! Which algorithm: an owner and a name, checked, as segments of a URL path.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, shorten};

/// An algorithm: `OWNER/NAME`, with or without `algo://` in front.
///
/// Both parts are letters, digits, `_`, `-` and `.`, and neither is `.` or `..`: what comes from a script cannot name
/// another address of the service.
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Algorithm {
    owner: String,
    name: String,
}

impl Algorithm {
    /// The algorithm `name` of `owner`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if one of them is not such a name.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(algo_logs::Algorithm::new("acme", "Lemmatizer").is_ok());
    /// assert!(algo_logs::Algorithm::new("acme", "..").is_err());
    /// ```
    pub fn new(owner: &str, name: &str) -> Result<Self, Error> {
        Ok(Self {
            owner: segment("owner", owner)?.to_owned(),
            name: segment("algorithm name", name)?.to_owned(),
        })
    }

    /// Who owns the algorithm: a user or an organization.
    ///
    /// # Examples
    ///
    /// ```
    /// let algorithm = algo_logs::Algorithm::new("acme", "Lemmatizer")?;
    /// assert_eq!(algorithm.owner(), "acme");
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The algorithm's name.
    ///
    /// # Examples
    ///
    /// ```
    /// let algorithm = algo_logs::Algorithm::new("acme", "Lemmatizer")?;
    /// assert_eq!(algorithm.name(), "Lemmatizer");
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path of the algorithm on the service.
    pub(crate) fn path(&self) -> String {
        format!("/v1/algorithms/{}/{}", self.owner, self.name)
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let path = text.strip_prefix("algo://").unwrap_or(text);
        match path.split_once('/') {
            Some((owner, name)) if !name.contains('/') => Self::new(owner, name),
            // Without a slash it may be a key, pasted into the wrong place.
            None if path.len() > 20 => Err(Error::invalid_input(format!(
                "'{}' is not OWNER/NAME",
                shorten(path, 3).escape_debug()
            ))),
            _ => Err(Error::invalid_input(format!(
                "'{}' is not OWNER/NAME",
                shorten(text, 40).escape_debug()
            ))),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// Longer than anything the service names, and short enough for a request line.
const LONGEST: usize = 255;

/// Checks that `value` is one segment of a path that means only itself, so that it needs no encoding.
pub(crate) fn segment<'a>(what: &str, value: &'a str) -> Result<&'a str, Error> {
    let fits = !value.is_empty()
        && value.len() <= LONGEST
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
        && value != "."
        && value != "..";
    if fits {
        Ok(value)
    } else {
        Err(Error::invalid_input(format!(
            "'{}' is no {what}: letters, digits, '_', '-' and '.' are allowed",
            shorten(value, 40).escape_debug()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parsed(text: &str, path: &str) {
        assert_eq!(text.parse::<Algorithm>().unwrap().path(), path);
    }

    #[track_caller]
    fn refused(text: &str, why: &str) {
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
    fn what_is_no_name_is_refused() {
        refused("", "'' is not OWNER/NAME");
        refused("acme", "'acme' is not OWNER/NAME");
        refused("simABCDEFGHIJKLMNOPQR", "'sim…' is not OWNER/NAME");
        refused("a/b/c", "'a/b/c' is not OWNER/NAME");
        refused("http://a/b", "'http://a/b' is not OWNER/NAME");
        let allowed = "letters, digits, '_', '-' and '.' are allowed";
        refused("a/", &format!("'' is no algorithm name: {allowed}"));
        refused("/b", &format!("'' is no owner: {allowed}"));
        refused("../b", &format!("'..' is no owner: {allowed}"));
        refused("a/.", &format!("'.' is no algorithm name: {allowed}"));
        refused("a/b?c", &format!("'b?c' is no algorithm name: {allowed}"));
        refused("a/b%2f", &format!("'b%2f' is no algorithm name: {allowed}"));
        refused("a/b c", &format!("'b c' is no algorithm name: {allowed}"));
        refused("a/b\n", &format!("'b\\n' is no algorithm name: {allowed}"));
        refused("ä/b", &format!("'ä' is no owner: {allowed}"));
    }

    #[test]
    fn a_long_name_is_refused_and_shown_in_part() {
        let longest = "x".repeat(LONGEST);
        assert!(segment("owner", &longest).is_ok());
        let error = segment("owner", &"x".repeat(LONGEST + 1)).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&format!("'{}…'", "x".repeat(40)))
        );
    }
}
