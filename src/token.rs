//! The secret: checked once, before it can reach a header, and never shown.

use std::fmt;

use crate::error::Error;

/// An API key or a bearer token, ready to be sent as an `Authorization` header.
///
/// It is checked here and nowhere else, since a line end in it would be another header, and an error that a header
/// library makes of it might show it. `Debug` does not show it, and there is no way to read it back.
///
/// One final line end (`\n` or `\r\n`) is dropped, as files end with one. A value that already begins with
/// `Simple ` or `Bearer ` is sent as it is.
///
/// # Examples
///
/// ```
/// use algo_logs::Token;
///
/// let token = Token::simple("sim0123456789abcdef\n")?;
/// assert_eq!(format!("{token:?}"), "Token(Simple …)");
/// # Ok::<(), algo_logs::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    scheme: &'static str,
    secret: String,
}

/// In bytes: more than servers take for a whole head, and less than a request is put together in.
const LONGEST: usize = 16 * 1024;

const SIMPLE: &str = "Simple";
const BEARER: &str = "Bearer";

impl Token {
    /// An API key, or a JWT for a cluster that takes it as one: sent as `Simple KEY`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the key is empty, longer than 16 KiB, or has a space, a
    /// line end, a control or a non-ASCII character in it.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(algo_logs::Token::simple("sim0123456789abcdef").is_ok());
    /// assert!(algo_logs::Token::simple("two\nlines").is_err());
    /// ```
    pub fn simple(key: impl AsRef<str>) -> Result<Self, Error> {
        Self::new(SIMPLE, key.as_ref())
    }

    /// A JWT: sent as `Bearer JWT`.
    ///
    /// # Errors
    ///
    /// As for [`Token::simple`].
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(algo_logs::Token::bearer("eyJhbGciOiJIUzI1NiJ9.e30.c2ln").is_ok());
    /// ```
    pub fn bearer(jwt: impl AsRef<str>) -> Result<Self, Error> {
        Self::new(BEARER, jwt.as_ref())
    }

    fn new(scheme: &'static str, value: &str) -> Result<Self, Error> {
        let value = value
            .strip_suffix("\r\n")
            .or_else(|| value.strip_suffix('\n'))
            .unwrap_or(value);
        let (scheme, secret) = [SIMPLE, BEARER]
            .iter()
            .find_map(|&scheme| {
                let secret = value.strip_prefix(scheme)?.strip_prefix(' ')?;
                Some((scheme, secret))
            })
            .unwrap_or((scheme, value));
        let wrong = |why: &str| {
            Err(Error::invalid_input(format!(
                "the key cannot be used: {why}"
            )))
        };
        if secret.is_empty() {
            return wrong("it is empty");
        }
        if secret.len() > LONGEST {
            return wrong("it is longer than 16 KiB");
        }
        match secret.chars().find(|c| !c.is_ascii_graphic()) {
            None => Ok(Self {
                scheme,
                secret: secret.to_owned(),
            }),
            Some('\r' | '\n') => wrong("it has a line end in it"),
            Some(' ') => wrong("it has a space in it"),
            Some(c) if c.is_ascii() => wrong("it has a control character in it"),
            Some(_) => wrong("it has a character in it that is not ASCII"),
        }
    }

    /// The value of the `Authorization` header.
    pub(crate) fn header(&self) -> String {
        format!("{} {}", self.scheme, self.secret)
    }

    /// `text` with `[key]` for each time that it holds the secret: a service may repeat what it was sent, and a program
    /// that shows the service's words should not. The library's own errors have been through this.
    ///
    /// # Examples
    ///
    /// ```
    /// let token = algo_logs::Token::simple("sim0123456789")?;
    /// assert_eq!(token.redact("no such key: sim0123456789"), "no such key: [key]");
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn redact(&self, text: &str) -> String {
        text.replace(&self.secret, "[key]")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} …)", self.scheme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn sent_as(token: Result<Token, Error>, header: &str) {
        assert_eq!(token.unwrap().header(), header);
    }

    #[track_caller]
    fn refused(value: &str, why: &str) {
        let error = Token::simple(value).unwrap_err();
        assert_eq!(error.to_string(), format!("the key cannot be used: {why}"));
        assert!(!format!("{error:?}").contains("SECRET"));
    }

    #[test]
    fn schemes() {
        sent_as(Token::simple("k"), "Simple k");
        sent_as(Token::bearer("j"), "Bearer j");
        sent_as(Token::simple("Bearer j"), "Bearer j");
        sent_as(Token::bearer("Simple k"), "Simple k");
        sent_as(Token::simple("Simple"), "Simple Simple");
    }

    #[test]
    fn one_final_line_end_is_dropped() {
        sent_as(Token::simple("k\n"), "Simple k");
        sent_as(Token::simple("k\r\n"), "Simple k");
        refused("SECRET\n\n", "it has a line end in it");
        refused("SECRET\r", "it has a line end in it");
    }

    #[test]
    fn what_cannot_be_a_header_is_refused_and_not_shown() {
        refused("", "it is empty");
        refused("\n", "it is empty");
        refused("Simple ", "it is empty");
        refused("SECRET SECRET", "it has a space in it");
        refused(" SECRET", "it has a space in it");
        refused("SECRET\r\nX: y", "it has a line end in it");
        refused("SECRET\t", "it has a control character in it");
        refused("SECRET\0", "it has a control character in it");
        refused("SECRET\u{7f}", "it has a control character in it");
        refused("SECRETé", "it has a character in it that is not ASCII");
    }

    #[test]
    fn never_shown() {
        let token = Token::bearer("SECRET").unwrap();
        assert_eq!(format!("{token:?}"), "Token(Bearer …)");
        assert_eq!(
            token.redact("no SECRET here: SECRET"),
            "no [key] here: [key]"
        );
    }
}
